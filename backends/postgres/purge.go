// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package postgres

import (
	"context"
	"time"

	"github.com/guardkv/guardkv/core/remote"
)

// Remove deletes the storage's path and its fence.
func (r *registry) Remove(ctx context.Context, path string, seen remote.Entry) error {
	ctx, cancel := r.limited(ctx)
	defer cancel()
	return r.change(ctx, path, seen, func(w *conn) {
		at := w.once(sqlRemove)
		w.int16(1)
		w.bytes([]byte(seen.ID))
		w.execute(at)
		w.deleteFence(seen.ID)
	})
}

// Purge drops the relation of a removed storage, and those that could not be dropped before. A
// relation that somebody reads stays for as long, but without rows.
func (r *registry) Purge(ctx context.Context, e remote.Entry) error {
	ctx, cancel := r.limited(ctx)
	defer cancel()
	if r.tryDrop(ctx, e.ID, time.Second) != nil {
		if err := r.empty(ctx, e.ID); err != nil {
			return err
		}
	}
	for _, old := range r.removed(ctx) {
		if old != e.ID {
			_ = r.tryDrop(ctx, old, 50*time.Millisecond) // else the next time
		}
	}
	return nil
}

// removed returns the removed storages whose relations still exist.
func (r *registry) removed(ctx context.Context) (ids []string) {
	wire, err := r.pool.ask(ctx, func(w *conn) {
		at := w.once(sqlRemoved)
		w.int16(0)
		w.execute(at)
	}, func(_ int, row [][]byte, _ int64) {
		if row != nil {
			ids = append(ids, string(row[0]))
		}
	})
	if wire != nil {
		r.pool.give(wire)
	}
	if err != nil {
		return nil
	}
	return ids
}

// tryDrop drops the relation of a storage that has no path, if nobody has it locked for long.
func (r *registry) tryDrop(ctx context.Context, id string, patience time.Duration) error {
	name, err := relation(id)
	if err != nil {
		return err
	}
	return r.retried(ctx, func() error {
		err := r.execute(ctx, func(w *conn) {
			for _, text := range []string{
				sqlBegin, "set local lock_timeout = " + milliseconds(patience),
				"drop table if exists " + name,
			} {
				at := w.once(text)
				w.int16(0)
				w.execute(at)
			}
			at := w.once(sqlForget)
			w.int16(1)
			w.bytes([]byte(id))
			w.execute(at)
			at = w.once(sqlCommit)
			w.int16(0)
			w.execute(at)
		})
		if code(err) == codeLockNotAvailable {
			return final{err}
		}
		return err
	})
}

// empty deletes all rows of a storage.
func (r *registry) empty(ctx context.Context, id string) error {
	name, err := relation(id)
	if err != nil {
		return err
	}
	return r.retried(ctx, func() error {
		err := r.execute(ctx, func(w *conn) {
			at := w.once("delete from " + name)
			w.int16(0)
			w.execute(at)
		})
		if code(err) == codeUndefinedTable { // it was dropped in the end
			return nil
		}
		return err
	})
}
