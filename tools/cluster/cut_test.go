// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/guardkv/guardkv/core"
)

// hits arms all proxies, because it does not know which server will be asked. The function that it
// returns disarms them, and reports whether a commit was hit.
func (s *Site) hits(after bool) (hit func() bool) {
	before := 0
	for _, p := range s.proxies {
		before += p.Hits()
		p.Arm(&Cut{Match: commitMark, After: after})
	}
	return func() bool {
		now := 0
		for _, p := range s.proxies {
			p.Arm(nil)
			now += p.Hits()
		}
		return now > before
	}
}

// patient returns a backend that waits long enough for a busy machine, so that no outcome becomes
// unknown.
func (s *Site) patient(t *testing.T) core.Backend {
	t.Helper()
	a := s.Address()
	a.Commit = time.Minute
	return must(a.Backend())(t)
}

// A commit whose connection is cut, before it reaches the server or before its answer reaches the
// client, takes effect exactly once, and its caller notices nothing.
func cutCommits(t *testing.T, s *Site) {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	var lost atomic.Int64
	b := s.patient(t)
	db := must(core.Open(ctx, "cut", counting{b, &lost}, discard))(t)
	defer db.Close()
	tables := must(openTables(ctx, db))(t)
	add := func(old string, found bool) (string, core.Change, error) {
		n, err := plusOne(old, found)
		return n, core.Store, err
	}
	verbs := map[string]func(n int) error{
		"Put": func(n int) error { return tables.rows.Put(ctx, fmt.Sprint(n), "put") },
		"Modify": func(int) error {
			return tables.counts.Modify(ctx, 1, add)
		},
		"Update": func(n int) error {
			return db.Update(ctx, func(tx *core.Tx) error {
				old, err := tables.counts.In(tx).Get(ctx, 2)
				found := !errors.Is(err, core.ErrNotFound)
				if err != nil && found {
					return err
				}
				n, _, err := add(old, found)
				if err != nil {
					return err
				}
				return tables.counts.In(tx).Put(ctx, 2, n)
			})
		},
	}
	const times = 3
	calls := 0
	for verb, write := range verbs {
		check(t, write(calls)) // the first call has more to ask for
		for i := range 2 * times {
			after := i%2 == 1
			hit := s.hits(after)
			calls++
			if err := write(calls); err != nil {
				t.Errorf("%s, whose connection is cut (after it took effect: %t): %v", verb, after,
					err)
			}
			if !hit() {
				t.Errorf("%s: no commit was cut", verb)
			}
		}
	}
	for key := range uint64(2) {
		got, err := tables.counts.Load(ctx, key+1)
		if want := fmt.Sprint(1 + 2*times); got != want || err != nil {
			t.Errorf("%q is counted, %v; want %q", got, err, want)
		}
	}
	if lost.Load() == 0 {
		t.Error("no commit was without an answer")
	}
	t.Logf("%d commits cut, %d of them without an answer: all made once", calls, lost.Load())
}
