// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package users

import (
	"errors"
	"iter"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/backendtest/internal/kit"
)

var txPromises = []kit.Promise{
	{
		Name: "transactions/read your writes", Check: checkReadYourWrites,
		Explanation: "an Update reads its own writes, by every verb, scans both ways included",
	},
	{
		Name: "transactions/scans over writes", Check: checkTxModel,
		Explanation: "a scan inside an Update merges what is stored with what was put and deleted",
	},
	{
		Name: "transactions/scan state", Check: checkTxScanState,
		Explanation: "inside a transaction a scan sees the transaction's state at its start, " +
			"whatever the loop's body writes",
	},
	{
		Name: "transactions/isolation", Check: checkTxIsolation,
		Explanation: "a transaction reads one snapshot, and nobody sees its writes before the " +
			"commit",
	},
	{
		Name: "transactions/rollback", Check: checkRollback,
		Explanation: "a returned error or a panic rolls back",
	},
	{
		Name: "transactions/read only", Check: checkViewWrites,
		Explanation: "a read-only transaction refuses writes with ErrReadOnly",
	},
	{
		Name: "transactions/over", Check: checkTxOver,
		Explanation: "a Tx that is used after its function has ended returns ErrClosed",
	},
	{
		Name: "transactions/pulled iterator", Check: checkPulledIterator,
		Explanation: "an iterator that was pulled and left behind gives an error after its " +
			"transaction, and holds nothing",
	},
	{
		Name: "transactions/views live", Check: checkTxViews,
		Explanation: "views read inside a transaction live until its function returns",
	},
}

func checkReadYourWrites(t *kit.Trial) {
	s, tab := openOne(t)
	put1(t, tab, "old", "stored")
	put1(t, tab, "gone", "stored")
	update(t, s, func(tx *core.Tx) error {
		in := tab.In(tx)
		t.Do("Put", in.Put(t.Ctx, "old", "changed"))
		t.Do("Put", in.Put(t.Ctx, "new", "fresh"))
		t.Is("Insert", in.Insert(t.Ctx, "new", "again"), core.ErrExists)
		t.Do("Insert", in.Insert(t.Ctx, "newer", ""))
		for _, want := range []bool{true, false} {
			if existed, err := in.Delete(t.Ctx, "gone"); existed != want || err != nil {
				t.Errorf("Delete = %v, %v; want %v", existed, err, want)
			}
		}
		t.Do("Insert", in.Insert(t.Ctx, "gone", "back"))
		if _, err := in.Delete(t.Ctx, "gone"); err != nil {
			t.Errorf("Delete: %v", err)
		}
		seesOwn(t, in)
		return nil
	})
	holds(t, tab, kit.KV("new", "fresh"), kit.KV("newer", ""), kit.KV("old", "changed"))
}

// seesOwn checks all ways to read in checkReadYourWrites.
func seesOwn(t *kit.Trial, in core.TxTable[string, string, string]) {
	t.TB.Helper()
	for k, want := range kit.ByName(map[string]string{
		"old": "changed", "new": "fresh",
		"newer": "",
	}) {
		got, err := in.Get(t.Ctx, k)
		loaded, err2 := in.Load(t.Ctx, k)
		found, err3 := in.Has(t.Ctx, k)
		if got != want || loaded != want || !found || errors.Join(err, err2, err3) != nil {
			t.Errorf("%q is %q, %q, %v (%v); want %q",
				k, got, loaded, found, errors.Join(err, err2, err3), want)
		}
	}
	_, err := in.Get(t.Ctx, "gone")
	t.Is("Get of a deleted row", err, core.ErrNotFound)
	if found, err := in.Has(t.Ctx, "gone"); found || err != nil {
		t.Errorf("Has = %v, %v; want false", found, err)
	}
	sameKeys(t, "upwards", in.Scan(), []string{"new", "newer", "old"})
	sameKeys(t, "downwards", in.Scan().Reverse(), []string{"old", "newer", "new"})
	if n, err := in.Count(t.Ctx); n != 3 || err != nil {
		t.Errorf("Count = %d, %v; want 3", n, err)
	}
}

// sortedRows returns a map's rows in order.
func sortedRows(m map[string]string) (rows []kit.Row) {
	for _, k := range slices.Sorted(maps.Keys(m)) {
		rows = append(rows, kit.KV(k, m[k]))
	}
	return rows
}

func checkTxModel(t *kit.Trial) {
	s, tab := openOne(t)
	stored := map[string]string{}
	t.Logf("seeds 0 to %d", t.Pick(40, 10)-1)
	for seed := range uint64(t.Pick(40, 10)) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		now := maps.Clone(stored)
		var failure error
		if seed%3 == 2 {
			failure = errRollBack
		}
		updateError(t, s, failure, func(tx *core.Tx) error {
			for range 30 {
				txStep(t, rnd, tab.In(tx), now)
			}
			return failure
		})
		if failure == nil {
			stored = now
		}
		holds(t, tab, sortedRows(stored)...)
	}
}

