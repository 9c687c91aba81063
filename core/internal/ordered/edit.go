// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package ordered

import "slices"

// own returns n, or a copy of it if the map does not own it.
func (m *Map[V]) own(n *node[V]) *node[V] {
	if n.owner == m.owner {
		return n
	}
	c := m.newLike(n)
	c.items = append(c.items, n.items...)
	c.children = append(c.children, n.children...)
	return c
}

// child returns child i of n, which the map owns, and makes the map own the child too.
func (m *Map[V]) child(n *node[V], i int) *node[V] {
	n.children[i] = m.own(n.children[i])
	return n.children[i]
}

// newLike returns an empty node for the level of n.
func (m *Map[V]) newLike(n *node[V]) *node[V] {
	if n.leaf() {
		return newLeaf[V](m.owner)
	}
	return newInner[V](m.owner)
}

// split makes two of child i of n, which is full. The item in its middle goes up to n, which is
// not full.
func (m *Map[V]) split(n *node[V], i int) {
	left := m.child(n, i)
	right := m.newLike(left)
	right.items = append(right.items, left.items[minItems+1:]...)
	n.insert(i, left.items[minItems])
	left.items = slices.Delete(left.items, minItems, maxItems)
	if !left.leaf() {
		right.children = append(right.children, left.children[minItems+1:]...)
		left.children = slices.Delete(left.children, minItems+1, maxItems+1)
	}
	n.children = slices.Insert(n.children, i+1, right)
}

// remove takes out key, which is under n. The map owns n, and n can lose an item: it is the
// root or has more than minItems.
func (m *Map[V]) remove(n *node[V], key []byte) {
	i, found := n.search(key)
	switch {
	case n.leaf():
		n.cut(i)
	case len(n.children[i].items) <= minItems:
		m.fill(n, i)
		m.remove(n, key) // from here again: the items of n have changed
	case found:
		n.items[i] = m.removeLast(m.child(n, i))
	default:
		m.remove(m.child(n, i), key)
	}
}

// removeLast takes out the last item under n and returns it. It asks of n what remove asks.
func (m *Map[V]) removeLast(n *node[V]) item[V] {
	last := len(n.items)
	switch {
	case n.leaf():
		return n.cut(last - 1)
	case len(n.children[last].items) <= minItems:
		m.fill(n, last)
		return m.removeLast(n)
	default:
		return m.removeLast(m.child(n, last))
	}
}

// fill makes sure that the child that now holds what child i of n held has more than minItems.
func (m *Map[V]) fill(n *node[V], i int) {
	switch {
	case i > 0 && len(n.children[i-1].items) > minItems:
		m.moveRight(n, i-1)
	case i < len(n.items) && len(n.children[i+1].items) > minItems:
		m.moveLeft(n, i)
	case i > 0:
		m.merge(n, i-1)
	default:
		m.merge(n, i)
	}
}

// moveRight moves an item from child i of n to the next child, by way of n.
func (m *Map[V]) moveRight(n *node[V], i int) {
	left, right := m.child(n, i), m.child(n, i+1)
	right.insert(0, n.items[i])
	n.items[i] = left.cut(len(left.items) - 1)
	if !left.leaf() {
		c := left.cutChild(len(left.children) - 1)
		right.children = slices.Insert(right.children, 0, c)
	}
}

// moveLeft moves an item to child i of n from the next child, by way of n.
func (m *Map[V]) moveLeft(n *node[V], i int) {
	left, right := m.child(n, i), m.child(n, i+1)
	left.items = append(left.items, n.items[i])
	n.items[i] = right.cut(0)
	if !left.leaf() {
		left.children = append(left.children, right.cutChild(0))
	}
}

// merge makes one node of child i of n, the next child, and the item between them. Both
// children have minItems.
func (m *Map[V]) merge(n *node[V], i int) {
	left, right := m.child(n, i), n.children[i+1]
	left.items = append(left.items, n.cut(i))
	left.items = append(left.items, right.items...)
	left.children = append(left.children, right.children...)
	n.cutChild(i + 1)
}
