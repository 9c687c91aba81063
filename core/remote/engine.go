// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/guardkv/guardkv/core"
)

// engine is an open storage on a server.
type engine struct {
	driver Driver
	opts   Options
	slots  chan struct{} // one for each snapshot that may be open; nil if any number may
}

var _ core.Engine = (*engine)(nil)

// New returns the engine of a shared storage that the driver reads and writes.
func New(d Driver, o Options) core.Engine {
	e := &engine{driver: d, opts: o}
	if o.Snapshots > 0 {
		e.slots = make(chan struct{}, o.Snapshots)
	}
	return e
}

// Get is one trip. The bytes belong to the caller alone.
func (e *engine) Get(ctx context.Context, key []byte) ([]byte, core.Releaser, error) {
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	state := e.driver.Begin(core.ToReadOnce)
	defer state.Close() // an error does not matter: the row was read
	rows, err := state.GetMany(ctx, [][]byte{key})
	if err != nil {
		return nil, nil, failed(ctx, err)
	}
	if len(rows) == 0 {
		return nil, nil, core.ErrNotFound
	}
	return rows[0].Value, owned{}, nil
}

// owned is the Releaser of bytes that belong to their reader.
type owned struct{}

func (owned) Release()   {}
func (owned) Keep() bool { return true }

// Snapshot asks for the fence, because its state must be the present one, and not the one at
// its first read. It may become a Base, for all that is known.
func (e *engine) Snapshot(ctx context.Context) (core.Snapshot, error) {
	s := e.begin(core.ToUpdate)
	if _, err := s.fenced(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Begin makes no trip: the state is the one that the first read sees.
func (e *engine) Begin(ctx context.Context, use core.Use) (core.Snapshot, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return e.begin(use), nil
}

func (e *engine) begin(use core.Use) *snapshot {
	s := &snapshot{engine: e, state: e.driver.Begin(use), use: use, turn: make(chan struct{}, 1)}
	if use == core.ToUpdate {
		s.notes.most = e.opts.Notes
	}
	return s
}

// Apply is one trip.
func (e *engine) Apply(ctx context.Context, b core.Batch) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := e.opts.Limits.Check(b.Writes); err != nil {
		return err
	}
	c := Commit{Writes: b.Writes, Met: b.Met, Conditions: b.Conditions}
	if b.Base != nil {
		if err := c.setBase(b.Base); err != nil {
			return err
		}
	}
	return outcome(e.driver.Commit(ctx, c))
}

// setBase adds what the writes depend on.
func (c *Commit) setBase(base core.Snapshot) error {
	s, ok := base.(*snapshot)
	switch {
	case !ok:
		return fmt.Errorf("the base is a %T, which is no snapshot of this engine: nothing was "+
			"written; a decorator passes Batch.Unwrapped on", base)
	case s.use != core.ToUpdate:
		return errors.New("the base was not begun with ToUpdate, so what was read through it " +
			"was not noted: nothing was written")
	case s.spent.Swap(true):
		return fmt.Errorf("%w: the base was that of another Apply", core.ErrConflict)
	}
	c.Base = s.state
	c.Reads, c.Ranges = s.notes.taken()
	return nil
}

// SetMark is one trip.
func (e *engine) SetMark(ctx context.Context, mark []byte) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return outcome(e.driver.SetMark(ctx, mark))
}

// Limits returns those of the driver.
func (e *engine) Limits() core.Limits { return e.opts.Limits }

// Powers returns those of the driver, and Begin.
func (e *engine) Powers() core.Powers {
	p := e.opts.Powers
	p.Begin, p.Scan = e.Begin, nil // a scan has a snapshot, which knows the fence
	return p
}

// Close closes the driver.
func (e *engine) Close() error { return e.driver.Close() }

// outcomes are the errors that tell the outcome of a write.
var outcomes = []error{
	core.ErrConflict, core.ErrMaybe, core.ErrUnavailable, core.ErrSnapshotExpired,
	core.ErrTooLarge, core.ErrNoRoom, core.ErrReadOnly, core.ErrClosed,
}

// outcome returns the error of a write. If it does not tell the outcome, it is made to say that
// the outcome is unknown.
func outcome(err error) error {
	if err == nil {
		return nil
	}
	for _, known := range outcomes {
		if errors.Is(err, known) {
			return err
		}
	}
	return fmt.Errorf("%w: %w", core.ErrMaybe, err)
}

// failed returns the error of a read. It adds the context's error if the context has ended,
// because many clients return an error of their own then.
func failed(ctx context.Context, err error) error {
	ended := ctx.Err()
	if err == nil || ended == nil || errors.Is(err, ended) {
		return err
	}
	return fmt.Errorf("%w: %w", ended, err)
}

// slotWait is how long a snapshot waits for others to be closed.
const slotWait = time.Second

// takeSlot waits until one more snapshot may be open.
func (e *engine) takeSlot(ctx context.Context) error {
	timeout := time.NewTimer(slotWait)
	defer timeout.Stop()
	select {
	case e.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-timeout.C:
		return fmt.Errorf("%w: %d scans, snapshots and read transactions are open, and the "+
			"backend allows no more at once; close some, begin none inside another, or raise "+
			"the number", core.ErrUnavailable, cap(e.slots))
	}
}
