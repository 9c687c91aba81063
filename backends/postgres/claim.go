// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package postgres

import (
	"bytes"
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

// claim locks nothing: it remembers what was seen at a path.
type claim struct {
	backend  Backend
	path     string
	readOnly bool
	pool     *pool // the connections for writing, which an opened engine takes over
	opened   bool

	looked bool
	seen   *entry // what was at the path; nil if nothing was
}

var _ core.Claim = (*claim)(nil)

func (b Backend) claim(path string, readOnly bool) (*claim, error) {
	b = b.withDefaults()
	if err := b.check(); err != nil {
		return nil, err
	}
	if len(path) > longestPath {
		return nil, fmt.Errorf("%w: a path of %d bytes, where %d are possible", core.ErrTooLarge,
			len(path), longestPath)
	}
	config, err := b.parse()
	if err != nil {
		return nil, err
	}
	return &claim{
		backend: b, path: path, readOnly: readOnly,
		// Whoever writes counts the writers. This is only a bound.
		pool: newPool(config, "for writing", b.Writers+b.Snapshots+1),
	}, nil
}

// Mark looks at what is at the path.
func (c *claim) Mark() ([]byte, error) {
	ctx, cancel := c.limited(context.Background())
	defer cancel()
	var found *entry
	err := c.retried(ctx, func() error {
		var err error
		found, _, err = c.look(ctx)
		return err
	})
	if err == nil {
		err = found.check(c.path)
	}
	if err != nil {
		return nil, err
	}
	c.looked, c.seen = true, found
	if found == nil {
		return nil, nil
	}
	return bytes.Clone(found.mark), nil
}

// limited limits how long a call without a context may take.
func (c *claim) limited(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, c.backend.Commit)
}

// look returns what is at the path, nil if nothing is.
func (c *claim) look(ctx context.Context) (found *entry, s session, err error) {
	wire, err := c.pool.ask(ctx, func(w *conn) {
		found, s = nil, session{}
		askLook(w, c.path)
	}, looked(0, &s, &found))
	if wire != nil {
		c.pool.give(wire)
	}
	if code(err) == codeUndefinedTable {
		err = nil
	}
	if err != nil && wire != nil {
		err = refused(err)
	}
	return found, s, err
}

