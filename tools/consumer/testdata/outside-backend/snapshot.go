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

// Get returns the bytes in memory, with nothing to release.
func (s *snapshot) Get(_ context.Context, key []byte) ([]byte, core.Releaser, error) {
	i, found := slices.BinarySearchFunc(s.rows, key, row.compare)
	if !found {
		return nil, nil, core.ErrNotFound
	}
	return s.rows[i].value, nil, nil
}

// Scan finds both ends at once, so that it need not keep the bounds.
func (s *snapshot) Scan(ctx context.Context, r core.ScanRange) (core.RowCursor, error) {
	from, to := 0, len(s.rows)
	if r.Low != nil {
		from, _ = slices.BinarySearchFunc(s.rows, r.Low, row.compare)
	}
	if r.High != nil {
		to, _ = slices.BinarySearchFunc(s.rows, r.High, row.compare)
	}
	rows := s.rows[from:max(from, to)]
	return &cursor{ctx: ctx, all: rows, rest: rows, reverse: r.Reverse}, nil
}

// Powers returns none.
func (s *snapshot) Powers() core.SnapshotPowers { return core.SnapshotPowers{} }

// Close does nothing: the garbage collector finds out who still uses the rows.
func (s *snapshot) Close() error { return nil }

// cursor has the rows of the range, and those that are still to come.
type cursor struct {
	ctx     context.Context
	all     []row
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

// Seek finds the key among all rows of the range.
func (c *cursor) Seek(key []byte) {
	at, found := slices.BinarySearchFunc(c.all, key, row.compare)
	if !c.reverse {
		c.rest = c.all[at:]
		return
	}
	if found {
		at++
	}
	c.rest = c.all[:at]
}

// Err returns the context's error if that ended the rows.
func (c *cursor) Err() error { return c.err }

// Close does nothing.
func (c *cursor) Close() error { return nil }
