// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package ordered

import "bytes"

// Cursor passes over a range of a [Map]. It is a value of its own: it needs no Close and
// allocates nothing.
type Cursor[V any] struct {
	path    [maxDepth]step[V] // from the root down to the node of the next row
	depth   int               // of path; 0 at the end
	root    *node[V]
	low     []byte // inclusive
	high    []byte // exclusive; nil is no bound
	reverse bool
}

// step is a node and what is left of it: the items from at on, if reverse the items before at.
// What is left of the child beside them is in the next step.
type step[V any] struct {
	node *node[V]
	at   int
}

// Scan returns a cursor that stands before the first row of the range, or before its last row
// if reverse. low is inclusive, high exclusive; nil is no bound. The cursor keeps both slices.
// The map must not be changed while the cursor is used: clone it first.
func (m *Map[V]) Scan(low, high []byte, reverse bool) Cursor[V] {
	c := Cursor[V]{root: m.root, low: low, high: high, reverse: reverse}
	if reverse {
		c.seekBelow(c.root, high)
	} else {
		c.seek(c.root, low)
	}
	return c
}

// Seek makes the next row the first one of the range at or behind key in the cursor's
// direction. It may go back.
func (c *Cursor[V]) Seek(key []byte) {
	c.depth = 0
	switch {
	case !c.reverse && bytes.Compare(key, c.low) < 0:
		c.seek(c.root, c.low)
	case !c.reverse:
		c.seek(c.root, key)
	case c.high != nil && bytes.Compare(key, c.high) >= 0:
		c.seekBelow(c.root, c.high)
	default:
		c.seekBehind(c.root, key)
	}
}

// Next returns the next row. ok is false at the end, and from then on. The key must not be
// modified.
func (c *Cursor[V]) Next() (key []byte, v V, ok bool) {
	it := c.step()
	if it == nil || c.outside(it.key) {
		c.depth = 0
		return nil, v, false
	}
	return it.key, it.value, true
}

func (c *Cursor[V]) step() *item[V] {
	if c.reverse {
		return c.back()
	}
	return c.forward()
}

func (c *Cursor[V]) outside(key []byte) bool {
	if c.reverse {
		return bytes.Compare(key, c.low) < 0
	}
	return c.high != nil && bytes.Compare(key, c.high) >= 0
}

// seek goes below n to the first key that is not less than low.
func (c *Cursor[V]) seek(n *node[V], low []byte) {
	for n != nil {
		i, found := n.search(low)
		c.push(n, i)
		if found || n.leaf() {
			return
		}
		n = n.children[i]
	}
}

// seekBelow goes below n behind the last key that is less than high.
func (c *Cursor[V]) seekBelow(n *node[V], high []byte) {
	for n != nil {
		i := len(n.items)
		if high != nil {
			i, _ = n.search(high)
		}
		c.push(n, i)
		if n.leaf() {
			return
		}
		n = n.children[i]
	}
}

// seekBehind goes below n behind the last key that is not greater than key.
func (c *Cursor[V]) seekBehind(n *node[V], key []byte) {
	for n != nil {
		i, found := n.search(key)
		if found {
			c.push(n, i+1) // and nothing of the child after the item: its keys are all greater
			return
		}
		c.push(n, i)
		if n.leaf() {
			return
		}
		n = n.children[i]
	}
}

// forward steps over the next item. Behind an item of an inner node comes the child after it.
func (c *Cursor[V]) forward() *item[V] {
	for ; c.depth > 0; c.depth-- {
		s := &c.path[c.depth-1]
		if s.at == len(s.node.items) {
			continue
		}
		it := &s.node.items[s.at]
		s.at++
		if !s.node.leaf() {
			c.seek(s.node.children[s.at], nil)
		}
		return it
	}
	return nil
}

// back steps over the next item in reverse. Before an item of an inner node comes the child
// before it.
func (c *Cursor[V]) back() *item[V] {
	for ; c.depth > 0; c.depth-- {
		s := &c.path[c.depth-1]
		if s.at == 0 {
			continue
		}
		s.at--
		it := &s.node.items[s.at]
		if !s.node.leaf() {
			c.seekBelow(s.node.children[s.at], nil)
		}
		return it
	}
	return nil
}

func (c *Cursor[V]) push(n *node[V], at int) {
	c.path[c.depth] = step[V]{n, at}
	c.depth++
}
