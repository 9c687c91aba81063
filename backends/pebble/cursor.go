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
	value, err := c.step()
	if err != nil || c.done {
		c.done, c.err = true, damage(err)
		return nil, nil, false
	}
	return original(c.it.Key()), value, true
}

// step moves to the next row and returns its value.
func (c *cursor) step() (value []byte, err error) {
	defer c.health.caught(&err)
	if c.rows%checkEvery == 0 {
		if err := c.ctx.Err(); err != nil {
			return nil, err
		}
	}
	if !c.move() {
		c.done = true
		return nil, c.it.Error()
	}
	c.rows++
	if c.keysOnly {
		return nil, nil
	}
	value, err = c.it.ValueAndErr()
	return value[:len(value):len(value)], err
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
