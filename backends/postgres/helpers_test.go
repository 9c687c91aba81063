// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package postgres

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

	"github.com/guardkv/guardkv/backends/postgres/postgrestest"
	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/values"
)

// patience is how long what must happen at all may take: machines are busy.
const patience = 3 * time.Minute

func do(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// start starts a server that ends with the test.
func start(t testing.TB, o postgrestest.Options) *postgrestest.Server {
	t.Helper()
	s, err := postgrestest.Start(o)
	postgrestest.Needed(t, err)
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

var places atomic.Int64

// place returns a path where nothing is.
func place() string { return fmt.Sprintf("storage %d", places.Add(1)) }

// open opens a storage, and closes it after the test.
func open(t testing.TB, b Backend, path string, opts ...core.Option) *core.Storage {
	t.Helper()
	quiet := core.WithLogger(slog.New(slog.DiscardHandler))
	s, err := core.Open(t.Context(), path, b, append(opts, quiet)...)
	do(t, err)
	t.Cleanup(func() { s.Close() })
	return s
}

type words = *core.Table[string, string, string]

func openWords(t testing.TB, s *core.Storage) words {
	t.Helper()
	tab, err := core.OpenTable(t.Context(), s, "words", keys.String(), values.String())
	do(t, err)
	return tab
}

// reads ends the test unless the row has this value.
func reads(t testing.TB, tab words, key, want string) {
	t.Helper()
	if got, err := tab.Load(t.Context(), key); got != want || err != nil {
		t.Fatalf("the row %q is %q, %v; want %q", key, got, err, want)
	}
}

// openEngine opens a storage without tables.
func openEngine(t testing.TB, b Backend, path string) core.Engine {
	t.Helper()
	e, err := tryEngine(t.Context(), b, path)
	do(t, err)
	t.Cleanup(func() { e.Close() })
	return e
}

func tryEngine(ctx context.Context, b Backend, path string) (core.Engine, error) {
	c, err := b.Claim(ctx, path, false)
	if err != nil {
		return nil, err
	}
	e, err := c.Open(ctx, core.EngineOptions{
		Mark: []byte("mark"), NoSync: true, Logger: slog.New(slog.DiscardHandler),
	})
	return e, errors.Join(err, c.Release())
}

func put(key, value string) core.Write {
	return core.Write{Key: []byte(key), Value: []byte(value)}
}

func del(key string) core.Write { return core.Write{Key: []byte(key), Delete: true} }

// apply applies writes, which it sorts.
func apply(t testing.TB, e core.Engine, writes ...core.Write) error {
	slices.SortFunc(writes, func(a, b core.Write) int { return bytes.Compare(a.Key, b.Key) })
	return e.Apply(t.Context(), core.Batch{Writes: writes})
}

// eventually calls f until it succeeds.
func eventually(t testing.TB, what string, f func() error) {
	t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		err := f()
		if err == nil {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%s: %v", what, err)
		}
	}
}
