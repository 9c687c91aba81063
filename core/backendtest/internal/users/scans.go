// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package users

import (
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/backendtest/internal/decorate"
	"github.com/guardkv/guardkv/core/backendtest/internal/kit"
)

var scanPromises = []kit.Promise{
	{
		Name: "scans/bounds", Check: checkScanBounds,
		Explanation: "From is inclusive, To exclusive, low and high also under Reverse; bounds " +
			"intersect; Limit ends the rows",
	},
	{
		Name: "scans/values", Check: checkScanIsValue,
		Explanation: "a scan is a value: its methods leave it as it was, and it can be used again",
	},
	{
		Name: "scans/one snapshot", Check: checkScanSnapshot,
		Explanation: "a scan sees one snapshot, outside a transaction that of its start",
	},
	{
		Name: "scans/stream", Check: checkStream,
		Explanation: "Stream returns its function's error, or else the one that ended the rows " +
			"early",
	},
	{
		Name: "scans/errors", Check: checkScanError,
		Explanation: "an error is the last pair of a scan, and holds no row",
	},
	{
		Name: "scans/delete", Check: checkScanDelete,
		Explanation: "Scan.Delete deletes the rows of the scan, in chunks, and returns how many",
	},
}

func checkScanBounds(t *kit.Trial) {
	const seed = 7
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	s, tab := openOne(t)
	openWords(t, s, "after")
	var all []kit.Row
	for _, k := range kit.OddKeys {
		put1(t, tab, k, "value of "+k)
		all = append(all, kit.KV(k, "value of "+k))
	}
	for range t.Pick(600, 150) {
		a := aScan{scan: tab.Scan(), rows: all}
		for range rnd.IntN(5) {
			a = a.narrow(rnd)
		}
		if n := rnd.IntN(8); n < 4 {
			a.scan, a.rows = a.scan.Limit(n), a.rows[:min(n, len(a.rows))]
			a.words = append(a.words, fmt.Sprintf("Limit(%d)", n))
		}
		a.verify(t)
	}
}

func checkScanIsValue(t *kit.Trial) {
	_, tab := openOne(t)
	load(t, tab, 6)
	all := tab.Scan()
	part := all.From("some000002").Limit(3)
	back := part.Reverse()
	for range 2 {
		sameKeys(t, "part", part, []string{"some000002", "some000003", "some000004"})
		sameKeys(t, "back", back, []string{"some000005", "some000004", "some000003"})
		sameKeys(t, "all", all.Limit(-1), slices.Collect(firstOf(someRows(6))))
	}
}

// firstOf yields the keys of rows.
func firstOf(rows iter.Seq2[string, string]) iter.Seq[string] {
	return func(yield func(string) bool) {
		for k := range rows {
			if !yield(k) {
				return
			}
		}
	}
}

func checkScanSnapshot(t *kit.Trial) {
	s, tab := openOne(t)
	n := t.Pick(600, 100)
	load(t, tab, n)
	for _, scan := range []core.Scan[string, string, string]{tab.Scan(), tab.Scan().Reverse()} {
		seen := 0
		for r, err := range scan.Rows(t.Ctx) {
			t.Do("Rows", err)
			if want := fmt.Sprintf("some%06d",
				n-1-seen); r.Key != want && r.Key != fmt.Sprintf("some%06d", seen) {
				t.Fatalf("row %d is %q", seen, r.Key)
			}
			seen++
			if seen%20 != 1 {
				continue
			}
			t.Do("Update",
				s.Update(t.Ctx, func(tx *core.Tx) error { return disturb(t, tab.In(tx), r.Key) }))
		}
		if seen != n {
			t.Fatalf("a scan whose body writes gave %d rows of %d", seen, n)
		}
		_, err := tab.Scan().Delete(t.Ctx)
		t.Do("Delete", err)
		load(t, tab, n)
	}
}

// disturb deletes rows on both sides of a key and puts others there.
func disturb(t *kit.Trial, tab core.TxTable[string, string, string], key string) error {
	if _, err := tab.Scan().From(key).Limit(3).Delete(t.Ctx); err != nil {
		return err
	}
	if _, err := tab.Scan().To(key).Reverse().Limit(3).Delete(t.Ctx); err != nil {
		return err
	}
	return errors.Join(tab.Put(t.Ctx, key+"after", "new"), tab.Put(t.Ctx, key[:len(key)-1], "new"))
}

