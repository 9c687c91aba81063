// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package etcd

import (
	"context"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.uber.org/zap"
)

// purgeRows is how many rows are deleted at once. The servers do nothing else meanwhile.
const purgeRows = 2000

// purge deletes the rows of a removed storage, and then the key that says it was removed.
func (c *client) purge(ctx context.Context, p places) error {
	for {
		r, err := c.readRange(ctx, &pb.RangeRequest{
			Key: p.rows, RangeEnd: p.rowsEnd, KeysOnly: true, Limit: purgeRows,
		})
		if err != nil {
			return err
		}
		var ops []*pb.RequestOp
		if n := len(r.Kvs); n > 0 {
			ops = append(ops, opDelete(r.Kvs[0].Key, successor(r.Kvs[n-1].Key)))
		}
		if !r.More {
			ops = append(ops, opDelete(p.epochs, p.epochsEnd), opDelete(p.gone, nil))
		}
		// Deleting rows that are gone does no harm, so a lost answer does not matter.
		if err := c.deleteAgain(ctx, ops); err != nil {
			return err
		}
		if !r.More {
			return nil
		}
	}
}

// deleteAgain repeats a request even if it may have been done.
func (c *client) deleteAgain(ctx context.Context, ops []*pb.RequestOp) error {
	return c.read(ctx, func(ctx context.Context) error {
		_, err := c.kv.Txn(ctx, &pb.TxnRequest{Success: ops})
		return err
	})
}

// sweep deletes what is left of storages whose removal was not completed. If it fails, the next
// sweep tries again.
func (c *client) sweep(ctx context.Context) {
	const most = 10
	low := []byte(c.backend.Prefix + gonePrefix)
	r, err := c.readRange(ctx, &pb.RangeRequest{
		Key: low, RangeEnd: prefixEnd(low), KeysOnly: true, Limit: most,
	})
	if err != nil {
		return
	}
	for _, kv := range r.Kvs {
		id := string(kv.Key[len(low):])
		if err := c.purge(ctx, newPlaces(c.backend.Prefix, id)); err != nil {
			c.backend.Logger.Warn("rows of a removed storage are left", zap.Error(err))
			return
		}
	}
}
