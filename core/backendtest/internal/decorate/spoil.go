// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package decorate

import (
	"context"
	"sync"

	"github.com/guardkv/guardkv/core"
)

// Spoil returns a backend that behaves like b and exposes every use of bytes beyond their
// lifetime. See backendtest.Spoil.
func Spoil(b core.Backend) core.Backend { return spoiler{b} }

// Overwritten is what bytes are overwritten with.
const Overwritten = 0xCC

// slack is the size of the room behind a copy. It is spoiled from the start, to expose callers
// that look beyond the length of a slice.
const slack = 8

// Lend returns a private copy of b, nil for nil.
func Lend(b []byte) []byte {
	if b == nil {
		return nil
	}
	c := make([]byte, len(b)+slack)
	Overwrite(c)
	copy(c, b)
	return c[:len(b)]
}

// Overwrite overwrites b up to its capacity.
func Overwrite(b []byte) {
	b = b[:cap(b)]
	for i := range b {
		b[i] = Overwritten
	}
}

type spoiler struct{ core.Backend }

func (s spoiler) Claim(ctx context.Context, path string, readOnly bool) (core.Claim, error) {
	c, err := s.Backend.Claim(ctx, path, readOnly)
	if err != nil {
		return nil, err
	}
	return spoilClaim{c}, nil
}

type spoilClaim struct{ core.Claim }

func (c spoilClaim) Open(ctx context.Context, opts core.EngineOptions) (core.Engine, error) {
	opts.Mark = Lend(opts.Mark)
	e, err := c.Claim.Open(ctx, opts)
	Overwrite(opts.Mark)
	if err != nil {
		return nil, err
	}
	return &spoilEngine{Engine: e}, nil
}

type spoilEngine struct {
	core.Engine
}

func (e *spoilEngine) Get(ctx context.Context, key []byte) ([]byte, core.Releaser, error) {
	key = Lend(key)
	v, r, err := e.Engine.Get(ctx, key)
	Overwrite(key)
	if err != nil {
		return nil, nil, err
	}
	v = Lend(v)
	return v, &spoilReleaser{r, v}, nil
}

// spoilReleaser spoils lent bytes before it gives them back. The Releaser inside is nil if there
// is nothing to release.
type spoilReleaser struct {
	inside core.Releaser
	value  []byte
}

func (r *spoilReleaser) Release() {
	Overwrite(r.value)
	if r.inside != nil {
		r.inside.Release()
	}
}

func (e *spoilEngine) Snapshot(ctx context.Context) (core.Snapshot, error) {
	s, err := e.Engine.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	return &spoilSnapshot{Snapshot: s}, nil
}

func (e *spoilEngine) Apply(ctx context.Context, b core.Batch) error {
	lent := make([]core.Write, len(b.Writes))
	for i, w := range b.Writes {
		w.Key, w.Value, w.End = Lend(w.Key), Lend(w.Value), Lend(w.End)
		lent[i] = w
	}
	b.Writes = lent
	conditions := make([]core.Condition, len(b.Conditions))
	for i, c := range b.Conditions {
		conditions[i] = core.Condition{Key: Lend(c.Key), Value: Lend(c.Value)}
	}
	b.Conditions = conditions
	err := e.Engine.Apply(ctx, b.Unwrapped())
	for i, c := range conditions {
		Overwrite(c.Key)
		Overwrite(c.Value)
		conditions[i] = core.Condition{}
	}
	for i, w := range lent {
		Overwrite(w.Key)
		Overwrite(w.Value)
		Overwrite(w.End)
		lent[i] = core.Write{}
	}
	return err
}

func (e *spoilEngine) SetMark(ctx context.Context, mark []byte) error {
	mark = Lend(mark)
	defer Overwrite(mark)
	return e.Engine.SetMark(ctx, mark)
}

type spoilSnapshot struct {
	core.Snapshot
	mu     sync.Mutex
	fences [][]byte // valid until Close
}

func (s *spoilSnapshot) Close() error {
	s.mu.Lock()
	for _, f := range s.fences {
		Overwrite(f)
	}
	s.mu.Unlock()
	return s.Snapshot.Close()
}

