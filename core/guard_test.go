// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"
)

// wantPanic runs fn and reports whether it panicked with ErrGuardClosed.
func wantPanic(t *testing.T, what string, fn func()) {
	t.Helper()
	defer func() {
		t.Helper()
		err, _ := recover().(error)
		if !errors.Is(err, ErrGuardClosed) {
			t.Errorf("%s: panic value is %v, want ErrGuardClosed", what, err)
		}
	}()
	fn()
}

func mustGet[W any](t *testing.T, tb *Table[uint64, W, W]) Guard[W] {
	t.Helper()
	g, err := tb.Get(context.Background(), 1)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func identity(b []byte) []byte { return b }

func TestGuardIsTwoWords(t *testing.T) {
	// a pointer and a number of 64 bits, which are three words where words have 32
	want := unsafe.Sizeof(uintptr(0)) + 8
	if got := unsafe.Sizeof(Guard[view40]{}); got != want {
		t.Errorf("a guard takes %d bytes, want %d", got, want)
	}
}

func TestGuardCloseIsOnceForAllCopies(t *testing.T) {
	tb := fakeTable(identity)
	e := tb.storage.engine.(*oneRow)
	g := mustGet(t, tb)
	other := g
	g.Close()
	other.Close()
	g.Close()
	if e.released.Load() != 1 {
		t.Errorf("the engine's bytes were released %d times, want 1", e.released.Load())
	}
	wantPanic(t, "the copy", func() { other.Value() })
	wantPanic(t, "the zero guard", func() { Guard[int]{}.Value() })
	if err := (Guard[int]{}).Close(); err != nil {
		t.Error(err)
	}
}

// A naively pooled guard lets a stale Close end the guard of the next tenant, and a stale Value
// read its row.
func TestStaleGuardLeavesTheNextTenantAlone(t *testing.T) {
	tb := fakeTable(identity)
	stale := mustGet(t, tb)
	stale.Close()
	next := mustGet(t, tb)
	// the pool may drop a state, at random under the race detector
	for i := 0; next.s != stale.s; i++ {
		if i == 1000 {
			t.Fatal("the state was never reused")
		}
		next.Close()
		stale = next
		next = mustGet(t, tb)
	}
	wantPanic(t, "stale guard", func() { stale.Value() })
	stale.Close()
	if got := len(next.Value()); got != 64 {
		t.Errorf("the next tenant reads %d bytes, want 64", got)
	}
	next.Close()
}

func TestGuardConcurrentCloseReleasesOnce(t *testing.T) {
	tb := fakeTable(identity)
	e := tb.storage.engine.(*oneRow)
	const rounds = 2000
	for range rounds {
		g := mustGet(t, tb)
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() { g.Close() })
		}
		wg.Wait()
	}
	if e.released.Load() != rounds {
		t.Errorf("%d releases after %d guards", e.released.Load(), rounds)
	}
}

func TestGuardAllocatesNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector makes sync.Pool drop items at random")
	}
	check := func(name string, n float64) {
		if n != 0 {
			t.Errorf("%s: %v allocations per Get, want 0", name, n)
		}
	}
	ctx := context.Background()
	b, w := fakeTable(identity),
		fakeTable(func(b []byte) view40 { return view40{row: b, more: [2]int{len(b)}} })
	check("bytes",
		testing.AllocsPerRun(1000, func() { g, _ := b.Get(ctx, 1); g.Value(); g.Close() }))
	check("40 bytes",
		testing.AllocsPerRun(1000, func() { g, _ := w.Get(ctx, 1); g.Value(); g.Close() }))
}

