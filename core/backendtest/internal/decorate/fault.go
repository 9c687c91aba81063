// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package decorate

import (
	"context"
	"sync"

	"github.com/guardkv/guardkv/core"
)

// Op is a call that [Faults] can make fail.
type Op string

// The calls that can fail.
const (
	OpClaim       Op = "claim"
	OpMark        Op = "mark"
	OpRename      Op = "rename"
	OpOpen        Op = "open"
	OpGet         Op = "get"
	OpSnapshot    Op = "snapshot"
	OpSnapshotGet Op = "snapshot get"
	OpScan        Op = "scan"
	OpNext        Op = "next"
	OpApply       Op = "apply"
	OpSetMark     Op = "set mark"
	OpCompact     Op = "compact"
	OpSync        Op = "sync"
	OpClose       Op = "close"
)

// Failure says which call fails, and how. The fields are explained at backendtest.Failure.
type Failure struct {
	Op    Op
	N     int
	Err   error
	Do    func()
	After bool
	Later func(apply func() error)
}

// Faults is the backend that [Fault] returns. See backendtest.Faults.
type Faults struct {
	core.Backend
	mu   sync.Mutex
	plan []*Failure
}

// Fault returns a backend that behaves like b, except for the given failures. See
// backendtest.Fault.
func Fault(b core.Backend, failures ...Failure) *Faults {
	f := &Faults{Backend: b}
	for _, x := range failures {
		f.Fail(x)
	}
	return f
}

// Fail adds a failure. See backendtest.Faults.
func (f *Faults) Fail(x Failure) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.plan = append(f.plan, &x)
}

// Heal forgets all failures.
func (f *Faults) Heal() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.plan = nil
}

// due counts a call of op and returns the failure whose turn it is, or nil.
func (f *Faults) due(op Op) *Failure {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, x := range f.plan {
		if x.Op != op {
			continue
		}
		if x.N == 0 {
			return x
		}
		if x.N--; x.N == 0 {
			f.plan = append(f.plan[:i:i], f.plan[i+1:]...)
			return x
		}
	}
	return nil
}

// call makes a call of op, unless it is the call's turn to fail.
func (f *Faults) call(op Op, run func() error) error { return f.due(op).call(run) }

// call makes a call, or lets it fail; x is nil if it is not the call's turn.
func (x *Failure) call(run func() error) error {
	if x == nil {
		return run()
	}
	if x.Do != nil {
		x.Do()
	}
	if x.Err == nil {
		return run()
	}
	if x.After {
		if err := run(); err != nil {
			return err
		}
	}
	return x.Err
}

// fail is call for operations that cannot fail after they took effect, because their result
// would have to be closed.
func (f *Faults) fail(op Op) error {
	x := f.due(op)
	if x == nil {
		return nil
	}
	if x.Do != nil {
		x.Do()
	}
	return x.Err
}

// Claim implements [core.Backend].
func (f *Faults) Claim(ctx context.Context, path string, readOnly bool) (core.Claim, error) {
	if err := f.fail(OpClaim); err != nil {
		return nil, err
	}
	c, err := f.Backend.Claim(ctx, path, readOnly)
	if err != nil {
		return nil, err
	}
	return faultClaim{c, f}, nil
}

type faultClaim struct {
	core.Claim
	f *Faults
}

func (c faultClaim) Mark() ([]byte, error) {
	if err := c.f.fail(OpMark); err != nil {
		return nil, err
	}
	return c.Claim.Mark()
}

func (c faultClaim) Rename(to string) error {
	if err := c.f.fail(OpRename); err != nil {
		return err
	}
	return c.Claim.Rename(to)
}

func (c faultClaim) Open(ctx context.Context, opts core.EngineOptions) (core.Engine, error) {
	if err := c.f.fail(OpOpen); err != nil {
		return nil, err
	}
	e, err := c.Claim.Open(ctx, opts)
	if err != nil {
		return nil, err
	}
	return faultEngine{e, c.f, new(latecomers)}, nil
}

type faultEngine struct {
	core.Engine
	f    *Faults
	late *latecomers
}

func (e faultEngine) Get(ctx context.Context, key []byte) ([]byte, core.Releaser, error) {
	if err := e.f.fail(OpGet); err != nil {
		return nil, nil, err
	}
	return e.Engine.Get(ctx, key)
}

