// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package badger

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/dgraph-io/badger/v4"

	"github.com/guardkv/guardkv/core"
)

// outOfLine is the user's byte (badger's UserMeta) of entries whose values are in the value
// log.
const outOfLine = 1

// Apply commits the writes. The arguments may be reused when the call returns.
func (e *engine) Apply(ctx context.Context, b core.Batch) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if e.place.ReadOnly {
		return core.ErrReadOnly
	}
	writes := b.Writes
	size, err := checkSizes(writes)
	if err != nil || len(writes) == 0 {
		return err
	}
	if err := e.writable(); err != nil {
		return err
	}
	if err := e.room.take(size.all + size.inTables); err != nil {
		return e.anchor.err(err)
	}
	if len(writes) < bulk && size.all <= int64(e.txn.bytes) {
		writes = e.own.copy(writes)
		err = e.commit(func(txn *badger.Txn) error { return put(txn, writes) })
	} else {
		err = e.load(writes)
	}
	if err != nil {
		return e.anchor.err(err)
	}
	const enough = 4 << 20
	if e.since += size.all; e.since >= enough {
		e.discard()
	}
	return nil
}

// batchSize is how much badger writes for a batch: first to its logs, and once more when its
// memtable becomes a table.
type batchSize struct{ all, inTables int64 }

// checkSizes refuses what badger cannot take, and returns the size of the batch.
func checkSizes(writes []core.Write) (size batchSize, err error) {
	for i := range writes {
		w := &writes[i]
		if len(w.Key) > maxKey {
			return size, fmt.Errorf("%w: a key of %d bytes, where badger takes %d",
				core.ErrTooLarge, len(w.Key), maxKey)
		}
		if len(w.Value) > maxValue {
			return size, fmt.Errorf("%w: a value of %d bytes, where badger takes %d",
				core.ErrTooLarge, len(w.Value), maxValue)
		}
		row := int64(len(w.Key) + perEntry)
		if len(w.Value) < inlineBelow {
			row += int64(len(w.Value))
		} else {
			size.all += int64(len(w.Key) + len(w.Value))
		}
		size.all += row
		size.inTables += row
	}
	return size, nil
}

// owned is memory for a batch that badger may keep. If a call stops waiting for badger, the
// batch cannot be taken back, while the caller's memory belongs to the caller again.
type owned struct {
	bytes  []byte
	writes []core.Write
}

// copy returns a copy of the writes that is valid until the next copy. After a commit that
// badger may still be busy with, there is no next one.
func (o *owned) copy(writes []core.Write) []core.Write {
	const most = 16 << 20
	size := 0
	for i := range writes {
		size += len(writes[i].Key) + len(writes[i].Value)
	}
	if cap(o.bytes) > max(size, most) {
		o.bytes = nil
	}
	b := slices.Grow(o.bytes[:0], size)
	o.writes = append(o.writes[:0], writes...)
	for i := range o.writes {
		w := &o.writes[i]
		at := len(b)
		b = append(append(b, w.Key...), w.Value...)
		split := at + len(w.Key)
		w.Key, w.Value = b[at:split:split], b[split:len(b):len(b)]
	}
	o.bytes = b
	return o.writes
}

// commit makes what fn writes, and the row that counts the commits, durable and visible, in one
// transaction of badger.
func (e *engine) commit(fn func(txn *badger.Txn) error) error {
	if err := e.health.usable(); err != nil {
		return err
	}
	ts := e.newest.Load().ReadTs() + 1
	if e.torn > 0 {
		ts = e.torn
	}
	txn := e.db.NewTransactionAt(ts, true)
	if err := errors.Join(fn(txn), txn.Set(tallyKey, e.tally.Next())); err != nil {
		txn.Discard()
		return err // nothing is written before CommitAt
	}
	e.unflushed = true
	err := e.health.unlessStopped(func() error {
		if err := txn.CommitAt(ts, nil); err != nil || e.noSync {
			return err
		}
		return e.sync()
	})
	if err != nil {
		e.health.fail(err)
		return err
	}
	e.tally.Wrote()
	e.torn = 0
	e.publish(ts)
	return nil
}

// put puts the writes into txn, which refers to their bytes until it was committed.
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

// sync makes what was committed durable: the log of the memtable, the newest file of the value
// log, and their names. A file of the value log that became full meanwhile was synced by badger
// when it was cut to its length.
func (e *engine) sync() error {
	if err := e.db.Sync(); err != nil {
		return err
	}
	return e.names.sync()
}
