// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"bytes"
	"context"
	"slices"
	"sync/atomic"

	"github.com/guardkv/guardkv/core"
)

// snapshot is a state that many goroutines may read, and that knows the fence.
type snapshot struct {
	engine *engine
	state  State
	use    core.Use
	notes  notes
	spent  atomic.Bool // it was the Base of an Apply
	scan   *cursor     // the one read of ToReadOnce, if it is a scan

	// turn is held by the first call, which decides which state this is, and by every call if
	// calls may not run side by side.
	turn  chan struct{}
	slot  bool                 // one of the engine's is taken; under turn
	fence atomic.Pointer[Read] // nil before the first read
}

var _ core.Snapshot = (*snapshot)(nil)

var fenceKeys = [][]byte{[]byte(core.FenceKey)}

// trip makes one call of the state. The first call also looks up the keys that it is given, and
// returns what it found.
func (s *snapshot) trip(
	ctx context.Context, scan bool, call func(also [][]byte) (found []Row, err error),
) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.fence.Load() == nil || !s.engine.opts.Beside {
		select {
		case s.turn <- struct{}{}:
			defer func() { <-s.turn }()
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if s.fence.Load() != nil {
		_, err := call(nil)
		return failed(ctx, err)
	}
	if err := s.takeSlot(ctx, scan); err != nil {
		return err
	}
	found, err := call(fenceKeys)
	if err != nil {
		return failed(ctx, err)
	}
	fence, ok := find(found, fenceKeys[0])
	s.fence.Store(&Read{fence, ok})
	return nil
}

// takeSlot takes a slot if the snapshot will be open while the program does something else.
// Snapshots that write are limited by the turns to write, and a single read is over when it
// returns.
func (s *snapshot) takeSlot(ctx context.Context, scan bool) error {
	held := s.use == core.ToRead || s.use == core.ToKeep || s.use == core.ToReadOnce && scan
	if !held || s.slot || s.engine.slots == nil {
		return nil
	}
	err := s.engine.takeSlot(ctx)
	s.slot = err == nil
	return err
}

// Get returns bytes that are valid forever. The caller may keep them as its own unless they
// were noted, as what a transaction reads may be.
func (s *snapshot) Get(ctx context.Context, key []byte) ([]byte, core.Releaser, error) {
	rows, err := s.rows(ctx, [][]byte{key})
	if err != nil {
		return nil, nil, err
	}
	row, ok := find(rows, key)
	if !ok {
		return nil, nil, core.ErrNotFound
	}
	if s.use == core.ToReadOnce {
		return row.Value, owned{}, nil
	}
	return row.Value, nil, nil
}

// getMany is [core.SnapshotPowers.GetMany].
func (s *snapshot) getMany(
	ctx context.Context, keys [][]byte, fn func(i int, value []byte) error,
) error {
	if len(keys) == 0 {
		return ctx.Err()
	}
	distinct := slices.Clone(keys)
	slices.SortFunc(distinct, bytes.Compare)
	rows, err := s.rows(ctx, slices.CompactFunc(distinct, bytes.Equal))
	if err != nil {
		return err
	}
	for i, key := range keys {
		if row, ok := find(rows, key); ok {
			if err := fn(i, row.Value); err != nil {
				return err
			}
		}
	}
	return nil
}

// rows returns the rows at keys that exist, in order, and notes them. keys is strictly
// increasing.
func (s *snapshot) rows(ctx context.Context, keys [][]byte) (rows []Row, err error) {
	err = s.trip(ctx, false, func(also [][]byte) ([]Row, error) {
		asked := keys
		if len(also) > 0 {
			if i, found := slices.BinarySearchFunc(keys, also[0], bytes.Compare); !found {
				asked = slices.Insert(slices.Clone(keys), i, also[0])
			}
		}
		var err error
		rows, err = s.state.GetMany(ctx, asked)
		slices.SortFunc(rows, func(a, b Row) int { return bytes.Compare(a.Key, b.Key) })
		return rows, err
	})
	if err == nil {
		s.notes.rows(keys, rows)
	}
	return rows, err
}

// find returns the row at key from rows, which are in order.
func find(rows []Row, key []byte) (Row, bool) {
	i, ok := slices.BinarySearchFunc(rows, key,
		func(r Row, key []byte) int { return bytes.Compare(r.Key, key) })
	if !ok {
		return Row{}, false
	}
	return rows[i], true
}

// page returns a page. It notes nothing: nobody may ever look at its rows.
func (s *snapshot) page(ctx context.Context, q Query) (p Page, err error) {
	err = s.trip(ctx, true, func(also [][]byte) ([]Row, error) {
		q.Also = also
		var err error
		p, err = s.state.Page(ctx, q)
		return p.Also, err
	})
	return p, err
}

// fenced is [core.SnapshotPowers.Fence]. It takes a trip if nothing was read yet. If a scan and
// nothing else will follow, that trip brings its first page. The fence is noted, as other reads
// are.
func (s *snapshot) fenced(ctx context.Context) ([]byte, error) {
	if s.fence.Load() == nil && s.scan != nil && !s.scan.turn() {
		if err := s.scan.Err(); err != nil {
			return nil, err
		}
	}
	if s.fence.Load() == nil {
		err := s.trip(ctx, false, func(also [][]byte) ([]Row, error) {
			if also == nil { // somebody else was first
				return nil, nil
			}
			return s.state.GetMany(ctx, also)
		})
		if err != nil {
			return nil, err
		}
	}
	fence := s.fence.Load()
	s.notes.rows(fenceKeys, fence.rows())
	if fence.Found && fence.Value == nil {
		return []byte{}, nil
	}
	return fence.Value, nil
}

// Scan returns a cursor that has asked for nothing yet.
func (s *snapshot) Scan(ctx context.Context, r core.ScanRange) (core.RowCursor, error) {
	c := newCursor(ctx, s, r)
	s.notes.opened(c)
	if s.use == core.ToReadOnce {
		s.scan = c
	}
	return c, nil
}

// Powers returns batches of reads, and the fence.
func (s *snapshot) Powers() core.SnapshotPowers {
	return core.SnapshotPowers{Fence: s.fenced, GetMany: s.getMany}
}

// Close ends the state.
func (s *snapshot) Close() error {
	err := s.state.Close()
	if s.slot {
		<-s.engine.slots
	}
	return err
}
