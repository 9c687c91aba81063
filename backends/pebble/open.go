// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package pebble

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/atomicfs"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/directory"
)

// open opens the storage in a directory and looks for what pebble may have lost.
func (b Backend) open(
	ctx context.Context, p directory.Place, opts core.EngineOptions,
) (core.Engine, error) {
	e := &engine{
		place: p, fs: b.fs, onDisk: b.fs == vfs.Default, logger: opts.Logger,
		health: newHealth(), write: pebble.Sync,
	}
	if opts.NoSync {
		e.write = pebble.NoSync
	}
	if err := e.start(ctx, b); err != nil {
		return nil, damage(err)
	}
	if err := e.validate(ctx, opts.Validation); err != nil {
		return nil, errors.Join(err, e.closeDB())
	}
	return e, nil
}

// start lets pebble open the directory.
func (e *engine) start(ctx context.Context, b Backend) error {
	if err := e.prepare(b); err != nil {
		return err
	}
	db, err := openPebble(ctx, e.place, e.opts, e.health)
	if err != nil {
		return err
	}
	e.db = db
	if e.files != nil {
		e.files.opened()
	}
	e.scheduler().opened()
	return nil
}

func (e *engine) scheduler() *scheduler {
	return e.opts.Experimental.CompactionScheduler.(*scheduler)
}

// prepare checks whether pebble can open the directory, and how.
func (e *engine) prepare(b Backend) (err error) {
	defer e.health.caught(&err)
	if err := enoughFiles(); err != nil {
		return err
	}
	if err := e.peek(); err != nil {
		return err
	}
	e.medium = newMedium(e.fs, e.place.Dir, b.usage)
	if e.place.ReadOnly {
		e.fs = readingFS{e.fs, e.place.Check, e.health}
	} else {
		if err := e.medium.toOpen(); err != nil {
			return err
		}
		e.files = freezing(e.fs, e.health, e.place.Check, e.medium)
		e.fs = e.files
	}
	e.opts = b.options(e.fs, e.logger, e.health, e.medium)
	e.cache.blocks = e.opts.Cache
	e.room = newRoom(e.opts)
	e.opts.ErrorIfNotExists = true
	e.opts.ReadOnly = e.place.ReadOnly
	if l, ok := e.place.Lock.(*lock); ok && !e.place.ReadOnly {
		e.opts.Lock = l.engine
		return e.removeLeftover()
	}
	return nil
}

// fewFiles is more than the number of files that pebble must be able to open to open a storage:
// if it can open only half of what it needs, it cannot always be closed.
const fewFiles = 48

// enoughFiles makes sure that the process may open some files.
func enoughFiles() error {
	if n, known := spareFiles(); known && n < fewFiles {
		return fmt.Errorf("the process may open %d more files, and pebble may need %d; raise the "+
			"limit (ulimit -n): %w",
			n, fewFiles, syscall.EMFILE)
	}
	return nil
}

// openPebble lets pebble open a directory. Before it returns, pebble reads its logs and writes
// what is in them to tables. If the tables cannot be written, or ctx ends, opening ends soon,
// and the files are what a crash would have left.
func openPebble(
	ctx context.Context, p directory.Place, o *pebble.Options, h *health,
) (*pebble.DB, error) {
	type result struct {
		db  *pebble.DB
		err error
	}
	done := make(chan result, 1)
	go func() {
		var r result
		defer func() { done <- r }()
		defer o.Cache.Unref() // pebble has a reference now, or nobody has
		defer h.caught(&r.err)
		r.db, r.err = pebble.Open(p.Dir, o)
	}()
	finish := func(r result) (*pebble.DB, error) {
		if r.err == nil && h.failed() {
			r.err = quietly(r.db.Close)
		}
		if h.failed() {
			return nil, h.cause()
		}
		return r.db, r.err
	}
	select {
	case r := <-done:
		return finish(r)
	case <-ctx.Done():
		h.fail(fmt.Errorf("pebble was still opening the storage: %w", ctx.Err()))
	}
	select {
	case r := <-done:
		return finish(r)
	case <-time.After(patience):
		go func() {
			finish(<-done)
			p.Lock.Close()
		}()
		return nil, fmt.Errorf("%w: the directory stays locked until pebble has read its logs: %w",
			core.ErrLocked, h.cause())
	}
}

// quietly calls fn, which may panic because pebble has failed, as is known.
func quietly(fn func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("pebble gave up: %v", r)
		}
	}()
	return fn()
}

// peek checks that pebble's files exist, in a version that this pebble reads.
func (e *engine) peek() error {
	if err := e.checkFormat(); err != nil {
		return err
	}
	if err := e.checkLengths(); err != nil {
		return err
	}
	d, err := pebble.Peek(e.place.Dir, e.fs)
	if err != nil {
		return err
	}
	if !d.Exists {
		return corruptf("pebble's files are missing in %s", e.place.Dir)
	}
	return nil
}

// checkFormat refuses a version of pebble's files that this pebble does not know. That is not
// damage, but pebble's own error could not be told from damage.
func (e *engine) checkFormat() error {
	text, err := atomicfs.ReadMarker(e.fs, e.place.Dir, "format-version")
	if err != nil || text == "" {
		return err
	}
	v, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return err
	}
	const oldest, newest = pebble.FormatMinSupported, pebble.FormatNewest
	if v := pebble.FormatMajorVersion(v); v < oldest || v > newest {
		return fmt.Errorf("%s has version %d of pebble's files, and this pebble reads versions "+
			"%d to %d: %w",
			e.place.Dir, v, oldest, newest, errors.ErrUnsupported)
	}
	return nil
}

// checkLengths refuses files that are far longer than pebble makes them. Pebble would read them
// to the end, and its options into memory.
func (e *engine) checkLengths() error {
	names, err := e.fs.List(e.place.Dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		var most int64
		switch {
		case strings.HasPrefix(name, "OPTIONS-"):
			most = 16 << 20
		case strings.HasPrefix(name, "MANIFEST-"), strings.HasSuffix(name, ".log"):
			most = 8 << 30
		default:
			continue // pebble knows the lengths of tables
		}
		info, err := e.fs.Stat(e.fs.PathJoin(e.place.Dir, name))
		if err != nil {
			return err
		}
		if info.Size() > most {
			return corruptf("%s: %d bytes are more than pebble makes it", name, info.Size())
		}
	}
	return nil
}

// validate compares the writes that pebble has with those that were recorded, and reads
// everything if v asks for that.
func (e *engine) validate(ctx context.Context, v core.Validation) error {
	row, err := e.tallyRow()
	if err != nil {
		return err
	}
	if e.tally, err = e.place.Tally(row); err != nil {
		return err
	}
	if v == core.ValidateFull {
		return e.Check(ctx)
	}
	return ctx.Err()
}

// tallyRow returns a copy of the row that counts the writes, or nil if it is missing.
func (e *engine) tallyRow() (row []byte, err error) {
	defer e.health.caught(&err)
	value, closer, err := e.db.Get(tallyKey)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, nil
	} else if err != nil {
		return nil, damage(err)
	}
	row = append([]byte{}, value...)
	return row, closer.Close()
}

// record records what is durable: the number of writes, and pebble's list of its tables, which
// only grows.
func (e *engine) record() error {
	d, err := pebble.Peek(e.place.Dir, e.fs)
	if err != nil {
		return err
	}
	if !e.onDisk {
		return e.tally.Record() // the files are not where the witness is
	}
	return e.tally.Record(filepath.Base(d.ManifestFilename))
}
