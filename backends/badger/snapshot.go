// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package badger

import (
	"context"

	"github.com/dgraph-io/badger/v4"

	"github.com/guardkv/guardkv/core"
)

// snapshot is a transaction of badger, which keeps what it sees for as long as the engine
// counts it. Reading changes nothing in it, so any number of goroutines may.
type snapshot struct {
	engine *engine
	txn    *badger.Txn
}

var _ core.Snapshot = (*snapshot)(nil)

// Snapshot returns the newest state.
func (e *engine) Snapshot(context.Context) (core.Snapshot, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	txn := e.newest.Load() // and discard waits for mu
	e.snapshots[txn.ReadTs()]++
	return &snapshot{e, txn}, nil
}

// Get returns the value of key, in memory that is never reused, so there is nothing to release.
func (s *snapshot) Get(_ context.Context, key []byte) (value []byte, _ core.Releaser, err error) {
	defer s.engine.health.rescue(&err)
	key = stored(key)
	item, err := s.txn.Get(key)
	if err != nil {
		return nil, nil, s.engine.readError(err)
	}
	if item.UserMeta() != outOfLine {
		value, err = inline(item)
		return value, nil, err
	}
	err = s.engine.outOfLine(s.txn, item, key, &value)
	return value[:len(value):len(value)], nil, err
}

// Powers returns none.
func (s *snapshot) Powers() core.SnapshotPowers { return core.SnapshotPowers{} }

// Scan returns a cursor before the first row of the range.
func (s *snapshot) Scan(ctx context.Context, r core.ScanRange) (c core.RowCursor, err error) {
	defer s.engine.health.rescue(&err)
	return newCursor(ctx, s, r), nil
}

// Close says that this state is no longer needed.
func (s *snapshot) Close() error {
	e := s.engine
	e.mu.Lock()
	defer e.mu.Unlock()
	ts := s.txn.ReadTs()
	if e.snapshots[ts]--; e.snapshots[ts] == 0 {
		delete(e.snapshots, ts)
	}
	return nil
}
