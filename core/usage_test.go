// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core

import (
	"errors"
	"runtime"
	"sync/atomic"
	"testing"
	"time"
)

// closeGuards returns how long it takes to close n guards, before the storage is closed or
// after it.
func closeGuards(t *testing.T, n int, shut bool) time.Duration {
	t.Helper()
	e := &oneRow{value: make([]byte, 64)}
	s := newStorage("fake", e, newOptions(nil))
	tb := fakeTableOn(s, func([]byte) int { return 0 })
	guards := make([]Guard[int], n)
	for i := range guards {
		guards[i], _ = tb.Get(t.Context(), 1)
	}
	if shut {
		if err := s.Close(); !errors.Is(err, ErrGuardsOpen) {
			t.Fatalf("Close with open guards: %v", err)
		}
	}
	start := time.Now()
	for i, g := range guards {
		if e.closed.Load() {
			t.Fatalf("the engine was closed with %d of %d guards open", n-i, n)
		}
		g.Close()
	}
	took := time.Since(start)
	if err := s.Close(); err != nil || !e.closed.Load() {
		t.Fatalf("Close at the end: %v, engine closed %v", err, e.closed.Load())
	}
	return took
}

// Every guard that was closed after its storage looked at the slots of all others: 12 seconds
// for 16,000, and less than a millisecond before it.
func TestClosingGuardsAfterTheStorageIsLinear(t *testing.T) {
	const n, most = 16000, 100 // the ratio was 20,000
	before, after := closeGuards(t, n, false), closeGuards(t, n, true)
	if after > most*before+10*time.Millisecond {
		t.Errorf("closing %d guards takes %v, after the storage %v", n, before, after)
	}
}

// A call that is refused looked at every slot, under a lock.
func TestARefusedCallLooksAtOneSeat(t *testing.T) {
	s := newStorage("fake", &oneRow{value: make([]byte, 64)}, newOptions(nil))
	tb := fakeTableOn(s, func([]byte) int { return 0 })
	guards := make([]Guard[int], 1000)
	for i := range guards {
		guards[i], _ = tb.Get(t.Context(), 1)
	}
	if err := s.Close(); !errors.Is(err, ErrGuardsOpen) {
		t.Fatal(err)
	}
	for range 100 {
		if _, err := tb.Has(t.Context(), 1); !errors.Is(err, ErrClosed) {
			t.Fatal(err)
		}
		if _, err := tb.Get(t.Context(), 1); !errors.Is(err, ErrClosed) {
			t.Fatal(err)
		}
	}
	if left := len(s.usage.last.left); left < len(guards)-2 {
		t.Errorf("refused calls have looked at %d of %d slots, want one or two",
			len(guards)-left, len(guards))
	}
	for _, g := range guards {
		g.Close()
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// A reader that looks at the flag before it announces itself can be counted as absent, and then
// reads a closed engine.
func TestReadersAnnounceThemselvesFirst(t *testing.T) {
	rounds := 200_000
	if testing.Short() {
		rounds = 10_000
	}
	var closed atomic.Bool
	r := &usage{idle: func() { closed.Store(true) }}
	var round, entered atomic.Int64
	failed := make(chan int, 1)
	go func() {
		defer close(failed)
		for i := 1; i <= rounds; i++ {
			spinUntil(func() bool { return round.Load() == int64(i) })
			shard := &r.shards[len(r.shards)-1]
			if r.enter(shard) {
				if closed.Load() {
					failed <- i
					entered.Store(-1)
					return
				}
				r.leave(shard)
			}
			entered.Store(int64(i))
		}
	}()
	for i := 1; i <= rounds; i++ {
		r.shut.Store(false)
		closed.Store(false)
		round.Store(int64(i))
		for range i % 64 { // so that the two meet anywhere
			closed.Load()
		}
		r.shut.Store(true)
		if r.calls() == 0 {
			closed.Store(true)
		}
		spinUntil(func() bool { n := entered.Load(); return n == int64(i) || n < 0 })
	}
	if i, ok := <-failed; ok {
		t.Errorf("in round %d a reader entered an engine that was closed", i)
	}
}

// spinUntil waits without sleeping, so that two goroutines start at the same moment, if there
// are processors for both.
func spinUntil(done func() bool) {
	for i := 1; !done(); i++ {
		if i%1000 == 0 {
			runtime.Gosched()
		}
	}
}
