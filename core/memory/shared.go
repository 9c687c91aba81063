// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package memory

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/guardkv/guardkv/core"
)

// What Sharing says of shared storages: as many writers as a program may want to test, and as
// much time as tests may take on a busy machine.
const (
	sharedWriters = 64
	sharedCommit  = 5 * time.Second
)

// sharedEngine is an open storage that others write to as well. It reads as the engine of an
// unshared storage does, because states never change. Writers change the rows one after the
// other, with the storage's mutex.
type sharedEngine struct {
	engine
	mark []byte // that the claim saw, or this engine set last; guarded by storage.mu
}

var _ core.Engine = (*sharedEngine)(nil)

// Snapshot returns the published state.
func (e *sharedEngine) Snapshot(ctx context.Context) (core.Snapshot, error) {
	return e.Begin(ctx, core.ToRead)
}

// Begin returns the published state. One that is to become a Base notes what is read of it.
func (e *sharedEngine) Begin(ctx context.Context, use core.Use) (core.Snapshot, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	state := e.storage.state.Load()
	if use == core.ToUpdate {
		return &notedSnapshot{view: view{state}, storage: e.storage}, nil
	}
	return view{state}, nil
}

// Apply makes the writes visible all at once, unless something that they depend on has changed.
// It always knows the outcome, so it never returns ErrMaybe.
func (e *sharedEngine) Apply(ctx context.Context, b core.Batch) error {
	if err := e.writable(ctx); err != nil {
		return err
	}
	s := e.storage
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.removed {
		return fmt.Errorf("%w: somebody else removed the storage", core.ErrClosed)
	}
	if err := s.holds(b.Conditions); err != nil {
		return err
	}
	if err := s.unread(b.Base); err != nil {
		return err
	}
	if s.apply(b) {
		s.publish()
	}
	return nil
}

// holds returns ErrConflict unless all conditions hold. The caller has the mutex.
func (s *storage) holds(conditions []core.Condition) error {
	for _, c := range conditions {
		value, found := s.rows.Get(c.Key)
		if found != (c.Value != nil) || !bytes.Equal(value, c.Value) {
			return fmt.Errorf("%w: the row at key %.60q is not what a condition demands",
				core.ErrConflict, c.Key)
		}
	}
	return nil
}

var errForeignBase = errors.New("the batch is not based on a snapshot of this storage, or that " +
	"of a decorator that does not unwrap it")

// unread returns ErrConflict if something that was read through base has changed. The caller
// has the mutex. If base does not note its reads, any change counts.
func (s *storage) unread(base core.Snapshot) error {
	switch base := base.(type) {
	case nil:
		return nil
	case view:
		if base.snapshot == s.state.Load() {
			return nil
		}
		return fmt.Errorf("%w: the storage has changed since", core.ErrConflict)
	case *notedSnapshot:
		if base.storage == s {
			return base.unchanged(s.state.Load())
		}
	}
	return errForeignBase
}

// SetMark replaces the mark, unless somebody else has done so.
func (e *sharedEngine) SetMark(ctx context.Context, mark []byte) error {
	if err := e.writable(ctx); err != nil {
		return err
	}
	s := e.storage
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.removed {
		return fmt.Errorf("%w: somebody else removed the storage", core.ErrClosed)
	}
	if !bytes.Equal(s.mark, e.mark) {
		return fmt.Errorf("%w: somebody else changed the mark", core.ErrConflict)
	}
	s.mark = bytes.Clone(mark)
	e.mark = s.mark
	return nil
}

// Powers are those of the engine of an unshared storage, and Begin.
func (e *sharedEngine) Powers() core.Powers {
	p := e.engine.Powers()
	p.Begin = e.Begin
	return p
}

// Close does nothing: there is no lock to give back.
func (e *sharedEngine) Close() error { return nil }

// view is a state of a shared storage.
type view struct{ *snapshot }

// Powers returns Fence and GetMany, as those of a server would be.
func (v view) Powers() core.SnapshotPowers {
	return core.SnapshotPowers{Fence: v.fence, GetMany: v.getMany}
}

func (v view) fence(ctx context.Context) ([]byte, error) {
	value, _, err := v.Get(ctx, []byte(core.FenceKey))
	if errors.Is(err, core.ErrNotFound) {
		return nil, nil
	}
	return value, err
}

func (v view) getMany(ctx context.Context, keys [][]byte, fn func(int, []byte) error) error {
	for i, key := range keys {
		if err := ctx.Err(); err != nil {
			return err
		}
		if value, found := v.rows.Get(key); found {
			if err := fn(i, value); err != nil {
				return err
			}
		}
	}
	return nil
}
