// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package pebble

import (
	"context"

	"github.com/cockroachdb/pebble/v2"

	"github.com/guardkv/guardkv/core"
)

// cursor passes over the rows of a range.
type cursor struct {
	ctx      context.Context
	health   *health
	it       *pebble.Iterator
	reverse  bool
	keysOnly bool

	rows int // how many were returned
	done bool
	err  error
}

var _ core.Cursor = (*cursor)(nil)

// checkEvery is the number of rows between two looks at the context, a power of two.
const checkEvery = 128

// Next returns the next row. The bytes are owned by the engine, must not be modified, and are valid until the next call
// of Next or Close.
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

// stopped is deferred by Next. It makes an error of what ended the rows, a panic of pebble too.
func (c *cursor) stopped() {
	if c.done {
		c.health.recovered(recover(), &c.err)
		c.err = damage(c.err)
	}
}

func (c *cursor) move() bool {
	switch {
	case c.rows > 0 && c.reverse:
		return c.it.Prev()
	case c.rows > 0:
		return c.it.Next()
	case c.reverse:
		return c.it.Last()
	}
	return c.it.First()
}

// Err returns the error that ended the rows early, or nil.
func (c *cursor) Err() error { return c.err }

// Close releases the cursor. What it could not read Err has said.
func (c *cursor) Close() (err error) {
	defer c.health.caught(&err)
	if err := c.it.Close(); err != nil && c.err == nil {
		return damage(err)
	}
	return nil
}
