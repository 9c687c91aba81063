// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package etcd

import (
	"context"
	"fmt"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"google.golang.org/protobuf/proto"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/remote"
)

// Commit is one transaction of etcd, which compares all that the commit depends on, and writes
// if none of it has changed.
func (d *driver) Commit(ctx context.Context, c remote.Commit) error {
	if d.readOnly {
		return core.ErrReadOnly
	}
	compare, err := d.compares(c)
	if err != nil {
		return err
	}
	q := &pb.TxnRequest{
		Compare: compare, Success: d.operations(c.Writes),
		Failure: []*pb.RequestOp{exists(d.places.mark)},
	}
	if err := d.fits(q); err != nil {
		return err
	}
	answer, err := d.client.write(ctx, q)
	switch {
	case err != nil:
		return err
	case answer.Succeeded:
		setMet(c, answer.Responses)
		return nil
	case answer.Responses[0].GetResponseRange().Count == 0:
		return errRemoved
	}
	return fmt.Errorf("%w: somebody else has written what the commit depends on",
		core.ErrConflict)
}

// operations returns what a commit does: one operation for each write, and the epochs of what it
// deletes.
func (d *driver) operations(writes []core.Write) []*pb.RequestOp {
	most := d.client.backend.MaxTxnOps - 1 // see spareOps
	ops := make([]*pb.RequestOp, 0, min(len(writes)+1, most))
	for i := range writes {
		ops = append(ops, d.operation(&writes[i]))
	}
	return append(ops, d.epochs(writes, most-len(writes))...)
}

// operation returns what a write does.
func (d *driver) operation(w *core.Write) *pb.RequestOp {
	at := d.places.row(w.Key)
	switch {
	case w.End != nil:
		return opDelete(at, d.places.row(w.End))
	case w.Delete && w.When == core.IfAbsent:
		return exists(at) // there is nothing to do, whether it exists or not
	case w.Delete:
		return opDelete(at, nil)
	case w.When == core.IfAbsent:
		return opIf(ifAbsent(at), opPut(at, w.Value))
	case w.When == core.IfPresent:
		return opIf(ifThere(at), opPut(at, w.Value))
	}
	return opPut(at, w.Value)
}

// setMet says which conditions of writes were met.
func setMet(c remote.Commit, answers []*pb.ResponseOp) {
	for i := range c.Met {
		switch w := &c.Writes[i]; {
		case w.When == core.Unconditional:
		case w.Delete && w.When == core.IfAbsent:
			c.Met[i] = answers[i].GetResponseRange().Count == 0
		case w.Delete:
			c.Met[i] = answers[i].GetResponseDeleteRange().Deleted > 0
		default:
			c.Met[i] = answers[i].GetResponseTxn().Succeeded
		}
	}
}

// fits returns ErrTooLarge for a request that servers would refuse, whatever was counted
// before.
func (d *driver) fits(q *pb.TxnRequest) error {
	const around = 512 // what a server adds
	b := d.client.backend
	if n := max(len(q.Compare), len(q.Success)); n > b.MaxTxnOps-1 {
		return fmt.Errorf("%w: %d operations in one transaction of etcd, which takes %d",
			core.ErrTooLarge, n, b.MaxTxnOps-1)
	}
	if n := proto.Size(q) + around; n > b.MaxRequestBytes {
		return fmt.Errorf("%w: a request of %d bytes, where etcd takes %d",
			core.ErrTooLarge, n, b.MaxRequestBytes)
	}
	return nil
}