func checkStream(t *kit.Trial) {
	b := decorate.Fault(t.Backend)
	s := openOn(t, b)
	tab := openWords(t, s, "words")
	load(t, tab, 10)
	own, engines := errors.New("of the caller"), errors.New("of the engine")
	if err := tab.Scan().Stream(t.Ctx,
		func(iter.Seq2[string, string]) error { return own }); err != own {
		t.Errorf("Stream gives %v; want its function's error", err)
	}
	n := 0
	t.Do("Stream", tab.Scan().Stream(t.Ctx, func(rows iter.Seq2[string, string]) error {
		for range rows {
			n++
		}
		return nil
	}))
	if n != 10 {
		t.Errorf("Stream gave %d rows of 10", n)
	}
	b.Fail(decorate.Failure{Op: decorate.OpNext, N: 4, Err: engines})
	t.Is("Stream that forgets the error", tab.Scan().Stream(t.Ctx, drain), engines)
}

func checkScanError(t *kit.Trial) {
	b := decorate.Fault(t.Backend)
	s := openOn(t, b)
	tab := openWords(t, s, "words")
	load(t, tab, 10)
	failure := errors.New("the medium is gone")
	for _, op := range []decorate.Op{decorate.OpSnapshot, decorate.OpScan, decorate.OpNext} {
		b.Fail(decorate.Failure{Op: op, N: 1, Err: failure})
		t.Is("Rows with a failing "+string(op), lastError(tab.Scan().Rows(t.Ctx)), failure)
		b.Fail(decorate.Failure{Op: op, N: 1, Err: failure})
		t.Is("Keys with a failing "+string(op), lastError(tab.Scan().Keys(t.Ctx)), failure)
		b.Fail(decorate.Failure{Op: op, N: 1, Err: failure})
		_, err := tab.Scan().Limit(5).Count(t.Ctx)
		t.Is("Count with a failing "+string(op), err, failure)
		b.Fail(decorate.Failure{Op: op, N: 1, Err: failure})
		t.Is("Cursor with a failing "+string(op), cursorError(t, tab.Scan()), failure)
	}
	for _, op := range []decorate.Op{decorate.OpSnapshot, decorate.OpSnapshotGet} {
		b.Fail(decorate.Failure{Op: op, N: 1, Err: failure})
		t.Is("GetMany with a failing "+string(op),
			lastError(tab.GetMany(t.Ctx, slices.Values([]string{"some000001"}))), failure)
	}
	b.Fail(decorate.Failure{Op: decorate.OpNext, N: 4, Err: failure})
	n, pairs := 0, 0
	for r, err := range tab.Scan().Rows(t.Ctx) {
		if pairs++; err == nil {
			n++
		} else if r.Key != "" || r.Value != "" {
			t.Errorf("beside the error there is the row %v", r)
		}
	}
	if n != 3 || pairs != 4 {
		t.Errorf("the 4th step fails, and there were %d rows in %d pairs; want 3 in 4", n, pairs)
	}
	get := decorate.OpGet
	if t.Shared() { // where a read is one of a snapshot, with the fence beside it
		get = decorate.OpSnapshotGet
	}
	b.Fail(decorate.Failure{Op: get, N: 1, Err: failure})
	_, err := tab.Get(t.Ctx, "some000001")
	t.Is("Get", err, failure)
	reads(t, tab, "some000001", "value 1")
}

func checkScanDelete(t *kit.Trial) {
	s, tab := openOne(t)
	n := t.Pick(20_000, 5_000)
	many := t.Pick(17_000, 4_500) // more than go into one write, if there is time for it
	load(t, tab, n)
	deleted := func(want int, scan core.Scan[string, string, string]) {
		t.TB.Helper()
		if got, err := scan.Delete(t.Ctx); got != want || err != nil {
			t.Fatalf("Delete = %d, %v; want %d", got, err, want)
		}
		n -= want
		if got, err := tab.Count(t.Ctx); got != n || err != nil {
			t.Fatalf("Count = %d, %v; want %d", got, err, n)
		}
	}
	deleted(0, tab.Scan().Prefix("none"))
	deleted(0, tab.Scan().Limit(0))
	deleted(7, tab.Scan().Limit(7))
	absent(t, tab, "some000006")
	deleted(3, tab.Scan().Reverse().Limit(3))
	absent(t, tab, fmt.Sprintf("some%06d", n+9))
	deleted(10, tab.Scan().Prefix("some00002"))
	deleted(many, tab.Scan().Reverse().Limit(many))
	t.Do("Update", s.Update(t.Ctx, func(tx *core.Tx) error {
		got, err := tab.In(tx).Scan().Limit(100).Delete(t.Ctx)
		n -= got
		return err
	}))
	deleted(n, tab.Scan())
	holds(t, tab)
}
