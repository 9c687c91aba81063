// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package bbolt

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"github.com/guardkv/guardkv/core"
)

// spaceOf returns a space of a system where total bytes of address space are free.
func spaceOf(total int64) *space {
	s := &space{}
	s.free = func(size int64) bool { return s.taken+size <= total }
	return s
}

// take takes what it can get, but not less than four times the file.
func TestReserve(t *testing.T) {
	if !canReserve {
		t.Skip("nothing can be reserved here")
	}
	for _, c := range []struct{ total, fileSize, want int64 }{
		{127 * tib, 0, 1 * tib},
		{127 * tib, 1 << 30, 1 * tib},
		{127 * tib, 1 << 37, 16 * tib},
		{127 * tib, 1 << 42, 16 * tib},
		{127 * tib, 1 << 43, 0},
		{500 * gib, 0, 64 * gib}, // 39 bits
		{100 * gib, 0, 8 * gib},
		{3 * gib, 0, 0},
	} {
		if got := int64(spaceOf(c.total).take(c.fileSize)); got != c.want {
			t.Errorf("%d of %d bytes of address space for a file of %d, want %d",
				got, c.total, c.fileSize, c.want)
		}
	}
	e := open(t, Backend{}, filepath.Join(t.TempDir(), "db"))
	if _, ok := e.reads.(*mapped); !ok {
		t.Errorf("readers are served by %T", e.reads)
	}
	closeEngine(t, e)
}

// 127 storages took all address space, and the Go heap found none. However many there are, a
// quarter is left; and what one gives back the next gets.
func TestReserveForMany(t *testing.T) {
	if !canReserve {
		t.Skip("nothing can be reserved here")
	}
	s := spaceOf(127 * tib)
	var got []int
	for n := s.take(0); n > 0; n = s.take(0) {
		got = append(got, n)
	}
	if len(got) < 1000 || s.taken > 48*tib {
		t.Errorf("%d storages have %d GiB", len(got), s.taken/gib)
	}
	for _, n := range got {
		s.give(n)
	}
	if s.taken != 0 || int64(s.take(0)) != tib {
		t.Errorf("%d bytes are taken after all were given back", s.taken)
	}
}

// A storage gives back what it took: when it is closed, when it cannot be opened, and what its
// old file had when it is compacted.
func TestReservationIsGivenBack(t *testing.T) {
	if !canReserve {
		t.Skip("nothing can be reserved here")
	}
	path := testPath(t)
	before := processSpace.taken
	e := open(t, Backend{}, path)
	apply(t, e, rows(0, 3000, 100)...)
	apply(t, e, deletions(10, 3000)...)
	if processSpace.taken == before {
		t.Error("an open storage takes nothing")
	}
	must(t, compact(t.Context(), e))
	if got := processSpace.taken - before; got != int64(e.file.Load().reserved) {
		t.Errorf("after a compaction %d bytes are taken", got)
	}
	closeEngine(t, e)
	if processSpace.taken != before {
		t.Errorf("a closed storage keeps %d bytes", processSpace.taken-before)
	}
}

// A compaction whose new file got no reservation made the writer wait for readers, among them
// the one that it keeps itself.
func TestCompactWithoutReservation(t *testing.T) {
	if !canReserve || !lockIsShared {
		t.Skip("nothing can be reserved, or compacted, here")
	}
	n := 64 << 20
	// the second gets none
	e := open(t,
		Backend{reserve: func(int64) int { n /= 2; return n &^ (32<<20 - 1) }}, testPath(t))
	apply(t, e, rows(0, 3000, 100)...)
	apply(t, e, deletions(10, 3000)...)
	must(t, e.Powers().Compact(t.Context()))
	if got := e.file.Load().reserved; got != 32<<20 {
		t.Errorf("%d bytes are reserved", got)
	}
	apply(t, e, rows(0, 3000, 1000)...)
	closeEngine(t, e)
}

// panicking is a handler of the user's that panics.
type panicking struct{ said *strings.Builder }

func (panicking) Enabled(context.Context, slog.Level) bool { return true }
func (p panicking) Handle(_ context.Context, r slog.Record) error {
	fmt.Fprintln(p.said, r.Level, r.Message)
	panic("a handler that panics")
}
func (p panicking) WithAttrs([]slog.Attr) slog.Handler { return p }
func (p panicking) WithGroup(string) slog.Handler      { return p }

// That readers get copies is said, and a handler that panics at it takes neither the lock nor
// address space.
func TestTellOfCopies(t *testing.T) {
	path := testPath(t)
	opts := testOptions()
	var said strings.Builder
	opts.Logger = slog.New(panicking{&said})
	e, err := tryOpen(copying, path, false, opts)
	must(t, err)
	if !strings.Contains(said.String(), "no address space can be reserved") {
		t.Errorf("it said %q", said.String())
	}
	if _, err := (Backend{LockTimeout: 1}).Claim(t.Context(), path, false); !errors.Is(err,
		core.ErrLocked) {
		t.Errorf("Claim = %v", err)
	}
	closeEngine(t, e)
	closeEngine(t, open(t, Backend{}, path))
}
