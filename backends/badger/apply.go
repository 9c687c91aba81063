// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package badger

import (
	"context"
	"errors"
	"fmt"

	"github.com/dgraph-io/badger/v4"

	"github.com/guardkv/guardkv/core"
)

// outOfLine is the user's byte of entries whose values are in the value log.
const outOfLine = 1

// Apply commits the writes. The arguments may be reused when the call returns.
func (e *engine) Apply(ctx context.Context, _ core.Snapshot, writes []core.Write) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if e.place.ReadOnly {
		return core.ErrReadOnly
	}
	size, err := e.checkSizes(writes)
	if err != nil || len(writes) == 0 {
		return err
	}
	if len(writes) < bulk && size <= e.txn.bytes {
		err = e.commit(func(txn *badger.Txn) error { return put(txn, writes) })
	} else {
		err = e.load(writes)
	}
	if err != nil {
		return err
	}
	const enough = 4 << 20
	if e.since += size + 64*len(writes); e.since >= enough {
		e.discard()
	}
	return nil
}

// checkSizes refuses what badger cannot take, and returns the size of the batch.
func (e *engine) checkSizes(writes []core.Write) (size int, err error) {
	for i := range writes {
		w := &writes[i]
		if len(w.Key) > maxKey {
			return 0, fmt.Errorf("%w: a key of %d bytes, where badger takes %d", core.ErrTooLarge, len(w.Key), maxKey)
		}
		if len(w.Value) > maxValue {
			return 0, fmt.Errorf("%w: a value of %d bytes, where badger takes %d", core.ErrTooLarge, len(w.Value), maxValue)
		}
		size += len(w.Key) + len(w.Value)
	}
	return size, nil
}

// commit makes what fn writes, and the row that counts the commits, durable and visible, in one transaction of badger.
func (e *engine) commit(fn func(txn *badger.Txn) error) (err error) {
	if err := e.usable(); err != nil {
		return err
	}
	ts := e.newest.Load().ReadTs() + 1
	if e.torn > 0 {
		ts = e.torn
	}
	txn := e.db.NewTransactionAt(ts, true)
	defer txn.Discard()
	if err := errors.Join(fn(txn), txn.Set(tallyKey, e.tally.Next())); err != nil {
		return err // nothing is written before CommitAt
	}
	e.unflushed = true
	defer func() { e.failed = err }()
	defer rescue(&err)
	if err := txn.CommitAt(ts, nil); err != nil {
		return err
	}
	if !e.noSync {
		if err := e.sync(); err != nil {
			return err
		}
	}
	e.tally.Wrote()
	e.torn = 0
	e.publish(ts)
	return nil
}

// usable returns an error once a commit has failed.
func (e *engine) usable() error {
	if e.failed != nil {
		return fmt.Errorf("an earlier write failed; open the storage again: %w", e.failed)
	}
	return nil
}

// put puts the writes into txn, which refers to their bytes until it is committed.
func put(txn *badger.Txn, writes []core.Write) error {
	entries := make([]badger.Entry, len(writes))
	for i := range writes {
		w := &writes[i]
		if w.Delete {
			if err := txn.Delete(stored(w.Key)); err != nil {
				return err
			}
			continue
		}
		e := &entries[i]
		e.Key, e.Value = stored(w.Key), w.Value
		if len(w.Value) >= inlineBelow {
			e.UserMeta = outOfLine
		}
		if err := txn.SetEntry(e); err != nil {
			return err
		}
	}
	return nil
}

// sync makes what was committed durable: the log of the memtable, the newest file of the value log, and their names. A file
// of the value log that became full meanwhile was synced by badger when it was cut to its length.
func (e *engine) sync() error {
	if err := e.db.Sync(); err != nil {
		return err
	}
	return e.names.sync()
}
