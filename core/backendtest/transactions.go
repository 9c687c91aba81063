// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package backendtest

import (
	"errors"
	"iter"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"

	"github.com/guardkv/guardkv/core"
)

var txPromises = []promise{
	{
		name: "transactions/read your writes", check: checkReadYourWrites,
		explanation: "an Update reads its own writes, by every verb, scans both ways included",
	},
	{
		name: "transactions/scans over writes", check: checkTxModel,
		explanation: "a scan inside an Update merges what is stored with what was put and deleted",
	},
	{
		name: "transactions/scan state", check: checkTxScanState,
		explanation: "inside a transaction a scan sees the transaction's state at its start, whatever the loop's body writes",
	},
	{
		name: "transactions/isolation", check: checkTxIsolation,
		explanation: "a transaction reads one snapshot, and nobody sees its writes before the commit",
	},
	{
		name: "transactions/rollback", check: checkRollback,
		explanation: "a returned error or a panic rolls back",
	},
	{
		name: "transactions/read only", check: checkViewWrites,
		explanation: "a read-only transaction refuses writes with ErrReadOnly",
	},
	{
		name: "transactions/over", check: checkTxOver,
		explanation: "a Tx used after its function returned gives ErrClosed",
	},
	{
		name: "transactions/pulled iterator", check: checkPulledIterator,
		explanation: "an iterator that was pulled and left behind gives an error after its transaction, and holds nothing",
	},
	{
		name: "transactions/views live", check: checkTxViews,
		explanation: "views read inside a transaction live until its function returns",
	},
}

func checkReadYourWrites(t *trial) {
	s, tab := t.one()
	put1(t, tab, "old", "stored")
	put1(t, tab, "gone", "stored")
	update(t, s, func(tx *core.Tx) error {
		in := tab.In(tx)
		t.do("Put", in.Put(t.ctx, "old", "changed"))
		t.do("Put", in.Put(t.ctx, "new", "fresh"))
		t.is("Insert", in.Insert(t.ctx, "new", "again"), core.ErrExists)
		t.do("Insert", in.Insert(t.ctx, "newer", ""))
		for _, want := range []bool{true, false} {
			if existed, err := in.Delete(t.ctx, "gone"); existed != want || err != nil {
				t.Errorf("Delete = %v, %v; want %v", existed, err, want)
			}
		}
		t.do("Insert", in.Insert(t.ctx, "gone", "back"))
		if _, err := in.Delete(t.ctx, "gone"); err != nil {
			t.Errorf("Delete: %v", err)
		}
		seesOwn(t, in)
		return nil
	})
	holds(t, tab, row{"new", "fresh"}, row{"newer", ""}, row{"old", "changed"})
}

// seesOwn checks all ways to read in checkReadYourWrites.
func seesOwn(t *trial, in core.TxTable[string, string, string]) {
	t.tb.Helper()
	for k, want := range byName(map[string]string{"old": "changed", "new": "fresh", "newer": ""}) {
		got, err := in.Get(t.ctx, k)
		loaded, err2 := in.Load(t.ctx, k)
		found, err3 := in.Has(t.ctx, k)
		if got != want || loaded != want || !found || errors.Join(err, err2, err3) != nil {
			t.Errorf("%q is %q, %q, %v (%v); want %q", k, got, loaded, found, errors.Join(err, err2, err3), want)
		}
	}
	_, err := in.Get(t.ctx, "gone")
	t.is("Get of a deleted row", err, core.ErrNotFound)
	if found, err := in.Has(t.ctx, "gone"); found || err != nil {
		t.Errorf("Has = %v, %v; want false", found, err)
	}
	sameKeys(t, "upwards", in.Scan(), []string{"new", "newer", "old"})
	sameKeys(t, "downwards", in.Scan().Reverse(), []string{"old", "newer", "new"})
	if n, err := in.Count(t.ctx); n != 3 || err != nil {
		t.Errorf("Count = %d, %v; want 3", n, err)
	}
}

