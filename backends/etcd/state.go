// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package etcd

import (
	"context"
	"errors"
	"sync/atomic"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	mvccpb "go.etcd.io/etcd/api/v3/mvccpb"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"

	"github.com/guardkv/guardkv/core/remote"
)

// state is a revision: that of the first read, on which the servers have agreed. Later reads
// ask any server that has the revision.
type state struct {
	driver   *driver
	revision atomic.Int64 // 0 before the first read
}

// ask makes a request about the state. build makes its ranges with the ranger, which adds the
// revision.
func (s *state) ask(
	ctx context.Context, do func(ctx context.Context, at ranger) (int64, error),
) error {
	revision := s.revision.Load()
	if revision == 0 {
		revision, err := do(ctx, ranger{})
		if err == nil {
			s.revision.Store(revision)
		}
		return err
	}
	_, err := do(ctx, ranger{revision: revision, any: true})
	if errors.Is(err, rpctypes.ErrFutureRev) { // that server lags behind: ask all of them
		_, err = do(ctx, ranger{revision: revision})
	}
	return err
}

// ranger makes ranges that are read at a state.
type ranger struct {
	revision int64
	any      bool // any server may answer, even one that knows no leader
}

func (at ranger) at(q *pb.RangeRequest) *pb.RangeRequest {
	q.Revision, q.Serializable = at.revision, at.any
	return q
}

// GetMany asks for all keys in one request.
func (s *state) GetMany(ctx context.Context, keys [][]byte) (rows []remote.Row, err error) {
	d := s.driver
	for len(keys) > 0 && err == nil {
		some := keys[:d.client.backend.fitting(keys)]
		keys = keys[len(some):]
		err = s.ask(ctx, func(ctx context.Context, at ranger) (int64, error) {
			answer, err := d.client.readTxn(ctx, d.gets(some, at))
			if err != nil {
				return 0, err
			}
			rows = d.got(rows, answer.Responses)
			return answer.Header.Revision, nil
		})
	}
	return rows, err
}

// fitting returns how many of the keys fit into one request, at least one.
func (b Backend) fitting(keys [][]byte) int {
	const around = 64 // beside each key in the request, and the rest of its prefix
	most, size := min(len(keys), b.mostGets()), 0
	for i, key := range keys[:most] {
		size += len(b.Prefix) + len(key) + around
		if i > 0 && size > b.MaxRequestBytes {
			return i
		}
	}
	return most
}

// mostGets is how many keys one request takes. A nested transaction takes as many operations as
// the outer one has left.
func (b Backend) mostGets() int {
	half := b.MaxTxnOps / 2
	return half * (b.MaxTxnOps - half)
}

// gets asks for keys, in nested transactions if they are many.
func (d *driver) gets(keys [][]byte, at ranger) []*pb.RequestOp {
	ops := make([]*pb.RequestOp, len(keys))
	for i, key := range keys {
		ops[i] = opRange(at.at(&pb.RangeRequest{Key: d.places.row(key)}))
	}
	most := d.client.backend.MaxTxnOps
	if len(ops) <= most {
		return ops
	}
	groups := 1
	for groups*(most-groups) < len(ops) {
		groups++
	}
	var all []*pb.RequestOp
	for size := most - groups; len(ops) > 0; {
		n := min(size, len(ops))
		all = append(all, opAll(ops[:n]))
		ops = ops[n:]
	}
	return all
}

// got appends the rows that are in the answers of gets.
func (d *driver) got(rows []remote.Row, answers []*pb.ResponseOp) []remote.Row {
	for _, a := range answers {
		if inside := a.GetResponseTxn(); inside != nil {
			rows = d.got(rows, inside.Responses)
			continue
		}
		for _, kv := range a.GetResponseRange().GetKvs() {
			rows = append(rows, d.row(kv))
		}
	}
	return rows
}

func (d *driver) row(kv *mvccpb.KeyValue) remote.Row {
	return remote.Row{
		Key: d.places.key(kv.Key), Value: filled(kv.Value), Version: uint64(kv.ModRevision),
	}
}

func (d *driver) rows(kvs []*mvccpb.KeyValue) []remote.Row {
	rows := make([]remote.Row, len(kvs))
	for i, kv := range kvs {
		rows[i] = d.row(kv)
	}
	return rows
}

// Page asks for the page, and for the query's other keys, in one request.
func (s *state) Page(ctx context.Context, q remote.Query) (p remote.Page, err error) {
	err = s.ask(ctx, func(ctx context.Context, at ranger) (revision int64, err error) {
		p, revision, err = s.page(ctx, q, at)
		return revision, err
	})
	return p, err
}

func (s *state) page(
	ctx context.Context, q remote.Query, at ranger,
) (p remote.Page, revision int64, err error) {
	d := s.driver
	if q.Reverse {
		return d.pageDown(ctx, q, at)
	}
	r := at.at(&pb.RangeRequest{
		Key: d.places.low(q.Low), RangeEnd: d.places.high(q.High),
		Limit: int64(q.Rows), KeysOnly: q.KeysOnly,
	})
	return d.pageOf(ctx, r, q.Also, at)
}

// pageOf asks for a page by a range.
func (d *driver) pageOf(
	ctx context.Context, r *pb.RangeRequest, also [][]byte, at ranger,
) (p remote.Page, revision int64, err error) {
	answer, others, revision, err := d.rangeOf(ctx, r, also, at)
	if err != nil {
		return remote.Page{}, 0, err
	}
	return remote.Page{Rows: d.rows(answer.Kvs), More: answer.More, Also: others}, revision, nil
}

// rangeOf asks for a range, and for other keys in the same request.
func (d *driver) rangeOf(
	ctx context.Context, r *pb.RangeRequest, also [][]byte, at ranger,
) (answer *pb.RangeResponse, others []remote.Row, revision int64, err error) {
	if len(also) == 0 {
		answer, err = d.client.readRange(ctx, r)
		if err != nil {
			return nil, nil, 0, err
		}
		return answer, nil, answer.Header.Revision, nil
	}
	all, err := d.client.readTxn(ctx, append([]*pb.RequestOp{opRange(r)}, d.gets(also, at)...))
	if err != nil {
		return nil, nil, 0, err
	}
	answer = all.Responses[0].GetResponseRange()
	return answer, d.got(nil, all.Responses[1:]), all.Header.Revision, nil
}

// Close does nothing: a state holds nothing on a server.
func (s *state) Close() error { return nil }
