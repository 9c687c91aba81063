// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package badger

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dgraph-io/badger/v4"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/directory"
)

// engine is one open storage.
//
// Every commit has a number, which badger calls its timestamp; a reader sees the commits up to
// some number. The newest number is published when its commit is durable. When badger rewrites
// tables, it drops versions of rows that no reader can see, up to a number that it is told; see
// discard.
type engine struct {
	db     *badger.DB
	place  directory.Place
	anchor anchor
	log    *slog.Logger
	txn    txnLimits
	noSync bool
	health *health

	compress Compression // of tables to come

	// reads what is published; never discarded, so that readers need not be counted
	newest    atomic.Pointer[badger.Txn]
	discarded atomic.Uint64 // what badger was told
	// grows when badger begins and ends to delete files of the value log
	collected atomic.Uint64

	mu        sync.Mutex
	snapshots map[uint64]int // how many snapshots are open, by the number that they see

	// What follows is the writer's.
	tally     *directory.Tally
	names     syncedDir
	unflushed bool  // something was written since badger last emptied its memtable
	since     int64 // bytes written since versions were last given up
	room      *room
	own       owned
	// the number of the commit that sets back rows of a batch that was not committed; 0: there
	// are none
	torn uint64
}

var _ core.Engine = (*engine)(nil)

// publish shows readers the commits up to ts.
func (e *engine) publish(ts uint64) { e.newest.Store(e.db.NewTransactionAt(ts, false)) }

// discard lets badger drop the versions of rows that neither a snapshot nor a future reader
// sees. A Get that is under way notices that it was too slow, and runs again.
func (e *engine) discard() {
	e.since = 0
	e.mu.Lock()
	defer e.mu.Unlock()
	ts := e.newest.Load().ReadTs()
	for seen := range e.snapshots {
		ts = min(ts, seen)
	}
	e.discarded.Store(ts) // before badger knows: see Get
	e.db.SetDiscardTs(ts)
}

// Powers returns all powers but the deletion of ranges. badger deletes key by key; rows that it
// drops by prefix are gone from open snapshots too, and there may be no writes meanwhile.
func (e *engine) Powers() core.Powers {
	return core.Powers{Compact: e.Compact, Size: e.Size, Check: e.Check, Sync: e.Sync, As: e.As}
}

// Limits returns what badger can take.
func (e *engine) Limits() core.Limits { return core.Limits{Key: maxKey, Value: maxValue} }

// SetMark replaces the mark, which is not stored in badger and is durable at once. So the rows
// that it may speak of are made durable before.
func (e *engine) SetMark(ctx context.Context, mark []byte) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if e.place.ReadOnly {
		return core.ErrReadOnly
	}
	if err := e.writable(); err != nil {
		return err
	}
	if e.noSync {
		if err := e.flushAll(ctx); err != nil {
			return e.anchor.err(err)
		}
	}
	return e.place.SetMark(mark)
}

// Sync makes durable what was written without sync.
func (e *engine) Sync(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if e.place.ReadOnly {
		return core.ErrReadOnly
	}
	if err := e.writable(); err != nil || !e.noSync {
		return err
	}
	return e.anchor.err(e.flushAll(ctx))
}

// flushAll makes all rows durable, including those that a mark may speak of.
func (e *engine) flushAll(ctx context.Context) error {
	if err := e.room.toFlush(); err != nil {
		return err
	}
	return e.health.unlessStopped(func() error {
		if err := e.flush(ctx); err != nil { // a sync covers the newest memtable only
			return err
		}
		return e.sync()
	})
}

// writable returns an error if nothing may be written: after a failure, and when the storage is
// no longer at its path. In that case a write would be acknowledged and not be found there, and
// where badger knows only the path, it would change what is there now.
func (e *engine) writable() error {
	if err := e.health.usable(); err != nil {
		return e.anchor.err(err)
	}
	return e.place.Check()
}

// As sets target, a **badger.DB, to badger's handle. Use it only to read: readers do not see
// writes past the engine as they should.
func (e *engine) As(target any) bool {
	db, ok := target.(**badger.DB)
	if ok {
		*db = e.db
	}
	return ok
}

// Close makes everything durable, records what is there, and gives the lock back. If badger is
// stuck, or has no room, Close soon returns an error, and what was committed stays in logs. The
// process then keeps the lock for as long as badger may write, and closes what it can when it
// can.
func (e *engine) Close() error {
	if e.place.ReadOnly {
		return e.anchor.err(errors.Join(protect(e.db.Close), e.place.Lock.Close()))
	}
	if err := e.reachable(); err != nil {
		go e.closeLater()
		return fmt.Errorf("what was committed is in logs of the storage that was moved, and it "+
			"is closed when it is back: %w", err)
	}
	// after a failure badger may still be doing what changes unflushed
	if e.health.usable() == nil && e.unflushed {
		if err := e.waitForRoom(); err != nil {
			go e.closeLater()
			return fmt.Errorf("what was committed is in logs, and the storage is closed as soon "+
				"as there is room: %w", err)
		}
	}
	return e.anchor.err(e.health.unlessStopped(e.close))
}

// reachable returns an error if badger would now work on files of another directory.
func (e *engine) reachable() error {
	if e.anchor.holds {
		return nil
	}
	return e.place.Check()
}

func (e *engine) close() error {
	err := e.health.protect(e.db.Close)
	if err == nil && e.health.usable() == nil {
		err = e.record()
	}
	return errors.Join(err, e.place.Lock.Close())
}

// waitForRoom waits a little for room: while badger writes a table, both the table and its log
// take room.
func (e *engine) waitForRoom() (err error) {
	const patience, step = 2 * time.Second, 50 * time.Millisecond
	for end := time.Now().Add(patience); ; time.Sleep(step) {
		if err = e.room.toFlush(); err == nil || time.Now().After(end) {
			return err
		}
	}
}

// closeLater closes badger when there is room for that, and the directory is where it was.
func (e *engine) closeLater() {
	for e.reachable() != nil || e.room.toFlush() != nil {
		time.Sleep(time.Second)
	}
	if err := e.close(); err != nil {
		warn(e.log, "a storage was closed late, with an error", "path", e.place.Dir, "error", err)
	}
}

// record notes what is durable, so that its loss is noticed. The manifest only grows, or is
// replaced as a whole.
func (e *engine) record() error { return e.tally.RecordHeads(manifestHead, manifestName) }
