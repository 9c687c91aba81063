// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
)

// Several processes write to a shared storage, and each has the catalog in memory. The fence is
// a row of the catalog that says which catalog that is: every change of the tables gives it a new
// random epoch in the same write, and every commit demands that the fence is still the one that
// its writer knows. So no process writes to a table that another one has dropped, and no table
// number is given out twice. Reads bring the fence along. If a read finds another fence than it
// expects, it does not count: the catalog is read again, and then the row.

// fence is the row at FenceKey.
type fence struct {
	Epoch   string `json:"epoch"`               // random, another one after each change
	Home    string `json:"home"`                // random, of the storage while it is where it is
	Last    uint32 `json:"last"`                // the highest table number that was given out
	Version uint64 `json:"version"`             // the application's, as those who write know it
	Lease   string `json:"migrating,omitempty"` // the process that migrates, see lease.go
	value   []byte // as it is stored
}

const fenceName = "fence"

// row returns the fence as it is stored.
func (f *fence) row() (Write, error) {
	text, err := json.Marshal(f)
	return catalogRow(fenceName, text), err
}

// renewed returns a copy with another epoch.
func (f *fence) renewed() *fence {
	n := *f
	n.Epoch, n.value = rand.Text(), nil
	return &n
}

// demand is the condition that the fence is as it was.
func (f *fence) demand() Condition { return Condition{[]byte(FenceKey), f.value} }

var (
	// errMoved is returned by a read that found another fence than the one it expected.
	errMoved = &wrapped{ErrConflict, "conflict: another process has changed the tables"}

	errAway = &wrapped{
		ErrClosed,
		"closed: another process has replaced or removed the storage; open it again",
	}
	errMigrated = fmt.Errorf("%w: %w: another process has brought the storage to another version",
		ErrClosed, ErrVersionMismatch)
)

// fencedSnapshot is a snapshot of a shared storage, as the rest of this package sees it. What
// the first read found is returned only if the fence in its state is the one that was known when
// the snapshot began. A check whether a table is dropped, made after the snapshot began and before
// it reads, sees the table as it is in that state.
type fencedSnapshot struct {
	Snapshot
	storage *Storage
	fence   *fence

	mu       sync.Mutex
	verified bool
	conflict error // the first read that returned ErrConflict; reading goes on in vain
}

// fenced begins a snapshot of a shared storage.
func (s *Storage) fenced(ctx context.Context, use Use) (*fencedSnapshot, error) {
	known := s.catalog.fence.Load()
	snap, err := s.powers.Begin(ctx, use)
	if err != nil {
		return nil, err
	}
	return &fencedSnapshot{Snapshot: snap, storage: s, fence: known}, nil
}

// bare begins a snapshot of the engine, whatever the fence is.
func (s *Storage) bare(ctx context.Context) (Snapshot, error) {
	if !s.sharing.Shared() {
		return s.engine.Snapshot(ctx)
	}
	return s.powers.Begin(ctx, ToRead)
}

// begun begins a snapshot of the storage, shared or not.
func (s *Storage) begun(ctx context.Context, use Use) (Snapshot, error) {
	if !s.sharing.Shared() {
		return s.engine.Snapshot(ctx)
	}
	f, err := s.fenced(ctx, use)
	if err != nil { // a nil *fencedSnapshot is not a nil Snapshot
		return nil, err
	}
	return f, nil
}

// verify compares the fence, once, after a read that returned err.
func (f *fencedSnapshot) verify(ctx context.Context, err error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.conflict != nil {
		return f.conflict
	}
	if err == nil && !f.verified {
		var found []byte
		if found, err = fenceOf(ctx, f.Snapshot); err == nil && !bytes.Equal(found, f.fence.value) {
			err = errMoved
		}
		f.verified = err == nil
	}
	if errors.Is(err, ErrConflict) {
		f.conflict = err
	}
	return err
}

// compared reports whether a read has found the fence as expected.
func (f *fencedSnapshot) compared() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.verified
}

// failed returns the conflict that a read ran into, whatever became of its error since.
func (f *fencedSnapshot) failed() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.conflict
}

