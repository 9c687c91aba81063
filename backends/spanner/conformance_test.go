// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package spanner

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/guardkv/guardkv/backends/spanner/spannertest"
	"github.com/guardkv/guardkv/core/backendtest"
)

// TestConformance: two backends with connections of their own are two processes. Each check has a
// database of its own: the emulator lets one transaction of a database write at a time.
func TestConformance(t *testing.T) {
	emulator(t) // or the test is skipped
	var f fleet
	backendtest.Run(t, func(t *testing.T) backendtest.Target {
		if short && strings.Contains(t.Name(), "/spoiled/") {
			t.Skip("bytes are spoiled on this side of the emulator: the long form does that")
		}
		e := f.take(t)
		// Some checks wait as long as a write may take, and the machine may be busy.
		b := Backend{
			Database: database(t, e), Options: e.Options(), Timeout: 15 * time.Second, Writers: 4,
		}
		return backendtest.Target{Backend: b, Second: b, Path: "place"} // which share nothing
	})
}

// fleet are emulators, each for a few checks: a read takes an emulator the longer the more
// transactions it has seen, some milliseconds after a thousand.
type fleet struct {
	mu   sync.Mutex
	last *ship // that has room for another check
}

// ship is an emulator that checks use.
type ship struct {
	emulator *spannertest.Emulator
	taken    int // how often
	users    int // that are not over
}

// checksAboard is how many checks one emulator is for.
const checksAboard = 8

// take returns an emulator for a test. It is closed after the last test that it is for.
func (f *fleet) take(t *testing.T) *spannertest.Emulator {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.last == nil {
		e, err := spannertest.Start()
		available(t, err)
		f.last = &ship{emulator: e}
	}
	s := f.last
	s.taken++
	s.users++
	if s.taken == checksAboard {
		f.last = nil
	}
	t.Cleanup(func() { f.give(t, s) })
	return s.emulator
}

// give closes an emulator that nobody uses, now or later.
func (f *fleet) give(t *testing.T, s *ship) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if s.users--; s.users > 0 {
		return
	}
	if f.last == s {
		f.last = nil
	}
	do(t, s.emulator.Close())
}
