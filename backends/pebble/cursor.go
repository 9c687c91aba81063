// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package pebble

import (
	"bytes"
	"context"

	"github.com/cockroachdb/pebble/v2"

	"github.com/guardkv/guardkv/core"
)

// cursor goes through the rows of a range.
type cursor struct {
	ctx      context.Context
	health   *health
	it       *pebble.Iterator
	reverse  bool
	keysOnly bool
	spared   func() // lets the cache grow again; nil if it may

	rows   int  // how many were returned
	moved  bool // the iterator stands on a row that was returned, or on none
	placed bool // Seek has put it on the next row, if there is one
	done   bool
	err    error
}

var _ core.RowCursor = (*cursor)(nil)

// checkEvery is the number of rows between two looks at the context, a power of two.
const checkEvery = 128

// Next returns the next row. The bytes are owned by the engine, must not be modified, and are
// valid until the next call of Next, Seek or Close.
func (c *cursor) Next() (key, value []byte, ok bool) {
	if c.done {
		return nil, nil, false
	}
	c.done = true // unless there is a row
	defer c.stopped()
	if c.rows%checkEvery == 0 {
		if c.err = c.ctx.Err(); c.err != nil {
			return nil, nil, false
		}
	}
	if !c.move() {
		c.err = c.it.Error()
		return nil, nil, false
	}
	if !c.keysOnly {
		if value, c.err = c.it.ValueAndErr(); c.err != nil {
			return nil, nil, false
		}
	}
	key = original(c.it.Key())
	c.rows++
	c.done = false
	return key, value[:len(value):len(value)], true
}

// stopped is deferred by Next. It turns what ended the rows, even a panic of pebble, into an
// error.
func (c *cursor) stopped() {
	if c.done {
		c.health.recovered(recover(), &c.err)
		c.err = damage(c.err)
	}
}

func (c *cursor) move() bool {
	moved, placed := c.moved, c.placed
	c.moved, c.placed = true, false
	switch {
	case placed:
		return c.it.Valid()
	case moved && c.reverse:
		return c.it.Prev()
	case moved:
		return c.it.Next()
	case c.reverse:
		return c.it.Last()
	}
	return c.it.First()
}

// Seek moves the cursor to key.
func (c *cursor) Seek(key []byte) {
	if c.err != nil {
		return
	}
	c.done = true // unless pebble finds its way
	defer c.stopped()
	if c.reverse {
		c.it.SeekLT(stored(append(bytes.Clone(key), 0))) // below which key is the highest
	} else {
		c.it.SeekGE(stored(key))
	}
	if c.err = c.it.Error(); c.err == nil {
		c.placed, c.done = true, false
	}
}

// Err returns the error that ended the rows early, or nil.
func (c *cursor) Err() error { return c.err }

// Close releases the cursor. Err reports what could not be read.
func (c *cursor) Close() (err error) {
	defer c.health.caught(&err)
	if c.spared != nil {
		defer c.spared()
	}
	if err := c.it.Close(); err != nil && c.err == nil {
		return damage(err)
	}
	return nil
}
