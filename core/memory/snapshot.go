// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package memory

import (
	"bytes"
	"context"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/internal/ordered"
)

// snapshot is a state of a storage after a batch. It is never changed, so all who want it share it.
type snapshot struct {
	rows ordered.Map[[]byte]
	size int64
}

var _ core.Snapshot = (*snapshot)(nil)

// Get returns the stored bytes.
func (s *snapshot) Get(_ context.Context, key []byte) ([]byte, error) {
	v, ok := s.rows.Get(key)
	if !ok {
		return nil, core.ErrNotFound
	}
	return v, nil
}

// Scan returns a cursor over stored rows. It copies the bound that the rows have yet to reach; the other one has done
// its work when Scan returns.
func (s *snapshot) Scan(ctx context.Context, r core.ScanRange) (core.Cursor, error) {
	low, high := r.Low, r.High
	if r.Reverse {
		low = bytes.Clone(low)
	} else {
		high = bytes.Clone(high)
	}
	return &cursor{ctx: ctx, rows: s.rows.Scan(low, high, r.Reverse)}, nil
}

// Close does nothing: the garbage collector finds out who still uses the rows.
func (s *snapshot) Close() error { return nil }

// cursor ends early when its context does.
type cursor struct {
	ctx  context.Context
	rows ordered.Cursor[[]byte]
	err  error
}

var _ core.Cursor = (*cursor)(nil)

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

// Err returns the context's error if that ended the rows.
func (c *cursor) Err() error { return c.err }

// Close does nothing.
func (c *cursor) Close() error { return nil }
