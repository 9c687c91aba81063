// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package pebble

import (
	"sync"

	"github.com/cockroachdb/pebble/v2"
)

// cache is pebble's cache of blocks, which does not grow while everything is read: pebble would
// fill it with what nobody asks for again, and a program that needs a hundredth of it would
// need all.
type cache struct {
	blocks *pebble.Cache

	mu      sync.Mutex
	sparing int    // how many read everything now
	release func() // gives back what they have taken from the cache
}

// onceRoom is how much there may be in the cache while everything is read, if there was not
// more before.
const onceRoom = 4 << 20

// spare keeps the cache from growing until done is called, which is once.
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