// txStep writes a row, or compares a random scan with the model.
func txStep(
	t *kit.Trial, rnd *rand.Rand, in core.TxTable[string, string, string], now map[string]string,
) {
	t.TB.Helper()
	k := kit.OddKeys[rnd.IntN(len(kit.OddKeys))]
	switch rnd.IntN(3) {
	case 0:
		v := strconv.Itoa(rnd.IntN(1000))
		t.Do("Put", in.Put(t.Ctx, k, v))
		now[k] = v
	case 1:
		_, had := now[k]
		existed, err := in.Delete(t.Ctx, k)
		if existed != had || err != nil {
			t.Fatalf("Delete %q = %v, %v; want %v", k, existed, err, had)
		}
		delete(now, k)
	default:
		a := aScan{scan: in.Scan(), rows: sortedRows(now)}
		for range rnd.IntN(4) {
			a = a.narrow(rnd)
		}
		a.verify(t)
	}
}

func checkTxScanState(t *kit.Trial) {
	s, tab := openOne(t)
	load(t, tab, 50)
	for _, reverse := range []bool{false, true} {
		updateError(t, s, errRollBack, func(tx *core.Tx) error {
			in := tab.In(tx)
			t.Do("Put", in.Put(t.Ctx, "some000007x", "own"))
			scan := in.Scan()
			if reverse {
				scan = scan.Reverse()
			}
			n := 0
			for r, err := range scan.Rows(t.Ctx) {
				t.Do("Rows", err)
				n++
				disturbAround(t, in, r.Key)
			}
			if n != 51 {
				t.Errorf("a scan whose body writes gave %d rows of 51, reverse %v", n, reverse)
			}
			return errRollBack
		})
	}
	if n, err := tab.Count(t.Ctx); n != 50 || err != nil {
		t.Errorf("Count = %d, %v; want 50", n, err)
	}
}

// disturbAround writes before and after a key, and deletes it.
func disturbAround(t *kit.Trial, in core.TxTable[string, string, string], key string) {
	t.TB.Helper()
	t.Do("Put", in.Put(t.Ctx, key+"+", "after"))
	t.Do("Put", in.Put(t.Ctx, key[:len(key)-1], "before"))
	_, err := in.Scan().From(key).Limit(2).Delete(t.Ctx)
	t.Do("Delete", err)
}

func checkTxIsolation(t *kit.Trial) {
	s, tab := openOne(t)
	put1(t, tab, "k", "1")
	t.Do("View", s.View(t.Ctx, func(view *core.Tx) error {
		if t.Shared() { // the first read settles the state
			sameKeys(t, "a View", tab.In(view).Scan(), []string{"k"})
		}
		update(t, s, func(tx *core.Tx) error {
			t.Do("Put", tab.In(tx).Put(t.Ctx, "k", "2"))
			t.Do("Put", tab.In(tx).Put(t.Ctx, "l", "2"))
			reads(t, tab, "k", "1")
			absent(t, tab, "l")
			return nil
		})
		reads(t, tab, "k", "2")
		if v, err := tab.In(view).Get(t.Ctx, "k"); v != "1" || err != nil {
			t.Errorf("a View shows %q, %v of a later commit; want %q", v, err, "1")
		}
		sameKeys(t, "a View", tab.In(view).Scan(), []string{"k"})
		return nil
	}))
}

func checkRollback(t *kit.Trial) {
	s, tab := openOne(t)
	put1(t, tab, "k", "1")
	spoilIt := func(tx *core.Tx) {
		t.Do("Put", tab.In(tx).Put(t.Ctx, "k", "2"))
		t.Do("Put", tab.In(tx).Put(t.Ctx, "l", "2"))
		_, err := tab.In(tx).Scan().Limit(1).Delete(t.Ctx)
		t.Do("Delete", err)
	}
	updateError(t, s, errRollBack, func(tx *core.Tx) error { spoilIt(tx); return errRollBack })
	holds(t, tab, kit.KV("k", "1"))
	func() {
		defer func() {
			if p := recover(); p != "of the function" {
				t.Errorf("the panic became %v", p)
			}
		}()
		s.Update(t.Ctx, func(tx *core.Tx) error { spoilIt(tx); panic("of the function") })
	}()
	holds(t, tab, kit.KV("k", "1"))
	t.Within(kit.Soon, "Put after a panic", func() { put1(t, tab, "after", "a panic") })
	func() {
		defer func() { recover() }()
		s.View(t.Ctx, func(tx *core.Tx) error { panic("of the function") })
	}()
	holds(t, tab, kit.KV("after", "a panic"), kit.KV("k", "1"))
}

