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
	var p pool
	backendtest.Run(t, func(t *testing.T) backendtest.Target {
		if short && strings.Contains(t.Name(), "/spoiled/") {
			t.Skip("bytes are spoiled on this side of the emulator: the long form does that")
		}
		e := p.take(t)
		// Some checks wait as long as a write may take, and the machine may be busy.
		b := Backend{
			Database: database(t, e), Options: e.Options(), Timeout: 15 * time.Second, Writers: 4,
		}
		return backendtest.Target{Backend: b, Second: b, Path: "place"} // which share nothing
	})
}

// pool has emulators, each for a few checks: a read takes an emulator the longer the more
// transactions it has seen, some milliseconds after a thousand.
type pool struct {
	mu   sync.Mutex
	last *pooled // that has room for another check
}

// pooled is an emulator that checks use.
type pooled struct {
	emulator *spannertest.Emulator
	taken    int // how often
	users    int // that are not over
}

// checksEach is how many checks one emulator is for.
const checksEach = 8

// take returns an emulator for a test. It is closed after the last test that it is for.
func (p *pool) take(t *testing.T) *spannertest.Emulator {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.last == nil {
		e, err := spannertest.Start()
		available(t, err)
		p.last = &pooled{emulator: e}
	}
	s := p.last
	s.taken++
	s.users++
	if s.taken == checksEach {
		p.last = nil
	}
	t.Cleanup(func() { p.give(t, s) })
	return s.emulator
}

// give closes an emulator that nobody uses, now or later.
func (p *pool) give(t *testing.T, s *pooled) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s.users--; s.users > 0 {
		return
	}
	if p.last == s {
		p.last = nil
	}
	do(t, s.emulator.Close())
}
