// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package badger

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/dgraph-io/badger/v4"

	"github.com/guardkv/guardkv/core"
)

// Get returns the value of key in the newest state. Unless it is very long it is a slice of its
// own, which badger made for this call and keeps no reference to.
func (e *engine) Get(_ context.Context, key []byte) (value []byte, r core.Releaser, err error) {
	key = stored(key)
	for {
		txn := e.newest.Load()
		value, r, err = e.get(txn, key)
		if e.discarded.Load() <= txn.ReadTs() {
			return value, r, err
		}
		// Writers were so fast that badger may have dropped what was to be read.
		if err == nil {
			r.Release()
		}
	}
}

// nothing is the Releaser of bytes that the garbage collector frees.
type nothing struct{}

func (nothing) Release() {}

// Keep is part of core.Keeper: the bytes that inline returns belong to the caller alone. They are
// part of a slice with the key and the value, which is not much larger.
func (nothing) Keep() bool { return true }

func (e *engine) get(txn *badger.Txn, key []byte) (value []byte, r core.Releaser, err error) {
	defer e.health.rescue(&err)
	item, err := txn.Get(key)
	if err != nil {
		return nil, nil, e.readError(err)
	}
	if item.UserMeta() != outOfLine {
		value, err = inline(item)
		return value, nothing{}, err
	}
	buf := buffers.Get().(*buffer)
	if err := e.outOfLine(txn, item, key, &buf.bytes); err != nil {
		buf.Release()
		return nil, nil, err
	}
	return buf.bytes[:len(buf.bytes):len(buf.bytes)], buf, nil
}

// readError turns badger's errors into those of core. badger's error for a missing key only
// repeats the key, so it is dropped.
func (e *engine) readError(err error) error {
	if errors.Is(err, badger.ErrKeyNotFound) {
		return core.ErrNotFound
	}
	return e.anchor.err(corrupt(err))
}

var empty = []byte{}

// inline returns the value of an item that has it in its table. badger hands out a copy that it
// made for the item. It stays as it is, whatever becomes of the transaction, until the item is
// used again, as an iterator's is. That is not documented; TestInlineValuesArePrivate fails if
// it changes.
func inline(item *badger.Item) (value []byte, err error) {
	err = item.Value(func(v []byte) error {
		value = v[:len(v):len(v)]
		return nil
	})
	if err == nil && int64(len(value)) != item.ValueSize() {
		return nil,
			corruptf("badger has a value of %d bytes and gives %d", item.ValueSize(), len(value))
	}
	if value == nil {
		value = empty
	}
	return value, err
}

// A buffer holds a copy of a value of the value log. From there badger hands out the mapping of
// the file itself, which it can keep in place only by making its writer wait.
type buffer struct{ bytes []byte }

var buffers = sync.Pool{New: func() any { return new(buffer) }}

// Release gives the memory back to those who read later.
func (b *buffer) Release() {
	const most = 16 << 20
	if cap(b.bytes) <= most {
		buffers.Put(b)
	}
}

// Keep is part of core.Keeper. Those who read later get other memory.
func (b *buffer) Keep() bool {
	if cap(b.bytes) > 2*len(b.bytes) {
		return false // the value was copied into another, longer one
	}
	b.bytes = nil
	buffers.Put(b)
	return true
}

// outOfLine copies the value of an item that has it in the value log. If badger cannot read it,
// it returns no value and no error. The file may have been deleted after its values were moved
// to another one; otherwise it is damage.
func (e *engine) outOfLine(txn *badger.Txn, item *badger.Item, key []byte, buf *[]byte) error {
	before := uint64(1) // the item may be from before a collection that has ended
	for {
		*buf = (*buf)[:0]
		err := item.Value(func(v []byte) error {
			*buf = append(*buf, v...)
			return nil
		})
		switch {
		case err != nil:
			return e.anchor.err(corrupt(err))
		case len(*buf) >= inlineBelow:
			return nil
		case !e.collects(before):
			return corruptf("a value of about %d bytes cannot be read from badger's value log",
				item.ValueSize())
		}
		before = e.collected.Load()
		if item, err = txn.Get(key); err != nil {
			return e.readError(err)
		}
	}
}

// tallyRow returns the row that counts the commits, nil if there is none, and the number of the
// last commit.
func (e *engine) tallyRow() (row []byte, last uint64, err error) {
	defer e.health.rescue(&err)
	item, err := e.newest.Load().Get(tallyKey)
	if errors.Is(err, badger.ErrKeyNotFound) {
		return nil, 0, nil
	} else if err != nil {
		return nil, 0, fmt.Errorf("the row that counts the commits: %w", e.readError(err))
	}
	row, err = inline(item)
	return row, item.Version(), err
}
