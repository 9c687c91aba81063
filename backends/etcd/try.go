// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package etcd

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc/metadata"

	"github.com/guardkv/guardkv/core"
)

// trying calls fn until it succeeds or fails for good, for at most the backend's Timeout.
// Calling fn twice must do no harm.
func (b Backend) trying(ctx context.Context, fn func(context.Context) error) error {
	limited, cancel := context.WithTimeout(ctx, b.Timeout)
	defer cancel()
	var last error
	for try := 0; ; try++ {
		err := fn(limited)
		if err == nil {
			return nil
		}
		if last == nil || limited.Err() == nil { // "time is over" says less
			last = err
		}
		if !passing(err) || pause(limited, try) != nil {
			return last
		}
	}
}

// pause waits before another try, with jitter: many may wait for the same server.
func pause(ctx context.Context, try int) error {
	const least, most = 5 * time.Millisecond, 200 * time.Millisecond
	d := min(most, least<<min(try, 10))
	timer := time.NewTimer(d/2 + rand.N(d))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// asking makes one request to servers that know a leader.
func (b Backend) asking(
	ctx context.Context, request func(context.Context) error,
) (sent bool, err error) {
	c := begin(leading(ctx), b.silence())
	defer c.end()
	err = request(c)
	return c.sent.Load(), err
}

// requireLeader is what clientv3.WithRequireLeader sends. It is never changed.
var requireLeader = metadata.Pairs(rpctypes.MetadataRequireLeaderKey, rpctypes.MetadataHasLeader)

// leading is clientv3.WithRequireLeader, which makes the metadata anew for each call.
func leading(ctx context.Context) context.Context {
	if _, more := metadata.FromOutgoingContext(ctx); more {
		return clientv3.WithRequireLeader(ctx)
	}
	return metadata.NewOutgoingContext(ctx, requireLeader)
}

// read makes a request that changes nothing, as many times as needed.
func (c *client) read(ctx context.Context, request func(context.Context) error) error {
	err := c.backend.trying(ctx, func(ctx context.Context) error {
		_, err := c.backend.asking(ctx, request)
		if err != nil {
			err, _ = meant(err)
		}
		return err
	})
	if err != nil {
		return failed(ctx, err)
	}
	return nil
}

// readTxn reads with a transaction that compares nothing.
func (c *client) readTxn(ctx context.Context, ops []*pb.RequestOp) (r *pb.TxnResponse, err error) {
	err = c.read(ctx, func(ctx context.Context) (err error) {
		r, err = c.kv.Txn(ctx, &pb.TxnRequest{Success: ops})
		return err
	})
	return r, err
}

// readRange reads with one range.
func (c *client) readRange(
	ctx context.Context, q *pb.RangeRequest,
) (r *pb.RangeResponse, err error) {
	err = c.read(ctx, func(ctx context.Context) (err error) {
		r, err = c.kv.Range(ctx, q)
		return err
	})
	return r, err
}

// write makes a request once, and again only if nothing of it was done. An error that wraps
// ErrMaybe says that the request may have been done, or may be done yet; after any other error
// it was not done and never will be.
func (c *client) write(ctx context.Context, q *pb.TxnRequest) (r *pb.TxnResponse, err error) {
	var maybe error
	err = c.backend.trying(ctx, func(ctx context.Context) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		sent, err := c.backend.asking(ctx, func(ctx context.Context) (err error) {
			r, err = c.kv.Txn(ctx, q)
			return err
		})
		if err == nil {
			return nil
		}
		err, nothing := meant(err)
		if sent && !nothing {
			maybe = fmt.Errorf("%w: %w", core.ErrMaybe, err)
			return errUnanswered
		}
		return err
	})
	switch {
	case err == nil:
		return r, nil
	case maybe != nil:
		return nil, maybe
	}
	return nil, unwritten(failed(ctx, err))
}

// errUnanswered is the error of a request that must not be made again.
var errUnanswered = errors.New("no answer came")
