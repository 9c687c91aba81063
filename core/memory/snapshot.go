// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package memory

import (
	"context"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/internal/ordered"
)

// snapshot is the state of a storage after a batch. It never changes, so everybody who wants it
// shares it.
type snapshot struct {
	rows ordered.Map[[]byte]
	size int64
}

var _ core.Snapshot = (*snapshot)(nil)

// Get returns the stored bytes. They stay as they are forever, so there is nothing to release.
func (s *snapshot) Get(_ context.Context, key []byte) ([]byte, core.Releaser, error) {
	v, ok := s.rows.Get(key)
	if !ok {
		return nil, nil, core.ErrNotFound
	}
	return v, nil, nil
}

// Scan returns a cursor over stored rows. It copies the bounds, both into one allocation.
func (s *snapshot) Scan(ctx context.Context, r core.ScanRange) (core.RowCursor, error) {
	n := len(r.Low)
	both := append(append(make([]byte, 0, n+len(r.High)), r.Low...), r.High...)
	low, high := both[:n:n], both[n:]
	if r.High == nil {
		high = nil
	}
	return &cursor{ctx: ctx, rows: s.rows.Scan(low, high, r.Reverse)}, nil
}

// Powers returns none.
func (s *snapshot) Powers() core.SnapshotPowers { return core.SnapshotPowers{} }

// Close does nothing: the garbage collector finds out who still uses the rows.
func (s *snapshot) Close() error { return nil }

// cursor goes through rows. It ends early if its context does.
type cursor struct {
	ctx  context.Context
	rows ordered.Cursor[[]byte]
	err  error
}

var _ core.RowCursor = (*cursor)(nil)

// Next returns the next stored row.
func (c *cursor) Next() (key, value []byte, ok bool) {
	if c.err == nil {
		c.err = c.ctx.Err()
	}
	if c.err != nil {
		return nil, nil, false
	}
	return c.rows.Next()
}

// Seek moves the cursor to key.
func (c *cursor) Seek(key []byte) { c.rows.Seek(key) }

// Err returns the context's error if the context ended the rows.
func (c *cursor) Err() error { return c.err }

// Close does nothing.
func (c *cursor) Close() error { return nil }
