// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"bytes"
	"context"
	"errors"
	"slices"

	"github.com/guardkv/guardkv/core"
)

// cursor goes through a range page by page. A bound, here, is where the rest of the range
// begins in the cursor's direction: the Low of that rest or, in reverse, its High.
type cursor struct {
	ctx      context.Context
	snapshot *snapshot
	span     Span
	reverse  bool
	sizes    sizes
	query    Query // for the next page
	err      error

	// The page at hand holds all rows from the bound that it was asked with up to its last
	// row, or up to the end of the range if there is no more.
	rows   []Row
	at     int    // of the next row in it
	bound  []byte // that it was asked with
	more   bool   // whether rows may follow after it
	behind []byte // the bound after it, if there is more
	ahead  *ahead // the page there, if it was asked for already

	// What was passed since the beginning or the last Seek.
	start []byte // the bound there
	last  []byte // the key of the last row, nil if there was none
	over  bool   // the end of the range was reached
}

var _ core.RowCursor = (*cursor)(nil)

func newCursor(ctx context.Context, s *snapshot, r core.ScanRange) *cursor {
	c := &cursor{
		ctx: ctx, snapshot: s, reverse: r.Reverse,
		span:  Span{bytes.Clone(r.Low), bytes.Clone(r.High)},
		sizes: sizes{limit: r.Limit},
		query: Query{Reverse: r.Reverse, KeysOnly: r.KeysOnly, Bytes: mostBytes},
	}
	if c.start = c.span.Low; c.reverse {
		c.start = c.span.High
	}
	c.jump(c.start)
	return c
}

// Next returns the next row of the page at hand, or of the next one.
func (c *cursor) Next() (key, value []byte, ok bool) {
	if c.err == nil {
		c.err = c.ctx.Err()
	}
	if c.err != nil || c.at == len(c.rows) && !c.turn() {
		return nil, nil, false
	}
	row := &c.rows[c.at]
	c.at++
	c.sizes.taken++
	c.last = row.Key
	return row.Key, row.Value, true
}

// turn makes the next page the one at hand. It returns false at the end and after an error.
func (c *cursor) turn() bool {
	if !c.more {
		c.over = true
		return false
	}
	bound, whole := c.behind, len(c.rows) > 0
	page, err := c.next()
	if err == nil && page.More && len(page.Rows) == 0 {
		err = errors.New("the driver returned a page without rows that says that there are more")
	}
	if err != nil {
		c.err = err
		return false
	}
	c.rows, c.at, c.bound, c.more = page.Rows, 0, bound, page.More
	c.sizes.came(page.Rows)
	if c.more {
		c.behind = c.after(c.rows[len(c.rows)-1].Key)
		if whole && c.snapshot.engine.opts.Beside && c.sizes.wanted(len(c.rows)) {
			c.readAhead()
		}
	}
	if len(c.rows) == 0 {
		c.over = true
	}
	return len(c.rows) > 0
}

// next returns the page at c.behind, which may be on its way.
func (c *cursor) next() (Page, error) {
	if a := c.ahead; a != nil {
		c.ahead = nil
		return a.wait()
	}
	return c.snapshot.page(c.ctx, c.ask())
}

// ask returns the query for the page at c.behind.
func (c *cursor) ask() Query {
	q := c.query
	q.Span = c.rest(c.behind)
	q.Rows = c.sizes.next(len(c.rows) - c.at)
	return q
}

// Seek asks for nothing: if the row is not in the page at hand, Next will ask.
func (c *cursor) Seek(key []byte) {
	if c.err != nil {
		return
	}
	c.note()
	c.start = c.boundAt(key)
	c.sizes.taken = 0
	if !c.holds(c.start) {
		c.jump(c.start)
		return
	}
	c.at, _ = slices.BinarySearchFunc(c.rows, c.start, func(r Row, bound []byte) int {
		if c.before(r.Key, bound) {
			return -1
		}
		return 1
	})
}

// jump leaves the page at hand, and the one after it if that was asked for.
func (c *cursor) jump(bound []byte) {
	c.forget()
	c.rows, c.at, c.bound, c.behind = nil, 0, bound, bound
	c.sizes.restart()
	c.more = !c.rest(bound).empty()
}

// boundAt returns the bound of a Seek to key, which is within the range, or at its ends.
func (c *cursor) boundAt(key []byte) []byte {
	if !c.reverse {
		if bytes.Compare(key, c.span.Low) <= 0 {
			return c.span.Low
		}
		return bytes.Clone(key)
	}
	if high := c.span.High; high != nil && bytes.Compare(key, high) >= 0 {
		return high
	}
	return successor(key)
}

// holds reports whether the page at hand has the row at a bound.
func (c *cursor) holds(bound []byte) bool {
	if c.outside(bound) || c.more && len(c.rows) == 0 {
		return false
	}
	return !c.more || !c.before(c.rows[len(c.rows)-1].Key, bound)
}

// outside reports whether a bound is before the one that the page was asked with.
func (c *cursor) outside(bound []byte) bool {
	if !c.reverse {
		return bytes.Compare(bound, c.bound) < 0
	}
	return c.bound != nil && (bound == nil || bytes.Compare(bound, c.bound) > 0)
}

// before reports whether a row is before a bound, so that it is not in the rest.
func (c *cursor) before(key, bound []byte) bool {
	if c.reverse {
		return bound != nil && bytes.Compare(key, bound) >= 0
	}
	return bytes.Compare(key, bound) < 0
}

// rest returns the range that is left from a bound on.
func (c *cursor) rest(bound []byte) Span {
	if c.reverse {
		return Span{c.span.Low, bound}
	}
	return Span{bound, c.span.High}
}

// after returns the bound after a row.
func (c *cursor) after(key []byte) []byte {
	if c.reverse {
		return key
	}
	return successor(key)
}

// successor returns the lowest key above key.
func successor(key []byte) []byte { return append(key[:len(key):len(key)], 0) }

// note records what was passed since the last Seek, but not what was only fetched.
func (c *cursor) note() {
	passed := c.rest(c.start)
	switch {
	case c.over:
	case c.last == nil:
		return
	case c.reverse:
		passed.Low = c.last
	default:
		passed.High = successor(c.last)
	}
	if !passed.empty() {
		c.snapshot.notes.span(passed)
	}
	c.last, c.over = nil, false
}

// Err returns the error that ended the rows early, or nil.
func (c *cursor) Err() error { return c.err }

// Close records what was passed. It waits for a page that is still under way.
func (c *cursor) Close() error {
	c.forget()
	c.note()
	c.snapshot.notes.closed(c)
	return nil
}
