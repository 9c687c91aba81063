// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package etcd

import (
	"context"
	"fmt"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/remote"
)

// registry knows which storages there are.
type registry struct {
	client *client
	prefix string
	known  bool // at the last look it existed, in a layout that is known
}

var _ remote.Registry = (*registry)(nil)

func (c *client) registry() *registry { return &registry{client: c, prefix: c.backend.Prefix} }

func (r *registry) key() []byte             { return []byte(r.prefix + registryKey) }
func (r *registry) name(path string) []byte { return []byte(r.prefix + namePrefix + path) }

// version returns an error unless the registry is absent or has a layout that is known.
func version(value []byte, found bool) error {
	if found && string(value) != layout {
		return fmt.Errorf("%w: the registry in etcd has the layout %q, and this program knows "+
			"only %q: a newer program has made it", core.ErrVersionMismatch, value, layout)
	}
	return nil
}

// Look returns what is at a path.
func (r *registry) Look(ctx context.Context, path string) (remote.Entry, error) {
	const most = 10
	for try := 0; ; try++ {
		e, err := r.lookOnce(ctx, path)
		if err != nil || !e.Found() || e.Mark != nil {
			return e, err
		}
		if try == most {
			return remote.Entry{}, fmt.Errorf("%w: %q leads to a storage without a mark",
				core.ErrNotStorage, path)
		}
	}
}

// lookOnce is Look with one try: it finds no mark if the storage was removed meanwhile.
func (r *registry) lookOnce(ctx context.Context, path string) (e remote.Entry, err error) {
	answer, err := r.client.readTxn(ctx, []*pb.RequestOp{get(r.key()), get(r.name(path))})
	if err != nil {
		return e, err
	}
	value, known := found(answer.Responses[0])
	if err := version(value, known); err != nil {
		return e, err
	}
	id, there := found(answer.Responses[1])
	if there && (len(id) != idLength || !known) {
		return e, fmt.Errorf("%w: what is at %q was not written by this package",
			core.ErrNotStorage, path)
	}
	r.known = known
	if !there {
		return e, nil
	}
	e.ID = string(id)
	mark, err := r.client.readRange(ctx, &pb.RangeRequest{Key: newPlaces(r.prefix, e.ID).mark})
	if err == nil && len(mark.Kvs) > 0 {
		e.Mark = filled(mark.Kvs[0].Value)
	}
	return e, err
}

// is returns comparisons that hold if a path leads to what was seen there.
func (r *registry) is(path string, e remote.Entry) []*pb.Compare {
	known := ifAbsent(r.key())
	if r.known {
		known = ifValue(r.key(), []byte(layout))
	}
	if !e.Found() {
		return []*pb.Compare{known, ifAbsent(r.name(path))}
	}
	places := newPlaces(r.prefix, e.ID)
	return []*pb.Compare{
		known, ifValue(r.name(path), []byte(e.ID)), ifValue(places.mark, e.Mark),
	}
}

// list returns the paths that start with prefix.
func (r *registry) list(ctx context.Context, prefix string) (paths []string, err error) {
	low := r.name(prefix)
	answer, err := r.client.readTxn(ctx, []*pb.RequestOp{
		get(r.key()),
		opRange(&pb.RangeRequest{Key: low, RangeEnd: prefixEnd(low), KeysOnly: true}),
	})
	if err != nil {
		return nil, err
	}
	if err := version(found(answer.Responses[0])); err != nil {
		return nil, err
	}
	for _, kv := range answer.Responses[1].GetResponseRange().Kvs {
		paths = append(paths, string(kv.Key[len(r.name("")):]))
	}
	return paths, nil
}

// Open returns the engine of a storage.
func (r *registry) Open(
	e remote.Entry, readOnly bool, _ core.EngineOptions,
) (core.Engine, error) {
	d := newDriver(r.client, e, readOnly)
	b := r.client.backend
	return remote.New(d, remote.Options{
		Limits: b.limits(),
		Powers: core.Powers{Conditions: true, DeleteRange: true, As: d.as},
		Beside: true,
		Notes:  b.notes(),
	}), nil
}

// Close closes the connection.
func (r *registry) Close() error { return r.client.Close() }
