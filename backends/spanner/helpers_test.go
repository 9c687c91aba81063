// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package spanner

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/api/option"
	"google.golang.org/grpc"

	"github.com/guardkv/guardkv/backends/spanner/spannertest"
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

// patience is how long what must happen at all may take: machines are busy.
const patience = 3 * time.Minute

// here is the backend of a new database.
func here(t testing.TB) Backend {
	t.Helper()
	e := emulator(t)
	return Backend{Database: database(t, e), Options: e.Options(), Timeout: patience}
}

// alone is an emulator that a test may kill.
func alone(t testing.TB) *spannertest.Emulator {
	t.Helper()
	e, err := spannertest.Start()
	available(t, err)
	t.Cleanup(func() { do(t, e.Close()) })
	return e
}

// store is an engine that a test looks into.
type store struct {
	core.Engine
	driver *driver
}

// open opens a storage, or creates it.
func open(t testing.TB, b Backend, path string) store {
	t.Helper()
	dialed, err := b.dial(t.Context())
	do(t, err)
	r := registry{dialed}
	_, err = remote.NewClaim(t.Context(), r, path, false).Open(t.Context(), core.EngineOptions{
		Mark: []byte("mark"), Logger: slog.New(slog.DiscardHandler),
	})
	do(t, err)
	seen, err := r.Look(t.Context(), path)
	do(t, err)
	d := &driver{client: dialed, id: seen.ID, mark: seen.Mark}
	s := store{d.engine(), d}
	t.Cleanup(func() { do(t, s.Close()) })
	return s
}

func put(key, value string) core.Write {
	return core.Write{Key: []byte(key), Value: []byte(value)}
}

func del(key string) core.Write { return core.Write{Key: []byte(key), Delete: true} }

// apply is Apply of writes that depend on a base, or on nothing.
func (s store) apply(t testing.TB, base core.Snapshot, writes ...core.Write) error {
	t.Helper()
	slices.SortFunc(writes, func(a, b core.Write) int { return bytes.Compare(a.Key, b.Key) })
	return s.Apply(t.Context(), core.Batch{Base: base, Writes: writes})
}

// begin returns a snapshot that is closed when the test ends.
func (s store) begin(t testing.TB, use core.Use) core.Snapshot {
	t.Helper()
	snap, err := s.Powers().Begin(t.Context(), use)
	do(t, err)
	t.Cleanup(func() { do(t, snap.Close()) })
	return snap
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

// scan returns the keys of a range.
func scan(t testing.TB, snap core.Snapshot, r core.ScanRange) (keys []string, err error) {
	t.Helper()
	c, err := snap.Scan(t.Context(), r)
	do(t, err)
	defer func() { do(t, c.Close()) }()
	for {
		key, _, ok := c.Next()
		if !ok {
			return keys, c.Err()
		}
		keys = append(keys, string(key))
	}
}

// row is the key of one in a table.
func rowKey(table string, i int) string { return fmt.Sprintf("%s%06d", table, i) }

// wire is what is between a client and the emulator.
type wire struct {
	calls atomic.Int64
	mu    sync.Mutex
	lose  func(method string, call func() error) error // nil loses nothing
	fails atomic.Pointer[error]                        // what reads fail with, nil if they do not
}

// through is a backend whose calls go through a wire.
func (w *wire) through(b Backend) Backend {
	b.Options = append(slices.Clone(b.Options),
		option.WithGRPCDialOption(grpc.WithChainUnaryInterceptor(w.unary)),
		option.WithGRPCDialOption(grpc.WithChainStreamInterceptor(w.stream)))
	return b
}

// set lets lose decide about calls.
func (w *wire) set(lose func(method string, call func() error) error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lose = lose
}

func (w *wire) unary(
	ctx context.Context, method string, q, answer any, conn *grpc.ClientConn,
	invoke grpc.UnaryInvoker, opts ...grpc.CallOption,
) error {
	w.calls.Add(1)
	call := func() error { return invoke(ctx, method, q, answer, conn, opts...) }
	w.mu.Lock()
	lose := w.lose
	w.mu.Unlock()
	if lose == nil {
		return call()
	}
	return lose(method[strings.LastIndexByte(method, '/')+1:], call)
}

func (w *wire) stream(
	ctx context.Context, desc *grpc.StreamDesc, conn *grpc.ClientConn, method string,
	open grpc.Streamer, opts ...grpc.CallOption,
) (grpc.ClientStream, error) {
	w.calls.Add(1)
	if err := w.fails.Load(); err != nil {
		return nil, *err
	}
	return open(ctx, desc, conn, method, opts...)
}