// A view can be in use when its guard is not reachable any more, so a forgotten guard may only
// be reported: its bytes must stay held, and the storage counts it as open.
func TestForgottenGuardIsReportedAndStaysOpen(t *testing.T) {
	for _, tracked := range []bool{false, true} {
		var log syncBuffer
		o := newOptions([]Option{WithLogger(slog.New(slog.NewTextHandler(&log, nil)))})
		o.tracking = tracked
		tb := fakeTableOn(newStorage("fake", &oneRow{value: make([]byte, 64)}, o), identity)
		e := tb.storage.engine.(*oneRow)
		forget(t, tb)
		for i := 0; !strings.Contains(log.String(), "dropped without Close"); i++ {
			if i == 100 {
				t.Fatal("the forgotten guard was not reported")
			}
			runtime.GC()
			time.Sleep(time.Millisecond)
		}
		if e.released.Load() != 0 {
			t.Error("the forgotten guard's bytes were released")
		}
		if err := tb.storage.Close(); !errors.Is(err, ErrGuardsOpen) {
			t.Errorf("Close: %v, want ErrGuardsOpen", err)
		}
		if got := strings.Contains(log.String(), "core.forget"); got != tracked {
			t.Errorf("tracked=%v: the report names the place: %v\n%s", tracked, got, log.String())
		}
	}
}

//go:noinline
func forget(t *testing.T, tb *Table[uint64, []byte, []byte]) { mustGet(t, tb) }

func TestClosedSeatsAreForgotten(t *testing.T) {
	tb := fakeTable(identity)
	for range 100 {
		mustGet(t, tb).Close()
	}
	tb.guards.pool = sync.Pool{}
	for i := 0; ; i++ {
		runtime.GC()
		tb.storage.usage.mu.Lock()
		n := len(tb.storage.usage.slots)
		tb.storage.usage.mu.Unlock()
		if n == 0 {
			return
		}
		if i == 100 {
			t.Fatalf("%d slots of collected states are still kept", n)
		}
		time.Sleep(time.Millisecond)
	}
}

// The last one to leave closes the engine, exactly once, and never under a reader.
func TestCloseBesideReaders(t *testing.T) {
	for range 200 {
		tb := fakeTable(identity)
		e := tb.storage.engine.(*oneRow)
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for {
					g, err := tb.Get(context.Background(), 1)
					if errors.Is(err, ErrClosed) {
						return
					}
					if e.closed.Load() {
						t.Error("the engine was closed under a guard")
					}
					g.Close()
				}
			})
		}
		wg.Go(func() {
			if err := tb.storage.Close(); err != nil && !errors.Is(err, ErrGuardsOpen) {
				t.Error(err)
			}
		})
		wg.Wait()
		if err := tb.storage.Close(); err != nil {
			t.Error("the last Close:", err)
		}
		if !e.closed.Load() {
			t.Error("the engine was left open")
		}
	}
}

// A call that is turned away is counted for a moment. Close, called again, took it for one that
// was still open.
func TestCloseAgainBesideACallThatIsTurnedAway(t *testing.T) {
	tb := fakeTable(identity)
	if err := tb.storage.Close(); err != nil {
		t.Fatal(err)
	}
	// what enter does before it looks whether the storage is open
	tb.storage.usage.shards[3].n.Add(1)
	if err := tb.storage.Close(); err != nil {
		t.Error("Close, after the engine was closed:", err)
	}
}

func TestErrGuardsOpenNamesThePlaces(t *testing.T) {
	o := newOptions(nil)
	o.tracking = true
	tb := fakeTableOn(newStorage("fake", &oneRow{value: make([]byte, 64)}, o), identity)
	g := mustGet(t, tb)
	err := tb.storage.Close()
	if !errors.Is(err, ErrGuardsOpen) || !strings.Contains(err.Error(), "core.mustGet") {
		t.Errorf("Close: %v, want ErrGuardsOpen and where the guard was opened", err)
	}
	if _, err := tb.Get(context.Background(), 1); !errors.Is(err, ErrClosed) {
		t.Errorf("Get after Close: %v, want ErrClosed", err)
	}
	if got := len(g.Value()); got != 64 {
		t.Errorf("the open guard reads %d bytes", got)
	}
	g.Close()
	if err := tb.storage.Close(); err != nil {
		t.Errorf("Close after the last guard: %v", err)
	}
}

// syncBuffer is a log that a cleanup may write while a test reads it.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
