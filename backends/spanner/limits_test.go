// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package spanner

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/remote"
)

// TestLimits: what Spanner would refuse is said before anything is sent, and whatever is within
// the limits is taken.
func TestLimits(t *testing.T) {
	var w wire
	s := open(t, w.through(here(t)), "storage")
	limits := s.Limits()
	if limits.BatchRows < 19_000 || limits.BatchRows*rowMutations >= mostMutations {
		t.Errorf("the limits are %+v", limits)
	}
	var most []core.Write
	for i := range limits.BatchRows + 1 {
		most = append(most, put(rowKey("tab1", i), ""))
	}
	before := w.calls.Load()
	is(t, "a row too many", s.apply(t, nil, slices.Clone(most)...), core.ErrTooLarge)
	is(t, "a large value", s.apply(t, nil, put("x", strings.Repeat("v", limits.Value+1))),
		core.ErrTooLarge)
	is(t, "a long key", s.apply(t, nil, put(strings.Repeat("k", limits.Key+1), "")),
		core.ErrTooLarge)
	if n := w.calls.Load() - before; n != 0 {
		t.Errorf("%d requests were made for what is too large", n)
	}
	long, large := strings.Repeat("k", limits.Key), strings.Repeat("v", limits.Value)
	do(t, s.apply(t, nil, put(long, large)))
	if v, err := s.value(t, long); v != large || err != nil {
		t.Errorf("the largest row has %d bytes, %v", len(v), err)
	}
	if !short { // the emulator takes seconds for so many
		do(t, s.apply(t, nil, most[1:]...))
	}
	_, err := s.driver.client.backend.Claim(t.Context(), strings.Repeat("p", longestKey+1), false)
	is(t, "a long path", err, core.ErrTooLarge)
}

// TestRanges: a transaction that has read many ranges is in conflict with whoever writes in one of
// them, or deletes from it, and with nobody else.
func TestRanges(t *testing.T) {
	s := open(t, here(t), "storage")
	const n = rangesAtOnce + 10
	var rows []core.Write
	for i := range n {
		rows = append(rows, put(rowKey("tab1", 10*i), "v"), put(rowKey("tab1", 10*i+1), "v"))
	}
	for name, c := range map[string]struct {
		write core.Write
		want  error
	}{
		"a row between the ranges": {put(rowKey("tab1", 10*n-1), "new"), nil},
		"one in the last range":    {put(rowKey("tab1", 10*n-9), "new"), core.ErrConflict},
		"one that is new":          {put(rowKey("tab1", 2), "new"), core.ErrConflict},
		"one that is deleted":      {del(rowKey("tab1", 10*n-10)), core.ErrConflict},
	} {
		do(t, s.apply(t, nil, slices.Concat(rows, []core.Write{del(rowKey("tab1", 2))})...))
		base := s.begin(t, core.ToUpdate)
		for i := range n {
			got, err := scan(t, base, core.ScanRange{
				Low: []byte(rowKey("tab1", 10*i)), High: []byte(rowKey("tab1", 10*i+5)),
			})
			if len(got) != 2 || err != nil {
				t.Fatalf("range %d has the rows %q, %v", i, got, err)
			}
		}
		do(t, s.apply(t, nil, c.write))
		err := s.apply(t, base, put("mine", name))
		if c.want == nil {
			do(t, err)
		} else {
			is(t, name, err, c.want)
		}
	}
}

// TestExpired: Spanner keeps states for an hour. Reading an older one, and a commit that depends
// on one, is told so; the storage goes on. The emulator looks for the table of that time first,
// and so does not say what Spanner says: the test does.
func TestExpired(t *testing.T) {
	var w wire
	s := open(t, w.through(here(t)), "storage")
	do(t, s.apply(t, nil, put("k", "v")))
	check := func(when time.Time) {
		t.Helper()
		old := &state{driver: s.driver}
		old.when.Store(&when)
		_, err := old.GetMany(t.Context(), [][]byte{[]byte("k")})
		is(t, "reading an old state", err, core.ErrSnapshotExpired)
		_, err = old.Page(t.Context(), remote.Query{Rows: 1, Reverse: true})
		is(t, "a page of one", err, core.ErrSnapshotExpired)
		_, err = s.driver.countBefore(t.Context(), remote.Commit{
			Base: old, Ranges: []remote.Span{{Low: []byte("a")}},
		})
		is(t, "a commit that depends on one", err, core.ErrSnapshotExpired)
	}
	check(time.Now().Add(-2 * time.Hour))
	says := status.Error(codes.FailedPrecondition,
		"Read-only transaction timestamp has exceeded the maximum timestamp staleness")
	w.fails.Store(&says)
	check(time.Now())
	w.fails.Store(nil)
	if v, err := s.value(t, "k"); v != "v" || err != nil {
		t.Errorf("after that a read gives %q, %v", v, err)
	}
}

// TestTrips counts requests: the first page of a scan brings the fence along.
func TestTrips(t *testing.T) {
	var w wire
	s := open(t, w.through(here(t)), "storage")
	fence := []byte(core.FenceKey)
	do(t, s.apply(t, nil, put(core.FenceKey, "f"), put("tab1a", "v"), put("tab1b", "v")))
	for _, c := range []struct {
		name string
		want int64
		call func() error
	}{
		{"Get", 1, func() error { _, err := s.value(t, "tab1a"); return err }},
		{"a scan", 1, func() error {
			got, err := scan(t, s.begin(t, core.ToReadOnce), core.ScanRange{Low: []byte("tab1")})
			return wants(got, err, "tab1a", "tab1b")
		}},
		{"a scan of a range with the fence", 2, func() error {
			got, err := scan(t, s.begin(t, core.ToReadOnce), core.ScanRange{})
			return wants(got, err, core.FenceKey, "tab1a", "tab1b")
		}},
		{"a scan in reverse", 2, func() error {
			r := core.ScanRange{Low: []byte("tab1"), Reverse: true}
			got, err := scan(t, s.begin(t, core.ToReadOnce), r)
			return wants(got, err, "tab1b", "tab1a")
		}},
		{"a put", 2, func() error {
			return s.Apply(t.Context(), core.Batch{
				Conditions: []core.Condition{{Key: fence, Value: []byte("f")}},
				Writes:     []core.Write{put("tab1a", "w")},
			})
		}},
		{"a transaction", 4, func() error { // read, condition, version, commit
			base := s.begin(t, core.ToUpdate)
			if _, _, err := base.Get(t.Context(), []byte("tab1a")); err != nil {
				return err
			}
			return s.apply(t, base, put("tab1a", "w"))
		}},
	} {
		before := w.calls.Load()
		err := c.call()
		if got := w.calls.Load() - before; got != c.want || err != nil {
			t.Errorf("%s makes %d requests, %v; want %d", c.name, got, err, c.want)
		}
	}
}

func wants(got []string, err error, want ...string) error {
	if err == nil && strings.Join(got, " ") != strings.Join(want, " ") {
		err = fmt.Errorf("the rows are %q; want %q", got, want)
	}
	return err
}
