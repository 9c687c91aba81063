// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package spanner

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"

	cloud "cloud.google.com/go/spanner"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/remote"
)

// claim is a connection, and remembers what was seen at a path.
type claim struct {
	ctx      context.Context // Claim's: Mark is the first to wait for the service, and has none
	client   *client
	registry registry
	path     string
	readOnly bool

	looked bool
	seen   entry // what was at the path
	opened bool  // the engine has the connection
	closed bool
}

var _ core.Claim = (*claim)(nil)

// Mark remembers what it sees.
func (c *claim) Mark() ([]byte, error) {
	if err := c.look(c.ctx); err != nil {
		return nil, err
	}
	return bytes.Clone(c.seen.mark), nil
}

func (c *claim) look(ctx context.Context) error {
	e, err := c.registry.look(ctx, c.path)
	if err != nil {
		return err
	}
	c.seen, c.looked = e, true
	return nil
}

// lookOnce looks at the path, unless that was done before.
func (c *claim) lookOnce(ctx context.Context) error {
	if c.looked {
		return nil
	}
	return c.look(ctx)
}

// conflict returns the error for a path where there is another storage by now, or another mark.
func (c *claim) conflict() error {
	return fmt.Errorf("%w: somebody else was at %q meanwhile", core.ErrConflict, c.path)
}

// change does something with what was seen at the path, if that is still there. absent is a key
// that must not exist, and occupied is the error if it does. If no answer came, done reports
// whether the change was made.
func (c *claim) change(
	ctx context.Context, absent cloud.Key, occupied error,
	done func(context.Context) (bool, error), writes ...*cloud.Mutation,
) error {
	err := c.client.transact(ctx,
		func(ctx context.Context, tx *transaction) ([]*cloud.Mutation, error) {
			return c.changing(ctx, tx, absent, occupied, writes)
		})
	if errors.Is(err, core.ErrMaybe) {
		if ok, cause := done(ctx); !ok || cause != nil {
			return errors.Join(err, cause)
		}
		return nil
	}
	return err
}

// changing checks what change depends on, and returns what is to be written.
func (c *claim) changing(
	ctx context.Context, tx *transaction, absent cloud.Key, occupied error,
	writes []*cloud.Mutation,
) ([]*cloud.Mutation, error) {
	now, err := c.registry.find(ctx, tx, c.path)
	if err != nil {
		return nil, err
	}
	if !now.same(c.seen) {
		return nil, c.conflict()
	}
	b, there := c.client.backend, false
	err = b.read(ctx, tx, absent, []string{columnName}, 0, func(row) bool {
		there = true
		return true
	})
	switch {
	case err != nil:
		return nil, err
	case there:
		return nil, occupied
	case !now.known:
		writes = append([]*cloud.Mutation{b.put(at(partRegistry, ""), []byte(layout))}, writes...)
	}
	return writes, nil
}

// leads returns a function that reports whether a path leads to a storage; an id of "" stands
// for none.
func (c *claim) leads(path, id string) func(context.Context) (bool, error) {
	return func(ctx context.Context) (bool, error) {
		e, err := c.registry.look(ctx, path)
		return e.id == id, err
	}
}

// begin returns an error unless there is a storage at the path that may be changed.
func (c *claim) begin(ctx context.Context, what string) error {
	if c.readOnly {
		return core.ErrReadOnly
	}
	if err := c.lookOnce(ctx); err != nil {
		return err
	}
	if c.seen.found() {
		return nil
	}
	if now, err := c.registry.look(ctx, c.path); err != nil || now.found() {
		return errors.Join(err, c.conflict())
	}
	return fmt.Errorf("%s %q: %w", what, c.path, fs.ErrNotExist)
}

// Rename changes the name, and deletes the fence.
func (c *claim) Rename(to string) error {
	ctx := context.Background()
	if err := errors.Join(checkPath(to), c.begin(ctx, "rename")); err != nil {
		return err
	}
	b, id, there := c.client.backend, c.seen.id, at(partNames, to)
	err := c.change(ctx, there, fmt.Errorf("rename %q to %q: %w", c.path, to, fs.ErrExist),
		c.leads(to, id),
		b.remove(at(partNames, c.path)), b.put(there, []byte(id)), b.remove(at(id, core.FenceKey)))
	if err == nil {
		c.seen = entry{known: true}
	}
	return err
}

