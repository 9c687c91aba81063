// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package pebble

import (
	"sync"

	"github.com/cockroachdb/pebble/v2"
)

// cache is pebble's cache of blocks, which does not grow while everything is read. Pebble would
// fill it with blocks that are not asked for again, and a program that needs a hundredth of the
// cache would use all of it.
type cache struct {
	blocks *pebble.Cache

	mu      sync.Mutex
	sparing int    // how many read everything now
	release func() // gives back what they have taken from the cache
}

// onceRoom is how much the cache may hold while everything is read, if it did not hold more
// before.
const onceRoom = 4 << 20

// spare keeps the cache from growing until done is called, which must happen once.
func (c *cache) spare() (done func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sparing++; c.sparing == 1 {
		c.release = c.blocks.Reserve(int(c.blocks.MaxSize() - min(max(c.blocks.Size(), onceRoom),
			c.blocks.MaxSize())))
	}
	return c.spared
}

func (c *cache) spared() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sparing--; c.sparing == 0 {
		c.release()
	}
}
