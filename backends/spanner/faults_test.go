// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package spanner

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/values"
)

// TestLostAnswers: the answer of a commit is lost, before or after it took effect, and the client
// sends it again, or is told for good that nobody knows. Each count is there exactly once.
func TestLostAnswers(t *testing.T) {
	var w wire
	b := w.through(here(t))
	db, err := core.Open(t.Context(), "numbers", b)
	do(t, err)
	t.Cleanup(func() { do(t, db.Close()) })
	table, err := core.OpenTable(t.Context(), db, "numbers", keys.Int(), values.JSON[int]())
	do(t, err)
	counted := 0
	for _, code := range []codes.Code{codes.Unavailable, codes.Internal, codes.Unknown} {
		for _, after := range []bool{false, true} {
			for times := 1; times <= 2; times++ {
				var left atomic.Int64
				left.Store(int64(times))
				w.set(func(method string, call func() error) error {
					if method != "Commit" || left.Add(-1) < 0 {
						return call()
					}
					if after {
						if err := call(); err != nil {
							return err
						}
					}
					return status.Error(code, "lost by the test")
				})
				err := table.Modify(t.Context(), 1, func(n int, _ bool) (int, core.Change, error) {
					return n + 1, core.Store, nil
				})
				w.set(nil)
				counted++
				got, readErr := table.Load(t.Context(), 1)
				if err != nil || readErr != nil || got != counted {
					t.Fatalf("%v, after the effect %v, %d times: counting gives %v, the counter is %d, "+
						"%v; want %d", code, after, times, err, got, readErr, counted)
				}
			}
		}
	}
}

// TestOutcomes: what a commit says of itself when its answers are lost, and when it is refused.
func TestOutcomes(t *testing.T) {
	var w wire
	s := open(t, w.through(here(t)), "storage")
	said := func(all ...codes.Code) []codes.Code { return all }
	for name, c := range map[string]struct {
		answers []codes.Code // before the real one
		want    error
		written bool
	}{
		"nobody knows":           {said(codes.Internal), core.ErrMaybe, false},
		"unavailable, then done": {said(codes.Unavailable), nil, true},
		"aborted, then done":     {said(codes.Aborted), nil, true},
		"refused":                {said(codes.FailedPrecondition), core.ErrUnavailable, false},
		"not allowed":            {said(codes.PermissionDenied), core.ErrReadOnly, false},
		"unavailable, then refused": {
			said(codes.Unavailable, codes.NotFound), core.ErrMaybe, false,
		},
		"unavailable, then forbidden": {
			said(codes.Unavailable, codes.PermissionDenied), core.ErrMaybe, false,
		},
	} {
		var calls atomic.Int64
		w.set(func(method string, call func() error) error {
			if method != "Commit" {
				return call()
			}
			if i := int(calls.Add(1)) - 1; i < len(c.answers) {
				return status.Error(c.answers[i], "said by the test")
			}
			return call()
		})
		err := s.apply(t, nil, put(name, "v"))
		w.set(nil)
		if !errors.Is(err, c.want) || c.want == nil && err != nil {
			t.Errorf("%s: the commit gives %v; want %v", name, err, c.want)
		}
		if v, err := s.value(t, name); (v == "v") != c.written {
			t.Errorf("%s: the row is %q, %v; want it written: %v", name, v, err, c.written)
		}
	}
}

// TestHungServer: a service that hangs keeps its connections. Reads and writes end in time, and go
// on when it is back.
func TestHungServer(t *testing.T) {
	e := alone(t)
	b := Backend{Database: database(t, e), Options: e.Options()}
	patient := b
	patient.Timeout = patience
	b.Timeout = 2 * time.Second
	s := open(t, patient, "storage")
	s.driver.client.backend.Timeout = b.Timeout
	do(t, e.Pause())
	begin := time.Now()
	is(t, "a write to a service that hangs", s.apply(t, nil, put("k", "new")), core.ErrUnavailable)
	_, err := s.value(t, "k")
	is(t, "a read from a service that hangs", err, core.ErrUnavailable)
	_, err = core.Open(t.Context(), "storage", b)
	is(t, "opening a storage of a service that hangs", err, core.ErrUnavailable)
	short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, _, err = s.Get(short, []byte("k"))
	is(t, "a read whose context ends", err, context.DeadlineExceeded)
	if took := time.Since(begin); took > patience/2 {
		t.Errorf("calls to a service that hangs take %v", took)
	}
	do(t, e.Resume())
	going(t, "writing", func() error { return s.apply(t, nil, put("k", "newer")) })
	going(t, "reading", func() error {
		v, err := s.value(t, "k")
		if err == nil && v != "newer" {
			t.Errorf("the row is %q", v)
		}
		return err
	})
}

