// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package ordered

import (
	"bytes"
	"slices"
)

const (
	// of one node: more cost writes too much, which copy nodes, fewer cost reads
	maxItems = 47
	minItems = maxItems / 2 // of one node that is not the root

	// maxDepth is more than a tree ever has: 10 levels begin at 2 * 24^9 rows, 5 million millions.
	maxDepth = 9
)

// node is a node of the tree. An inner node has one more child than items: children[i] holds
// what sorts before items[i] and after items[i-1]. All leaves are at the same depth. A node is
// changed only by the map whose token it carries, and only as long as that map was not cloned:
// nobody else then has a pointer to it.
type node[V any] struct {
	owner    *owner
	items    []item[V]
	children []*node[V] // nil for a leaf
}

type item[V any] struct {
	key   []byte
	value V
}

// owner is a token whose address is its identity. So it must have a size.
type owner struct{ _ byte }

// leafNode and innerNode are a node with the arrays behind its slices, in one allocation. The
// slices never outgrow them.
type (
	leafNode[V any] struct {
		node[V]
		itemRoom [maxItems]item[V]
	}
	innerNode[V any] struct {
		leafNode[V]
		childRoom [maxItems + 1]*node[V]
	}
)

func newLeaf[V any](o *owner) *node[V] {
	n := new(leafNode[V])
	n.owner = o
	n.items = n.itemRoom[:0]
	return &n.node
}

func newInner[V any](o *owner) *node[V] {
	n := new(innerNode[V])
	n.owner = o
	n.items = n.itemRoom[:0]
	n.children = n.childRoom[:0]
	return &n.node
}

func (n *node[V]) leaf() bool { return n.children == nil }
func (n *node[V]) full() bool { return len(n.items) == maxItems }

// search returns the index of the first item whose key is not less than key, and whether it is key.
func (n *node[V]) search(key []byte) (i int, found bool) {
	low, high := 0, len(n.items)
	for low < high {
		mid := int(uint(low+high) / 2)
		switch c := bytes.Compare(n.items[mid].key, key); {
		case c < 0:
			low = mid + 1
		case c > 0:
			high = mid
		default:
			return mid, true
		}
	}
	return low, false
}

func (n *node[V]) insert(i int, it item[V]) { n.items = slices.Insert(n.items, i, it) }

// cut takes item i out and returns it.
func (n *node[V]) cut(i int) item[V] {
	it := n.items[i]
	// clears the place behind the last item, so that nothing stays alive
	n.items = slices.Delete(n.items, i, i+1)
	return it
}

// cutChild takes child i out and returns it.
func (n *node[V]) cutChild(i int) *node[V] {
	c := n.children[i]
	n.children = slices.Delete(n.children, i, i+1)
	return c
}
