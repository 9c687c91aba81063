// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/guardkv/guardkv/backends/postgres/postgrestest"
	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/remote"
)

// counted counts what is written to a connection.
type counted struct {
	net.Conn
	writes *atomic.Int64
}

func (c counted) Write(b []byte) (int, error) {
	c.writes.Add(1)
	return c.Conn.Write(b)
}

// watched opens an engine whose connections are counted.
func watched(t *testing.T, b Backend, writes *atomic.Int64) core.Engine {
	t.Helper()
	r, err := b.registry()
	do(t, err)
	dial := r.pool.config.DialFunc
	r.pool.config.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		n, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return counted{n, writes}, nil
	}
	e, err := remote.NewClaim(t.Context(), r, place(), false).Open(t.Context(), core.EngineOptions{
		Mark: []byte("mark"), Logger: slog.New(slog.DiscardHandler),
	})
	do(t, err)
	t.Cleanup(func() { e.Close() })
	return e
}

// TestRequests counts what goes to the server: each call writes once, the first one of its kind
// too, whose statement is prepared in the same request. That a transaction has ended is said
// without waiting.
func TestRequests(t *testing.T) {
	var writes atomic.Int64
	e := watched(t, Backend{URL: postgrestest.Shared(t).URL()}, &writes)
	begin := func(use core.Use) core.Snapshot {
		s, err := e.Powers().Begin(t.Context(), use)
		do(t, err)
		return s
	}
	rows := func(s core.Snapshot, limit int) error {
		c, err := s.Scan(t.Context(), core.ScanRange{Limit: limit})
		if err != nil {
			return err
		}
		for n := 0; n < limit; n++ {
			if _, _, ok := c.Next(); !ok {
				break
			}
		}
		return errors.Join(c.Err(), c.Close())
	}
	get := func(s core.Snapshot, key string) error {
		_, _, err := s.Get(t.Context(), []byte(key))
		if errors.Is(err, core.ErrNotFound) {
			return nil
		}
		return err
	}
	const connect = 1 // the message that begins a session
	do(t, apply(t, e, put("a", "1"), put("b", "1")))
	var base core.Snapshot
	for _, c := range []struct {
		name string
		want int64
		call func() error
	}{
		{"the first read", connect + 1, func() error {
			_, r, err := e.Get(t.Context(), []byte("a"))
			if err == nil {
				r.Release()
			}
			return err
		}},
		{"a read", 1, func() error { return get(begin(core.ToReadOnce), "a") }},
		{"a put", 1, func() error { return apply(t, e, put("a", "2")) }},
		{"the first deletion, with a put", 1, func() error {
			return apply(t, e, put("a", "3"), del("b"), put("c", "3"))
		}},
		{"a conditional write", 1, func() error {
			return e.Apply(t.Context(), core.Batch{
				Writes: []core.Write{
					{Key: []byte("d"), Value: []byte("v"), When: core.IfAbsent}, put("z", "v"),
				},
				Conditions: []core.Condition{{Key: []byte("a"), Value: []byte("3")}},
				Met:        make([]bool, 2),
			})
		}},
		{"begin", 0, func() error { base = begin(core.ToUpdate); return nil }},
		{"two reads of a base", 2, func() error {
			return errors.Join(get(base, "a"), get(base, "x"))
		}},
		{"its Apply", 1, func() error {
			return e.Apply(t.Context(), core.Batch{Base: base, Writes: []core.Write{put("a", "4")}})
		}},
		{"its end", 0, func() error { return base.Close() }},
		{"a scan, and its end", 1 + 1, func() error {
			s := begin(core.ToReadOnce)
			return errors.Join(rows(s, 2), s.Close())
		}},
		{"a range deleted", 1, func() error {
			return e.Apply(t.Context(), core.Batch{Writes: []core.Write{
				{Key: []byte("a"), End: []byte("c"), Delete: true},
			}})
		}},
	} {
		before := writes.Load()
		if err := c.call(); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if got := writes.Load() - before; got != c.want {
			t.Errorf("%s is %d requests; want %d", c.name, got, c.want)
		}
	}
}

