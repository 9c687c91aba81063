// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package etcd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"google.golang.org/grpc"

	"github.com/guardkv/guardkv/backends/etcd/etcdtest"
	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/remote"
)

func do(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// is fails the test unless err is want.
func is(t testing.TB, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s gives %v; want %v", what, err, want)
	}
}

// cluster starts one for a test alone.
func cluster(t testing.TB, nodes int, args ...string) *etcdtest.Cluster {
	t.Helper()
	c, err := etcdtest.Start(nodes, append([]string{"--unsafe-no-fsync"}, args...)...)
	available(t, err)
	t.Cleanup(func() { do(t, c.Close()) })
	return c
}

// minutes is a context for what takes seconds on a quiet machine.
func minutes(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// store is an engine that a test looks into.
type store struct {
	core.Engine
	driver *driver
	trips  *atomic.Int64
}

// open opens a storage, or creates it.
func open(t testing.TB, b Backend, path string) store {
	t.Helper()
	dialed, err := b.dial(t.Context())
	do(t, err)
	r := dialed.registry()
	opened, err := remote.NewClaim(t.Context(), r, path, false).Open(t.Context(), core.EngineOptions{
		Mark: []byte("mark"), Logger: slog.New(slog.DiscardHandler),
	})
	do(t, err)
	t.Cleanup(func() { do(t, opened.Close()) })
	seen, err := r.Look(t.Context(), path)
	do(t, err)
	d := newDriver(r.client, seen, false)
	s := store{driver: d, trips: new(atomic.Int64)}
	d.client.kv = counting{d.client.kv, s.trips}
	s.Engine = remote.New(d, remote.Options{
		Limits: b.withDefaults().limits(), Beside: true, Notes: b.withDefaults().notes(),
	})
	return s
}

// here is the backend of the server that all tests share.
func here(t testing.TB) Backend {
	t.Helper()
	return Backend{Endpoints: server(t).Endpoints()}
}

// counting counts requests.
type counting struct {
	pb.KVClient
	trips *atomic.Int64
}

func (c counting) Range(
	ctx context.Context, q *pb.RangeRequest, o ...grpc.CallOption,
) (*pb.RangeResponse, error) {
	c.trips.Add(1)
	return c.KVClient.Range(ctx, q, o...)
}

func (c counting) Txn(
	ctx context.Context, q *pb.TxnRequest, o ...grpc.CallOption,
) (*pb.TxnResponse, error) {
	c.trips.Add(1)
	return c.KVClient.Txn(ctx, q, o...)
}

func put(key, value string) core.Write {
	return core.Write{Key: []byte(key), Value: []byte(value)}
}

func del(key string) core.Write { return core.Write{Key: []byte(key), Delete: true} }

func delRange(low, high string) core.Write {
	return core.Write{Key: []byte(low), Delete: true, End: []byte(high)}
}

// apply is Apply of writes that depend on a base, or on nothing.
func (s store) apply(t testing.TB, base core.Snapshot, writes ...core.Write) error {
	t.Helper()
	slices.SortFunc(writes, func(a, b core.Write) int { return bytes.Compare(a.Key, b.Key) })
	return s.Apply(t.Context(), core.Batch{Base: base, Writes: writes})
}

// fill writes n rows of a table.
func (s store) fill(t testing.TB, table string, n int, value string) {
	t.Helper()
	var writes []core.Write
	for i := range n {
		writes = append(writes, put(row(table, i), value))
	}
	for some := range slices.Chunk(writes, s.Limits().BatchRows) {
		do(t, s.Apply(t.Context(), core.Batch{Writes: some}))
	}
}

func row(table string, i int) string { return fmt.Sprintf("%s%06d", table, i) }

// begin returns a snapshot that is closed when the test ends.
func (s store) begin(t testing.TB, use core.Use) core.Snapshot {
	t.Helper()
	snap, err := s.Powers().Begin(t.Context(), use)
	do(t, err)
	t.Cleanup(func() { do(t, snap.Close()) })
	return snap
}

// scan returns the keys of a range, at most so many.
func scan(t testing.TB, snap core.Snapshot, r core.ScanRange, most int) (keys []string, err error) {
	t.Helper()
	c, err := snap.Scan(t.Context(), r)
	do(t, err)
	defer func() { do(t, c.Close()) }()
	for len(keys) < most {
		key, _, ok := c.Next()
		if !ok {
			break
		}
		keys = append(keys, string(key))
	}
	return keys, c.Err()
}

// between is a range.
func between(low, high string) core.ScanRange {
	return core.ScanRange{Low: []byte(low), High: []byte(high)}
}

// value returns that of a row, and an error if there is none.
func (s store) value(t testing.TB, key string) (string, error) {
	t.Helper()
	v, r, err := s.Get(t.Context(), []byte(key))
	if err != nil {
		return "", err
	}
	defer r.Release()
	return string(v), nil
}
