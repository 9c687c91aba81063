// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core

import (
	"errors"
	"testing"
)

// A stack spells the numbers of the storages whose functions it is in, and no others, however
// deep it is and however they are nested; that of another goroutine spells nothing.
func TestSpelledNumbers(t *testing.T) {
	check := func(number uint64, want bool) {
		t.Helper()
		if got := spelledHere(number); got != want {
			t.Errorf("%d is spelled: %v, want %v", number, got, want)
		}
	}
	others := func(n uint64) {
		for _, o := range []uint64{n - 1, n + 1, n / 2, 2 * n, 2*n + 1, ^n} {
			check(o, false)
		}
	}
	for _, n := range []uint64{1, 2, 3, 4, 6, 77, 1 << 20, 1<<32 + 5, 1 << 63} {
		check(n, false)
		spellNumber(n, func() {
			check(n, true)
			others(n)
			deeper(200, func() { check(n, true); others(n) })
			spellNumber(1000, func() { check(n, true); check(1000, true); check(n^1000, false) })
			check(1000, false)
			done := make(chan struct{})
			go func() {
				defer close(done)
				check(n, false)
			}()
			<-done
		})
		check(n, false)
	}
}

// An Update past the Tx of another one would wait for the turn that this one has, forever.
func TestAnUpdateInsideAnUpdateIsFound(t *testing.T) {
	s := newStorage("fake", &mapEngine{}, newOptions(nil))
	err := s.Update(t.Context(), func(*Tx) error {
		return s.Update(Bounded(t), func(*Tx) error { return nil })
	})
	if !errors.Is(err, ErrNestedWrite) {
		t.Errorf("it returns %v; want ErrNestedWrite", err)
	}
}

//go:noinline
func deeper(n int, fn func()) {
	if n == 0 {
		fn()
		return
	}
	deeper(n-1, fn)
}

// What a write costs that comes while functions run, and what a function costs.
func BenchmarkNestedCheck(b *testing.B) {
	f := functionRunner{number: 5}
	b.Run("here", func(b *testing.B) {
		deeper(10, func() {
			f.running.Add(1)
			for b.Loop() {
				f.here()
			}
		})
	})
	b.Run("run", func(b *testing.B) {
		for b.Loop() {
			f.run(func() {})
		}
	})
}
