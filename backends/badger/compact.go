// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package badger

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/dgraph-io/badger/v4"

	"github.com/guardkv/guardkv/core"
)

// Compact empties the memtable into tables, merges the tables of all levels into one level,
// without the versions that no snapshot sees, and rewrites files of the value log if a tenth or
// more of the file is no longer used. Guards, snapshots and cursors stay as they are; point reads
// wait while badger empties its memtable.
//
// The file of the value log that is being written is not rewritten: it is at most 64 MiB long.
func (e *engine) Compact(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if e.place.ReadOnly {
		return core.ErrReadOnly
	}
	if err := e.writable(); err != nil {
		return err
	}
	if err := e.room.toCompact(); err != nil {
		return e.anchor.err(err)
	}
	return e.anchor.err(e.compact(ctx))
}

// compact does the work of Compact in steps. Before each step the storage must still be where
// it was.
func (e *engine) compact(ctx context.Context) error {
	e.discard()
	for _, step := range []func(context.Context) error{
		e.flatten, e.flush, e.flatten, e.rewrite, e.collect,
	} {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := e.place.Check(); err != nil {
			return err
		}
		if err := e.health.unlessStopped(func() error { return step(ctx) }); err != nil {
			return err
		}
	}
	if err := e.sync(); err != nil {
		return err
	}
	return e.record()
}

// flush makes badger empty its memtable. badger does so by itself only when the memtable is
// full or badger is closed, and before it drops rows by their prefix. So flush gives it a row
// to drop.
func (e *engine) flush(context.Context) error {
	if !e.unflushed {
		return nil
	}
	err := e.commit(func(txn *badger.Txn) error { return txn.Set(scratchKey, nil) })
	if err != nil {
		return err
	}
	e.discard()
	if err := e.db.DropPrefix(scratchKey); err != nil {
		err = fmt.Errorf("flush: %w", err)
		e.health.fail(err) // badger may be left without a memtable
		return err
	}
	e.unflushed = false
	return nil
}

// flatten merges all tables into one level.
func (e *engine) flatten(context.Context) error {
	const workers = 2
	if err := e.db.Flatten(workers); err != nil {
		return fmt.Errorf("flatten: %w", err)
	}
	return nil
}

// rewrite makes badger write all tables anew if they hold versions of rows that no snapshot sees,
// or are not compressed as they would be now. badger drops versions and compresses when it merges
// a table with one of a higher level, not when a snapshot that saw the versions is closed. So
// rewrite gives it a table with two keys that no row has, one near the first row and one after the
// last, to merge with everything between.
func (e *engine) rewrite(ctx context.Context) error {
	stale, first, last, err := e.stale(ctx)
	if err != nil || !stale {
		return err
	}
	low, err := e.absent(first)
	if err != nil {
		return err
	}
	high, err := e.absent(last)
	if err != nil || len(low) > maxKey || len(high) > maxKey {
		return err
	}
	err = e.commit(func(txn *badger.Txn) error {
		return errors.Join(txn.Delete(low), txn.Delete(high))
	})
	if err != nil {
		return err
	}
	return errors.Join(e.flush(ctx), e.flatten(ctx))
}

// stale reports whether the tables hold more versions than there are visible rows, or are
// compressed differently from tables to come. It returns the first and the last of these rows
// as they are stored.
func (e *engine) stale(ctx context.Context) (stale bool, first, last []byte, err error) {
	var versions, seen int
	for _, t := range e.db.Tables() {
		versions += int(t.KeyCount)
	}
	newest := e.newest.Load()
	if e.discarded.Load() < newest.ReadTs() {
		return false, nil, nil, nil // a snapshot is open
	}
	it := newest.NewIterator(badger.IteratorOptions{})
	defer it.Close()
	for it.Rewind(); it.Valid(); it.Next() {
		key := it.Item().Key()
		if seen == 0 {
			first = bytes.Clone(key)
		}
		last = append(last[:0], key...)
		if seen++; seen%1024 == 0 && ctx.Err() != nil {
			return false, nil, nil, ctx.Err()
		}
	}
	if seen == 0 {
		return false, nil, nil, nil
	}
	stale = versions > seen
	if !stale {
		stale, err = e.outdated()
	}
	return stale, first, last, err
}

// outdated reports whether a table is compressed differently from tables to come.
func (e *engine) outdated() (bool, error) {
	tables, err := readManifest(e.anchor.dir)
	for _, c := range tables {
		if c != e.compress {
			return true, nil
		}
	}
	return false, err
}

// absent returns a key after key that no row has.
func (e *engine) absent(key []byte) ([]byte, error) {
	newest := e.newest.Load()
	for {
		key = append(key, 0)
		if _, err := newest.Get(key); errors.Is(err, badger.ErrKeyNotFound) {
			return key, nil
		} else if err != nil {
			return nil, e.readError(err)
		}
	}
}

// collect rewrites files of the value log. badger stops reading such a file at the first
// damage, and then deletes it with everything that follows. So collect first reads all files.
func (e *engine) collect(ctx context.Context) error {
	if err := e.checkValueLog(ctx); err != nil {
		return err
	}
	e.collected.Add(1)
	defer e.collected.Add(1)
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		err := e.db.RunValueLogGC(0.1)
		if errors.Is(err, badger.ErrNoRewrite) {
			return nil
		} else if err != nil {
			return fmt.Errorf("value log: %w", err)
		}
		e.unflushed = true
	}
}
