// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
)

// A storage joins the parts that the other files are about: the catalog, which knows the
// tables; the writer, which gives out the turns to write; usage, which knows what is open and
// closes the engine behind the last user; and the engine itself. Its transactions are here, as
// they concern all tables.

// Storage is an open storage: a set of tables in one engine. It is safe for concurrent use.
type Storage struct {
	path      string
	engine    Engine
	limits    Limits
	powers    Powers
	sharing   Sharing
	opts      options
	version   atomic.Uint64 // the application's, as it is stored
	mark      mark          // as it is stored; only the holder of the writer's turn may use it
	recreated atomic.Pointer[Recreation]
	catalog   catalog
	writer    writer
	usage     usage

	closeOnce sync.Once
	closed    chan struct{} // closed when the engine is
	closeErr  error
}

// Recreation tells what was replaced, and where the old one is.
type Recreation struct {
	Reason Recreate // the policy that asked for it
	Path   string   // where the old storage is
	Table  string   // the name that the old table has now; "" if the whole storage was replaced
}

func newStorage(path string, e Engine, o options) *Storage {
	s := &Storage{
		path: path, engine: e, limits: e.Limits(), powers: e.Powers(), opts: o,
		closed: make(chan struct{}),
	}
	s.writer.storage = s
	s.writer.runner.number = storages.Add(1)
	s.writer.open(s.sharing)
	s.catalog.changing = make(changing, 1)
	s.usage.idle = s.closeEngine
	s.usage.slots = make(map[*slot]struct{})
	s.usage.logger = o.logger.With("storage", path)
	if o.tracking {
		s.usage.sites = &callSites{open: make(map[*callSite]struct{})}
	}
	return s
}

// View runs fn in a transaction that reads one snapshot. The Tx, and every view read through it, is
// valid until fn returns. fn's error is returned as it is. In a storage that other processes write
// to, fn may run again, so it must set, not add to, what it leaves outside.
func (s *Storage) View(ctx context.Context, fn func(*Tx) error) error {
	if fn == nil {
		return s.fail("view", "", nil, errNoFunction)
	}
	v, err := s.enter("transaction")
	if err != nil {
		return s.fail("view", "", nil, err)
	}
	defer v.leave()
	for try := 1; ; try++ {
		own, err := s.tryView(ctx, fn)
		if err == nil {
			return own
		}
		if !s.sharing.Shared() || !errors.Is(err, ErrConflict) {
			return s.fail("view", "", nil, err)
		}
		if err := s.again(ctx, try, err, s.catalog.fence.Load()); err != nil {
			return s.fail("view", "", nil, err)
		}
	}
}

// tryView makes one attempt, and returns the error of fn as own.
func (s *Storage) tryView(ctx context.Context, fn func(*Tx) error) (own, err error) {
	tx, err := s.begin(ctx, ToRead)
	if err != nil {
		return nil, err
	}
	defer tx.end()
	own = fn(tx)
	return own, tx.conflict()
}

// Update runs fn in a transaction that reads and writes, and commits it when fn returns nil:
// atomically, durably, and as if no other write had happened between its first read and the commit.
// If fn returns an error or panics, nothing is written, and the error is returned as it is. The Tx,
// and every view read through it, is valid until fn returns.
//
// No other write goes on while fn runs, so fn should be short. It must write through its Tx: a
// write past the Tx on the same goroutine returns ErrNestedWrite. In a storage that other processes
// write to, others do write meanwhile, and fn runs again, until ctx ends, if they have changed what
// it read. So it must set, not add to, what it leaves outside the storage.
func (s *Storage) Update(ctx context.Context, fn func(*Tx) error) error {
	if fn == nil {
		return s.fail("update", "", nil, errNoFunction)
	}
	return s.update(ctx, "update", "", fn)
}

// update is Update on behalf of an operation, which errors name.
func (s *Storage) update(ctx context.Context, op, table string, fn func(*Tx) error) error {
	var failed error // by fn, which is returned as it is
	err := s.exclusively(ctx, func(t *turn) error { return t.update(ctx, fn, &failed) })
	if failed != nil {
		return failed
	}
	return s.fail(op, table, nil, err)
}

