// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package contract

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/backendtest/internal/kit"
)

var rangePromises = []kit.Promise{
	{
		Name: "ranges/deleted", Check: checkRangeDeleted,
		Explanation: "a range deletion deletes every key from Key up to End, exclusive, and " +
			"nothing beside it; a range may hold no row",
	},
	{
		Name: "ranges/with other writes", Check: checkRangeBatch,
		Explanation: "ranges, deletions and puts of one batch do what they would do one by one",
	},
	{
		Name: "ranges/atomic", Check: checkRangeAtomic,
		Explanation: "no reader sees a part of a batch that deletes a range",
	},
	{
		Name: "ranges/readers", Check: checkRangeReaders,
		Explanation: "open snapshots, cursors and releasers keep the rows of a range that is " +
			"deleted",
	},
	{
		Name: "ranges/durable", Check: checkRangeDurable,
		Explanation: "a range deletion is durable when Apply returns, and later writes into the " +
			"range stay",
	},
	{
		Name: "ranges/large batch", Check: checkRangeLarge,
		Explanation: "a range may be deleted in a batch of many rows",
	},
}

// DelRange deletes the keys from low up to high.
func DelRange(low, high string) core.Write {
	return core.Write{Key: []byte(low), End: []byte(high), Delete: true}
}

// endOfAll is behind all keys of these checks.
var endOfAll = strings.Repeat("\xff", 20)

// ranged makes a storage, unless its engine cannot delete ranges.
func ranged(t *kit.Trial, opts core.EngineOptions) (s *kit.Store, ok bool) {
	t.TB.Helper()
	opts.Mark = kit.SomeMark
	s = t.OpenStore(t.Path, opts)
	return s, s.Powers().DeleteRange
}

func checkRangeDeleted(t *kit.Trial) {
	s, ok := ranged(t, core.EngineOptions{NoSync: true})
	if !ok {
		return
	}
	all := kit.FillOdd(s)
	var puts []core.Write
	for _, r := range all {
		puts = append(puts, kit.Put(r.Key, r.Value))
	}
	rnd := rand.New(rand.NewPCG(20, 0))
	for range t.Pick(150, 50) {
		low, high := kit.Bounds()[rnd.IntN(len(kit.Bounds()))],
			kit.Bounds()[rnd.IntN(len(kit.Bounds()))]
		if len(low) == 0 || bytes.Compare(low, high) >= 0 {
			continue
		}
		s.ApplyAndSpoil(DelRange(string(low), string(high)))
		want := kit.Without(all, string(low), string(high))
		if got := s.All(); !slices.Equal(got, want) {
			t.Fatalf("after the deletion from %q to %q there are %v; want %v", low, high, got, want)
		}
		for _, r := range all {
			if _, found := s.Read(r.Key); found != slices.Contains(want, r) {
				t.Fatalf("after the deletion from %q to %q Get %q finds it: %v",
					low, high, r.Key, found)
			}
		}
		s.MustApply(puts...)
	}
	s.MustApply(DelRange("\x00", endOfAll))
	s.Has()
	s.MustApply(DelRange("\x00", endOfAll))
	s.MustApply(puts...)
	s.Has(all...)
}

// checkRangeBatch compares random batches with a model.
func checkRangeBatch(t *kit.Trial) {
	s, ok := ranged(t, core.EngineOptions{NoSync: true})
	if !ok {
		return
	}
	rnd := rand.New(rand.NewPCG(21, 0))
	var rows []kit.Row
	for round := range t.Pick(150, 50) {
		var writes []core.Write
		for at := 0; at < 100; at += 1 + rnd.IntN(12) {
			k := fmt.Sprintf("%03d", at)
			rows = kit.Without(rows, k, k+"\x00")
			switch rnd.IntN(4) {
			case 0:
				to := at + 1 + rnd.IntN(20)
				high := fmt.Sprintf("%03d", to)
				writes = append(writes, DelRange(k, high))
				rows = kit.Without(rows, k, high)
				at = to - 1
			case 1:
				writes = append(writes, kit.Del(k))
			default:
				v := fmt.Sprint(round)
				writes = append(writes, kit.Put(k, v))
				rows = append(rows, kit.KV(k, v))
			}
			if rnd.IntN(10) == 0 {
				break
			}
		}
		slices.SortFunc(rows, func(a, b kit.Row) int { return kit.Compare(a.Key, b.Key) })
		s.ApplyAndSpoil(writes...)
		s.Has(rows...)
		if round%40 == 17 {
			s.Compact()
			s = s.Reopen()
			s.Has(rows...)
		}
	}
}