func (s *spoilSnapshot) Unwrap() core.Snapshot { return s.Snapshot }

func (s *spoilSnapshot) Get(ctx context.Context, key []byte) ([]byte, core.Releaser, error) {
	key = Lend(key)
	v, r, err := s.Snapshot.Get(ctx, key)
	Overwrite(key)
	if err != nil {
		return nil, nil, err
	}
	v = Lend(v)
	return v, &spoilReleaser{r, v}, nil
}

func (s *spoilSnapshot) Scan(ctx context.Context, r core.ScanRange) (core.RowCursor, error) {
	return spoilScan(ctx, r, s.Snapshot.Scan)
}

// Powers spoils the rows of a scan without a snapshot too.
func (e *spoilEngine) Powers() core.Powers {
	p := e.Engine.Powers()
	if scan := p.Scan; scan != nil {
		p.Scan = func(ctx context.Context, r core.ScanRange) (core.RowCursor, error) {
			return spoilScan(ctx, r, scan)
		}
	}
	if begin := p.Begin; begin != nil {
		p.Begin = func(ctx context.Context, use core.Use) (core.Snapshot, error) {
			s, err := begin(ctx, use)
			if err != nil {
				return nil, err
			}
			return &spoilSnapshot{Snapshot: s}, nil
		}
	}
	return p
}

func spoilScan(ctx context.Context, r core.ScanRange,
	scan func(context.Context, core.ScanRange) (core.RowCursor, error),
) (core.RowCursor, error) {
	r.Low, r.High = Lend(r.Low), Lend(r.High)
	c, err := scan(ctx, r)
	Overwrite(r.Low)
	Overwrite(r.High)
	if err != nil {
		return nil, err
	}
	return &spoilCursor{RowCursor: c}, nil
}

func (s *spoilSnapshot) Powers() core.SnapshotPowers {
	p := s.Snapshot.Powers()
	if count := p.Count; count != nil {
		p.Count = func(ctx context.Context, low, high []byte) (rows, bytes int64, err error) {
			low, high = Lend(low), Lend(high)
			defer Overwrite(low)
			defer Overwrite(high)
			return count(ctx, low, high)
		}
	}
	if many := p.GetMany; many != nil {
		p.GetMany = func(ctx context.Context, keys [][]byte, fn func(int, []byte) error) error {
			return spoilMany(ctx, many, keys, fn)
		}
	}
	if fence := p.Fence; fence != nil {
		p.Fence = func(ctx context.Context) ([]byte, error) {
			value, err := fence(ctx)
			value = Lend(value)
			s.mu.Lock()
			defer s.mu.Unlock()
			s.fences = append(s.fences, value)
			return value, err
		}
	}
	return p
}

// spoilMany spoils each value when its call of fn has returned, and the keys at the end.
func spoilMany(
	ctx context.Context, many func(context.Context, [][]byte, func(int, []byte) error) error,
	keys [][]byte, fn func(int, []byte) error,
) error {
	lent := make([][]byte, len(keys))
	for i, key := range keys {
		lent[i] = Lend(key)
		defer Overwrite(lent[i])
	}
	return many(ctx, lent, func(i int, value []byte) error {
		value = Lend(value)
		defer Overwrite(value)
		return fn(i, value)
	})
}

// spoilCursor reuses its buffers, as the cursors of engines do.
type spoilCursor struct {
	core.RowCursor
	key, value []byte
}

func (c *spoilCursor) Next() (key, value []byte, ok bool) {
	Overwrite(c.key)
	Overwrite(c.value)
	key, value, ok = c.RowCursor.Next()
	if !ok {
		return nil, nil, false
	}
	c.key = append(c.key[:0], key...)
	if value == nil {
		return c.key, nil, true
	}
	c.value = append(c.value[:0], value...)
	return c.key, c.value, true
}

func (c *spoilCursor) Seek(key []byte) {
	Overwrite(c.key)
	Overwrite(c.value)
	key = Lend(key)
	c.RowCursor.Seek(key)
	Overwrite(key)
}

func (c *spoilCursor) Close() error {
	Overwrite(c.key)
	Overwrite(c.value)
	return c.RowCursor.Close()
}
