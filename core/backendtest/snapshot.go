// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package backendtest

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/guardkv/guardkv/core"
)

var snapshotPromises = []promise{
	{
		name: "snapshot/unchanging", check: checkSnapshotUnchanging,
		explanation: "a Snapshot is one unchanging state, through overwriting, deleting, compacting and growing",
	},
	{
		name: "snapshot/get", check: checkSnapshotGet,
		explanation: "Get returns the value of key in this state, or ErrNotFound; the bytes are valid until Release, or, " +
			"without a Releaser, until Close",
	},
	{
		name: "snapshot/many", check: checkManySnapshots,
		explanation: "any number of Snapshots may be open, each with its own state, and be closed in any order",
	},
	{
		name: "snapshot/blocks nothing", check: checkSnapshotBlocksNothing, bareOnly: true,
		explanation: "an open Snapshot blocks neither Apply nor Compact",
	},
	{
		name: "snapshot/concurrent", check: checkSnapshotConcurrent,
		explanation: "a Snapshot is safe for concurrent use",
	},
}

func checkSnapshotUnchanging(t *trial) {
	s := t.create()
	empty := s.snapshot()
	want := []row{{"a", "1"}, {"b", strings.Repeat("2", 70_000)}, {"c", "3"}}
	s.apply(put("a", "1"), put("b", want[1].value), put("c", "3"))
	full := s.snapshot()
	s.apply(put("a", "x"), del("b"), put("bb", "x"))
	s.churn(t.pick(2<<20, 1<<18))
	s.apply(put("d", "x"))
	t.do("SetMark", s.SetMark(t.ctx, []byte("mark")))
	for i, want := range [][]row{nil, want} {
		snap := []core.Snapshot{empty, full}[i]
		if got := t.rows(snap, core.ScanRange{}); !slices.Equal(got, want) {
			t.Errorf("the snapshot holds %v; want %v", got, want)
		}
		if got := t.rows(snap, core.ScanRange{Reverse: true}); len(got) != len(want) {
			t.Errorf("in reverse the snapshot holds %v; want %v", got, want)
		}
		t.close(snap)
	}
	s.has(row{"d", "x"})
}

func checkSnapshotGet(t *trial) {
	s := t.create()
	s.apply(put("a", "1"), put("b", strings.Repeat("2", 70_000)))
	snap := s.snapshot()
	defer t.close(snap)
	a, ra, err := snap.Get(t.ctx, []byte("a"))
	t.do("Get", err)
	defer release(ra)
	b, rb, err := snap.Get(t.ctx, []byte("b"))
	t.do("Get", err)
	defer release(rb)
	s.apply(put("a", "x"), del("b"), put("c", "x"))
	s.churn(t.pick(1<<20, 1<<18))
	for _, key := range []string{"c", "aa", "\x00"} {
		if v, err := valueIn(snap, t.ctx, key); !errors.Is(err, core.ErrNotFound) {
			t.Errorf("Get %q = %q, %v; want ErrNotFound", key, v, err)
		}
	}
	again, err := valueIn(snap, t.ctx, "a")
	t.do("Get", err)
	if string(a) != "1" || string(again) != "1" || string(b) != strings.Repeat("2", 70_000) {
		t.Errorf("values became %q, %q and %s", a, again, brief(string(b)))
	}
}

func checkManySnapshots(t *trial) {
	s := t.create()
	n := t.pick(300, 60)
	var snaps []core.Snapshot
	for i := range n {
		s.apply(put("k", strconv.Itoa(i)), put("k"+strconv.Itoa(i), ""))
		snaps = append(snaps, s.snapshot())
	}
	for j := range n {
		i := (j * 7919) % n
		v, err := valueIn(snaps[i], t.ctx, "k")
		t.do("Get", err)
		if v != strconv.Itoa(i) {
			t.Errorf("snapshot %d shows %q", i, v)
		}
		if got := len(t.rows(snaps[i], core.ScanRange{KeysOnly: true})); got != i+2 {
			t.Errorf("snapshot %d shows %d rows; want %d", i, got, i+2)
		}
		t.close(snaps[i])
	}
}

func checkSnapshotBlocksNothing(t *trial) {
	s := t.create()
	s.apply(put("a", "1"), put("b", "2"))
	snap := s.snapshot()
	c, err := snap.Scan(t.ctx, core.ScanRange{})
	t.do("Scan", err)
	c.Next()
	s.churn(t.pick(32<<20, 2<<20))
	if k, v, ok := c.Next(); !ok || string(k) != "b" || string(v) != "2" {
		t.Errorf("Next = %q, %q, %v after growing; want the row b", k, v, ok)
	}
	t.close(c)
	t.close(snap)
	s.has()
}

func checkSnapshotConcurrent(t *trial) {
	s := t.create()
	s.apply(batch(300, 0)...)
	snap := s.snapshot()
	s.apply(batch(300, 1)...)
	var readers sync.WaitGroup
	for r := range 6 {
		readers.Go(func() {
			for i := range t.pick(30, 5) {
				key := "key0" + strconv.Itoa(100+(r*31+i)%200)
				if v, err := valueIn(snap, t.ctx, key); err != nil || v != "0" {
					t.Errorf("Get %q = %q, %v", key, v, err)
				}
				if got := len(t.rows(snap, core.ScanRange{Reverse: i%2 == 0})); got != 300 {
					t.Errorf("a scan shows %d rows of 300", got)
				}
			}
		})
	}
	s.apply(batch(300, 2)...)
	readers.Wait()
	t.close(snap)
}
