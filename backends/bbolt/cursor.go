// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package bbolt

import (
	"bytes"
	"context"

	"github.com/guardkv/guardkv/core"
)

// cursor goes through the rows of a tree, leaf by leaf. It ends in finite time whatever the
// bytes are, because the first keys of leaves must rise or, in reverse, fall.
//
// The layout of a leaf is checked before its rows are read. A rowwise cursor checks it with
// each row instead, which must abut on its neighbors; so it goes through the elements of a leaf
// once and not twice.
type cursor struct {
	ctx  context.Context
	tree *tree
	low  []byte // nil is no bound
	high []byte
	// where to enter the range: low or, in reverse, high, unless Seek said otherwise; nil is no
	// bound
	from    []byte
	sought  []byte // memory for the argument of Seek
	reverse bool
	rowwise bool

	branches []branch // the way from the root to the leaf
	leaf     page     // nil before the first
	first    int      // the leaf's rows in the range that are still to come
	last     int      // exclusive
	count    int      // of all elements of the leaf
	done     bool     // no leaf comes after this one
	err      error

	array [6]branch // room for the branches of most trees
}

var _ core.RowCursor = (*cursor)(nil)

// branch is a branch page and the element of it that was taken.
type branch struct {
	page  page
	index int
}

func newCursor(ctx context.Context, t *tree, r core.ScanRange) *cursor {
	c := &cursor{
		ctx: ctx, tree: t, low: bytes.Clone(r.Low), high: bytes.Clone(r.High),
		reverse: r.Reverse,
	}
	c.from = c.entry()
	return c
}

// entry returns the bound of the range at which the cursor starts.
func (c *cursor) entry() []byte {
	if c.reverse {
		return c.high
	}
	return c.low
}

// Seek moves the cursor to key, to go on from there.
func (c *cursor) Seek(key []byte) {
	if c.err != nil {
		return
	}
	c.stop()
	c.done = false
	c.from = c.entry()
	switch {
	case !c.reverse && bytes.Compare(key, c.low) > 0:
		c.sought = append(c.sought[:0], key...)
		c.from = c.sought
	case c.reverse && (c.high == nil || bytes.Compare(key, c.high) < 0):
		c.sought = append(append(c.sought[:0], key...), 0) // below which key is the highest
		c.from = c.sought
	}
}

// Next returns the next row. The bytes are owned by the engine, must not be modified, and are
// valid until the snapshot is closed.
func (c *cursor) Next() (key, value []byte, ok bool) {
	if c.first >= c.last && !c.nextLeaf() {
		return nil, nil, false
	}
	i := c.first
	if c.reverse {
		c.last--
		i = c.last
	} else {
		c.first++
	}
	p := c.leaf
	at := headerSize + elementSize*i
	e := p[at : at+elementSize]
	start := uint64(at) + uint64(native.Uint32(e[4:]))
	keySize := uint64(native.Uint32(e[8:]))
	keyEnd := start + keySize
	end := keyEnd + uint64(native.Uint32(e[12:]))
	// One neighbor was checked with the row before this one. Unless the cursor is rowwise this
	// never fails.
	abuts := true
	switch {
	case c.reverse:
		abuts = start == p.startAfter(i-1)
	case i+1 < c.count:
		at += elementSize
		abuts = end == uint64(at)+uint64(native.Uint32(p[at+4:at+elementSize]))
	}
	if !abuts || native.Uint32(e) != 0 || keySize-1 >= maxKeySize || end > uint64(len(p)) {
		c.failAt(i)
		return nil, nil, false
	}
	return p[start:keyEnd:keyEnd], p[keyEnd:end:end], true
}

// failAt ends the rows at a damaged element of the leaf.
func (c *cursor) failAt(i int) {
	if c.leaf.leafFlags(i) != 0 {
		c.fail(corruptf("page %d: element %d is not a row", c.leaf.id(), i))
	} else {
		c.fail(c.leaf.outside(i))
	}
}

// Err returns the error that ended the rows early, or nil.
func (c *cursor) Err() error { return c.err }

// Close releases the cursor.
func (c *cursor) Close() error { return nil }

// nextLeaf moves to the next leaf with rows in the range and reports whether there is one.
func (c *cursor) nextLeaf() bool {
	for !c.done {
		if err := c.ctx.Err(); err != nil {
			return c.fail(err)
		}
		previous := c.leaf
		if err := c.move(); err != nil {
			return c.fail(err)
		}
		if c.leaf == nil {
			break
		}
		if err := c.enter(previous); err != nil {
			return c.fail(err)
		}
		if c.first < c.last {
			return true
		}
	}
	c.stop()
	return false
}

// move makes leaf the next leaf, or nil if there is none.
func (c *cursor) move() error {
	if c.leaf == nil {
		return c.descendTo(c.from)
	}
	for n := len(c.branches); n > 0; n-- {
		b := &c.branches[n-1]
		if c.reverse {
			b.index--
		} else {
			b.index++
		}
		if b.index >= 0 && b.index < b.page.count() {
			c.branches = c.branches[:n]
			return c.descendFrom(b, nil)
		}
	}
	c.leaf = nil
	return nil
}

