// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package bbolt

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"sync"
	"sync/atomic"

	bolt "go.etcd.io/bbolt"

	"github.com/guardkv/guardkv/core"
)

// engine is one open storage.
type engine struct {
	backend Backend
	place   place
	noSync  bool
	logger  *slog.Logger

	reads   reads
	file    atomic.Pointer[file]
	writing sync.Mutex // held while the file is written
}

var _ core.Engine = (*engine)(nil)

// open validates the file of the claim and hands it to bbolt.
func (c *claim) open(ctx context.Context, opts core.EngineOptions) (*engine, error) {
	info, err := c.fd.Stat()
	if err != nil {
		return nil, err
	}
	v, err := validate(ctx, c.fd, info.Size(), opts.Validation == core.ValidateFull, c.readOnly)
	if err != nil {
		return nil, err
	}
	e := &engine{
		backend: c.backend, place: c.place, noSync: opts.NoSync, logger: opts.Logger,
		reads: new(mapped),
	}
	o := fileOptions{
		readOnly: c.readOnly, noSync: opts.NoSync, listed: v.clean,
		logger: opts.Logger,
	}
	if !c.readOnly {
		o.reserved, o.give = c.backend.take(info.Size())
		if o.reserved == 0 {
			e.reads = new(copied)
			e.tellOfCopies()
		}
		c.place.removeLeftovers(c.fd)
	}
	f, err := openFile(c.fd, o)
	if err != nil {
		return nil, err
	}
	if err := e.start(f); err != nil {
		return nil, errors.Join(err, f.release())
	}
	return e, nil
}

// tellOfCopies logs that values are copied, which makes this storage slower than others.
func (e *engine) tellOfCopies() {
	level := slog.LevelWarn
	if !canReserve { // that is normal here
		level = slog.LevelInfo
	}
	tell(e.logger, level,
		"bbolt: no address space can be reserved; values, and the whole file for scans and "+
			"transactions, are copied", "storage", e.place.given)
}

// start shows f to readers. Where the lock was given up for a moment, so that bbolt could take
// it, the path may lead to another file by now.
func (e *engine) start(f *file) error {
	if !lockIsShared {
		if same, err := leadsTo(e.place.file, f.fd); err != nil || !same {
			return errors.Join(err, core.ErrLocked)
		}
	}
	e.file.Store(f)
	return e.reads.refresh(f)
}

// Get returns the value of key, or ErrNotFound. The bytes are owned by the engine, must not be
// modified, and are valid until Release.
func (e *engine) Get(_ context.Context, key []byte) ([]byte, core.Releaser, error) {
	return e.reads.get(key)
}

// Snapshot returns the state after the last applied write.
func (e *engine) Snapshot(ctx context.Context) (core.Snapshot, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s, err := e.reads.snapshot()
	if err != nil {
		return nil, err
	}
	return s, nil
}

// bbolt may put four values into one leaf. maxValueSize keeps them within the 4 GiB that a leaf
// can address.
const maxValueSize = min(1<<30, math.MaxInt/4) - 1<<16

// streamRows limits what bbolt holds in memory until it commits. Each of the rows in random
// order is on a page of its own, whose content bbolt keeps twice, which makes about 256 MiB.
const streamRows = 1 << 15

// Powers returns what else the engine can do: the same on all systems, except for compaction.
// It does not delete ranges: bbolt deletes key by key and keeps every page that it touches in
// memory until the commit, so chunks, between which others can write, cost less than one
// deletion of a large range.
func (e *engine) Powers() core.Powers {
	return core.Powers{Compact: e.compactor(), Size: e.Size, Check: e.Check, Sync: e.Sync, As: e.As}
}

// Limits returns what bbolt can take.
func (e *engine) Limits() core.Limits {
	return core.Limits{Key: bolt.MaxKeySize, Value: maxValueSize, StreamRows: streamRows}
}

// Size returns the length of the file.
func (e *engine) Size() (int64, error) {
	for {
		f := e.file.Load()
		info, err := f.fd.Stat()
		if err == nil {
			return info.Size(), nil
		}
		if e.file.Load() == f { // otherwise a compaction replaced it, and it was closed
			return 0, err
		}
	}
}

// Check reads all pages of the newest state, both meta pages, and the list of free pages if it
// is in the file.
func (e *engine) Check(ctx context.Context) error {
	f := e.file.Load() // before the state, which is then in f or in a file that replaced it
	s, err := e.reads.snapshot()
	if err != nil {
		return err
	}
	defer s.Release()
	w := newWalker(ctx, &s.data)
	if err := w.storage(s.root); err != nil {
		return err
	}
	return e.checkRest(w, f, s.txid)
}

// checkRest checks, between two writes, what is not part of a state. The meta pages of f must
// lead to the state of transaction txid, over which w walked, or to a later one. If a
// compaction has replaced f there is nothing to check: the rest of the old file is gone, and
// that of the new one was written a moment ago.
func (e *engine) checkRest(w *walker, f *file, txid int) error {
	e.writing.Lock()
	defer e.writing.Unlock()
	if e.file.Load() != f {
		return nil
	}
	m, err := readMetas(f.fd)
	switch {
	case err != nil:
		return err
	case m.txid < uint64(txid):
		return corruptf("the meta page of the last write is damaged; the next write makes it good")
	case m.txid > uint64(txid) || m.freelist == noFreelist:
		return nil
	case !m.both:
		return errOneMeta
	}
	return w.free(&filePages{r: f.fd, pageSize: m.pageSize, pages: m.pages}, m.meta)
}

// As sets target, a **bolt.DB, to bbolt's handle. Use it only to read: the engine's readers do
// not see what is written past the engine, and Compact replaces the handle.
func (e *engine) As(target any) bool {
	db, ok := target.(**bolt.DB)
	if ok {
		*db = e.file.Load().db
	}
	return ok
}

// Close makes everything durable and gives the lock back.
func (e *engine) Close() error {
	f := e.file.Load()
	e.reads.stop()
	err := f.finish()
	if f.unsynced {
		err = errors.Join(err, e.syncFolder(f))
	}
	return errors.Join(err, f.release())
}