// Remove first makes sure that nobody can find the storage, read it with a fence, or write to
// it, and then deletes its rows.
func (c *claim) Remove() error {
	ctx := context.Background()
	if err := c.begin(ctx, "remove"); errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	b, id := c.client.backend, c.seen.id
	err := c.change(ctx, at(partGone, id), errRemoved, c.removed(id),
		b.remove(at(partNames, c.path)), b.remove(at(partMarks, id)),
		b.remove(at(id, core.FenceKey)), b.put(at(partGone, id), nil))
	if err != nil {
		return err
	}
	c.seen = entry{known: true}
	if err := c.client.purge(ctx, id); err != nil {
		return fmt.Errorf("%q was removed, and its rows are not all deleted; creating another "+
			"storage goes on with that: %w", c.path, err)
	}
	return nil
}

var errRemoved = fmt.Errorf("%w: the storage was removed", core.ErrClosed)

// removed returns a function that reports whether a storage has no mark any more.
func (c *claim) removed(id string) func(context.Context) (bool, error) {
	return func(ctx context.Context) (bool, error) {
		gone := true
		_, err := c.client.reading(ctx, nil,
			func(ctx context.Context, in *cloud.ReadOnlyTransaction) error {
				return c.client.backend.read(ctx, in, at(partMarks, id), columns, 0,
					func(row) bool {
						gone = false
						return true
					})
			})
		return gone && err == nil, err
	}
}

// Open opens what was seen, or creates it if nothing was.
func (c *claim) Open(ctx context.Context, opts core.EngineOptions) (core.Engine, error) {
	if err := c.lookOnce(ctx); err != nil {
		return nil, err
	}
	var err error
	switch {
	case c.seen.found():
		err = c.verify(ctx)
	case c.readOnly:
		if err = c.verify(ctx); err == nil {
			err = fmt.Errorf("open %q: %w", c.path, fs.ErrNotExist)
		}
	default:
		err = c.create(ctx, opts.Mark)
	}
	if err != nil {
		return nil, err
	}
	c.opened = true
	d := &driver{client: c.client, id: c.seen.id, mark: c.seen.mark, readOnly: c.readOnly}
	return d.engine(), nil
}

// verify returns ErrConflict unless what was seen is still there.
func (c *claim) verify(ctx context.Context) error {
	now, err := c.registry.look(ctx, c.path)
	if err == nil && !now.same(c.seen) {
		err = c.conflict()
	}
	return err
}

// create makes a storage, and then deletes what is left of removed storages.
func (c *claim) create(ctx context.Context, mark []byte) error {
	err := c.tryCreate(ctx, mark)
	if noTable(err) {
		if err = c.client.createTable(ctx); err == nil {
			err = c.tryCreate(ctx, mark)
		}
	}
	if err == nil {
		c.client.sweep(ctx)
	}
	return err
}

func (c *claim) tryCreate(ctx context.Context, mark []byte) error {
	b, id := c.client.backend, newID()
	err := c.change(ctx, at(partMarks, id), c.conflict(), c.leads(c.path, id),
		b.put(at(partNames, c.path), []byte(id)), b.put(at(partMarks, id), mark))
	if err == nil {
		c.seen = entry{known: true, id: id, mark: filled(bytes.Clone(mark))}
	}
	return err
}

// Release closes the connection, unless the engine has it.
func (c *claim) Release() error {
	if c.opened || c.closed {
		return nil
	}
	c.closed = true
	return c.client.Close()
}

// engine makes an engine of a driver.
func (d *driver) engine() core.Engine {
	return remote.New(d, remote.Options{
		Limits: limits,
		Powers: core.Powers{Conditions: true, DeleteRange: true, As: d.as},
		Beside: true,
		Notes:  mostNotes,
	})
}