// descendTo goes from the root to the leaf where key belongs; for nil, to the leaf at the end
// where the cursor starts.
func (c *cursor) descendTo(key []byte) error {
	p, err := c.tree.top()
	if err != nil {
		return err
	}
	c.branches = c.array[:0]
	return c.descend(p, key)
}

// descendFrom goes on below the element of b that was taken.
func (c *cursor) descendFrom(b *branch, key []byte) error {
	p, err := c.tree.node(b.page.child(b.index))
	if err != nil {
		return err
	}
	if err := checkSeparator(b.page, b.index, p); err != nil {
		return err
	}
	return c.descend(p, key)
}

// descend goes from p, whose ancestors are in branches, down to a leaf.
func (c *cursor) descend(p page, key []byte) error {
	if p.isLeaf() && c.rowwise {
		c.leaf = p
		return c.tree.checkEnd(p)
	}
	if p.isLeaf() {
		c.leaf = p
		return c.tree.check(p)
	}
	if err := c.tree.checkBranch(p); err != nil {
		return err
	}
	if len(c.branches) == maxDepth {
		return c.tree.tooDeep()
	}
	b := branch{page: p}
	var err error
	switch {
	case key != nil:
		b.index, err = p.childFor(key)
	case c.reverse:
		b.index = p.count() - 1
	}
	if err != nil {
		return err
	}
	c.branches = append(c.branches, b)
	return c.descendFrom(&b, key)
}

// enter finds the rows of the leaf that are in the range, and notes whether the range ends in
// it. Only the first leaf is searched for the bound at which the cursor starts.
func (c *cursor) enter(previous page) (err error) {
	if err := c.checkOrder(previous); err != nil {
		return err
	}
	first, last := 0, c.leaf.count()
	low, high := c.low, c.high
	switch {
	case c.reverse && previous == nil:
		high = c.from
	case c.reverse:
		high = nil
	case previous == nil:
		low = c.from
	default:
		low = nil
	}
	if low != nil {
		if first, err = c.leaf.lowerBound(low); err != nil {
			return err
		}
	}
	if high != nil {
		if last, err = c.leaf.lowerBound(high); err != nil {
			return err
		}
	}
	c.first, c.last, c.count = first, last, c.leaf.count()
	if c.reverse {
		c.done = first > 0
	} else {
		c.done = last < c.count
	}
	if err := c.checkEnds(previous == nil); err != nil {
		return err
	}
	if first < last {
		return c.checkFirst()
	}
	return nil
}

// checkEnds checks that the skipped rows of the leaf, and the leaves that are not read, are
// outside the range. Damage to the rows that are returned shows by their checksums, if the
// table has them; but a damaged key that ends the range early would hide other rows.
func (c *cursor) checkEnds(entering bool) error {
	if c.first > 0 {
		if err := c.leaf.checkAround(c.first); err != nil {
			return err
		}
	}
	if c.last < c.count {
		if err := c.leaf.checkAround(c.last); err != nil {
			return err
		}
		return c.checkBelow(c.above())
	}
	if entering && c.reverse && c.high != nil {
		return c.checkAbove()
	}
	return nil
}

// above returns the first key of the leaf after this one, as its parent says, or nil if there
// is none.
func (c *cursor) above() []byte {
	for i := len(c.branches) - 1; i >= 0; i-- {
		if b := c.branches[i]; b.index+1 < b.page.count() {
			key, _ := b.page.key(b.index + 1) // the layout of the page was checked
			return key
		}
	}
	return nil
}

// checkBelow checks that the last key of the leaf is below that of the next leaf.
func (c *cursor) checkBelow(next []byte) error {
	if next == nil || c.count == 0 {
		return nil
	}
	last, err := c.leaf.key(c.count - 1)
	if err == nil && bytes.Compare(last, next) >= 0 {
		err = corruptf("page %d: its last key belongs to a later page", c.leaf.id())
	}
	return err
}

// checkAbove checks that the next leaf, in ascending order, starts with the key that made a
// search end before it.
func (c *cursor) checkAbove() error {
	if c.above() == nil {
		return nil
	}
	next := cursor{tree: c.tree, leaf: c.leaf}
	next.branches = append(next.array[:0], c.branches...)
	return next.move()
}

// checkFirst checks that the first row abuts on the row before it, which is not read.
func (c *cursor) checkFirst() error {
	i := c.first
	if c.reverse {
		i = c.last // perhaps none
	}
	if i < c.count {
		if start, _, _ := c.leaf.span(i); start != c.leaf.startAfter(i-1) {
			return c.leaf.outside(i)
		}
	}
	return nil
}

// checkOrder checks that the leaf comes after the previous one, or before it in reverse.
func (c *cursor) checkOrder(previous page) error {
	if previous == nil {
		return nil
	}
	a, err := previous.key(0)
	if err != nil {
		return err
	}
	b, err := c.leaf.key(0)
	if err != nil {
		return err
	}
	if c.reverse {
		a, b = b, a
	}
	if bytes.Compare(a, b) >= 0 {
		return corruptf("page %d: out of order after page %d", c.leaf.id(), previous.id())
	}
	return nil
}

func (c *cursor) fail(err error) bool {
	c.err = err
	c.stop()
	return false
}

func (c *cursor) stop() {
	c.done = true
	c.leaf, c.first, c.last = nil, 0, 0
}
