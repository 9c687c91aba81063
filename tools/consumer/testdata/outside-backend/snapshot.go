// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package plainlog

import (
	"bytes"
	"context"
	"slices"

	"github.com/guardkv/guardkv/core"
)

// row is never changed once it is in a snapshot.
type row struct{ key, value []byte }

func (r row) compare(key []byte) int { return bytes.Compare(r.key, key) }

// snapshot is all rows at one moment, in the order of their keys.
type snapshot struct{ rows []row }

// Get returns the bytes in memory.
func (s *snapshot) Get(_ context.Context, key []byte) ([]byte, error) {
	i, found := slices.BinarySearchFunc(s.rows, key, row.compare)
	if !found {
		return nil, core.ErrNotFound
	}
	return s.rows[i].value, nil
}

// Scan finds both ends at once, so that it need not keep the bounds.
func (s *snapshot) Scan(ctx context.Context, r core.ScanRange) (core.Cursor, error) {
	from, to := 0, len(s.rows)
	if r.Low != nil {
		from, _ = slices.BinarySearchFunc(s.rows, r.Low, row.compare)
	}
	if r.High != nil {
		to, _ = slices.BinarySearchFunc(s.rows, r.High, row.compare)
	}
	return &cursor{ctx: ctx, rest: s.rows[from:max(from, to)], reverse: r.Reverse}, nil
}

// Close does nothing: the garbage collector finds out who still uses the rows.
func (s *snapshot) Close() error { return nil }

// cursor has the rows that are still to come.
type cursor struct {
	ctx     context.Context
	rest    []row
	reverse bool
	err     error
}

// Next takes the first row, or the last one.
func (c *cursor) Next() (key, value []byte, ok bool) {
	if c.err == nil {
		c.err = c.ctx.Err()
	}
	n := len(c.rest)
	if c.err != nil || n == 0 {
		return nil, nil, false
	}
	r := c.rest[0]
	if c.reverse {
		r, c.rest = c.rest[n-1], c.rest[:n-1]
	} else {
		c.rest = c.rest[1:]
	}
	return r.key, r.value, true
}

// Err returns the context's error if that ended the rows.
func (c *cursor) Err() error { return c.err }

// Close does nothing.
func (c *cursor) Close() error { return nil }
