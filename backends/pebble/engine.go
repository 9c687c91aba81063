// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package pebble

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/directory"
)

// engine is one open storage.
type engine struct {
	place  directory.Place
	fs     vfs.FS
	files  *freezingFS // fs, if pebble may write
	onDisk bool        // fs is the file system that the place is in
	opts   *pebble.Options
	db     *pebble.DB
	write  *pebble.WriteOptions
	logger *slog.Logger
	health *health
	room   *room
	medium *medium
	cache  cache
	tally  *directory.Tally // the writer's
	logged bool             // there may be rows in the log, and in no table
}

var _ core.Engine = (*engine)(nil)

// Get returns the value of key, or ErrNotFound. The bytes are owned by the engine, must not be
// modified, and are valid until Release.
func (e *engine) Get(_ context.Context, key []byte) (value []byte, r core.Releaser, err error) {
	defer e.health.caught(&err)
	value, closer, err := e.db.Get(stored(key))
	if err != nil {
		return nil, nil, readError(err)
	}
	h := holds.Get().(*hold)
	h.closer = closer
	return value[:len(value):len(value)], h, nil
}

func readError(err error) error {
	if errors.Is(err, pebble.ErrNotFound) {
		return core.ErrNotFound
	}
	return damage(err)
}

// hold holds the bytes of one Get. Pebble's closer acts every time it is called, even if
// somebody else has the bytes by then, so a hold forgets it.
type hold struct{ closer io.Closer }

var holds = sync.Pool{New: func() any { return new(hold) }}

// Release lets pebble have its bytes back.
func (h *hold) Release() {
	h.closer.Close() // the value was read: nothing can fail any more
	h.closer = nil
	holds.Put(h)
}

// Snapshot returns the state after the last applied write.
func (e *engine) Snapshot(ctx context.Context) (s core.Snapshot, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := e.health.check(); err != nil {
		return nil, err
	}
	defer e.health.caught(&err)
	return &snapshot{engine: e, snap: e.db.NewSnapshot()}, nil
}

// SetMark replaces the mark, which is durable at once. So the rows that it may speak of are
// made durable before. The arguments may be reused when the call returns.
func (e *engine) SetMark(ctx context.Context, mark []byte) error {
	if err := e.mayWrite(ctx); err != nil {
		return err
	}
	if err := e.syncLog(); err != nil {
		return err
	}
	return noRoom(e.place.SetMark(mark))
}

// Sync makes durable what was written without sync.
func (e *engine) Sync(ctx context.Context) error {
	if err := e.mayWrite(ctx); err != nil {
		return err
	}
	return e.syncLog()
}

// syncLog makes durable what was written without sync.
func (e *engine) syncLog() error {
	if e.write.Sync {
		return nil
	}
	err := e.health.unlessStopped(func() error { return e.db.LogData(nil, pebble.Sync) })
	if err == nil {
		err = e.health.check() // pebble does not learn of a failing disk
	}
	return err
}

func (e *engine) mayWrite(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if e.place.ReadOnly {
		return core.ErrReadOnly
	}
	if err := e.health.check(); err != nil {
		return err
	}
	return e.place.Check()
}

// Pebble counts in 32 bits within a batch, and panics at 4 GiB, of which each row needs some
// for itself.
const (
	maxKeySize    = 1 << 20
	maxValueSize  = 256 << 20
	maxBatchBytes = 1 << 30
)

// Powers returns all powers.
func (e *engine) Powers() core.Powers {
	return core.Powers{
		Compact: e.Compact, Size: e.Size, Check: e.Check, Scan: e.Scan, Sync: e.Sync,
		As: e.As, DeleteRange: true,
	}
}

// Limits returns what pebble can take safely.
func (e *engine) Limits() core.Limits {
	return core.Limits{Key: maxKeySize, Value: maxValueSize, BatchBytes: maxBatchBytes}
}

// Size returns how much of the medium all files take, including what is reserved beyond their
// ends.
func (e *engine) Size() (int64, error) {
	if err := e.place.Check(); err != nil {
		return 0, err
	}
	return sizes(e.fs, e.place.Dir, func(string) bool { return true })
}

// As sets target, a **pebble.DB, to pebble's handle. Use it only to read: what is written past
// the engine is not counted, so its loss is not noticed.
func (e *engine) As(target any) bool {
	db, ok := target.(**pebble.DB)
	if ok {
		*db = e.db
	}
	return ok
}

// Close moves everything from the log to tables, makes that durable, and gives the lock back.
func (e *engine) Close() error {
	if err := e.health.check(); err != nil {
		return errors.Join(err, e.abandon())
	}
	if e.place.ReadOnly {
		return errors.Join(e.closeDB(), e.place.Lock.Close())
	}
	if err := e.place.Check(); err != nil {
		e.health.fail(err) // nothing must be written where another storage may be
		return errors.Join(err, e.abandon())
	}
	err := e.forgiven(e.flush())
	if e.health.failed() {
		return errors.Join(err, e.abandon())
	}
	err = errors.Join(err, e.closeDB())
	if err == nil {
		err = e.health.check()
	}
	if err == nil && !e.logged {
		err = e.removeOldLogs()
	}
	if err == nil {
		err = e.forgiven(noRoom(e.record()))
	}
	return errors.Join(err, e.place.Lock.Close())
}

// forgiven logs an error as a warning if it says that there is no room for what makes a closed
// storage safer. The rows stay durable in the log, and what the witness said before stays true.
func (e *engine) forgiven(err error) error {
	if !errors.Is(err, core.ErrNoRoom) {
		return err
	}
	tell(e.logger, slog.LevelWarn,
		say("pebble: the storage is closed, and its rows stay in the log: damage to that is not "+
			"found"),
		"path", e.place.Dir, "err", err)
	return nil
}

// flush moves all rows from the log to tables, if there is room. Pebble moved those that a
// crash had left in the log when it was opened.
func (e *engine) flush() error {
	if !e.logged {
		return nil
	}
	if err := e.medium.toMove(); err != nil {
		return err
	}
	err := e.health.unlessFull(e.db.Flush)
	e.logged = err != nil
	return err
}

func (e *engine) closeDB() (err error) {
	defer e.health.caught(&err)
	return e.db.Close()
}

// patience is how long a pebble that has failed gets to close.
const patience = 5 * time.Second

// abandon closes a pebble that has failed, if that is possible: one of its goroutines may have
// ended midway. If it is not, the lock is kept, because pebble's other goroutines may still
// write.
func (e *engine) abandon() error {
	closed := make(chan error, 1)
	go func() { closed <- e.closeDB() }()
	select {
	case err := <-closed:
		return errors.Join(err, e.place.Lock.Close())
	case <-time.After(patience):
		return fmt.Errorf("%w: the directory stays locked until the process ends", core.ErrLocked)
	}
}
