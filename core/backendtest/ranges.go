// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package backendtest

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/guardkv/guardkv/core"
)

var rangePromises = []promise{
	{
		name: "ranges/deleted", check: checkRangeDeleted,
		explanation: "a range deletion deletes every key from Key up to End, exclusive, and nothing beside it; a range may hold no row",
	},
	{
		name: "ranges/with other writes", check: checkRangeBatch,
		explanation: "ranges, deletions and puts of one batch do what they would do one by one",
	},
	{
		name: "ranges/atomic", check: checkRangeAtomic,
		explanation: "no reader sees a part of a batch that deletes a range",
	},
	{
		name: "ranges/readers", check: checkRangeReaders,
		explanation: "open snapshots, cursors and releasers keep the rows of a range that is deleted",
	},
	{
		name: "ranges/durable", check: checkRangeDurable,
		explanation: "a range deletion is durable when Apply returns, and later writes into the range stay",
	},
	{
		name: "ranges/large batch", check: checkRangeLarge,
		explanation: "a range may be deleted in a batch of many rows",
	},
}

// delRange deletes the keys from low up to high.
func delRange(low, high string) core.Write {
	return core.Write{Key: []byte(low), End: []byte(high), Delete: true}
}

// endOfAll is behind all keys of these checks.
var endOfAll = strings.Repeat("\xff", 20)

// ranged makes a storage, unless its engine cannot delete ranges.
func ranged(t *trial, opts core.EngineOptions) (s *store, ok bool) {
	t.tb.Helper()
	opts.Mark = aMark
	s = t.openStore(t.path, opts)
	return s, s.Powers().DeleteRange
}

func checkRangeDeleted(t *trial) {
	s, ok := ranged(t, core.EngineOptions{NoSync: true})
	if !ok {
		return
	}
	all := fillOdd(s)
	var puts []core.Write
	for _, r := range all {
		puts = append(puts, put(r.key, r.value))
	}
	rnd := rand.New(rand.NewPCG(20, 0))
	for range t.pick(150, 50) {
		low, high := bounds()[rnd.IntN(len(bounds()))], bounds()[rnd.IntN(len(bounds()))]
		if len(low) == 0 || bytes.Compare(low, high) >= 0 {
			continue
		}
		s.applyAndSpoil(delRange(string(low), string(high)))
		want := without(all, string(low), string(high))
		if got := s.all(); !slices.Equal(got, want) {
			t.Fatalf("after the deletion from %q to %q there are %v; want %v", low, high, got, want)
		}
		for _, r := range all {
			if _, found := s.read(r.key); found != slices.Contains(want, r) {
				t.Fatalf("after the deletion from %q to %q Get %q finds it: %v", low, high, r.key, found)
			}
		}
		s.apply(puts...)
	}
	s.apply(delRange("\x00", endOfAll))
	s.has()
	s.apply(delRange("\x00", endOfAll))
	s.apply(puts...)
	s.has(all...)
}

// checkRangeBatch compares random batches with a model.
func checkRangeBatch(t *trial) {
	s, ok := ranged(t, core.EngineOptions{NoSync: true})
	if !ok {
		return
	}
	rnd := rand.New(rand.NewPCG(21, 0))
	var rows []row
	for round := range t.pick(150, 50) {
		var writes []core.Write
		for at := 0; at < 100; at += 1 + rnd.IntN(12) {
			k := fmt.Sprintf("%03d", at)
			rows = without(rows, k, k+"\x00")
			switch rnd.IntN(4) {
			case 0:
				to := at + 1 + rnd.IntN(20)
				high := fmt.Sprintf("%03d", to)
				writes = append(writes, delRange(k, high))
				rows = without(rows, k, high)
				at = to - 1
			case 1:
				writes = append(writes, del(k))
			default:
				v := fmt.Sprint(round)
				writes = append(writes, put(k, v))
				rows = append(rows, row{k, v})
			}
			if rnd.IntN(10) == 0 {
				break
			}
		}
		slices.SortFunc(rows, func(a, b row) int { return compare(a.key, b.key) })
		s.applyAndSpoil(writes...)
		s.has(rows...)
		if round%40 == 17 {
			s.compact()
			s = s.reopen()
			s.has(rows...)
		}
	}
}

func checkRangeAtomic(t *trial) {
	s, ok := ranged(t, core.EngineOptions{NoSync: true})
	if !ok {
		return
	}
	const n = 99
	stop := readWhole(t, s, n)
	for round := range t.pick(100, 20) {
		s.apply(batch(n, 2*round)...)
		s.apply(delRange("key", "kez"))
	}
	stop()
}

func checkRangeReaders(t *trial) {
	s, ok := ranged(t, core.EngineOptions{NoSync: true})
	if !ok {
		return
	}
	all := fillOdd(s)
	h := s.hold(all[1].key)
	snap := s.snapshot()
	c := t.cursor(snap, core.ScanRange{})
	c.Next()
	s.apply(delRange("\x00", endOfAll))
	s.churn(1 << 20)
	s.compact()
	left := 0
	for _, _, ok := c.Next(); ok; _, _, ok = c.Next() {
		left++
	}
	if left != len(all)-1 || c.Err() != nil {
		t.Errorf("a cursor that was open gives %d more rows, %v; want %d", left, c.Err(), len(all)-1)
	}
	if got := t.rows(snap, core.ScanRange{Reverse: true}); len(got) != len(all) {
		t.Errorf("a snapshot that was open holds %d rows; want %d", len(got), len(all))
	}
	h.check(t, "after its range was deleted")
	h.releaser.Release()
	t.close(c)
	t.close(snap)
}

func checkRangeDurable(t *trial) {
	s, ok := ranged(t, core.EngineOptions{})
	if !ok {
		return
	}
	s.apply(put("a", "1"), put("b", "2"), put("c", "3"), put("d", "4"))
	s = s.reopen()
	s.apply(delRange("b", "d"))
	s = s.reopen()
	s.has(row{"a", "1"}, row{"d", "4"})
	s.apply(put("b", "again"))
	s.compact()
	s = s.reopen()
	s.has(row{"a", "1"}, row{"b", "again"}, row{"d", "4"})
	if check := s.Powers().Check; check != nil {
		t.do("Check", check(t.ctx))
	}
}

func checkRangeLarge(t *trial) {
	s, ok := ranged(t, core.EngineOptions{NoSync: true})
	if !ok {
		return
	}
	s.apply(put("a", "old"), put("b1", "old"), put("b2", "old"), put("c", "old"), put("y1", "old"), put("z", "old"))
	writes := []core.Write{delRange("b", "c")}
	want := []row{{"a", "old"}, {"c", "old"}}
	value := noise(32 << 10)
	for i := range 200 { // together more than engines write to a log
		k := fmt.Sprintf("d%03d", i)
		writes, want = append(writes, put(k, value)), append(want, row{k, value})
	}
	s.apply(append(writes, delRange("y", "z"))...)
	want = append(want, row{"z", "old"})
	s.has(want...)
	s.reopen().has(want...)
}
