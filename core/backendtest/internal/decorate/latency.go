// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package decorate

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/guardkv/guardkv/core"
)

// Delays is the backend that [Latency] returns. See backendtest.Delays.
type Delays struct {
	core.Backend
	perTrip time.Duration
	trips   atomic.Int64
}

// Latency returns a backend that behaves like b on the far end of a network. backendtest.Latency
// explains what a trip is.
func Latency(b core.Backend, perTrip time.Duration) *Delays {
	return &Delays{Backend: b, perTrip: perTrip}
}

// TripRows is how many rows of a cursor one trip of [Latency] brings.
const TripRows = 256

// Trips returns how many trips there were.
func (d *Delays) Trips() int { return int(d.trips.Load()) }

// trip waits for one trip.
func (d *Delays) trip(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	d.trips.Add(1)
	if d.perTrip <= 0 {
		return nil
	}
	timer := time.NewTimer(d.perTrip)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// sure is trip for calls without a context.
func (d *Delays) sure() { d.trip(context.Background()) }

// Claim implements [core.Backend].
func (d *Delays) Claim(ctx context.Context, path string, readOnly bool) (core.Claim, error) {
	if err := d.trip(ctx); err != nil {
		return nil, err
	}
	c, err := d.Backend.Claim(ctx, path, readOnly)
	if err != nil {
		return nil, err
	}
	return delayClaim{c, d}, nil
}

// List implements [core.Backend].
func (d *Delays) List(ctx context.Context, prefix string) ([]string, error) {
	if err := d.trip(ctx); err != nil {
		return nil, err
	}
	return d.Backend.List(ctx, prefix)
}

type delayClaim struct {
	core.Claim
	d *Delays
}

func (c delayClaim) Mark() ([]byte, error) {
	c.d.sure()
	return c.Claim.Mark()
}

func (c delayClaim) Rename(to string) error {
	c.d.sure()
	return c.Claim.Rename(to)
}

func (c delayClaim) Remove() error {
	c.d.sure()
	return c.Claim.Remove()
}

func (c delayClaim) Open(ctx context.Context, opts core.EngineOptions) (core.Engine, error) {
	if err := c.d.trip(ctx); err != nil {
		return nil, err
	}
	e, err := c.Claim.Open(ctx, opts)
	if err != nil {
		return nil, err
	}
	return delayEngine{e, c.d}, nil
}

type delayEngine struct {
	core.Engine
	d *Delays
}

func (e delayEngine) Get(ctx context.Context, key []byte) ([]byte, core.Releaser, error) {
	if err := e.d.trip(ctx); err != nil {
		return nil, nil, err
	}
	return e.Engine.Get(ctx, key)
}

func (e delayEngine) Snapshot(ctx context.Context) (core.Snapshot, error) {
	s, err := e.Engine.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	return &delaySnapshot{Snapshot: s, d: e.d}, nil
}

func (e delayEngine) Apply(ctx context.Context, b core.Batch) error {
	if err := e.d.trip(ctx); err != nil {
		return err
	}
	return e.Engine.Apply(ctx, b.Unwrapped())
}

func (e delayEngine) SetMark(ctx context.Context, mark []byte) error {
	if err := e.d.trip(ctx); err != nil {
		return err
	}
	return e.Engine.SetMark(ctx, mark)
}

func (e delayEngine) Close() error {
	e.d.sure()
	return e.Engine.Close()
}

func (e delayEngine) Powers() core.Powers {
	p := e.Engine.Powers()
	p.Compact, p.Check, p.Sync = e.d.slow(p.Compact), e.d.slow(p.Check), e.d.slow(p.Sync)
	if scan := p.Scan; scan != nil {
		p.Scan = func(ctx context.Context, r core.ScanRange) (core.RowCursor, error) {
			c, err := scan(ctx, r)
			if err != nil {
				return nil, err
			}
			return e.d.cursor(ctx, c, r, new(atomic.Bool)), nil
		}
	}
	if begin := p.Begin; begin != nil {
		p.Begin = func(ctx context.Context, use core.Use) (core.Snapshot, error) {
			s, err := begin(ctx, use)
			if err != nil {
				return nil, err
			}
			return &delaySnapshot{Snapshot: s, d: e.d}, nil
		}
	}
	if size := p.Size; size != nil {
		p.Size = func() (int64, error) {
			e.d.sure()
			return size()
		}
	}
	return p
}

// slow returns the power with a trip before it, or nil if the power is lacking.
func (d *Delays) slow(power func(context.Context) error) func(context.Context) error {
	if power == nil {
		return nil
	}
	return func(ctx context.Context) error {
		if err := d.trip(ctx); err != nil {
			return err
		}
		return power(ctx)
	}
}

type delaySnapshot struct {
	core.Snapshot
	d     *Delays
	asked atomic.Bool // a trip was made, and brought the fence along
}

// trip waits for one trip.
func (s *delaySnapshot) trip(ctx context.Context) error {
	if err := s.d.trip(ctx); err != nil {
		return err
	}
	s.asked.Store(true)
	return nil
}

// Unwrap returns the snapshot of the engine inside: see [core.Batch.Unwrapped].
func (s *delaySnapshot) Unwrap() core.Snapshot { return s.Snapshot }

func (s *delaySnapshot) Get(ctx context.Context, key []byte) ([]byte, core.Releaser, error) {
	if err := s.trip(ctx); err != nil {
		return nil, nil, err
	}
	return s.Snapshot.Get(ctx, key)
}

func (s *delaySnapshot) Scan(ctx context.Context, r core.ScanRange) (core.RowCursor, error) {
	c, err := s.Snapshot.Scan(ctx, r)
	if err != nil {
		return nil, err
	}
	return s.d.cursor(ctx, c, r, &s.asked), nil
}

func (s *delaySnapshot) Powers() core.SnapshotPowers {
	p := s.Snapshot.Powers()
	if count := p.Count; count != nil {
		p.Count = func(ctx context.Context, low, high []byte) (rows, bytes int64, err error) {
			if err := s.trip(ctx); err != nil {
				return 0, 0, err
			}
			return count(ctx, low, high)
		}
	}
	many := p.GetMany
	if many == nil {
		many = s.getEach
	}
	p.GetMany = func(ctx context.Context, keys [][]byte, fn func(int, []byte) error) error {
		if err := s.trip(ctx); err != nil {
			return err
		}
		return many(ctx, keys, fn)
	}
	if fence := p.Fence; fence != nil {
		p.Fence = func(ctx context.Context) ([]byte, error) {
			if !s.asked.Load() {
				if err := s.trip(ctx); err != nil {
					return nil, err
				}
			}
			return fence(ctx)
		}
	}
	return p
}

// getEach is GetMany on the far end of the network, where asking for one key after the other costs
// little.
func (s *delaySnapshot) getEach(
	ctx context.Context, keys [][]byte, fn func(int, []byte) error,
) error {
	for i, key := range keys {
		if err := s.getOne(ctx, key, func(value []byte) error { return fn(i, value) }); err != nil {
			return err
		}
	}
	return nil
}

func (s *delaySnapshot) getOne(ctx context.Context, key []byte, fn func(value []byte) error) error {
	value, r, err := s.Snapshot.Get(ctx, key)
	if errors.Is(err, core.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if r != nil {
		defer r.Release()
	}
	return fn(value)
}

// delayCursor counts the rows that the last trip has brought.
type delayCursor struct {
	core.RowCursor
	ctx  context.Context
	d    *Delays
	page int // rows that a trip brings
	left int // rows that are here
	err  error

	asked *atomic.Bool // of the snapshot: a trip was made
	end   bool         // there is nothing to ask for
}

// cursor returns c on the far end. No trip brings more rows than the reader will take.
func (d *Delays) cursor(
	ctx context.Context, c core.RowCursor, r core.ScanRange, asked *atomic.Bool,
) core.RowCursor {
	page := TripRows
	if r.Limit > 0 {
		page = min(page, r.Limit)
	}
	return &delayCursor{RowCursor: c, ctx: ctx, d: d, page: page, asked: asked}
}

func (c *delayCursor) Next() (key, value []byte, ok bool) {
	if c.left == 0 && !c.end && c.err == nil {
		if c.err, c.left = c.d.trip(c.ctx), c.page; c.err == nil {
			c.asked.Store(true)
		}
	}
	if c.err != nil {
		return nil, nil, false
	}
	c.left--
	key, value, ok = c.RowCursor.Next()
	if !ok { // the last trip brought fewer rows than it could, so there are no more
		c.left, c.end = 0, true
	}
	return key, value, ok
}

func (c *delayCursor) Seek(key []byte) {
	c.left, c.end = 0, false
	c.RowCursor.Seek(key)
}

func (c *delayCursor) Err() error {
	if c.err != nil {
		return c.err
	}
	return c.RowCursor.Err()
}