// retried calls f again as long as it returns an ErrConflict that is not final.
func (c *claim) retried(ctx context.Context, f func() error) error {
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

// change looks at the path and, if what is there is what was seen, does something with it, in
// one transaction.
func (c *claim) change(ctx context.Context, do deed) error {
	return c.retried(ctx, func() error { return c.tryChange(ctx, do) })
}

func (c *claim) tryChange(ctx context.Context, do deed) error {
	var found *entry
	var s session
	wire, err := c.pool.ask(ctx, func(w *conn) {
		found, s = nil, session{}
		at := w.once(sqlBegin)
		w.int16(0)
		w.execute(at)
		askLook(w, c.path)
	}, looked(1, &s, &found))
	if wire == nil {
		return err
	}
	defer c.pool.give(wire) // which ends the transaction
	if err != nil && code(err) != codeUndefinedTable {
		return refused(err)
	}
	if err := c.confirm(found); err != nil || do == nil {
		return err
	}
	if err != nil { // there is no registry
		return refused(err)
	}
	wire.start()
	do(wire)
	at := wire.once(sqlCommit)
	wire.int16(0)
	wire.execute(at)
	return written(wire, wire.run(ctx, nil))
}

// confirm returns an error unless what was found is what was seen. The first look decides what
// was seen.
func (c *claim) confirm(found *entry) error {
	if !c.looked {
		c.looked, c.seen = true, found
	}
	if !same(found, c.seen) {
		return final{fmt.Errorf("%w: somebody else was at %q meanwhile", core.ErrConflict, c.path)}
	}
	return found.check(c.path)
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

// Rename changes the storage's row in the registry, and deletes the fence.
func (c *claim) Rename(to string) error {
	if c.readOnly {
		return core.ErrReadOnly
	}
	if len(to) > longestPath {
		return fmt.Errorf("%w: a path of %d bytes, where %d are possible", core.ErrTooLarge,
			len(to), longestPath)
	}
	ctx, cancel := c.limited(context.Background())
	defer cancel()
	if err := c.there(ctx, "rename"); err != nil {
		return err
	}
	err := c.change(ctx, func(w *conn) {
		at := w.once(sqlRename)
		w.int16(2)
		w.bytes([]byte(c.seen.id))
		w.bytes([]byte(to))
		w.execute(at)
		w.deleteFence(c.seen.id)
	})
	if code(err) == codeUniqueViolation {
		return fmt.Errorf("rename %q to %q: %w", c.path, to, fs.ErrExist)
	}
	if err == nil {
		c.seen = nil
	}
	return err
}

// there looks at the path, unless that was done before. It returns an error if nothing was at
// the path and nothing is.
func (c *claim) there(ctx context.Context, what string) error {
	if c.looked && c.seen != nil {
		return nil
	}
	if err := c.change(ctx, nil); err != nil {
		return err
	}
	if c.seen == nil {
		return fmt.Errorf("%s %q: %w", what, c.path, fs.ErrNotExist)
	}
	return nil
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

// Remove deletes the storage's path and its fence, and drops its relation.
func (c *claim) Remove() error {
	if c.readOnly {
		return core.ErrReadOnly
	}
	ctx, cancel := c.limited(context.Background())
	defer cancel()
	if err := c.there(ctx, "remove"); errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	id := c.seen.id
	err := c.change(ctx, func(w *conn) {
		at := w.once(sqlRemove)
		w.int16(1)
		w.bytes([]byte(id))
		w.execute(at)
		w.deleteFence(id)
	})
	if err != nil {
		return err
	}
	c.seen = nil
	return c.drop(ctx, id)
}

// drop drops the relation of a removed storage, and those that could not be dropped before. A
// relation that somebody reads stays for as long, but without rows.
func (c *claim) drop(ctx context.Context, id string) error {
	err := c.tryDrop(ctx, id, time.Second)
	if err != nil {
		if err = c.empty(ctx, id); err != nil {
			return fmt.Errorf("the storage was removed from %q, but its rows are still there: %w",
				c.path, err)
		}
	}
	for _, old := range c.removed(ctx) {
		if old != id {
			_ = c.tryDrop(ctx, old, 50*time.Millisecond) // else the next time
		}
	}
	return nil
}

// removed returns the removed storages whose relations still exist.
func (c *claim) removed(ctx context.Context) (ids []string) {
	wire, err := c.pool.ask(ctx, func(w *conn) {
		at := w.once(sqlRemoved)
		w.int16(0)
		w.execute(at)
	}, func(_ int, row [][]byte, _ int64) {
		if row != nil {
			ids = append(ids, string(row[0]))
		}
	})
	if wire != nil {
		c.pool.give(wire)
	}
	if err != nil {
		return nil
	}
	return ids
}

// tryDrop drops the relation of a storage that has no path, if nobody has it locked for long.
func (c *claim) tryDrop(ctx context.Context, id string, patience time.Duration) error {
	name, err := relation(id)
	if err != nil {
		return err
	}
	return c.retried(ctx, func() error {
		err := c.execute(ctx, func(w *conn) {
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
func (c *claim) empty(ctx context.Context, id string) error {
	name, err := relation(id)
	if err != nil {
		return err
	}
	return c.retried(ctx, func() error {
		err := c.execute(ctx, func(w *conn) {
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

// execute makes a request that may safely be made again.
func (c *claim) execute(ctx context.Context, build func(*conn)) error {
	wire, err := c.pool.ask(ctx, build, nil)
	if wire == nil {
		return err
	}
	defer c.pool.give(wire)
	return written(wire, err)
}

// Open opens the storage, or creates it.
func (c *claim) Open(ctx context.Context, opts core.EngineOptions) (core.Engine, error) {
	s, err := c.find(ctx)
	if err != nil {
		return nil, err
	}
	if c.seen == nil {
		if err := c.create(ctx, opts.Mark); err != nil {
			return nil, err
		}
	}
	c.opened = true
	d, err := c.driver(s, opts)
	if err != nil {
		return nil, err
	}
	dialect := c.backend.Dialect.of()
	powers := core.Powers{Conditions: true, DeleteRange: true, As: d.as}
	if dialect.size {
		powers.Size = d.size
	}
	if dialect.flush {
		powers.Sync = d.flush
	}
	return remote.New(d, remote.Options{
		Limits: dialect.limits, Powers: powers, Beside: true, Snapshots: c.backend.Snapshots,
	}), nil
}

// find checks that what was seen is still there, and returns what the server says of the
// session.
func (c *claim) find(ctx context.Context) (s session, err error) {
	err = c.retried(ctx, func() error {
		var found *entry
		if found, s, err = c.look(ctx); err != nil {
			return err
		}
		return c.confirm(found)
	})
	if err == nil {
		err = s.check()
	}
	if err == nil && c.seen == nil && c.readOnly {
		err = fmt.Errorf("open %q: %w", c.path, fs.ErrNotExist)
	}
	return s, err
}

// create creates a storage at a path where nothing was seen.
func (c *claim) create(ctx context.Context, mark []byte) error {
	made := &entry{newID(), append([]byte{}, mark...), format}
	name, err := relation(made.id)
	if err != nil {
		return err
	}
	create := func() error {
		return c.tryChange(ctx, func(w *conn) {
			at := w.once("create table " + name + " " + c.backend.Dialect.of().rows)
			w.int16(0)
			w.execute(at)
			at = w.once(sqlCreate)
			w.int16(4)
			w.bytes([]byte(made.id))
			w.bytes([]byte(c.path))
			w.bytes(made.mark)
			w.int32(4)
			w.int32(made.format)
			w.execute(at)
		})
	}
	err = c.retried(ctx, func() error {
		err := create()
		switch code(err) {
		case codeUndefinedTable: // the first storage of the database
			err = c.createRegistry(ctx)
			if err == nil {
				err = core.ErrConflict // again
			}
		case codeUniqueViolation: // somebody was quicker; look who
			err = fmt.Errorf("%w: %w", core.ErrConflict, err)
		}
		return err
	})
	if err == nil {
		c.seen = made
	}
	return err
}

// createRegistry creates the registry. Several processes may do so at once.
func (c *claim) createRegistry(ctx context.Context) error {
	err := c.execute(ctx, func(w *conn) {
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

// Release closes the connections.
func (c *claim) Release() error {
	if !c.opened {
		c.pool.close()
	}
	return nil
}
