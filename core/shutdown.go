// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core

import (
	"context"
	"errors"
)

// Shutdown closes the storage without haste, as the method of http.Server does: it refuses new work at once, waits until
// every guard, scan, cursor, snapshot, transaction and write that is open has ended, and returns when the engine is
// closed. If ctx ends first it returns ctx's error joined with ErrGuardsOpen; the storage stays shut then, and the last
// one to end closes it, as after Close. Whoever calls it must not hold a guard or the like: Shutdown would wait for
// the caller.
func (s *Storage) Shutdown(ctx context.Context) error {
	if ctx == nil {
		return s.fail("shutdown", "", nil, errNoContext)
	}
	open := s.Close()
	if !errors.Is(open, ErrGuardsOpen) {
		return open
	}
	select {
	case <-s.closed:
		return s.Close() // nil, or how closing the engine failed
	case <-ctx.Done():
		return s.fail("shutdown", "", nil, errors.Join(ctx.Err(), s.Close()))
	}
}

// Sync makes durable what was written: with WithoutSync it is the call after which a crash of the machine costs nothing
// that was written before. Without that option every write is durable when it returns, and Sync has nothing to do.
// Memory is never durable. If Sync fails, the storage takes no more writes until it is reopened, because what is on the
// medium is not known. An engine that cannot do it returns an error that wraps errors.ErrUnsupported.
func (s *Storage) Sync(ctx context.Context) error {
	err := s.exclusively(ctx, func() error {
		switch {
		case !s.opts.noSync:
			return nil
		case s.powers.Sync == nil:
			return errNoSync
		}
		err := s.powers.Sync(ctx)
		if err != nil && !errors.Is(err, ctx.Err()) && !nothingWritten(err) {
			s.writer.failed = err
		}
		return err
	})
	return s.fail("sync", "", nil, err)
}

var errNoSync = &wrapped{errors.ErrUnsupported, "the engine cannot be told to make writes durable; " +
	"open the storage without WithoutSync"}

// Path returns the path as it was given to Open or Restore.
func (s *Storage) Path() string { return s.path }

// Version returns the application's version that the storage has now: what WithVersion asked for or, with
// WithAnyVersion, what was found.
func (s *Storage) Version() uint64 { return s.version.Load() }

// Size returns how many bytes the storage takes on its medium. An engine that cannot tell returns an error that wraps
// errors.ErrUnsupported.
func (s *Storage) Size(ctx context.Context) (int64, error) {
	if err := live(ctx); err != nil {
		return 0, s.fail("size", "", nil, err)
	}
	shard, at, err := s.enter("call")
	if err != nil {
		return 0, s.fail("size", "", nil, err)
	}
	defer s.leave(shard, at)
	if s.powers.Size == nil {
		return 0, s.fail("size", "", nil, errNoSize)
	}
	n, err := s.powers.Size()
	return n, s.fail("size", "", nil, err)
}

var errNoSize = &wrapped{errors.ErrUnsupported, "the engine cannot tell how much room it takes"}
