// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package etcd

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/remote"
)

// spans is a range, without a bound above if that is empty.
func spans(low, high string) []remote.Span {
	s := remote.Span{Low: []byte(low)}
	if high != "" {
		s.High = []byte(high)
	}
	return []remote.Span{s}
}

// TestLimits: what a server would refuse is said before anything is sent, and whatever is within
// the limits fits into a request, with the worst that a commit may depend on: etcd counts the
// operations inside a transaction against those around it, and comparisons too.
func TestLimits(t *testing.T) {
	s := open(t, here(t), place())
	limits := s.Limits()
	if limits.BatchRows != 126 || limits.BatchBytes < 1<<20 || limits.Value < 1<<20 {
		t.Errorf("the limits are %+v", limits)
	}
	most := rows(limits.BatchRows, 0, core.Unconditional)
	before := s.trips.Load()
	is(t, "a row too many", s.apply(t, nil, append(most, put("x", ""))...), core.ErrTooLarge)
	is(t, "a large value", s.apply(t, nil, put("x", strings.Repeat("v", limits.Value+1))),
		core.ErrTooLarge)
	is(t, "a long key", s.apply(t, nil, put(strings.Repeat("k", limits.Key+1), "")),
		core.ErrTooLarge)
	if n := s.trips.Load() - before; n != 0 {
		t.Errorf("%d requests were made for what is too large", n)
	}
	size := limits.BatchBytes/limits.BatchRows - len(most[0].Key)
	for _, c := range []struct {
		name   string
		read   func(core.Snapshot)
		writes []core.Write
	}{
		{"puts", nothing, rows(limits.BatchRows, size, core.Unconditional)},
		{"puts of absent rows", nothing, rows(limits.BatchRows, size, core.IfAbsent)},
		{"puts of rows that are there", nothing, rows(limits.BatchRows, size, core.IfPresent)},
		{"deletions", nothing, deletions(t, "k")},
		{"after many rows were read", readRows(t, 500, 4), deletions(t, "k")},
		{"after rows with long keys were read", readRows(t, 100, limits.Key), rows(
			limits.BatchRows, size, core.IfAbsent)},
		{"after ranges of many tables were read", readRanges(t, 300), deletions(t, "k")},
		{"a value", nothing, []core.Write{put("v", strings.Repeat("v", limits.Value))}},
		{"a long key", nothing, []core.Write{when(put(strings.Repeat("k", limits.Key),
			strings.Repeat("v", limits.Value)), core.IfAbsent)}},
	} {
		base := s.begin(t, core.ToUpdate)
		c.read(base)
		met := make([]bool, len(c.writes))
		err := s.Apply(t.Context(), core.Batch{Base: base, Writes: c.writes, Met: met})
		if strings.Contains(c.name, "absent") || strings.Contains(c.name, "are there") {
			if wants := strings.Contains(c.name, "absent"); err == nil && met[0] == wants {
				t.Errorf("%s: met are %v", c.name, met)
			}
		}
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func nothing(core.Snapshot) {}

// rows are so many, each of so many bytes.
func rows(n, size int, c core.When) (writes []core.Write) {
	for i := range n {
		writes = append(writes, when(core.Write{
			Key: fmt.Appendf(nil, "row %06d", i), Value: bytes.Repeat([]byte("v"), size),
		}, c))
	}
	return writes
}

// readRows reads so many rows with keys of so many bytes, in as many tables.
func readRows(t *testing.T, n, size int) func(core.Snapshot) {
	return func(base core.Snapshot) {
		var keys [][]byte
		for i := range n {
			keys = append(keys, append(fmt.Appendf(nil, "%04d", i), make([]byte, size-4)...))
		}
		do(t, base.Powers().GetMany(t.Context(), keys, func(int, []byte) error { return nil }))
	}
}

// readRanges scans ranges of so many tables.
func readRanges(t *testing.T, n int) func(core.Snapshot) {
	return func(base core.Snapshot) {
		for i := range n {
			_, err := scan(t, base, between(fmt.Sprintf("%04d", i), fmt.Sprintf("%04dx", i)), 1)
			do(t, err)
		}
	}
}

// TestCoarse: what is compared more coarsely, because there is much of it, still finds every
// change.
func TestCoarse(t *testing.T) {
	b, path := here(t), place()
	one, two := open(t, b, path), open(t, b, path)
	long := longestKey
	for _, c := range []struct {
		name  string
		read  func(core.Snapshot)
		write core.Write
	}{
		{"one of many rows", readRows(t, 500, 4), put("0321", "new")},
		{"one of many ranges", readRanges(t, 300), put("0123a", "new")},
		{"one deleted of many ranges", readRanges(t, 300), del("0123a")},
		{"one of rows with long keys", readRows(t, 100, long), put("0042"+strings.Repeat("\x00",
			long-4), "new")},
	} {
		base := one.begin(t, core.ToUpdate)
		c.read(base)
		do(t, two.apply(t, nil, c.write))
		is(t, c.name+": a commit", one.apply(t, base, put("x", "")), core.ErrConflict)
	}
}

// TestLimitsOfServers: limits that a server has raised are used, and those that make no sense
// refused.
func TestLimitsOfServers(t *testing.T) {
	c := cluster(t, 1, "--max-txn-ops=1024", "--max-request-bytes=8388608")
	b := Backend{Endpoints: c.Endpoints(), MaxTxnOps: 1024, MaxRequestBytes: 8 << 20}
	s := open(t, b, place())
	limits := s.Limits()
	if limits.BatchRows != 1022 || limits.Value < 7<<20 {
		t.Errorf("the limits are %+v", limits)
	}
	size := limits.BatchBytes/limits.BatchRows - 16
	do(t, s.apply(t, nil, rows(limits.BatchRows, size, core.Unconditional)...))
	do(t, s.apply(t, nil, put("v", strings.Repeat("v", limits.Value))))
	for _, low := range []Backend{{MaxTxnOps: 8}, {MaxRequestBytes: 1 << 10}} {
		low.Endpoints = c.Endpoints()
		if _, err := low.Claim(t.Context(), "x", false); err == nil {
			t.Errorf("limits of %d and %d are taken", low.MaxTxnOps, low.MaxRequestBytes)
		}
	}
}
