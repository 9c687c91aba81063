// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package contract

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/backendtest/internal/kit"
)

var snapshotPromises = []kit.Promise{
	{
		Name: "snapshot/unchanging", Check: checkSnapshotUnchanging,
		Explanation: "a Snapshot is one unchanging state, through overwriting, deleting, " +
			"compacting and growing",
	},
	{
		Name: "snapshot/get", Check: checkSnapshotGet,
		Explanation: "Get returns the value of key in this state, or ErrNotFound; the bytes are " +
			"valid until Release, or, " +
			"without a Releaser, until Close",
	},
	{
		Name: "snapshot/many", Check: checkManySnapshots,
		Explanation: "any number of Snapshots may be open, each with its own state, and be " +
			"closed in any order",
	},
	{
		Name: "snapshot/blocks nothing", Check: checkSnapshotBlocksNothing, BareOnly: true,
		Explanation: "an open Snapshot blocks neither Apply nor Compact",
	},
	{
		Name: "snapshot/concurrent", Check: checkSnapshotConcurrent,
		Explanation: "a Snapshot is safe for concurrent use",
	},
}

func checkSnapshotUnchanging(t *kit.Trial) {
	s := t.Create()
	empty := s.MustSnapshot()
	want := []kit.Row{kit.KV("a", "1"), kit.KV("b", strings.Repeat("2", 70_000)), kit.KV("c", "3")}
	s.MustApply(kit.Put("a", "1"), kit.Put("b", want[1].Value), kit.Put("c", "3"))
	full := s.MustSnapshot()
	s.MustApply(kit.Put("a", "x"), kit.Del("b"), kit.Put("bb", "x"))
	s.Churn(t.Pick(2<<20, 1<<18))
	s.MustApply(kit.Put("d", "x"))
	t.Do("SetMark", s.SetMark(t.Ctx, []byte("mark")))
	for i, want := range [][]kit.Row{nil, want} {
		snap := []core.Snapshot{empty, full}[i]
		if got := t.Rows(snap, core.ScanRange{}); !slices.Equal(got, want) {
			t.Errorf("the snapshot holds %v; want %v", got, want)
		}
		if got := t.Rows(snap, core.ScanRange{Reverse: true}); len(got) != len(want) {
			t.Errorf("in reverse the snapshot holds %v; want %v", got, want)
		}
		t.Close(snap)
	}
	s.Has(kit.KV("d", "x"))
}

func checkSnapshotGet(t *kit.Trial) {
	s := t.Create()
	s.MustApply(kit.Put("a", "1"), kit.Put("b", strings.Repeat("2", 70_000)))
	snap := s.MustSnapshot()
	defer t.Close(snap)
	a, ra, err := snap.Get(t.Ctx, []byte("a"))
	t.Do("Get", err)
	defer kit.Release(ra)
	b, rb, err := snap.Get(t.Ctx, []byte("b"))
	t.Do("Get", err)
	defer kit.Release(rb)
	s.MustApply(kit.Put("a", "x"), kit.Del("b"), kit.Put("c", "x"))
	s.Churn(t.Pick(1<<20, 1<<18))
	for _, key := range []string{"c", "aa", "\x00"} {
		if v, err := kit.ValueIn(snap, t.Ctx, key); !errors.Is(err, core.ErrNotFound) {
			t.Errorf("Get %q = %q, %v; want ErrNotFound", key, v, err)
		}
	}
	again, err := kit.ValueIn(snap, t.Ctx, "a")
	t.Do("Get", err)
	if string(a) != "1" || string(again) != "1" || string(b) != strings.Repeat("2", 70_000) {
		t.Errorf("values became %q, %q and %s", a, again, kit.Brief(string(b)))
	}
}

func checkManySnapshots(t *kit.Trial) {
	s := t.Create()
	n := t.Pick(300, 60)
	var snaps []core.Snapshot
	for i := range n {
		s.MustApply(kit.Put("k", strconv.Itoa(i)), kit.Put("k"+strconv.Itoa(i), ""))
		snaps = append(snaps, s.MustSnapshot())
	}
	for j := range n {
		i := (j * 7919) % n
		v, err := kit.ValueIn(snaps[i], t.Ctx, "k")
		t.Do("Get", err)
		if v != strconv.Itoa(i) {
			t.Errorf("snapshot %d shows %q", i, v)
		}
		if got := len(t.Rows(snaps[i], core.ScanRange{KeysOnly: true})); got != i+2 {
			t.Errorf("snapshot %d shows %d rows; want %d", i, got, i+2)
		}
		t.Close(snaps[i])
	}
}

func checkSnapshotBlocksNothing(t *kit.Trial) {
	s := t.Create()
	s.MustApply(kit.Put("a", "1"), kit.Put("b", "2"))
	snap := s.MustSnapshot()
	c, err := snap.Scan(t.Ctx, core.ScanRange{})
	t.Do("Scan", err)
	c.Next()
	s.Churn(t.Pick(32<<20, 2<<20))
	if k, v, ok := c.Next(); !ok || string(k) != "b" || string(v) != "2" {
		t.Errorf("Next = %q, %q, %v after growing; want the row b", k, v, ok)
	}
	t.Close(c)
	t.Close(snap)
	s.Has()
}

func checkSnapshotConcurrent(t *kit.Trial) {
	s := t.Create()
	n := kit.Fits(300, s.Limits().BatchRows)
	s.MustApply(kit.Batch(n, 0)...)
	snap := s.MustSnapshot()
	s.MustApply(kit.Batch(n, 1)...)
	var readers sync.WaitGroup
	for r := range 6 {
		readers.Go(func() {
			for i := range t.Pick(30, 5) {
				key := fmt.Sprintf("key%04d", (r*31+i)%n)
				if v, err := kit.ValueIn(snap, t.Ctx, key); err != nil || v != "0" {
					t.Errorf("Get %q = %q, %v", key, v, err)
				}
				if got := len(t.Rows(snap, core.ScanRange{Reverse: i%2 == 0})); got != n {
					t.Errorf("a scan shows %d rows of %d", got, n)
				}
			}
		})
	}
	s.MustApply(kit.Batch(n, 2)...)
	readers.Wait()
	t.Close(snap)
}
