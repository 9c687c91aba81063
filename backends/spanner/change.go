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

// change is what a claim does with a path, in one transaction.
type change struct {
	path string
	seen remote.Entry // what must still be at the path

	absent   cloud.Key // a key that must not exist
	occupied error     // the error if it does

	writes []*cloud.Mutation
	made   func(context.Context) (bool, error) // whether it was made, if no answer came
}

// do makes a change.
func (r registry) do(ctx context.Context, c change) error {
	err := r.client.transact(ctx,
		func(ctx context.Context, tx *transaction) ([]*cloud.Mutation, error) {
			return r.changing(ctx, tx, c)
		})
	if errors.Is(err, core.ErrMaybe) {
		if ok, cause := c.made(ctx); !ok || cause != nil {
			return errors.Join(err, cause)
		}
		return nil
	}
	return err
}

// changing checks what a change depends on, and returns what is to be written.
func (r registry) changing(
	ctx context.Context, tx *transaction, c change,
) ([]*cloud.Mutation, error) {
	now, known, err := r.find(ctx, tx, c.path)
	if err != nil {
		return nil, err
	}
	if !now.Is(c.seen) {
		return nil, remote.Moved(c.path)
	}
	b, there := r.client.backend, false
	err = b.read(ctx, tx, c.absent, []string{columnName}, 0, func(row) bool {
		there = true
		return true
	})
	switch {
	case err != nil:
		return nil, err
	case there:
		return nil, c.occupied
	case !known:
		return append([]*cloud.Mutation{b.put(at(partRegistry, ""), []byte(layout))},
			c.writes...), nil
	}
	return c.writes, nil
}

// leads returns a function that reports whether a path leads to a storage.
func (r registry) leads(path, id string) func(context.Context) (bool, error) {
	return func(ctx context.Context) (bool, error) {
		e, err := r.Look(ctx, path)
		return e.ID == id, err
	}
}

// Create makes a storage, and then deletes what is left of removed storages.
func (r registry) Create(
	ctx context.Context, path string, mark []byte,
) (remote.Entry, error) {
	e, err := r.tryCreate(ctx, path, mark)
	if noTable(err) {
		if err = r.client.createTable(ctx); err == nil {
			e, err = r.tryCreate(ctx, path, mark)
		}
	}
	if err == nil {
		r.client.sweep(ctx)
	}
	return e, err
}

func (r registry) tryCreate(
	ctx context.Context, path string, mark []byte,
) (remote.Entry, error) {
	b, id := r.client.backend, newID()
	err := r.do(ctx, change{
		path: path, absent: at(partMarks, id), occupied: remote.Moved(path),
		made: r.leads(path, id),
		writes: []*cloud.Mutation{
			b.put(at(partNames, path), []byte(id)), b.put(at(partMarks, id), mark),
		},
	})
	if err != nil {
		return remote.Entry{}, err
	}
	return remote.Entry{ID: id, Mark: filled(bytes.Clone(mark))}, nil
}

// Rename changes the name, and deletes the fence.
func (r registry) Rename(
	ctx context.Context, path string, seen remote.Entry, to string,
) error {
	if err := checkPath(to); err != nil {
		return err
	}
	b, there := r.client.backend, at(partNames, to)
	return r.do(ctx, change{
		path: path, seen: seen, absent: there, occupied: fs.ErrExist, made: r.leads(to, seen.ID),
		writes: []*cloud.Mutation{
			b.remove(at(partNames, path)), b.put(there, []byte(seen.ID)),
			b.remove(at(seen.ID, core.FenceKey)),
		},
	})
}

// Remove makes sure that nobody can find the storage, read it with a fence, or write to it.
func (r registry) Remove(ctx context.Context, path string, seen remote.Entry) error {
	b, id := r.client.backend, seen.ID
	return r.do(ctx, change{
		path: path, seen: seen, absent: at(partGone, id), occupied: errRemoved, made: r.removed(id),
		writes: []*cloud.Mutation{
			b.remove(at(partNames, path)), b.remove(at(partMarks, id)),
			b.remove(at(id, core.FenceKey)), b.put(at(partGone, id), nil),
		},
	})
}

var errRemoved = fmt.Errorf("%w: the storage was removed", core.ErrClosed)

// removed returns a function that reports whether a storage has no mark any more.
func (r registry) removed(id string) func(context.Context) (bool, error) {
	return func(ctx context.Context) (bool, error) {
		gone := true
		_, err := r.client.reading(ctx, nil,
			func(ctx context.Context, in *cloud.ReadOnlyTransaction) error {
				return r.client.backend.read(ctx, in, at(partMarks, id), columns, 0,
					func(row) bool {
						gone = false
						return true
					})
			})
		return gone && err == nil, err
	}
}

// Purge deletes the rows of a storage that was removed.
func (r registry) Purge(ctx context.Context, removed remote.Entry) error {
	if err := r.client.purge(ctx, removed.ID); err != nil {
		return fmt.Errorf("creating another storage goes on with that: %w", err)
	}
	return nil
}
