// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package badger

import (
	"bytes"
	"context"

	"github.com/dgraph-io/badger/v4"

	"github.com/guardkv/guardkv/core"
)

// cursor is an iterator of badger. badger looks two rows ahead and then reuses their memory, so
// a row is valid until the one after the next is asked for.
type cursor struct {
	ctx      context.Context
	engine   *engine
	txn      *badger.Txn
	it       *badger.Iterator
	low      []byte // as stored; nil is no bound
	high     []byte
	reverse  bool
	keysOnly bool

	// where badger is to start, as stored: at this key or, in reverse, below it; nil is the end
	from    []byte
	started bool
	entered bool // a row was found since it started
	done    bool
	nothing bool // is in the range
	err     error
	rows    uint
	value   []byte
	// keeps the value that badger hands out; a field, so that it is made once
	take func([]byte) error
	key  []byte // of a row whose key is stored in another form
	long []byte // the copy of a value in the value log
}

var _ core.RowCursor = (*cursor)(nil)

func newCursor(ctx context.Context, s *snapshot, r core.ScanRange) *cursor {
	c := &cursor{ctx: ctx, engine: s.engine, txn: s.txn, reverse: r.Reverse, keysOnly: r.KeysOnly}
	if len(r.Low) > 0 {
		c.low = bytes.Clone(stored(r.Low))
	}
	if len(r.High) > 0 {
		c.high = bytes.Clone(stored(r.High))
	}
	c.take = func(v []byte) error {
		c.value = v[:len(v):len(v)]
		return nil
	}
	if r.High != nil && len(r.High) == 0 {
		c.nothing, c.done = true, true // no key is below the empty one
	}
	c.from = c.entry()
	c.it = s.txn.NewIterator(badger.IteratorOptions{Reverse: r.Reverse})
	return c
}

// Next returns the next row. The bytes are owned by the engine, must not be modified, and are
// valid until the next call of Next, Seek or Close.
func (c *cursor) Next() (key, value []byte, ok bool) {
	defer c.rescue()
	if c.done {
		return nil, nil, false
	}
	const look = 256
	if c.rows++; c.rows%look == 1 {
		if err := c.ctx.Err(); err != nil {
			return c.fail(err)
		}
	}
	item := c.advance()
	if item == nil {
		c.done = true
		return nil, nil, false
	}
	key = item.Key()
	if !c.keysOnly {
		if err := c.load(item); err != nil {
			return c.fail(err)
		}
	}
	if key[0] == escape[0] {
		key = c.logical(key)
	}
	return key, c.value, true
}

// advance goes to the next row of the range, and returns nil if there is none.
func (c *cursor) advance() *badger.Item {
	for {
		if c.started {
			c.it.Next()
		} else {
			c.start()
		}
		if !c.it.Valid() {
			return nil
		}
		item := c.it.Item()
		key := item.Key()
		switch {
		case !c.reverse && c.high != nil && bytes.Compare(key, c.high) >= 0,
			c.reverse && c.low != nil && bytes.Compare(key, c.low) < 0:
			return nil
		case c.reverse && !c.entered && c.from != nil && bytes.Compare(key, c.from) >= 0:
			continue // where badger starts, the bound is included
		case isReserved(key):
			continue
		}
		c.entered = true
		return item
	}
}

func (c *cursor) start() {
	c.started = true
	c.it.Seek(c.from)
}

// entry returns the bound of the range at which the cursor starts.
func (c *cursor) entry() []byte {
	if c.reverse {
		return c.high
	}
	return c.low
}

// Seek moves the cursor to key, to start again from there.
func (c *cursor) Seek(key []byte) {
	if c.err != nil || c.nothing {
		return
	}
	c.started, c.entered, c.done = false, false, false
	c.from = c.entry()
	if c.reverse {
		if above := stored(append(bytes.Clone(key), 0)); c.high == nil ||
			bytes.Compare(above, c.high) < 0 {
			c.from = bytes.Clone(above) // below which key is the highest
		}
	} else if key = stored(key); bytes.Compare(key, c.low) > 0 {
		c.from = bytes.Clone(key)
	}
}

// load makes value the value of item.
func (c *cursor) load(item *badger.Item) error {
	if item.UserMeta() == outOfLine {
		if err := c.engine.outOfLine(c.txn, item, item.Key(), &c.long); err != nil {
			return err
		}
		c.value = c.long[:len(c.long):len(c.long)]
		return nil
	}
	if err := item.Value(c.take); err != nil {
		return c.engine.anchor.err(corrupt(err))
	}
	if int64(len(c.value)) != item.ValueSize() {
		return corruptf("badger has a value of %d bytes and gives %d",
			item.ValueSize(), len(c.value))
	}
	if c.value == nil {
		c.value = empty
	}
	return nil
}

func (c *cursor) logical(key []byte) []byte {
	k := logical(key, c.key)
	if len(k) != len(key) {
		c.key = k
	}
	return k[:len(k):len(k)]
}

func (c *cursor) fail(err error) (key, value []byte, ok bool) {
	c.err, c.done = err, true
	return nil, nil, false
}

// rescue turns a panic into the error that ends the rows.
func (c *cursor) rescue() {
	if r := recover(); r != nil {
		if c.err, c.done = c.engine.health.usable(), true; c.err == nil {
			c.err = gaveUp(r)
		}
	}
}

// Err returns the error that ended the rows early, or nil.
func (c *cursor) Err() error { return c.err }

// Close releases the cursor.
func (c *cursor) Close() (err error) {
	defer c.engine.health.rescue(&err)
	c.it.Close()
	return nil
}
