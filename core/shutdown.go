// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core

import (
	"context"
	"errors"
	"fmt"
)

// Close returns at once and leaves it to the last guard or scan to close the engine. Shutdown
// is for servers: it waits for that.

// Shutdown closes the storage without haste, as the method of http.Server does: it refuses new work
// at once, waits until every guard, scan, cursor, snapshot, transaction and write that is open has
// ended, and returns when the engine is closed. If ctx ends first the error is both ctx's and
// ErrGuardsOpen; the storage stays shut then, and the last one to end closes it, as after Close.
// Shutdown may be called again, and by several goroutines. Its caller must not hold a guard or
// anything else of these: Shutdown would wait for the caller.
func (s *Storage) Shutdown(ctx context.Context) error {
	if ctx == nil {
		return s.fail("shutdown", "", nil, errNoContext)
	}
	if err := s.close(); !errors.Is(err, ErrGuardsOpen) {
		return s.fail("shutdown", "", nil, err)
	}
	var ended error
	select {
	case <-s.closed:
	case <-ctx.Done():
		ended = ctx.Err()
	}
	err := s.close() // nil, or how closing the engine failed, or what is open
	if errors.Is(err, ErrGuardsOpen) {
		err = fmt.Errorf("%w: %w", ended, err)
	}
	return s.fail("shutdown", "", nil, err)
}

// Sync makes durable what was written: with WithoutSync it is the call after which a crash of the
// machine costs nothing that was written before. Without that option every write is durable when it
// returns, and Sync has nothing to do. Memory is never durable.
//
// Sync takes the turn to write: it waits for other writes, returns ErrNestedWrite inside an Update
// or Modify, and ErrReadOnly if the storage is open for reading. If it fails for another reason
// than the end of ctx, the storage takes no more writes until it is reopened, because what is on
// the medium is not known. An engine that cannot do it returns an error that wraps
// [errors.ErrUnsupported].
func (s *Storage) Sync(ctx context.Context) error {
	err := s.exclusively(ctx, func(*turn) error {
		switch {
		case !s.opts.noSync:
			return nil
		case s.powers.Sync == nil:
			return errNoSync
		}
		return s.writer.sync(ctx, s.powers.Sync)
	})
	return s.fail("sync", "", nil, err)
}

// sync lets the engine make durable what was written. The caller has the turn.
func (w *writer) sync(ctx context.Context, fn func(context.Context) error) error {
	if w.storage.sharing.Shared() { // nothing stops its writers
		return fn(ctx)
	}
	w.failed = errSyncPanicked // unless fn returns
	err := fn(ctx)
	w.failed = nil
	if err != nil && !errors.Is(err, ctx.Err()) && !goesOn(err) {
		w.failed = err
	}
	return err
}

var errSyncPanicked = errors.New("the engine panicked in Sync; it is unknown what is on the medium")

var errNoSync = &wrapped{
	errors.ErrUnsupported,
	"the engine cannot be told to make writes durable; open the storage without WithoutSync",
}

// Path returns the path as it was given to Open or Restore.
func (s *Storage) Path() string { return s.path }

// Version returns the application's version that the storage has now: what WithVersion asked for
// or, with WithAnyVersion, what was found. While a migration runs that is the old one.
func (s *Storage) Version() uint64 { return s.version.Load() }

// Size returns how many bytes the storage takes on its medium, free space inside its files
// included. An engine that cannot tell returns an error that wraps [errors.ErrUnsupported].
func (s *Storage) Size(ctx context.Context) (int64, error) {
	if err := live(ctx); err != nil {
		return 0, s.fail("size", "", nil, err)
	}
	v, err := s.enter("call")
	if err != nil {
		return 0, s.fail("size", "", nil, err)
	}
	defer v.leave()
	if s.powers.Size == nil {
		return 0, s.fail("size", "", nil, errNoSize)
	}
	n, err := s.powers.Size()
	return n, s.fail("size", "", nil, err)
}

var errNoSize = &wrapped{errors.ErrUnsupported, "the engine cannot tell how much room it takes"}
