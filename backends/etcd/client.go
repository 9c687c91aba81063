// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package etcd

import (
	"context"
	"errors"
	"fmt"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
)

// client is a connection to the cluster.
type client struct {
	backend Backend // with its defaults
	etcd    *clientv3.Client
	kv      pb.KVClient // etcd's own, without copies of keys and values
}

// gRPC gives up a connection attempt after connectTime, and makes the next one after at most
// reconnectTime. With its default of two minutes, a server that is back would go unused for
// that long.
const (
	connectTime   = 5 * time.Second
	reconnectTime = time.Second
	pingTime      = 10 * time.Second // gRPC takes no less
)

// dial makes a client. It asks a server only if there is a user to log in.
func (b Backend) dial(ctx context.Context) (*client, error) {
	b = b.withDefaults()
	if err := errors.Join(ctx.Err(), b.check()); err != nil {
		return nil, err
	}
	delays := backoff.DefaultConfig
	delays.BaseDelay, delays.MaxDelay = reconnectTime/10, reconnectTime
	cfg := clientv3.Config{
		Endpoints: b.Endpoints, TLS: b.TLS, Username: b.Username, Password: b.Password,
		DialTimeout: b.Timeout, DialKeepAliveTime: pingTime, DialKeepAliveTimeout: b.silence(),
		MaxCallSendMsgSize: 2 * b.MaxRequestBytes,
		Logger:             b.Logger,
		DialOptions: []grpc.DialOption{
			grpc.WithContextDialer(connect),
			grpc.WithStatsHandler(tracker{}),
			grpc.WithConnectParams(grpc.ConnectParams{
				Backoff: delays, MinConnectTimeout: connectTime,
			}),
		},
	}
	c, err := b.connected(ctx, cfg)
	if err != nil {
		return nil, err
	}
	return &client{backend: b, etcd: c, kv: pb.NewKVClient(c.ActiveConnection())}, nil
}

// connected returns a client of etcd that has logged its user in.
func (b Backend) connected(
	ctx context.Context, cfg clientv3.Config,
) (c *clientv3.Client, err error) {
	err = b.trying(ctx, func(ctx context.Context) error {
		base, cancel := context.WithCancel(context.WithoutCancel(ctx))
		stop := context.AfterFunc(ctx, cancel)
		cfg.Context = base
		if c, err = clientv3.New(cfg); err == nil && !stop() {
			err = errors.Join(ctx.Err(), c.Close()) // it would be that of a context that has ended
		}
		if err != nil {
			cancel()
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("connect to etcd: %w", failed(ctx, err))
	}
	return c, nil
}

// silence is how long a connection may be silent while an answer is due.
func (b Backend) silence() time.Duration { return max(b.Timeout/3, time.Second) }

// Close closes all connections.
func (c *client) Close() error {
	if err := c.etcd.Close(); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}
