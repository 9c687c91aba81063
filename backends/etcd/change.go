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

// change is what a claim does with a path, in one transaction.
type change struct {
	path string
	seen remote.Entry // what must still be at the path

	absent   []byte // a key that must not exist
	occupied error  // the error if it does

	ops  []*pb.RequestOp
	made func(context.Context) (bool, error) // whether it was made, if no answer came
}

// do makes a change. A registry that somebody else made meanwhile is not a conflict by itself.
func (r *registry) do(ctx context.Context, c change) error {
	for {
		q := &pb.TxnRequest{
			Compare: append(r.is(c.path, c.seen), ifAbsent(c.absent)),
			Success: c.ops, Failure: []*pb.RequestOp{exists(c.absent)},
		}
		if !r.known {
			q.Success = append([]*pb.RequestOp{opPut(r.key(), []byte(layout))}, c.ops...)
		}
		answer, err := r.client.write(ctx, q)
		switch {
		case errors.Is(err, core.ErrMaybe):
			return settle(ctx, err, c.made)
		case err != nil || answer.Succeeded:
			return err
		}
		now, err := r.Look(ctx, c.path)
		switch {
		case err != nil:
			return err
		case !now.Is(c.seen):
			return remote.Moved(c.path)
		case answer.Responses[0].GetResponseRange().Count > 0:
			return c.occupied
		}
	}
}

// settle finds out whether a change was made whose answer never came.
func settle(ctx context.Context, cause error, made func(context.Context) (bool, error)) error {
	ok, err := made(ctx)
	if err == nil && ok {
		return nil
	}
	return errors.Join(cause, err)
}

// leads returns a function that reports whether a path leads to a storage.
func (r *registry) leads(path, id string) func(context.Context) (bool, error) {
	return func(ctx context.Context) (bool, error) {
		e, err := r.Look(ctx, path)
		return e.ID == id, err
	}
}

// Create makes a storage, and then deletes what is left of removed storages.
func (r *registry) Create(
	ctx context.Context, path string, mark []byte,
) (remote.Entry, error) {
	id := rand.Text()[:idLength]
	places := newPlaces(r.prefix, id)
	err := r.do(ctx, change{
		path: path, absent: places.mark, occupied: remote.Moved(path), made: r.leads(path, id),
		ops: []*pb.RequestOp{opPut(r.name(path), []byte(id)), opPut(places.mark, mark)},
	})
	if err != nil {
		return remote.Entry{}, err
	}
	r.client.sweep(ctx)
	return remote.Entry{ID: id, Mark: filled(bytes.Clone(mark))}, nil
}

// Rename changes the name, and deletes the fence.
func (r *registry) Rename(
	ctx context.Context, path string, seen remote.Entry, to string,
) error {
	places, there := newPlaces(r.prefix, seen.ID), r.name(to)
	fence := []byte(core.FenceKey)
	return r.do(ctx, change{
		path: path, seen: seen, absent: there, occupied: fs.ErrExist, made: r.leads(to, seen.ID),
		ops: []*pb.RequestOp{
			opDelete(r.name(path), nil), opPut(there, []byte(seen.ID)),
			opDelete(places.row(fence), nil), opPut(places.epoch(tableOf(fence)), nil),
		},
	})
}

// Remove makes sure that nobody can find the storage, read it with a fence, or write to it.
func (r *registry) Remove(ctx context.Context, path string, seen remote.Entry) error {
	places := newPlaces(r.prefix, seen.ID)
	fence := []byte(core.FenceKey)
	return r.do(ctx, change{
		path: path, seen: seen, absent: places.gone, occupied: errRemoved, made: r.removed(places),
		ops: []*pb.RequestOp{
			opDelete(r.name(path), nil), opDelete(places.mark, nil),
			opDelete(places.row(fence), nil), opPut(places.epoch(tableOf(fence)), nil),
			opPut(places.gone, nil),
		},
	})
}

var errRemoved = fmt.Errorf("%w: the storage was removed", core.ErrClosed)

// removed returns a function that reports whether a storage has no mark any more.
func (r *registry) removed(p places) func(context.Context) (bool, error) {
	return func(ctx context.Context) (bool, error) {
		found, err := r.client.readRange(ctx, &pb.RangeRequest{Key: p.mark, CountOnly: true})
		return err == nil && found.Count == 0, err
	}
}

// Purge deletes the rows of a storage that was removed.
func (r *registry) Purge(ctx context.Context, removed remote.Entry) error {
	if err := r.client.purge(ctx, newPlaces(r.prefix, removed.ID)); err != nil {
		return fmt.Errorf("creating another storage goes on with that: %w", err)
	}
	return nil
}
