// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package postgres

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/guardkv/guardkv/backends/postgres/postgrestest"
	"github.com/guardkv/guardkv/core"
)

// count adds one to a counter.
func count(ctx context.Context, s *core.Storage, tab words, key string) error {
	return s.Update(ctx, func(tx *core.Tx) error {
		n, err := number1(ctx, tab.In(tx), key)
		if err != nil {
			return err
		}
		return tab.In(tx).Put(ctx, key, strconv.Itoa(n+1))
	})
}

func number1(
	ctx context.Context, in core.TxTable[string, string, string], key string,
) (int, error) {
	text, err := in.Load(ctx, key)
	if errors.Is(err, core.ErrNotFound) {
		return 0, nil
	} else if err != nil {
		return 0, err
	}
	return strconv.Atoi(text)
}

// TestTerminated: an administrator ends all sessions, again and again, while four goroutines
// count. Each count is there exactly once, and nothing has to be opened again.
func TestTerminated(t *testing.T) {
	s := postgrestest.Shared(t)
	url, err := s.Database(t.Context())
	do(t, err)
	storage := open(t, Backend{URL: url}, place())
	tab := openWords(t, storage)
	var counting sync.WaitGroup
	var over atomic.Bool
	var sum, unknown atomic.Int64
	for range 4 {
		counting.Go(func() {
			for !over.Load() {
				err := count(t.Context(), storage, tab, "counter")
				switch {
				case err == nil:
					sum.Add(1)
				case errors.Is(err, core.ErrMaybe):
					unknown.Add(1)
				case errors.Is(err, core.ErrUnavailable), errors.Is(err, core.ErrSnapshotExpired):
				default:
					t.Errorf("counting gives %v", err)
					return
				}
			}
		})
	}
	for i := int64(1); i <= 10; i++ {
		for sum.Load() < i*10 && !t.Failed() {
			time.Sleep(time.Millisecond)
		}
		_, err := s.Exec(t.Context(), "select pg_terminate_backend(pid)::text "+
			"from pg_stat_activity where application_name = 'guardkv' and datname <> 'postgres'")
		do(t, err)
	}
	over.Store(true)
	counting.Wait()
	text, err := tab.Load(t.Context(), "counter")
	do(t, err)
	if n, _ := strconv.ParseInt(text, 10, 64); n < sum.Load() || n > sum.Load()+unknown.Load() {
		t.Errorf("the counter is %d after %d counts, and %d that may have been made",
			n, sum.Load(), unknown.Load())
	}
}

// TestTerminatedWithin: sessions that end within a transaction end that. A snapshot is expired,
// and never goes on in another state; an Update has written nothing, or runs again.
func TestTerminatedWithin(t *testing.T) {
	s := postgrestest.Shared(t)
	url, err := s.Database(t.Context())
	do(t, err)
	storage := open(t, Backend{URL: url}, place())
	tab := openWords(t, storage)
	do(t, tab.Put(t.Context(), "k", "v"))
	terminate := func() {
		t.Helper()
		_, err := s.Exec(t.Context(), "select pg_terminate_backend(pid, 60000)::text "+
			"from pg_stat_activity where application_name = 'guardkv' and datname <> 'postgres'")
		do(t, err)
	}
	tx, err := storage.Snapshot(t.Context())
	do(t, err)
	terminate()
	if _, err := tab.In(tx).Load(t.Context(), "k"); !errors.Is(err, core.ErrSnapshotExpired) {
		t.Errorf("a snapshot whose session has ended gives %v; want ErrSnapshotExpired", err)
	}
	do(t, tx.Close())

	first := true
	update := func() error {
		return storage.Update(t.Context(), func(tx *core.Tx) error {
			n, err := number1(t.Context(), tab.In(tx), "n")
			if err != nil {
				return err
			}
			if first {
				first = false
				terminate()
			}
			return tab.In(tx).Put(t.Context(), "n", strconv.Itoa(n+1))
		})
	}
	// What the server said, or that the connection is gone, is seen first.
	if err := update(); err != nil && !errors.Is(err, core.ErrSnapshotExpired) {
		t.Errorf("an Update whose session has ended gives %v; want ErrSnapshotExpired", err)
	} else if err != nil {
		do(t, update())
	}
	reads(t, tab, "n", "1")
}

// TestRestart: when a server was stopped or killed and started again, reading and writing go on
// without opening anything, and what was acknowledged is there.
func TestRestart(t *testing.T) {
	t.Parallel() // it has servers of its own, and mostly waits
	s := start(t, postgrestest.Options{})
	storage := open(t, Backend{URL: s.URL()}, place())
	tab := openWords(t, storage)
	for i, restart := range []func() error{
		s.Restart,
		func() error { return errors.Join(s.Kill(), s.Start()) },
	} {
		key := fmt.Sprint("before ", i)
		do(t, tab.Put(t.Context(), key, "v"))
		do(t, restart())
		reads(t, tab, key, "v")
		do(t, restart())
		do(t, tab.Put(t.Context(), fmt.Sprint("after ", i), "v"))
		do(t, restart())
		do(t, count(t.Context(), storage, tab, "counter"))
		reads(t, tab, "counter", strconv.Itoa(i+1))
	}

	do(t, s.Stop())
	if _, err := tab.Load(t.Context(), "counter"); !errors.Is(err, core.ErrUnavailable) {
		t.Errorf("reading from a server that is stopped gives %v; want ErrUnavailable", err)
	}
	if err := tab.Put(t.Context(), "k", "v"); !errors.Is(err, core.ErrUnavailable) {
		t.Errorf("writing to it gives %v; want ErrUnavailable", err)
	}
	if _, err := core.Open(t.Context(), place(), Backend{URL: s.URL()}); !errors.Is(err,
		core.ErrUnavailable) {
		t.Errorf("opening gives %v; want ErrUnavailable", err)
	}
	do(t, s.Start())
	do(t, tab.Put(t.Context(), "k", "v"))
	reads(t, tab, "k", "v")
}

