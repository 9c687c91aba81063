// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package etcd

import (
	"context"
	"fmt"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"

	"github.com/guardkv/guardkv/core"
)

// registry knows which storages there are.
type registry struct {
	client *client
	prefix string
}

func (c *client) registry() registry { return registry{c, c.backend.Prefix} }

func (r registry) key() []byte             { return []byte(r.prefix + registryKey) }
func (r registry) name(path string) []byte { return []byte(r.prefix + namePrefix + path) }

// entry is what a path leads to.
type entry struct {
	known bool   // the registry exists, in a layout that is known
	id    string // of the storage; "" if none is there
	mark  []byte
}

func (e entry) found() bool { return e.id != "" }

// same reports whether both entries are the same storage with the same mark, or both are none.
func (e entry) same(o entry) bool { return e.id == o.id && string(e.mark) == string(o.mark) }

// version returns an error unless the registry is absent or has a layout that is known.
func version(value []byte, found bool) error {
	if found && string(value) != layout {
		return fmt.Errorf("%w: the registry in etcd has the layout %q, and this program knows "+
			"only %q: a newer program has made it", core.ErrVersionMismatch, value, layout)
	}
	return nil
}

// look returns what is at a path.
func (r registry) look(ctx context.Context, path string) (entry, error) {
	const most = 10
	for try := 0; ; try++ {
		e, err := r.lookOnce(ctx, path)
		if err != nil || !e.found() || e.mark != nil {
			return e, err
		}
		if try == most {
			return entry{}, fmt.Errorf("%w: %q leads to a storage without a mark",
				core.ErrNotStorage, path)
		}
	}
}

// lookOnce is look with one try: it finds no mark if the storage was removed meanwhile.
func (r registry) lookOnce(ctx context.Context, path string) (e entry, err error) {
	answer, err := r.client.readTxn(ctx, []*pb.RequestOp{get(r.key()), get(r.name(path))})
	if err != nil {
		return entry{}, err
	}
	value, known := found(answer.Responses[0])
	if err := version(value, known); err != nil {
		return entry{}, err
	}
	id, there := found(answer.Responses[1])
	switch {
	case !there:
		return entry{known: known}, nil
	case len(id) != idLength || !known:
		return entry{}, fmt.Errorf("%w: what is at %q was not written by this package",
			core.ErrNotStorage, path)
	}
	e = entry{known: known, id: string(id)}
	places := newPlaces(r.prefix, e.id)
	mark, err := r.client.readRange(ctx, &pb.RangeRequest{Key: places.mark})
	if err == nil && len(mark.Kvs) > 0 {
		e.mark = filled(mark.Kvs[0].Value)
	}
	return e, err
}

// is returns comparisons that hold if a path leads to what was seen there.
func (r registry) is(path string, e entry) []*pb.Compare {
	known := ifAbsent(r.key())
	if e.known {
		known = ifValue(r.key(), []byte(layout))
	}
	if !e.found() {
		return []*pb.Compare{known, ifAbsent(r.name(path))}
	}
	places := newPlaces(r.prefix, e.id)
	return []*pb.Compare{
		known, ifValue(r.name(path), []byte(e.id)), ifValue(places.mark, e.mark),
	}
}

// list returns the paths that start with prefix.
func (r registry) list(ctx context.Context, prefix string) (paths []string, err error) {
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