// TestWaiting: who waits for a connection waits no longer than the context, and has sent nothing.
func TestWaiting(t *testing.T) {
	b := Backend{URL: postgrestest.Shared(t).URL(), Writers: 1, Snapshots: 1, Reads: 1}
	e := openEngine(t, b, place())
	var held []core.Snapshot
	for range 3 {
		s, err := e.Powers().Begin(t.Context(), core.ToUpdate)
		do(t, err)
		_, err = s.Powers().Fence(t.Context())
		do(t, err)
		held = append(held, s)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	err := e.Apply(ctx, core.Batch{Writes: []core.Write{put("k", "v")}})
	if !errors.Is(err, core.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a commit that waits for a connection gives %v; want ErrUnavailable", err)
	}
	s, err := e.Powers().Begin(t.Context(), core.ToUpdate)
	do(t, err)
	ctx, cancel = context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := s.Powers().Fence(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a read that waits for one gives %v; want DeadlineExceeded", err)
	}
	for _, s := range append(held, s) {
		do(t, s.Close())
	}
	do(t, apply(t, e, put("k", "v")))
}

// TestLimits: what is at the limits fits, in the index too, where it cannot be compressed. What
// is above them is refused before anything is sent.
func TestLimits(t *testing.T) {
	var writes atomic.Int64
	e := watched(t, Backend{URL: postgrestest.Shared(t).URL()}, &writes)
	limits := e.Limits()
	key := make([]byte, limits.Key)
	for i, x := 0, uint32(1); i < len(key); i++ {
		x = x*1664525 + 1013904223
		key[i] = byte(x >> 24)
	}
	do(t, apply(t, e, put(string(key), "v")))
	before := writes.Load()
	for name, w := range map[string][]core.Write{
		"a key":   {put(strings.Repeat("k", limits.Key+1), "v")},
		"a value": {put("k", strings.Repeat("v", limits.Value+1))},
	} {
		if err := apply(t, e, w...); !errors.Is(err, core.ErrTooLarge) {
			t.Errorf("%s that is too large gives %v; want ErrTooLarge", name, err)
		}
	}
	if n := writes.Load() - before; n != 0 {
		t.Errorf("%d requests were made for what is too large", n)
	}
}

// TestSession: a server whose transactions are not serializable is refused.
func TestSession(t *testing.T) {
	for isolation, want := range map[string]error{
		"serializable": nil, "repeatable read": core.ErrUnavailable, "": core.ErrUnavailable,
	} {
		if err := (session{isolation: isolation}).check(); !errors.Is(err, want) {
			t.Errorf("%q gives %v; want %v", isolation, err, want)
		}
	}
}

// TestDialects: each has a name, an order of keys and limits that fit each other.
func TestDialects(t *testing.T) {
	for d := range Dialect(len(dialects)) {
		of := d.of()
		if d.String() == "" || !strings.Contains(of.rows, "primary key") {
			t.Errorf("%d is %+v", d, of)
		}
		if l := of.limits; l.Key <= 0 || l.Key > 2600 || l.Value <= 0 || l.BatchBytes < l.Value+l.Key {
			t.Errorf("the limits of %v are %+v", d, l)
		}
	}
	none := Dialect(len(dialects))
	if _, err := (Backend{Dialect: none}).Claim(t.Context(), "k", false); err == nil ||
		!strings.Contains(err.Error(), fmt.Sprint(none)) {
		t.Errorf("a dialect that there is none of gives %v", err)
	}
}

// TestSettingsOfARequestThatIsNotSent: the context of a new connection's first request ended before
// that was sent, and with it the settings of the session. They counted as sent: they were never
// made, and the next request waited for their answer, forever.
func TestSettingsOfARequestThatIsNotSent(t *testing.T) {
	r, err := Backend{URL: postgrestest.Shared(t).URL()}.registry()
	do(t, err)
	defer r.pool.close()
	r.pool.setup = []string{"set application_name = 'set'"}
	c, err := r.pool.take(t.Context())
	do(t, err)
	defer r.pool.give(c)
	ask := func(ctx context.Context) (name string, err error) {
		c.start()
		at := c.once("show application_name")
		c.int16(0)
		c.execute(at)
		err = c.run(ctx, func(_ int, row [][]byte, _ int64) {
			if row != nil {
				name = string(row[0])
			}
		})
		return name, err
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := ask(ended); !errors.Is(err, errNotSent) {
		t.Fatalf("a request whose context has ended returns %v; want errNotSent", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if name, err := ask(ctx); name != "set" || err != nil {
		t.Errorf("then the setting is %q, %v; want %q", name, err, "set")
	}
}