func (e faultEngine) Snapshot(ctx context.Context) (core.Snapshot, error) {
	if err := e.f.fail(OpSnapshot); err != nil {
		return nil, err
	}
	s, err := e.Engine.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	return &faultSnapshot{Snapshot: s, f: e.f}, nil
}

func (e faultEngine) Apply(ctx context.Context, b core.Batch) error {
	x := e.f.due(OpApply)
	if x != nil && x.Err != nil && x.Later != nil {
		x.Later(e.late.keep(ctx, e.Engine, b))
	}
	return x.call(func() error { return e.Engine.Apply(ctx, b.Unwrapped()) })
}

func (e faultEngine) SetMark(ctx context.Context, mark []byte) error {
	return e.f.call(OpSetMark, func() error { return e.Engine.SetMark(ctx, mark) })
}

// Close closes the engine in any case, so that its lock does not outlive the test.
func (e faultEngine) Close() error {
	e.late.end()
	failure := e.f.fail(OpClose)
	if err := e.Engine.Close(); err != nil {
		return err
	}
	return failure
}

func (e faultEngine) Powers() core.Powers {
	p := e.Engine.Powers()
	if compact := p.Compact; compact != nil {
		p.Compact = func(ctx context.Context) error {
			return e.f.call(OpCompact, func() error { return compact(ctx) })
		}
	}
	if sync := p.Sync; sync != nil {
		p.Sync = func(ctx context.Context) error {
			return e.f.call(OpSync, func() error { return sync(ctx) })
		}
	}
	if scan := p.Scan; scan != nil {
		p.Scan = func(ctx context.Context, r core.ScanRange) (core.RowCursor, error) {
			if err := e.f.fail(OpSnapshot); err != nil { // the scan makes one inside
				return nil, err
			}
			return e.f.scan(ctx, r, scan)
		}
	}
	if begin := p.Begin; begin != nil {
		p.Begin = func(ctx context.Context, use core.Use) (core.Snapshot, error) {
			if err := e.f.fail(OpSnapshot); err != nil {
				return nil, err
			}
			s, err := begin(ctx, use)
			if err != nil {
				return nil, err
			}
			return &faultSnapshot{Snapshot: s, f: e.f}, nil
		}
	}
	return p
}

type faultSnapshot struct {
	core.Snapshot
	f       *Faults
	lasting lasting
}

// Close closes the snapshot, unless a batch that is to take effect later is based on it.
func (s *faultSnapshot) Close() error { return s.lasting.leave(s.Snapshot.Close) }

// Unwrap returns the snapshot of the engine inside: see [core.Batch.Unwrapped].
func (s *faultSnapshot) Unwrap() core.Snapshot { return s.Snapshot }

func (s *faultSnapshot) Get(ctx context.Context, key []byte) ([]byte, core.Releaser, error) {
	if err := s.f.fail(OpSnapshotGet); err != nil {
		return nil, nil, err
	}
	return s.Snapshot.Get(ctx, key)
}

// Powers makes a GetMany fail as a Get does.
func (s *faultSnapshot) Powers() core.SnapshotPowers {
	p := s.Snapshot.Powers()
	if many := p.GetMany; many != nil {
		p.GetMany = func(ctx context.Context, keys [][]byte, fn func(int, []byte) error) error {
			if err := s.f.fail(OpSnapshotGet); err != nil {
				return err
			}
			return many(ctx, keys, fn)
		}
	}
	return p
}

func (s *faultSnapshot) Scan(ctx context.Context, r core.ScanRange) (core.RowCursor, error) {
	return s.f.scan(ctx, r, s.Snapshot.Scan)
}

// scan makes a cursor that fails as OpNext says, unless making it fails.
func (f *Faults) scan(ctx context.Context, r core.ScanRange,
	scan func(context.Context, core.ScanRange) (core.RowCursor, error),
) (core.RowCursor, error) {
	if err := f.fail(OpScan); err != nil {
		return nil, err
	}
	c, err := scan(ctx, r)
	if err != nil {
		return nil, err
	}
	return &faultCursor{RowCursor: c, f: f}, nil
}

type faultCursor struct {
	core.RowCursor
	f   *Faults
	err error
}

func (c *faultCursor) Next() (key, value []byte, ok bool) {
	if c.err == nil {
		c.err = c.f.fail(OpNext)
	}
	if c.err != nil {
		return nil, nil, false
	}
	return c.RowCursor.Next()
}

func (c *faultCursor) Err() error {
	if c.err != nil {
		return c.err
	}
	return c.RowCursor.Err()
}
