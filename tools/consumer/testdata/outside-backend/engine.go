// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package plainlog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync/atomic"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/directory"
)

// engine is an open storage. It has none of the optional powers.
type engine struct {
	place  directory.Place
	tally  *directory.Tally
	log    *os.File
	sync   bool                     // each write
	last   atomic.Pointer[snapshot] // replaced by each write, never changed
	record []byte                   // used again by the next write
	torn   bool                     // a write failed, and may have left half a record
}

// Get returns the bytes in memory. No write changes them, so nothing has to be released.
func (e *engine) Get(ctx context.Context, key []byte) ([]byte, core.Releaser, error) {
	value, _, err := e.last.Load().Get(ctx, key)
	return value, nothing{}, err
}

// nothing is the Releaser of bytes that the garbage collector releases.
type nothing struct{}

func (nothing) Release() {}

// Snapshot returns the rows after the last write.
func (e *engine) Snapshot(context.Context) (core.Snapshot, error) { return e.last.Load(), nil }

// Apply appends one record, and shows what it says when it is durable. It does not look at Base: nobody else can write. After an
// error it is not called again, so nothing is ever written behind half a record.
func (e *engine) Apply(ctx context.Context, b core.Batch) error {
	if err := e.writable(ctx); err != nil {
		return err
	}
	e.record = appendRecord(e.record[:0], e.tally.Next(), b.Writes)
	e.torn = true
	if _, err := e.log.Write(e.record); err != nil {
		return err
	}
	if e.sync {
		if err := e.log.Sync(); err != nil {
			return err
		}
	}
	e.torn = false
	e.tally.Wrote()
	e.last.Store(&snapshot{merge(e.last.Load().rows, b.Writes)})
	return nil
}

func (e *engine) writable(ctx context.Context) error {
	if e.place.ReadOnly {
		return fmt.Errorf("%w: the storage was opened to be read", core.ErrReadOnly)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return e.place.Check() // what is written to a log that was removed is lost
}

// merge returns the rows after the writes, and leaves the old ones alone. What it keeps of the writes it copies.
func merge(old []row, writes []core.Write) []row {
	rows := make([]row, 0, len(old)+len(writes))
	for _, w := range writes {
		n, found := slices.BinarySearchFunc(old, w.Key, row.compare)
		rows, old = append(rows, old[:n]...), old[n:]
		if found {
			old = old[1:]
		}
		if !w.Delete {
			rows = append(rows, row{bytes.Clone(w.Key), bytes.Clone(w.Value)})
		}
	}
	return append(rows, old...)
}

// SetMark replaces the mark, which is in a file of its own.
func (e *engine) SetMark(ctx context.Context, mark []byte) error {
	if err := e.writable(ctx); err != nil {
		return err
	}
	return e.place.SetMark(mark)
}

// Limits returns no limits but memory.
func (e *engine) Limits() core.Limits { return core.Limits{} }

// Powers returns none.
func (e *engine) Powers() core.Powers { return core.Powers{} }

// Close makes everything durable, records what there is, so that a loss would be found, and gives the lock back. Half a
// record is not recorded: the next open cuts it off.
func (e *engine) Close() error {
	var err error
	if !e.place.ReadOnly {
		if err = e.log.Sync(); err == nil && !e.torn {
			err = e.tally.Record(logFile)
		}
	}
	return errors.Join(err, e.log.Close(), e.place.Lock.Close())
}