// txCalls are all calls of a table inside a transaction, those that write apart.
func txCalls(
	t *kit.Trial, in core.TxTable[string, string, string],
) (reads, writes map[string]func() error) {
	reads = map[string]func() error{
		"Get":         func() error { _, err := in.Get(t.Ctx, "k"); return err },
		"Load":        func() error { _, err := in.Load(t.Ctx, "k"); return err },
		"Has":         func() error { _, err := in.Has(t.Ctx, "k"); return err },
		"Count":       func() error { _, err := in.Count(t.Ctx); return err },
		"Scan.Rows":   func() error { return lastError(in.Scan().Rows(t.Ctx)) },
		"Scan.Keys":   func() error { return lastError(in.Scan().Reverse().Keys(t.Ctx)) },
		"Scan.Count":  func() error { _, err := in.Scan().From("a").Count(t.Ctx); return err },
		"Scan.Stream": func() error { return in.Scan().Stream(t.Ctx, drain) },
	}
	writes = map[string]func() error{
		"Put":         func() error { return in.Put(t.Ctx, "k", "w") },
		"Insert":      func() error { return in.Insert(t.Ctx, "new", "w") },
		"Delete":      func() error { _, err := in.Delete(t.Ctx, "k"); return err },
		"Scan.Delete": func() error { _, err := in.Scan().Delete(t.Ctx); return err },
	}
	return reads, writes
}

func checkViewWrites(t *kit.Trial) {
	s, tab := openOne(t)
	put1(t, tab, "k", "v")
	t.Do("View", s.View(t.Ctx, func(tx *core.Tx) error {
		reads, writes := txCalls(t, tab.In(tx))
		for name, call := range kit.ByName(reads) {
			t.Do(name, call())
		}
		for name, call := range kit.ByName(writes) {
			t.Is(name, call(), core.ErrReadOnly)
		}
		return nil
	}))
	holds(t, tab, kit.KV("k", "v"))
}

func checkTxOver(t *kit.Trial) {
	s, tab := openOne(t)
	put1(t, tab, "k", "v")
	for _, run := range []func(func(*core.Tx) error) error{
		func(fn func(*core.Tx) error) error { return s.View(t.Ctx, fn) },
		func(fn func(*core.Tx) error) error { return s.Update(t.Ctx, fn) },
	} {
		var kept *core.Tx
		t.Do("the transaction", run(func(tx *core.Tx) error { kept = tx; return nil }))
		reads, writes := txCalls(t, tab.In(kept))
		maps.Copy(reads, writes)
		for name, call := range kit.ByName(reads) {
			t.Is(name, call(), core.ErrClosed)
		}
	}
	holds(t, tab, kit.KV("k", "v"))
}

func checkPulledIterator(t *kit.Trial) {
	s, tab := openOne(t)
	load(t, tab, 300)
	var next func() (core.Row[string, string], error, bool)
	var stop func()
	t.Do("View", s.View(t.Ctx, func(tx *core.Tx) error {
		next, stop = iter.Pull2(tab.In(tx).Scan().Rows(t.Ctx))
		_, err, ok := next()
		if err != nil || !ok {
			t.Errorf("the first row: %v, %v", err, ok)
		}
		return nil
	}))
	_, err, ok := next()
	if !ok || !errors.Is(err, core.ErrClosed) {
		t.Errorf("after the transaction the iterator gives %v, %v; want ErrClosed", err, ok)
	}
	if _, _, ok := next(); ok {
		t.Errorf("after its error the iterator goes on")
	}
	stop()
	closeStorage(t, s)
}

func checkTxViews(t *kit.Trial) {
	s, tab := openOne(t)
	long := kit.Incompressible(50_000)
	put1(t, tab, "k", long)
	put1(t, tab, "l", "short")
	update(t, s, func(tx *core.Tx) error {
		in := tab.In(tx)
		k, err := in.Get(t.Ctx, "k")
		t.Do("Get", err)
		t.Do("Put", in.Put(t.Ctx, "own", "mine"))
		own, err := in.Get(t.Ctx, "own")
		t.Do("Get", err)
		for i := range 100 {
			t.Do("Put", in.Put(t.Ctx, "k", strconv.Itoa(i)+long))
			t.Do("Put", in.Put(t.Ctx, "own", strconv.Itoa(i)))
		}
		_, err = in.Scan().Delete(t.Ctx)
		t.Do("Delete", err)
		if k != long || own != "mine" {
			t.Errorf("the views became %s and %q", kit.Brief(k), own)
		}
		return nil
	})
	holds(t, tab)
}
