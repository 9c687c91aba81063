// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package memory

import (
	"bytes"
	"context"
	"fmt"
	"sync"

	"github.com/guardkv/guardkv/core"
)

// notedSnapshot is a state that records what is read from it: the keys that were asked for,
// whether they exist or not, and the ranges that cursors have passed over.
type notedSnapshot struct {
	view
	storage *storage

	mu     sync.Mutex
	keys   map[string]struct{}
	ranges []*passed
}

var _ core.Snapshot = (*notedSnapshot)(nil)

// passed is a part of a scan's range: from where a cursor began, or was sought to, to where it
// stands.
type passed struct {
	low, high []byte // exclusive above; nil is no bound
	keysOnly  bool   // which rows exist matters, but not their values
}

func (s *notedSnapshot) note(keys ...[]byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.keys == nil {
		s.keys = make(map[string]struct{})
	}
	for _, key := range keys {
		s.keys[string(key)] = struct{}{}
	}
}

// Get notes the key.
func (s *notedSnapshot) Get(ctx context.Context, key []byte) ([]byte, core.Releaser, error) {
	s.note(key)
	return s.view.Get(ctx, key)
}

// Powers are those of a state, which note what they read too.
func (s *notedSnapshot) Powers() core.SnapshotPowers {
	p := s.view.Powers()
	fence, many := p.Fence, p.GetMany
	p.Fence = func(ctx context.Context) ([]byte, error) {
		s.note([]byte(core.FenceKey))
		return fence(ctx)
	}
	p.GetMany = func(ctx context.Context, keys [][]byte, fn func(int, []byte) error) error {
		s.note(keys...)
		return many(ctx, keys, fn)
	}
	return p
}

// Scan returns a cursor that notes what it passes over.
func (s *notedSnapshot) Scan(ctx context.Context, r core.ScanRange) (core.RowCursor, error) {
	inside, err := s.view.Scan(ctx, r)
	if err != nil {
		return nil, err
	}
	r.Low, r.High = bytes.Clone(r.Low), bytes.Clone(r.High)
	c := &notedCursor{RowCursor: inside, of: s, scan: r, from: r.Low}
	if r.Reverse {
		c.from = r.High
	}
	return c, nil
}

// notedCursor notes what it passes over as it goes: the batch may be applied before the cursor
// is closed.
type notedCursor struct {
	core.RowCursor
	of     *notedSnapshot
	scan   core.ScanRange
	from   []byte  // where it began, or was sought to; exclusive if reverse
	passed *passed // since then; nil if nothing
}

// Next notes the row and the gap before it. At the end of the rows, the gap reaches to the
// bound, unless an error ended the rows.
func (c *notedCursor) Next() (key, value []byte, ok bool) {
	key, value, ok = c.RowCursor.Next()
	switch {
	case ok && c.scan.Reverse:
		c.pass(key)
	case ok:
		c.pass(after(key))
	case c.Err() != nil:
	case c.scan.Reverse:
		c.pass(c.scan.Low)
	default:
		c.pass(c.scan.High)
	}
	return key, value, ok
}

// after returns the key that follows key.
func after(key []byte) []byte { return append(key[:len(key):len(key)], 0) }

// pass notes that the cursor has reached a key. The keys of stored rows never change.
func (c *notedCursor) pass(to []byte) {
	c.of.mu.Lock()
	defer c.of.mu.Unlock()
	if c.passed == nil {
		c.passed = &passed{low: c.from, high: c.from, keysOnly: c.scan.KeysOnly}
		c.of.ranges = append(c.of.ranges, c.passed)
	}
	if c.scan.Reverse {
		c.passed.low = to
	} else {
		c.passed.high = to
	}
}

// Seek begins another range, which is noted when something of it is read. A cursor that goes
// down begins at key if that is in the range.
func (c *notedCursor) Seek(key []byte) {
	c.RowCursor.Seek(key)
	c.passed = nil
	low, high := c.scan.Low, c.scan.High
	switch {
	case c.scan.Reverse && (high == nil || bytes.Compare(key, high) < 0):
		c.from = after(bytes.Clone(key))
	case c.scan.Reverse:
		c.from = high
	case bytes.Compare(key, low) < 0:
		c.from = low
	default:
		c.from = bytes.Clone(key)
	}
}

// unchanged returns ErrConflict if now differs in something that was read. A row that was
// replaced by an equal one does not count as changed: what was read could have been read now.
// The check costs as much as the reads did.
func (s *notedSnapshot) unchanged(now *snapshot) error {
	if now == s.snapshot {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for key := range s.keys {
		k := []byte(key)
		was, had := s.rows.Get(k)
		is, has := now.rows.Get(k)
		if had != has || !bytes.Equal(was, is) {
			return changed(k)
		}
	}
	for _, p := range s.ranges {
		if err := s.same(p, now); err != nil {
			return err
		}
	}
	return nil
}

// same compares the rows of a range as they were with those of now, up to the first that
// differs.
func (s *notedSnapshot) same(p *passed, now *snapshot) error {
	was, is := s.rows.Scan(p.low, p.high, false), now.rows.Scan(p.low, p.high, false)
	for {
		k, v, had := was.Next()
		k2, v2, has := is.Next()
		if had != has || !bytes.Equal(k, k2) || !p.keysOnly && !bytes.Equal(v, v2) {
			if !had {
				k = k2
			}
			return changed(k)
		}
		if !had {
			return nil
		}
	}
}

func changed(key []byte) error {
	return fmt.Errorf("%w: somebody else changed what was read at key %.60q, or before it",
		core.ErrConflict, key)
}