// sortedRows returns a map's rows in order.
func sortedRows(m map[string]string) (rows []row) {
	for _, k := range slices.Sorted(maps.Keys(m)) {
		rows = append(rows, row{k, m[k]})
	}
	return rows
}

func checkTxModel(t *trial) {
	s, tab := t.one()
	stored := map[string]string{}
	t.Logf("seeds 0 to %d", t.pick(40, 10)-1)
	for seed := range uint64(t.pick(40, 10)) {
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
func txStep(t *trial, rnd *rand.Rand, in core.TxTable[string, string, string], now map[string]string) {
	t.tb.Helper()
	k := oddKeys[rnd.IntN(len(oddKeys))]
	switch rnd.IntN(3) {
	case 0:
		v := strconv.Itoa(rnd.IntN(1000))
		t.do("Put", in.Put(t.ctx, k, v))
		now[k] = v
	case 1:
		_, had := now[k]
		existed, err := in.Delete(t.ctx, k)
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

func checkTxScanState(t *trial) {
	s, tab := t.one()
	load(t, tab, 50)
	for _, reverse := range []bool{false, true} {
		updateError(t, s, errRollBack, func(tx *core.Tx) error {
			in := tab.In(tx)
			t.do("Put", in.Put(t.ctx, "some000007x", "own"))
			scan := in.Scan()
			if reverse {
				scan = scan.Reverse()
			}
			n := 0
			for r, err := range scan.Rows(t.ctx) {
				t.do("Rows", err)
				n++
				disturbAround(t, in, r.Key)
			}
			if n != 51 {
				t.Errorf("a scan whose body writes gave %d rows of 51, reverse %v", n, reverse)
			}
			return errRollBack
		})
	}
	if n, err := tab.Count(t.ctx); n != 50 || err != nil {
		t.Errorf("Count = %d, %v; want 50", n, err)
	}
}

// disturbAround writes before and after a key, and deletes it.
func disturbAround(t *trial, in core.TxTable[string, string, string], key string) {
	t.tb.Helper()
	t.do("Put", in.Put(t.ctx, key+"+", "after"))
	t.do("Put", in.Put(t.ctx, key[:len(key)-1], "before"))
	_, err := in.Scan().From(key).Limit(2).Delete(t.ctx)
	t.do("Delete", err)
}

func checkTxIsolation(t *trial) {
	s, tab := t.one()
	put1(t, tab, "k", "1")
	t.do("View", s.View(t.ctx, func(view *core.Tx) error {
		update(t, s, func(tx *core.Tx) error {
			t.do("Put", tab.In(tx).Put(t.ctx, "k", "2"))
			t.do("Put", tab.In(tx).Put(t.ctx, "l", "2"))
			reads(t, tab, "k", "1")
			absent(t, tab, "l")
			return nil
		})
		reads(t, tab, "k", "2")
		if v, err := tab.In(view).Get(t.ctx, "k"); v != "1" || err != nil {
			t.Errorf("a View shows %q, %v of a later commit; want %q", v, err, "1")
		}
		sameKeys(t, "a View", tab.In(view).Scan(), []string{"k"})
		return nil
	}))
}

func checkRollback(t *trial) {
	s, tab := t.one()
	put1(t, tab, "k", "1")
	spoilIt := func(tx *core.Tx) {
		t.do("Put", tab.In(tx).Put(t.ctx, "k", "2"))
		t.do("Put", tab.In(tx).Put(t.ctx, "l", "2"))
		_, err := tab.In(tx).Scan().Limit(1).Delete(t.ctx)
		t.do("Delete", err)
	}
	updateError(t, s, errRollBack, func(tx *core.Tx) error { spoilIt(tx); return errRollBack })
	holds(t, tab, row{"k", "1"})
	func() {
		defer func() {
			if p := recover(); p != "of the function" {
				t.Errorf("the panic became %v", p)
			}
		}()
		s.Update(t.ctx, func(tx *core.Tx) error { spoilIt(tx); panic("of the function") })
	}()
	holds(t, tab, row{"k", "1"})
	t.within(soon, "Put after a panic", func() { put1(t, tab, "after", "a panic") })
	func() {
		defer func() { recover() }()
		s.View(t.ctx, func(tx *core.Tx) error { panic("of the function") })
	}()
	holds(t, tab, row{"after", "a panic"}, row{"k", "1"})
}

// txCalls are all calls of a table inside a transaction, those that write apart.
func txCalls(t *trial, in core.TxTable[string, string, string]) (reads, writes map[string]func() error) {
	reads = map[string]func() error{
		"Get":         func() error { _, err := in.Get(t.ctx, "k"); return err },
		"Load":        func() error { _, err := in.Load(t.ctx, "k"); return err },
		"Has":         func() error { _, err := in.Has(t.ctx, "k"); return err },
		"Count":       func() error { _, err := in.Count(t.ctx); return err },
		"Scan.Rows":   func() error { return lastError(in.Scan().Rows(t.ctx)) },
		"Scan.Keys":   func() error { return lastError(in.Scan().Reverse().Keys(t.ctx)) },
		"Scan.Count":  func() error { _, err := in.Scan().From("a").Count(t.ctx); return err },
		"Scan.Stream": func() error { return in.Scan().Stream(t.ctx, drain) },
	}
	writes = map[string]func() error{
		"Put":         func() error { return in.Put(t.ctx, "k", "w") },
		"Insert":      func() error { return in.Insert(t.ctx, "new", "w") },
		"Delete":      func() error { _, err := in.Delete(t.ctx, "k"); return err },
		"Scan.Delete": func() error { _, err := in.Scan().Delete(t.ctx); return err },
	}
	return reads, writes
}

func checkViewWrites(t *trial) {
	s, tab := t.one()
	put1(t, tab, "k", "v")
	t.do("View", s.View(t.ctx, func(tx *core.Tx) error {
		reads, writes := txCalls(t, tab.In(tx))
		for name, call := range byName(reads) {
			t.do(name, call())
		}
		for name, call := range byName(writes) {
			t.is(name, call(), core.ErrReadOnly)
		}
		return nil
	}))
	holds(t, tab, row{"k", "v"})
}

func checkTxOver(t *trial) {
	s, tab := t.one()
	put1(t, tab, "k", "v")
	for _, run := range []func(func(*core.Tx) error) error{
		func(fn func(*core.Tx) error) error { return s.View(t.ctx, fn) },
		func(fn func(*core.Tx) error) error { return s.Update(t.ctx, fn) },
	} {
		var kept *core.Tx
		t.do("the transaction", run(func(tx *core.Tx) error { kept = tx; return nil }))
		reads, writes := txCalls(t, tab.In(kept))
		maps.Copy(reads, writes)
		for name, call := range byName(reads) {
			t.is(name, call(), core.ErrClosed)
		}
	}
	holds(t, tab, row{"k", "v"})
}

func checkPulledIterator(t *trial) {
	s, tab := t.one()
	load(t, tab, 300)
	var next func() (core.Row[string, string], error, bool)
	var stop func()
	t.do("View", s.View(t.ctx, func(tx *core.Tx) error {
		next, stop = iter.Pull2(tab.In(tx).Scan().Rows(t.ctx))
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
	t.closeStorage(s)
}

func checkTxViews(t *trial) {
	s, tab := t.one()
	long := noise(50_000)
	put1(t, tab, "k", long)
	put1(t, tab, "l", "short")
	update(t, s, func(tx *core.Tx) error {
		in := tab.In(tx)
		k, err := in.Get(t.ctx, "k")
		t.do("Get", err)
		t.do("Put", in.Put(t.ctx, "own", "mine"))
		own, err := in.Get(t.ctx, "own")
		t.do("Get", err)
		for i := range 100 {
			t.do("Put", in.Put(t.ctx, "k", strconv.Itoa(i)+long))
			t.do("Put", in.Put(t.ctx, "own", strconv.Itoa(i)))
		}
		_, err = in.Scan().Delete(t.ctx)
		t.do("Delete", err)
		if k != long || own != "mine" {
			t.Errorf("the views became %s and %q", brief(k), own)
		}
		return nil
	})
	holds(t, tab)
}
