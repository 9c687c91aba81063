// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

// Package ordered keeps a sorted map from byte strings to values that is copied in no time.
package ordered

// Map is a map from byte strings to values, in the order of bytes.Compare. The zero value is an
// empty map, ready to use. It must not be copied but by [Map.Clone].
//
// It is a B-tree that copies on write: clones share their nodes, and each changes only nodes
// that it owns. A Map is used by one goroutine at a time, except that methods that change
// nothing may run beside each other: Get, Len, Scan, cursors, and Clone of a map that was not
// changed since it was made by Clone, or cloned. Clones are independent of each other, also
// when they are used at the same time.
type Map[V any] struct {
	root  *node[V] // nil if empty
	owner *owner   // nil if the map owns no node
	len   int
}

// Len returns the number of keys.
func (m *Map[V]) Len() int { return m.len }

// Get returns the value of key, and whether there is one.
func (m *Map[V]) Get(key []byte) (v V, ok bool) {
	for n := m.root; n != nil; {
		i, found := n.search(key)
		if found {
			return n.items[i].value, true
		}
		if n.leaf() {
			break
		}
		n = n.children[i]
	}
	return v, false
}

// Set gives key the value v, and returns the value that it replaced. The map keeps both slices
// that it is given: the caller must not modify key afterwards. The key that was there before is
// let go with its value.
func (m *Map[V]) Set(key []byte, v V) (old V, replaced bool) {
	m.begin()
	m.makeRoom()
	for n := m.root; ; {
		i, found := n.search(key)
		switch {
		case found:
			old = n.items[i].value
			n.items[i] = item[V]{key, v}
			return old, true
		case n.leaf():
			n.insert(i, item[V]{key, v})
			m.len++
			return old, false
		case n.children[i].full():
			m.split(n, i) // and search n again: it has one more item
		default:
			n = m.child(n, i)
		}
	}
}

// Delete removes key, and reports whether it was there.
func (m *Map[V]) Delete(key []byte) bool {
	if _, ok := m.Get(key); !ok {
		return false // and no node was copied for it
	}
	m.begin()
	m.root = m.own(m.root)
	m.remove(m.root, key)
	m.len--
	m.dropEmptyRoot()
	return true
}

// Clone returns a copy of the map. It takes the same short time whatever the size: from now on,
// whichever of the two is changed copies the nodes on its way.
func (m *Map[V]) Clone() Map[V] {
	if m.owner != nil { // a map that owns nothing is only read: others may be reading it
		m.owner = nil
	}
	return Map[V]{root: m.root, len: m.len}
}

// begin makes the map able to own nodes.
func (m *Map[V]) begin() {
	if m.owner == nil {
		m.owner = new(owner)
	}
}

// makeRoom makes a root that the map owns and that is not full.
func (m *Map[V]) makeRoom() {
	switch {
	case m.root == nil:
		m.root = newLeaf[V](m.owner)
	case m.root.full():
		root := newInner[V](m.owner)
		root.children = append(root.children, m.root)
		m.split(root, 0)
		m.root = root
	default:
		m.root = m.own(m.root)
	}
}

// dropEmptyRoot makes the tree lower after the root's last item went.
func (m *Map[V]) dropEmptyRoot() {
	switch {
	case len(m.root.items) > 0:
	case m.root.leaf():
		m.root = nil
	default:
		m.root = m.root.children[0]
	}
}