// going calls fn until it succeeds: a service that is back may be told of late. Each call has to
// end in time.
func going(t *testing.T, what string, fn func() error) {
	t.Helper()
	for end := time.Now().Add(patience); ; {
		err := fn()
		switch {
		case err == nil:
			return
		case time.Now().After(end):
			t.Fatalf("%s does not go on: %v", what, err)
		case !errors.Is(err, core.ErrUnavailable) && !errors.Is(err, core.ErrMaybe):
			t.Fatalf("%s gives %v; want ErrUnavailable or ErrMaybe at most", what, err)
		}
	}
}

// TestHungCommit: a service that hangs between the last read and the answer of a commit leaves its
// outcome unknown, and the call ends with its context.
func TestHungCommit(t *testing.T) {
	e := alone(t)
	var w wire
	b := w.through(Backend{Database: database(t, e), Options: e.Options(), Timeout: patience})
	s := open(t, b, "storage")
	do(t, s.apply(t, nil, put("k", "old")))
	ctx, cancel := context.WithCancel(t.Context())
	w.set(func(method string, call func() error) error {
		if method == "Commit" {
			if err := e.Pause(); err != nil {
				return err
			}
			time.AfterFunc(100*time.Millisecond, cancel)
		}
		return call()
	})
	err := s.Apply(ctx, core.Batch{Writes: []core.Write{put("k", "new")}})
	w.set(nil)
	do(t, e.Resume())
	is(t, "a commit to a service that hangs", err, core.ErrMaybe)
	if v, err := s.value(t, "k"); v != "old" && v != "new" || err != nil {
		t.Errorf("the row is %q, %v", v, err)
	}
	do(t, s.apply(t, nil, put("k", "newer")))
}

// TestKilledServer: where nobody is, nothing was written, and calls end in time.
func TestKilledServer(t *testing.T) {
	e := alone(t)
	b := Backend{Database: database(t, e), Options: e.Options(), Timeout: patience}
	s := open(t, b, "storage")
	do(t, s.apply(t, nil, put("k", "v")))
	do(t, e.Kill())
	b.Timeout, s.driver.client.backend.Timeout = time.Second, time.Second
	is(t, "a write to nobody", s.apply(t, nil, put("k", "new")), core.ErrUnavailable)
	_, err := s.value(t, "k")
	is(t, "a read from nobody", err, core.ErrUnavailable)
	_, err = core.Open(t.Context(), "storage", b)
	is(t, "opening a storage of nobody", err, core.ErrUnavailable)
	canceled, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	b.Timeout = patience
	_, err = core.Open(canceled, "storage", b)
	is(t, "opening a storage of nobody, given up", err, context.Canceled)
	_, err = b.Claim(canceled, "storage", false)
	is(t, "Claim with a context that has ended", err, context.Canceled)
}

// TestContention: clients of two processes count, and the emulator aborts all transactions but
// one. No count is lost, and none is made twice.
func TestContention(t *testing.T) {
	b := here(t)
	const clients, each = 4, 10
	over := make(chan error, clients)
	for i := range clients {
		db, err := core.Open(t.Context(), "numbers", b)
		do(t, err)
		t.Cleanup(func() { do(t, db.Close()) })
		table, err := core.OpenTable(t.Context(), db, "numbers", keys.Int(), values.JSON[int]())
		do(t, err)
		go func() {
			for range each {
				err := table.Modify(t.Context(), 1, func(n int, _ bool) (int, core.Change, error) {
					return n + 1, core.Store, nil
				})
				if err != nil {
					over <- fmt.Errorf("client %d: %w", i, err)
					return
				}
			}
			n, err := table.Load(t.Context(), 1)
			if err == nil && n < each {
				err = fmt.Errorf("client %d has counted to %d, and reads %d", i, each, n)
			}
			over <- err
		}()
	}
	for range clients {
		do(t, <-over)
	}
	db, err := core.Open(t.Context(), "numbers", b)
	do(t, err)
	defer db.Close()
	table, err := core.OpenTable(t.Context(), db, "numbers", keys.Int(), values.JSON[int]())
	do(t, err)
	if n, err := table.Load(t.Context(), 1); n != clients*each || err != nil {
		t.Errorf("the counter is %d, %v; want %d", n, err, clients*each)
	}
}

// TestEnded: a service that says that a request is over, a moment before the request's context
// does, was taken for one that cannot be reached.
func TestEnded(t *testing.T) {
	said := status.Error(codes.DeadlineExceeded, "said by the test")
	soon, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	err := failed(soon, said)
	is(t, "a service that gives up by itself", err, core.ErrUnavailable)
	if errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("with an hour left the error is %v", err)
	}
	now, cancel := context.WithTimeout(t.Context(), 900*time.Millisecond)
	defer cancel()
	is(t, "a service that knows the deadline", failed(now, said), context.DeadlineExceeded)
}