func checkRangeAtomic(t *kit.Trial) {
	s, ok := ranged(t, core.EngineOptions{NoSync: true})
	if !ok {
		return
	}
	const n = 99
	stop := kit.ReadWhole(t, s, n)
	for round := range t.Pick(100, 20) {
		s.MustApply(kit.Batch(n, 2*round)...)
		s.MustApply(DelRange("key", "kez"))
	}
	stop()
}

func checkRangeReaders(t *kit.Trial) {
	s, ok := ranged(t, core.EngineOptions{NoSync: true})
	if !ok {
		return
	}
	all := kit.FillOdd(s)
	h := s.Hold(all[1].Key)
	snap := s.MustSnapshot()
	c := t.Cursor(snap, core.ScanRange{})
	c.Next()
	s.MustApply(DelRange("\x00", endOfAll))
	s.Churn(1 << 20)
	s.Compact()
	left := 0
	for _, _, ok := c.Next(); ok; _, _, ok = c.Next() {
		left++
	}
	if left != len(all)-1 || c.Err() != nil {
		t.Errorf("a cursor that was open gives %d more rows, %v; want %d",
			left, c.Err(), len(all)-1)
	}
	if got := t.Rows(snap, core.ScanRange{Reverse: true}); len(got) != len(all) {
		t.Errorf("a snapshot that was open holds %d rows; want %d", len(got), len(all))
	}
	h.Check(t, "after its range was deleted")
	h.Releaser.Release()
	t.Close(c)
	t.Close(snap)
}

func checkRangeDurable(t *kit.Trial) {
	s, ok := ranged(t, core.EngineOptions{})
	if !ok {
		return
	}
	s.MustApply(kit.Put("a", "1"), kit.Put("b", "2"), kit.Put("c", "3"), kit.Put("d", "4"))
	s = s.Reopen()
	s.MustApply(DelRange("b", "d"))
	s = s.Reopen()
	s.Has(kit.KV("a", "1"), kit.KV("d", "4"))
	s.MustApply(kit.Put("b", "again"))
	s.Compact()
	s = s.Reopen()
	s.Has(kit.KV("a", "1"), kit.KV("b", "again"), kit.KV("d", "4"))
	if check := s.Powers().Check; check != nil {
		t.Do("Check", check(t.Ctx))
	}
}

func checkRangeLarge(t *kit.Trial) {
	s, ok := ranged(t, core.EngineOptions{NoSync: true})
	if !ok {
		return
	}
	s.MustApply(kit.Put("a", "old"), kit.Put("b1", "old"), kit.Put("b2", "old"),
		kit.Put("c", "old"), kit.Put("y1", "old"), kit.Put("z", "old"))
	writes := []core.Write{DelRange("b", "c")}
	want := []kit.Row{kit.KV("a", "old"), kit.KV("c", "old")}
	n, value := sizeOfLarge(s, 202)
	for i := range n - 2 {
		k := fmt.Sprintf("d%03d", i)
		writes, want = append(writes, kit.Put(k, value)), append(want, kit.KV(k, value))
	}
	s.MustApply(append(writes, DelRange("y", "z"))...)
	want = append(want, kit.KV("z", "old"))
	s.Has(want...)
	s.Reopen().Has(want...)
}
