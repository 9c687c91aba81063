// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package etcd

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/remote"
)

// claim is a connection, and remembers what was seen at a path.
type claim struct {
	ctx      context.Context // Claim's: Mark is the first to wait for a server, and has none
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

// change does something with what was seen at the path, if that is still there. A registry that
// somebody else made meanwhile is not a conflict by itself. absent is a key that must not
// exist, together with the error if it does. If no answer came, done reports whether the change
// was made.
func (c *claim) change(
	ctx context.Context, absent []byte, occupied error, done func(context.Context) (bool, error),
	ops ...*pb.RequestOp,
) error {
	for {
		q := &pb.TxnRequest{
			Compare: append(c.registry.is(c.path, c.seen), ifAbsent(absent)),
			Success: ops, Failure: []*pb.RequestOp{exists(absent)},
		}
		if !c.seen.known {
			q.Success = append([]*pb.RequestOp{opPut(c.registry.key(), []byte(layout))}, ops...)
		}
		answer, err := c.client.write(ctx, q)
		switch {
		case errors.Is(err, core.ErrMaybe):
			return c.settle(ctx, err, done)
		case err != nil || answer.Succeeded:
			return err
		}
		now, err := c.registry.look(ctx, c.path)
		switch {
		case err != nil:
			return err
		case !now.same(c.seen):
			return c.conflict()
		case answer.Responses[0].GetResponseRange().Count > 0:
			return occupied
		}
		c.seen = now
	}
}

// settle finds out whether a change was made whose answer never came.
func (c *claim) settle(
	ctx context.Context, cause error, done func(context.Context) (bool, error),
) error {
	ok, err := done(ctx)
	if err == nil && ok {
		return nil
	}
	return errors.Join(cause, err)
}

// leads returns a function that reports whether a path leads to a storage; an id of "" stands
// for none.
func (c *claim) leads(path, id string) func(context.Context) (bool, error) {
	return func(ctx context.Context) (bool, error) {
		e, err := c.registry.look(ctx, path)
		return e.id == id, err
	}
}

// begin returns an error unless the storage at the path may be renamed or removed.
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
		return errors.Join(c.conflict(), err)
	}
	return fmt.Errorf("%s %q: %w", what, c.path, fs.ErrNotExist)
}

// Rename changes the name, and deletes the fence.
func (c *claim) Rename(to string) error {
	ctx := context.Background()
	if err := c.begin(ctx, "rename"); err != nil {
		return err
	}
	id, there := c.seen.id, c.registry.name(to)
	places := newPlaces(c.client.backend.Prefix, id)
	fence := []byte(core.FenceKey)
	err := c.change(ctx, there, fmt.Errorf("rename %q to %q: %w", c.path, to, fs.ErrExist),
		c.leads(to, id),
		opDelete(c.registry.name(c.path), nil), opPut(there, []byte(id)),
		opDelete(places.row(fence), nil), opPut(places.epoch(tableOf(fence)), nil))
	if err == nil {
		c.seen = entry{known: true}
	}
	return err
}

// Remove first makes sure that nobody can find the storage, read it with a fence, or write to
// it, and then deletes its rows.
func (c *claim) Remove() error {
	ctx := context.Background()
	if c.readOnly {
		return core.ErrReadOnly
	}
	if err := c.lookOnce(ctx); err != nil {
		return err
	}
	if !c.seen.found() {
		now, err := c.registry.look(ctx, c.path)
		if err == nil && now.found() {
			err = c.conflict()
		}
		return err
	}
	places := newPlaces(c.client.backend.Prefix, c.seen.id)
	fence := []byte(core.FenceKey)
	err := c.change(ctx, places.gone, errRemoved, c.removed(places),
		opDelete(c.registry.name(c.path), nil), opDelete(places.mark, nil),
		opDelete(places.row(fence), nil), opPut(places.epoch(tableOf(fence)), nil),
		opPut(places.gone, nil))
	if err != nil {
		return err
	}
	c.seen = entry{known: true}
	if err := c.client.purge(ctx, places); err != nil {
		return fmt.Errorf("%q was removed, and its rows are not all deleted; creating another "+
			"storage goes on with that: %w", c.path, err)
	}
	return nil
}

var errRemoved = fmt.Errorf("%w: the storage was removed", core.ErrClosed)

// removed returns a function that reports whether a storage has no mark any more.
func (c *claim) removed(p places) func(context.Context) (bool, error) {
	return func(ctx context.Context) (bool, error) {
		r, err := c.client.readRange(ctx, &pb.RangeRequest{Key: p.mark, CountOnly: true})
		return err == nil && r.Count == 0, err
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
	d := newDriver(c.client, c.seen, c.readOnly)
	b := c.client.backend
	return remote.New(d, remote.Options{
		Limits: b.limits(),
		Powers: core.Powers{Conditions: true, DeleteRange: true, As: d.as},
		Beside: true,
		Notes:  b.notes(),
	}), nil
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
	id := rand.Text()[:idLength]
	places := newPlaces(c.client.backend.Prefix, id)
	err := c.change(ctx, places.mark, c.conflict(), c.leads(c.path, id),
		opPut(c.registry.name(c.path), []byte(id)), opPut(places.mark, mark))
	if err != nil {
		return err
	}
	c.seen = entry{known: true, id: id, mark: filled(bytes.Clone(mark))}
	c.client.sweep(ctx)
	return nil
}

// Release closes the connection, unless an engine has it.
func (c *claim) Release() error {
	if c.opened || c.closed {
		return nil
	}
	c.closed = true
	return c.client.Close()
}
