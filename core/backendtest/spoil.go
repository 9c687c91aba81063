// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package backendtest

import (
	"context"

	"github.com/guardkv/guardkv/core"
)

// Spoil returns a backend that behaves like b and makes every use of bytes outside their validity show. All bytes
// that b returns are handed out as private copies, which are overwritten when they end to be valid: at Release, at
// Close, at the next call of Next or Seek. All bytes that are passed to b are private copies, which are overwritten when
// the call returns. A program that keeps the view of a closed guard works by chance on most engines; behind Spoil its
// test fails.
func Spoil(b core.Backend) core.Backend { return spoiler{b} }

// spoilt is what bytes are overwritten with.
const spoilt = 0xCC

// slack is room behind a copy that is spoilt from the start, for those who look beyond a slice's length.
const slack = 8

// lend returns a private copy of b, nil for nil.
func lend(b []byte) []byte {
	if b == nil {
		return nil
	}
	c := make([]byte, len(b)+slack)
	spoil(c)
	copy(c, b)
	return c[:len(b)]
}

// spoil overwrites b up to its capacity.
func spoil(b []byte) {
	b = b[:cap(b)]
	for i := range b {
		b[i] = spoilt
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
	opts.Mark = lend(opts.Mark)
	e, err := c.Claim.Open(ctx, opts)
	spoil(opts.Mark)
	if err != nil {
		return nil, err
	}
	return &spoilEngine{Engine: e}, nil
}

type spoilEngine struct {
	core.Engine
}

func (e *spoilEngine) Get(ctx context.Context, key []byte) ([]byte, core.Releaser, error) {
	key = lend(key)
	v, r, err := e.Engine.Get(ctx, key)
	spoil(key)
	if err != nil {
		return nil, nil, err
	}
	v = lend(v)
	return v, &spoilReleaser{r, v}, nil
}

// spoilReleaser spoils what was lent before it is given back; what is inside is nil if there is nothing to release.
type spoilReleaser struct {
	inside core.Releaser
	value  []byte
}

func (r *spoilReleaser) Release() {
	spoil(r.value)
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
		w.Key, w.Value, w.End = lend(w.Key), lend(w.Value), lend(w.End)
		lent[i] = w
	}
	b.Writes = lent
	err := e.Engine.Apply(ctx, b.Unwrapped())
	for i, w := range lent {
		spoil(w.Key)
		spoil(w.Value)
		spoil(w.End)
		lent[i] = core.Write{}
	}
	return err
}

func (e *spoilEngine) SetMark(ctx context.Context, mark []byte) error {
	mark = lend(mark)
	defer spoil(mark)
	return e.Engine.SetMark(ctx, mark)
}

type spoilSnapshot struct{ core.Snapshot }

func (s *spoilSnapshot) Unwrap() core.Snapshot { return s.Snapshot }

func (s *spoilSnapshot) Get(ctx context.Context, key []byte) ([]byte, core.Releaser, error) {
	key = lend(key)
	v, r, err := s.Snapshot.Get(ctx, key)
	spoil(key)
	if err != nil {
		return nil, nil, err
	}
	v = lend(v)
	return v, &spoilReleaser{r, v}, nil
}

func (s *spoilSnapshot) Scan(ctx context.Context, r core.ScanRange) (core.RowCursor, error) {
	return spoilScan(ctx, r, s.Snapshot.Scan)
}

// Powers spoils the rows of a scan without a snapshot too.
func (e *spoilEngine) Powers() core.Powers {
	p := e.Engine.Powers()
	if scan := p.Scan; scan != nil {
		p.Scan = func(ctx context.Context, r core.ScanRange) (core.RowCursor, error) { return spoilScan(ctx, r, scan) }
	}
	return p
}

func spoilScan(ctx context.Context, r core.ScanRange,
	scan func(context.Context, core.ScanRange) (core.RowCursor, error),
) (core.RowCursor, error) {
	r.Low, r.High = lend(r.Low), lend(r.High)
	c, err := scan(ctx, r)
	spoil(r.Low)
	spoil(r.High)
	if err != nil {
		return nil, err
	}
	return &spoilCursor{RowCursor: c}, nil
}

func (s *spoilSnapshot) Powers() core.SnapshotPowers {
	p := s.Snapshot.Powers()
	if count := p.Count; count != nil {
		p.Count = func(ctx context.Context, low, high []byte) (rows, bytes int64, err error) {
			low, high = lend(low), lend(high)
			defer spoil(low)
			defer spoil(high)
			return count(ctx, low, high)
		}
	}
	if many := p.GetMany; many != nil {
		p.GetMany = func(ctx context.Context, keys [][]byte, fn func(int, []byte) error) error {
			return spoilMany(ctx, many, keys, fn)
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
		lent[i] = lend(key)
		defer spoil(lent[i])
	}
	return many(ctx, lent, func(i int, value []byte) error {
		value = lend(value)
		defer spoil(value)
		return fn(i, value)
	})
}

// spoilCursor reuses its buffers, as the cursors of engines do.
type spoilCursor struct {
	core.RowCursor
	key, value []byte
}

func (c *spoilCursor) Next() (key, value []byte, ok bool) {
	spoil(c.key)
	spoil(c.value)
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
	spoil(c.key)
	spoil(c.value)
	key = lend(key)
	c.RowCursor.Seek(key)
	spoil(key)
}

func (c *spoilCursor) Close() error {
	spoil(c.key)
	spoil(c.value)
	return c.RowCursor.Close()
}
