// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package postgres

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"time"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/remote"
	"github.com/jackc/pgx/v5/pgconn"
)

// retried calls f again as long as it returns an ErrConflict that is not final.
func (r *registry) retried(ctx context.Context, f func() error) error {
	for try := 1; ; try++ {
		err := f()
		var final final
		if !errors.Is(err, core.ErrConflict) || errors.As(err, &final) {
			return err
		}
		pause := time.Duration(rand.Int64N(int64(min(try, 20)) * int64(5*time.Millisecond)))
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", ctx.Err(), err)
		case <-time.After(pause):
		}
	}
}

// final is a conflict that retried does not try again.
type final struct{ error }

func (f final) Unwrap() error { return f.error }

// deed writes the statements that do something with what is at a path. Each must concern a row.
type deed func(w *conn)

// change looks at a path and, if what is there is what was seen, does something with it, in one
// transaction.
func (r *registry) change(ctx context.Context, path string, seen remote.Entry, do deed) error {
	return r.retried(ctx, func() error { return r.tryChange(ctx, path, seen, do) })
}

func (r *registry) tryChange(
	ctx context.Context, path string, seen remote.Entry, do deed,
) error {
	var found *row
	wire, err := r.pool.ask(ctx, func(w *conn) {
		found = nil
		at := w.once(sqlBegin)
		w.int16(0)
		w.execute(at)
		askLook(w, path)
	}, looked(1, new(session), &found))
	if wire == nil {
		return err
	}
	defer r.pool.give(wire) // which ends the transaction
	if err != nil && code(err) != codeUndefinedTable {
		return refused(err)
	}
	now, bad := found.entry(path)
	switch {
	case bad != nil:
		return bad
	case !now.Is(seen):
		return final{remote.Moved(path)}
	case err != nil: // there is no registry
		return refused(err)
	}
	wire.start()
	do(wire)
	at := wire.once(sqlCommit)
	wire.int16(0)
	wire.execute(at)
	return written(wire, wire.run(ctx, nil))
}

// written returns the outcome of a request that commits.
func written(wire *conn, err error) error {
	var said *pgconn.PgError
	switch {
	case err == nil && wire.warned:
		return fmt.Errorf("%w: the server has warned that the commit may not be on a standby",
			core.ErrMaybe)
	case err == nil:
		return nil
	case errors.Is(err, errNotSent):
		return fmt.Errorf("%w: %w", core.ErrUnavailable, err)
	case errors.As(err, &said) && said.Code == codeIdleInTransaction:
		return fmt.Errorf("%w: %w", core.ErrSnapshotExpired, err)
	case errors.As(err, &said) && !isFatal(said):
		if spoiled(said.Code) {
			wire.broken = true
		}
		return refused(err)
	}
	return fmt.Errorf("%w: %w", core.ErrMaybe, err)
}

// Create creates a storage at a path where nothing was seen.
func (r *registry) Create(
	ctx context.Context, path string, mark []byte,
) (remote.Entry, error) {
	made := remote.Entry{ID: newID(), Mark: append([]byte{}, mark...)}
	err := r.session.check()
	if err == nil {
		err = r.retried(ctx, func() error { return r.tryCreate(ctx, path, made) })
	}
	if err != nil {
		return remote.Entry{}, err
	}
	return made, nil
}

func (r *registry) tryCreate(ctx context.Context, path string, made remote.Entry) error {
	name, err := relation(made.ID)
	if err != nil {
		return err
	}
	err = r.tryChange(ctx, path, remote.Entry{}, func(w *conn) {
		at := w.once("create table " + name + " " + r.backend.Dialect.of().rows)
		w.int16(0)
		w.execute(at)
		at = w.once(sqlCreate)
		w.int16(4)
		w.bytes([]byte(made.ID))
		w.bytes([]byte(path))
		w.bytes(made.Mark)
		w.int32(4)
		w.int32(format)
		w.execute(at)
	})
	switch code(err) {
	case codeUndefinedTable: // the first storage of the database
		if err = r.createRegistry(ctx); err == nil {
			err = core.ErrConflict // again
		}
	case codeUniqueViolation: // somebody was quicker; look who
		err = fmt.Errorf("%w: %w", core.ErrConflict, err)
	}
	return err
}

// createRegistry creates the registry. Several processes may do so at once.
func (r *registry) createRegistry(ctx context.Context) error {
	err := r.execute(ctx, func(w *conn) {
		at := w.once(createRegistry)
		w.int16(0)
		w.execute(at)
	})
	switch code(err) {
	case codeUniqueViolation, codeDuplicateTable, "XX000": // the others have created it
		return nil
	}
	return err
}

// execute makes a request that may safely be made again.
func (r *registry) execute(ctx context.Context, build func(*conn)) error {
	wire, err := r.pool.ask(ctx, build, nil)
	if wire == nil {
		return err
	}
	defer r.pool.give(wire)
	return written(wire, err)
}

// Rename changes the storage's row in the registry, and deletes the fence.
func (r *registry) Rename(
	ctx context.Context, path string, seen remote.Entry, to string,
) error {
	if err := checkPath(to); err != nil {
		return err
	}
	ctx, cancel := r.limited(ctx)
	defer cancel()
	err := r.change(ctx, path, seen, func(w *conn) {
		at := w.once(sqlRename)
		w.int16(2)
		w.bytes([]byte(seen.ID))
		w.bytes([]byte(to))
		w.execute(at)
		w.deleteFence(seen.ID)
	})
	if code(err) == codeUniqueViolation {
		return fs.ErrExist
	}
	return err
}

// deleteFence deletes the fence of a storage, by which whoever has it open notices the change.
func (w *conn) deleteFence(id string) {
	name, err := relation(id)
	if err != nil { // it was checked when it was seen
		name = "guardkv_none"
	}
	at := w.once("delete from " + name + " where k = $1")
	w.int16(1)
	w.bytes([]byte(core.FenceKey))
	w.execute(at)
}
