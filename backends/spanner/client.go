// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package spanner

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"sync"
	"time"

	cloud "cloud.google.com/go/spanner"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"

	"github.com/guardkv/guardkv/core"
)

// client is a connection to the database.
type client struct {
	backend Backend // with its defaults
	cloud   *cloud.Client
	ends    sync.WaitGroup // the ends of transactions that were given up
}

// gRPC gives up a connection attempt after connectTime, and makes the next one after at most
// reconnectTime. With its default of two minutes, a service that is back would go unused for
// that long.
const (
	connectTime   = 5 * time.Second
	reconnectTime = time.Second
)

// dial makes a client. It asks the service for nothing.
func (b Backend) dial(ctx context.Context) (*client, error) {
	b = b.withDefaults()
	if err := errors.Join(ctx.Err(), b.check()); err != nil {
		return nil, err
	}
	delays := backoff.DefaultConfig
	delays.BaseDelay, delays.MaxDelay = reconnectTime/10, reconnectTime
	opts := append([]option.ClientOption{
		option.WithGRPCDialOption(grpc.WithChainUnaryInterceptor(watchCommit)), // around all others
		option.WithGRPCDialOption(grpc.WithConnectParams(grpc.ConnectParams{
			Backoff: delays, MinConnectTimeout: connectTime,
		})),
	}, b.Options...)
	// This context lasts as long as the client.
	c, err := cloud.NewClientWithConfig(context.WithoutCancel(ctx), b.Database, cloud.ClientConfig{
		DisableNativeMetrics: !b.Metrics,
		Logger:               log.New(io.Discard, "", 0),
	}, opts...)
	if err != nil {
		return nil, fmt.Errorf("connect to Spanner: %w", err)
	}
	return &client{backend: b, cloud: c}, nil
}

// Close closes the connections.
func (c *client) Close() error {
	c.ends.Wait()
	c.cloud.Close()
	return nil
}

// bounded limits how long a call to the service may take.
func (c *client) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, c.backend.Timeout)
}

// reader returns a transaction that reads at a timestamp or, if that is nil, the present state.
func (c *client) reader(at *time.Time) *cloud.ReadOnlyTransaction {
	bound := cloud.StrongRead()
	if at != nil {
		bound = cloud.ReadTimestamp(*at)
	}
	return c.cloud.Single().WithTimestampBound(bound)
}

// reading makes a read that is a transaction by itself.
func (c *client) reading(
	ctx context.Context, at *time.Time,
	read func(context.Context, *cloud.ReadOnlyTransaction) error,
) (time.Time, error) {
	limited, cancel := c.bounded(ctx)
	defer cancel()
	r := c.reader(at)
	err := read(limited, r)
	if err == nil {
		var when time.Time
		if when, err = r.Timestamp(); err == nil {
			return when, nil
		}
	}
	if at != nil && (expired(err) || noTable(err)) { // the table was there when it was read
		return time.Time{}, fmt.Errorf("%w: %w", core.ErrSnapshotExpired, err)
	}
	return time.Time{}, failed(ctx, err)
}