// TestHung: a server that hangs keeps nobody longer than the context, or the time that a commit
// may take. When it goes on, so does everything.
func TestHung(t *testing.T) {
	t.Parallel() // it has servers of its own, and mostly waits
	s := start(t, postgrestest.Options{NoSync: true})
	b := Backend{URL: s.URL() + "&connect_timeout=1", Commit: time.Second}
	storage := open(t, b, place())
	tab := openWords(t, storage)
	do(t, tab.Put(t.Context(), "k", "v"))
	tx, err := storage.Snapshot(t.Context())
	do(t, err)
	defer tx.Close()
	do(t, s.Pause())
	for name, call := range map[string]func(ctx context.Context) error{
		"Load":  func(ctx context.Context) error { _, err := tab.Load(ctx, "k"); return err },
		"Put":   func(ctx context.Context) error { return tab.Put(ctx, "k", "maybe") },
		"Count": func(ctx context.Context) error { _, err := tab.Count(ctx); return err },
		"Load of a snapshot": func(ctx context.Context) error {
			_, err := tab.In(tx).Load(ctx, "k")
			return err
		},
		"Update": func(ctx context.Context) error { return count(ctx, storage, tab, "counter") },
		"List":   func(ctx context.Context) error { _, err := b.List(ctx, ""); return err },
		"Open": func(ctx context.Context) error {
			_, err := core.Open(ctx, "another", b)
			return err
		},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		began := time.Now()
		err := call(ctx)
		cancel()
		if err == nil || time.Since(began) > patience {
			t.Errorf("%s returns %v, %v after its context has ended", name, err, time.Since(began))
		}
	}
	began := time.Now()
	err = tab.Put(t.Context(), "k", "maybe")
	if !errors.Is(err, core.ErrMaybe) && !errors.Is(err, core.ErrUnavailable) ||
		time.Since(began) > patience {
		t.Errorf("Put without a deadline returns %v, after %v", err, time.Since(began))
	}
	do(t, s.Resume())
	eventually(t, "writing to a server that goes on", func() error {
		return tab.Put(t.Context(), "k", "w")
	})
	reads(t, tab, "k", "w")
	eventually(t, "counting", func() error { return count(t.Context(), storage, tab, "n") })
}

// TestFailover kills the primary, twice, while four goroutines count. The programs follow by
// their URL, without opening anything, and every count that was acknowledged is there.
func TestFailover(t *testing.T) {
	if testing.Short() {
		t.Skip("starts three servers")
	}
	t.Parallel() // it has servers of its own, and mostly waits
	c, err := postgrestest.StartCluster(postgrestest.Options{NoSync: true}, 2)
	postgrestest.Needed(t, err)
	defer func() { do(t, c.Close()) }()
	storage := open(t, Backend{URL: c.URL() + "&connect_timeout=10"}, place())
	tab := openWords(t, storage)
	var counting sync.WaitGroup
	var over atomic.Bool
	var all atomic.Int64
	sums, unknown := make([]int, 4), make([]int, 4)
	for i := range sums {
		counting.Go(func() {
			for !over.Load() && !t.Failed() {
				err := count(t.Context(), storage, tab, strconv.Itoa(i))
				switch {
				case err == nil:
					sums[i]++
					all.Add(1)
				case errors.Is(err, core.ErrMaybe):
					unknown[i]++
				case errors.Is(err, core.ErrUnavailable), errors.Is(err, core.ErrSnapshotExpired):
					time.Sleep(time.Millisecond)
				default:
					t.Errorf("counting gives %v", err)
				}
			}
		})
	}
	more := func() {
		t.Helper()
		end := time.Now().Add(patience)
		for want := all.Load() + 100; all.Load() < want; time.Sleep(time.Millisecond) {
			if t.Failed() || time.Now().After(end) {
				over.Store(true)
				counting.Wait()
				t.Fatal("counting does not go on")
			}
		}
	}
	more()
	for range 2 {
		old := c.Primary()
		do(t, old.Kill())
		do(t, c.Promote())
		more()
		do(t, c.Rejoin(old))
		more()
	}
	over.Store(true)
	counting.Wait()
	for i, sum := range sums {
		text, err := tab.Load(t.Context(), strconv.Itoa(i))
		do(t, err)
		if n, _ := strconv.Atoi(text); n < sum || n > sum+unknown[i] {
			t.Errorf("counter %d is %d after %d counts, and %d that may have been made",
				i, n, sum, unknown[i])
		}
	}
	t.Logf("%d counts were acknowledged, and none is lost", all.Load())
}
