// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core

import (
	"context"
	"errors"
	"runtime"
	"sync"
)

// Storage.Snapshot gives a Tx that does not belong to a function. It differs from the Tx of View
// in two ways. Any number of goroutines may use it, so its calls are counted and its end waits for
// them. And only its user closes it, so a forgotten one is reported.

// Snapshot returns a transaction that reads one snapshot and lives until its Close, for reads that
// cannot be one function: a request that pages through a table, a report of several goroutines. It
// takes the snapshot at once, and blocks nobody. Unlike the Tx of View and Update it is safe for
// concurrent use. What Get reads through it is owned by the engine, must not be modified, and is
// valid until Close; Load and scans leave nothing behind, and are better for reading very much. A
// write returns ErrReadOnly.
//
// It outlives Compact, Clear, RenameTable and the Close of the storage, for which it counts as
// ErrGuardsOpen. A table that is dropped meanwhile returns ErrDropped from then on; views and
// cursors that were open stay valid.
//
// Where several processes write to the storage, a read may return ErrConflict, ErrUnavailable or
// ErrSnapshotExpired: then take another snapshot, and begin anew.
//
// Close every snapshot: one that is dropped open is reported to the logger, and is kept until the
// process ends. While it is open, the engine keeps what is overwritten and deleted, so it should
// not live for hours.
func (s *Storage) Snapshot(ctx context.Context) (*Tx, error) {
	v, err := s.enter("snapshot")
	if err != nil {
		return nil, s.fail("snapshot", "", nil, err)
	}
	taken := false
	defer func() { // also if the engine panics
		if !taken {
			v.leave()
		}
	}()
	snap, err := s.current(ctx)
	if err != nil {
		return nil, s.fail("snapshot", "", nil, err)
	}
	taken = true
	tx := &Tx{storage: s, snapshot: snap}
	tx.shared = &sharedTx{handle: &openHandle{what: "a snapshot", at: v.at, logger: s.usage.logger}}
	tx.shared.leave = v.leave
	runtime.AddCleanup(tx, (*openHandle).abandon, tx.shared.handle)
	return tx, nil
}

// sharedTx is what a Tx of Snapshot has beside others: several goroutines may use it, and close it
// meanwhile.
type sharedTx struct {
	mu     sync.Mutex
	users  int  // calls and cursors under way
	closed bool // no more of them
	leave  func()
	handle *openHandle
}

// enter counts a call or a cursor of a Tx that several goroutines may use, until leave. For another
// Tx it does nothing.
func (tx *Tx) enter() error {
	if tx.shared == nil {
		return nil
	}
	tx.shared.mu.Lock()
	defer tx.shared.mu.Unlock()
	if tx.shared.closed {
		return ErrTxDone
	}
	tx.shared.users++
	return nil
}

// leave ends what enter counted. The last one after Close gives the snapshot back.
func (tx *Tx) leave() {
	if tx.shared == nil {
		return
	}
	tx.shared.mu.Lock()
	tx.shared.users--
	last := tx.shared.closed && tx.shared.users == 0
	tx.shared.mu.Unlock()
	if last {
		tx.endShared()
	}
}

func (tx *Tx) endShared() {
	defer tx.shared.leave()
	tx.end()
}

// Close ends a transaction that Snapshot returned. Every view that was read through it ends,
// and so do its loops and cursors, whose next step returns ErrTxDone; calls of other goroutines
// that are under way finish. The last of them, or of the cursors to be closed, gives the
// snapshot back. Closing it again does nothing and returns nil. The Tx of View and Update ends
// with its function: closing it is an error, and does nothing.
func (tx *Tx) Close() error {
	if tx == nil {
		return &Error{Op: "close transaction", Err: errNoTx}
	}
	if tx.shared == nil {
		return tx.storage.fail("close transaction", "", nil, errNotYours)
	}
	tx.shared.mu.Lock()
	first := !tx.shared.closed
	last := first && tx.shared.users == 0
	tx.shared.closed = true
	tx.shared.mu.Unlock()
	if first {
		tx.done.Store(true)
		tx.shared.handle.closed.Store(true)
	}
	if last {
		tx.endShared()
	}
	return nil
}

var errNotYours = errors.New("the transaction ends when the function of View or Update returns; " +
	"only one of Snapshot is closed")
