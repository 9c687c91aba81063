// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package bbolt

import (
	"context"
	"log/slog"
	"sync/atomic"

	bolt "go.etcd.io/bbolt"

	"github.com/guardkv/guardkv/core"
)

// state is one committed state of the storage, which any number of readers share. It is a
// snapshot, and the Releaser of the values that were read from it.
type state struct {
	refs atomic.Int64
	rows tree
	data image
	root uint64
	txid int
	tx   *bolt.Tx // keeps the pages; nil if data is a copy, or if nothing has to keep them
	file *file    // nil if data is a copy

	// keeper is the next state, which keeps the pages of this one if tx has ended. The writer
	// sets it.
	keeper *state

	checked checkedBranches
}

var (
	_ core.Releaser = (*state)(nil)
	_ core.Snapshot = (*state)(nil)
)

// newState returns the state that tx sees, with one reference. copied makes it independent of tx.
func newState(f *file, tx *bolt.Tx, copied bool) (*state, error) {
	s := &state{data: f.image(tx), root: rootOf(tx), txid: tx.ID()}
	if copied {
		s.data.data = append([]byte(nil), s.data.data...)
	} else {
		s.tx, s.file = tx, f
	}
	var err error
	s.rows, err = openTree(&s.data, s.root, rowsBucket)
	s.rows.checked = &s.checked
	s.refs.Store(1)
	return s, err
}

// acquire takes a reference, unless the last one is gone.
func (s *state) acquire() bool {
	for n := s.refs.Load(); n > 0; n = s.refs.Load() {
		if s.refs.CompareAndSwap(n, n+1) {
			return true
		}
	}
	return false
}

// Release drops a reference. With the last one bbolt may use the pages again.
func (s *state) Release() {
	if s.refs.Add(-1) == 0 && s.file != nil {
		s.end()
	}
}

func (s *state) end() {
	var err error
	if s.tx != nil {
		err = protect(s.tx.Rollback)
	}
	if err == nil {
		err = s.file.release()
	}
	if s.keeper != nil {
		s.keeper.Release()
	}
	if err != nil {
		tell(s.file.logger, slog.LevelError,
			"bbolt: a read transaction did not end well", "err", err)
	}
}

// Get returns the value of key, or ErrNotFound. The bytes are owned by the engine, must not be
// modified, and are valid until Close.
func (s *state) Get(_ context.Context, key []byte) ([]byte, core.Releaser, error) {
	value, err := s.rows.get(key)
	return value, nil, err
}

// Scan returns a cursor that stands before the first row of the range. The arguments may be
// reused when the call returns.
func (s *state) Scan(ctx context.Context, r core.ScanRange) (core.RowCursor, error) {
	c := newCursor(ctx, &s.rows, r)
	c.rowwise = true
	return c, ctx.Err()
}

// Powers returns Count.
func (s *state) Powers() core.SnapshotPowers { return core.SnapshotPowers{Count: s.Count} }

// Count counts the rows in the range and their bytes, leaf by leaf.
func (s *state) Count(ctx context.Context, low, high []byte) (rows, bytes int64, err error) {
	c := newCursor(ctx, &s.rows, core.ScanRange{Low: low, High: high})
	for c.nextLeaf() {
		start, _, _ := c.leaf.span(c.first)
		_, _, end := c.leaf.span(c.last - 1)
		rows += int64(c.last - c.first)
		bytes += int64(end - start)
		c.first = c.last
	}
	return rows, bytes, c.err
}

// Close releases the snapshot.
func (s *state) Close() error {
	s.Release()
	return nil
}