// update makes one attempt. Whatever fn made of a conflict, there is another one.
func (t *turn) update(ctx context.Context, fn func(*Tx) error, failed *error) error {
	if err := t.reserve(); err != nil {
		return err
	}
	tx, err := t.storage.begin(ctx, ToUpdate)
	if err != nil {
		return err
	}
	defer tx.end()
	tx.writable = true
	own := t.storage.runClosure(tx, fn)
	if err := tx.conflict(); err != nil {
		return err
	}
	if *failed = own; own != nil {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	writes, err := tx.writes()
	if err != nil {
		return err
	}
	return t.apply(ctx, Batch{Writes: writes, Base: tx.snapshot})
}

// runClosure runs fn so that a nested write is found instead of waiting for itself.
func (s *Storage) runClosure(tx *Tx, fn func(*Tx) error) (err error) {
	s.writer.runner.run(func() { err = fn(tx) })
	return err
}

// exclusively runs fn with a turn to write, as one call that is counted.
func (s *Storage) exclusively(ctx context.Context, fn func(*turn) error) error {
	return s.counted("write", func() error { return s.inTurn(ctx, fn) })
}

// counted runs fn as a call that keeps the engine open.
func (s *Storage) counted(what string, fn func() error) error {
	v, err := s.enter(what)
	if err != nil {
		return err
	}
	defer v.leave()
	return fn()
}

// inTurn runs fn with a turn to write, which is no other's unless the storage is shared. It runs
// fn again, with another turn, if that returns ErrConflict.
func (s *Storage) inTurn(ctx context.Context, fn func(*turn) error) error {
	if s.opts.readOnly {
		return ErrReadOnly
	}
	for try := 1; ; try++ {
		seen, err := s.oneTurn(ctx, fn)
		if !errors.Is(err, ErrConflict) {
			return err
		}
		if !s.sharing.Shared() && (try == conflictTries || ctx.Err() != nil) {
			return err
		}
		if err := s.again(ctx, try, err, seen); err != nil {
			return err
		}
	}
}

// oneTurn is one try of inTurn, with the fence that it knew.
func (s *Storage) oneTurn(ctx context.Context, fn func(*turn) error) (seen *fence, err error) {
	t, err := s.writer.acquire(ctx)
	if err != nil {
		return nil, err
	}
	defer t.release()
	err = fn(t)
	return t.fence, err
}

// Recreated tells whether opening the storage, or a table, replaced an old one, and where that is.
// If there were several, it is the last.
func (s *Storage) Recreated() (Recreation, bool) {
	r := s.recreated.Load()
	if r == nil {
		return Recreation{}, false
	}
	return *r, true
}

// As sets target to the engine's own handle, such as a **bbolt.DB, and reports whether the engine
// has one of that type. It is an escape hatch for reading: writing through it breaks the promises
// of this package, and Compact may replace the handle.
func (s *Storage) As(target any) bool {
	v, err := s.enter("call")
	if err != nil {
		return false
	}
	defer v.leave()
	return s.powers.As != nil && s.powers.As(target)
}

// Close closes the storage. From then on every call returns ErrClosed. If guards, scans or
// transactions are open, Close returns ErrGuardsOpen: they stay valid, and the last one to end
// closes the engine and gives its lock back. Close may be called again to learn whether that
// has happened: it returns ErrGuardsOpen until then and nil after.
func (s *Storage) Close() error { return s.fail("close", "", nil, s.close()) }

// close is Close with an error that does not name the call.
func (s *Storage) close() error {
	s.usage.shut.Store(true)
	// of a closed engine, those that are being turned away
	if n := s.usage.open(); n > 0 && !s.engineClosed() {
		return s.usage.errOpen(n)
	}
	s.closeEngine()
	<-s.closed
	return s.closeErr
}

// closeEngine runs when no user is left; several goroutines may find that at once.
func (s *Storage) closeEngine() {
	s.closeOnce.Do(func() {
		defer close(s.closed) // also if the engine or the logger panics: Close waits for it
		s.closeErr = errClosePanicked
		if s.sharing.Shared() {
			if err := s.leaveOutcomes(); err != nil { // others delete them, later
				s.opts.logger.Warn("rows of this process were not deleted", "storage", s.path,
					"err", err)
			}
		}
		if s.closeErr = s.engine.Close(); s.closeErr != nil {
			s.opts.logger.Error("closing the engine failed", "storage", s.path, "err", s.closeErr)
		}
	})
}

var errClosePanicked = errors.New("the engine panicked when it was closed")

func (s *Storage) engineClosed() bool {
	select {
	case <-s.closed:
		return true
	default:
		return false
	}
}

// fail makes the error of a public method. An error that is one already keeps its more precise
// words.
func (s *Storage) fail(op, table string, key any, err error) error {
	var known *Error
	if err == nil || errors.As(err, &known) {
		return err
	}
	return &Error{Op: op, Path: s.path, Table: table, Key: key, Err: err}
}