// current begins a snapshot of many reads, none of which fails because of the fence: it looks at
// that at once.
func (s *Storage) current(ctx context.Context) (Snapshot, error) {
	if err := live(ctx); err != nil {
		return nil, err
	}
	if !s.sharing.Shared() {
		return s.engine.Snapshot(ctx)
	}
	for try := 1; ; try++ {
		seen := s.catalog.fence.Load()
		f, err := s.verified(ctx)
		if err == nil {
			return f, nil
		}
		if !errors.Is(err, ErrConflict) {
			return nil, err
		}
		if err := s.again(ctx, try, err, seen); err != nil {
			return nil, err
		}
	}
}

// verified begins a snapshot whose fence is as expected.
func (s *Storage) verified(ctx context.Context) (*fencedSnapshot, error) {
	f, err := s.fenced(ctx, ToKeep)
	if err != nil {
		return nil, err
	}
	if err := f.verify(ctx, nil); err != nil {
		s.logClose(f.Close())
		return nil, err
	}
	return f, nil
}

// fenceOf reads the fence in a snapshot of the engine, nil if there is none.
func fenceOf(ctx context.Context, snap Snapshot) (found []byte, err error) {
	if read := snap.Powers().Fence; read != nil {
		return read(ctx)
	}
	err = readOne(ctx, snap, []byte(FenceKey), 0, func(_ int, value []byte) error {
		found = bytes.Clone(value)
		return nil
	})
	return found, err
}

// Get returns the value of key.
func (f *fencedSnapshot) Get(ctx context.Context, key []byte) ([]byte, Releaser, error) {
	value, r, failed := f.Snapshot.Get(ctx, key)
	absent := errors.Is(failed, ErrNotFound)
	err := failed
	if absent {
		err = nil
	}
	err = f.verify(ctx, err)
	if err == nil && absent {
		return nil, nil, ErrNotFound
	}
	if err != nil {
		if failed == nil { // the row was found, and may be another table's
			releaseValue(r)
		}
		return nil, nil, err
	}
	return value, r, nil
}

// Scan returns a cursor that compares the fence when it has read its first row.
func (f *fencedSnapshot) Scan(ctx context.Context, r ScanRange) (RowCursor, error) {
	c, err := f.Snapshot.Scan(ctx, r)
	if err != nil {
		return nil, f.verify(ctx, err)
	}
	return &fencedCursor{RowCursor: c, ctx: ctx, snapshot: f}, nil
}

// Powers returns those of the engine's snapshot.
func (f *fencedSnapshot) Powers() SnapshotPowers {
	inside := f.Snapshot.Powers()
	var p SnapshotPowers
	if count := inside.Count; count != nil {
		p.Count = func(ctx context.Context, low, high []byte) (rows, bytes int64, err error) {
			rows, bytes, err = count(ctx, low, high)
			return rows, bytes, f.verify(ctx, err)
		}
	}
	if many := inside.GetMany; many != nil {
		p.GetMany = func(ctx context.Context, keys [][]byte, fn func(int, []byte) error) error {
			return f.getMany(ctx, many, keys, fn)
		}
	}
	return p
}

// getMany compares the fence before fn sees a value.
func (f *fencedSnapshot) getMany(
	ctx context.Context,
	many func(context.Context, [][]byte, func(int, []byte) error) error,
	keys [][]byte, fn func(int, []byte) error,
) error {
	var failed error // of fn, or of the fence
	err := many(ctx, keys, func(i int, value []byte) error {
		if failed = f.verify(ctx, nil); failed == nil {
			failed = fn(i, value)
		}
		return failed
	})
	if failed != nil {
		return failed
	}
	return f.verify(ctx, err)
}

// fencedCursor is a cursor of a fencedSnapshot.
type fencedCursor struct {
	RowCursor
	ctx      context.Context
	snapshot *fencedSnapshot
	begun    bool
	err      error
}

// Next returns the next row, the first one only if the fence is as expected.
func (c *fencedCursor) Next() (key, value []byte, ok bool) {
	if c.err != nil {
		return nil, nil, false
	}
	key, value, ok = c.RowCursor.Next()
	if ok && c.begun {
		return key, value, true
	}
	c.begun = true
	var err error
	if !ok {
		err = c.RowCursor.Err()
	}
	if c.err = c.snapshot.verify(c.ctx, err); c.err != nil {
		return nil, nil, false
	}
	return key, value, ok
}

// Err returns the error that ended the rows early, or nil.
func (c *fencedCursor) Err() error {
	if c.err != nil {
		return c.err
	}
	return c.RowCursor.Err()
}
