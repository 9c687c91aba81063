// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package badger

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"

	"github.com/dgraph-io/badger/v4"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/directory"
)

// create makes an empty engine in an empty directory. The size of its memtable does not matter
// to later openings.
func create(p directory.Place, row []byte) error {
	a := drop(p)
	if err := newRoom(a.dir, 0).toFlush(); err != nil {
		return a.err(err)
	}
	return a.err(protect(func() error {
		db, err := Backend{}.openDB(a.dir, 8<<20, false,
			logger{slog.New(slog.DiscardHandler), newHealth(), a})
		if err != nil {
			return err
		}
		txn := db.NewTransactionAt(0, true)
		err = txn.Set(tallyKey, row)
		if err == nil {
			err = txn.CommitAt(1, nil)
		}
		return errors.Join(err, db.Close())
	}))
}

// openDB opens badger in its managed mode, in which this package chooses the timestamps. That
// spares readers badger's own way of waiting for writers that do not exist.
func (b Backend) openDB(dir string, memTable int64, readOnly bool, log logger) (*badger.DB, error) {
	opt := b.engineOptions(dir, memTable, readOnly, log)
	db, err := badger.OpenManaged(opt)
	if err != nil {
		return nil, err // whatever db is
	}
	return db, nil
}

// open checks the files, and opens badger if that is possible.
func (b Backend) open(
	ctx context.Context, p directory.Place, opts core.EngineOptions,
) (core.Engine, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	a := drop(p)
	e, err := b.openAt(ctx, a, p, opts)
	if err != nil {
		return nil, a.err(err) // not a nil engine
	}
	return e, nil
}

func (b Backend) openAt(
	ctx context.Context, a anchor, p directory.Place, opts core.EngineOptions,
) (*engine, error) {
	found, err := prepare(ctx, a, p.ReadOnly, opts)
	if err != nil {
		return nil, err
	}
	space := newRoom(a.dir, b.memTable())
	if !p.ReadOnly {
		if err := space.toFlush(); err != nil {
			return nil, err
		}
	}
	h := newHealth()
	var db *badger.DB
	err = protect(func() (err error) {
		db, err = b.openDB(a.dir, max(b.memTable(), found.memTable), p.ReadOnly,
			logger{opts.Logger, h, a})
		return err
	})
	if err != nil {
		return nil, corrupt(err)
	}
	e := &engine{
		db: db, place: p, anchor: a, log: opts.Logger, noSync: opts.NoSync, health: h, room: space,
		txn:       txnLimitsOf(db.Opts().MemTableSize),
		snapshots: map[uint64]int{},
		names:     syncedDir{path: a.dir},
		unflushed: found.memTable > 0, // by a process that has ended
		compress:  b.Compression,
	}
	if found.compressed || b.Compression != None {
		space.raw = e.uncompressed
	}
	if err := e.start(ctx, opts); err != nil {
		return nil, errors.Join(err, e.giveUp())
	}
	return e, nil
}

// giveUp closes badger after a failure to open, and leaves the lock as it is. If badger is
// stuck it may still write: then the lock is kept until badger has ended.
func (e *engine) giveUp() error {
	var first atomic.Bool // whoever comes second finds it taken
	err := e.health.unlessStopped(func() error {
		defer func() {
			if !first.CompareAndSwap(false, true) {
				e.place.Lock.Close()
			}
		}()
		return e.db.Close()
	})
	if first.CompareAndSwap(false, true) {
		return fmt.Errorf("%w: badger cannot be stopped, and the process keeps the lock until it "+
			"has ended: %w", core.ErrLocked, err)
	}
	return err
}

func (e *engine) start(ctx context.Context, opts core.EngineOptions) error {
	if err := e.begin(ctx); err != nil {
		return err
	}
	if opts.Validation == core.ValidateFull {
		return e.Check(ctx)
	}
	return nil
}

// begin finds the last commit, and sets back what was written after it but not committed.
func (e *engine) begin(ctx context.Context) error {
	e.publish(e.db.MaxVersion())
	row, last, err := e.tallyRow()
	if err != nil {
		return err
	}
	if e.tally, err = e.place.Tally(row); err != nil {
		return err
	}
	loaded := e.newest.Load().ReadTs()
	if last == loaded {
		return nil
	}
	e.publish(last)
	if e.place.ReadOnly {
		return nil
	}
	return e.health.protect(func() error { return e.repair(ctx, loaded) })
}
