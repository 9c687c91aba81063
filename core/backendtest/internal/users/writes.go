// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package users

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/backendtest/internal/kit"
)

var writePromises = []kit.Promise{
	{
		Name: "writes/durable", Check: checkDurable,
		Explanation: "a returned write is durable",
	},
	{
		Name: "writes/insert and delete", Check: checkInsertDelete,
		Explanation: "Insert returns ErrExists if the row is present; Delete says whether it " +
			"existed",
	},
	{
		Name: "writes/row limits", Check: checkRowLimits,
		Explanation: "writing a key or value over a limit of the engine returns ErrTooLarge, " +
			"and nothing is written",
	},
	{
		Name: "writes/read only", Check: checkReadOnly,
		Explanation: "a read-only storage refuses writes with ErrReadOnly, and creates and " +
			"changes nothing",
	},
	{
		Name: "put all/atomic", Check: checkPutAllAtomic,
		Explanation: "PutAll is atomic: concurrent readers see all its rows or none",
	},
	{
		Name: "put all/fails whole", Check: checkPutAllFails,
		Explanation: "PutAll fails whole: one row that cannot be stored leaves nothing",
	},
	{
		Name: "put all/too large", Check: checkPutAllTooLarge, BareOnly: true,
		Explanation: "PutAll of more than the engine can write at once fails whole with " +
			"ErrTooLarge",
	},
	{
		Name: "put all/iterator", Check: checkPutAllIterator,
		Explanation: "the rows of PutAll are taken before the writer's turn: its iterator may " +
			"write to the same table",
	},
	{
		Name: "put all/duplicates", Check: checkPutAllDuplicates,
		Explanation: "if two rows of PutAll have the same key the later one counts",
	},
}

// openDurable opens the trial's storage so that writes return when they are durable.
func openDurable(t *kit.Trial) *core.Storage {
	t.TB.Helper()
	s, err := core.Open(t.Ctx, t.Path, t.Backend)
	t.Do("Open", err)
	t.Cleanup(func() { closeStorage(t, s) })
	return s
}

func checkDurable(t *kit.Trial) {
	s := openDurable(t)
	tab := openWords(t, s, "words")
	put1(t, tab, "put", "1")
	t.Do("Insert", tab.Insert(t.Ctx, "insert", "2"))
	t.Do("PutAll", tab.PutAll(t.Ctx, someRows(2)))
	_, err := tab.Delete(t.Ctx, "some000000")
	t.Do("Delete", err)
	update(t, s, func(tx *core.Tx) error { return tab.In(tx).Put(t.Ctx, "update", "3") })
	closeStorage(t, s)
	tab = openWords(t, openDurable(t), "words")
	holds(t, tab, kit.KV("insert", "2"), kit.KV("put", "1"), kit.KV("some000001", "value 1"),
		kit.KV("update", "3"))
}

func checkInsertDelete(t *kit.Trial) {
	_, tab := openOne(t)
	deletes := func(want bool) {
		t.TB.Helper()
		if existed, err := tab.Delete(t.Ctx, "k"); existed != want || err != nil {
			t.Errorf("Delete = %v, %v; want %v", existed, err, want)
		}
	}
	deletes(false)
	t.Do("Insert", tab.Insert(t.Ctx, "k", "1"))
	t.Is("Insert", tab.Insert(t.Ctx, "k", "2"), core.ErrExists)
	reads(t, tab, "k", "1")
	put1(t, tab, "k", "3")
	reads(t, tab, "k", "3")
	deletes(true)
	deletes(false)
	absent(t, tab, "k")
	t.Do("Insert", tab.Insert(t.Ctx, "k", "4"))
	put1(t, tab, "k", "")
	t.Is("Insert over an empty value", tab.Insert(t.Ctx, "k", "5"), core.ErrExists)
	deletes(true)
}

func checkRowLimits(t *kit.Trial) {
	s, tab := openOne(t)
	limits := limitsOf(t)
	put1(t, tab, "k", "v")
	try := func(name, k, v string) {
		t.TB.Helper()
		t.Is("Put of "+name, tab.Put(t.Ctx, k, v), core.ErrTooLarge)
		t.Is("Insert of "+name, tab.Insert(t.Ctx, k, v), core.ErrTooLarge)
		t.Is("Put in an Update of "+name, s.Update(t.Ctx,
			func(tx *core.Tx) error { return tab.In(tx).Put(t.Ctx, k, v) }), core.ErrTooLarge)
	}
	if limits.Key != 0 {
		long := strings.Repeat("k", limits.Key-4) // a table's number takes four bytes
		put1(t, tab, long, "v")
		reads(t, tab, long, "v")
		try("a long key", long+"k", "v")
		_, err := tab.Delete(t.Ctx, long)
		t.Do("Delete", err)
	}
	if limits.Value != 0 && limits.Value <= t.Testable() {
		try("a long value", "long", strings.Repeat("v", limits.Value+1))
	}
	holds(t, tab, kit.KV("k", "v"))
}

func checkReadOnly(t *kit.Trial) {
	_, err := tryOpen(t, t.Backend, core.WithReadOnly())
	if err == nil || len(t.List(t.Path)) != 0 {
		t.Fatalf("opening nothing to read gives %v and leaves %q; want an error and nothing",
			err, t.List(t.Path))
	}
	s, tab := openOne(t)
	t.Do("PutAll", tab.PutAll(t.Ctx, someRows(3)))
	closeStorage(t, s)
	s, tab = openOne(t, core.WithReadOnly())
	for _, v := range writeVerbs {
		if v.name == "OpenTable" || v.name == "DropTable" {
			continue
		}
		t.Is(v.name, v.do(t, s, tab), core.ErrReadOnly)
	}
	t.Is("DropTable", s.DropTable(t.Ctx, "words"), core.ErrReadOnly)
	if writeVerbs[10].do(t, s, tab) == nil {
		t.Errorf("a read-only storage created a table")
	}
	reads(t, tab, "some000001", "value 1")
	if n, err := tab.Count(t.Ctx); n != 3 || err != nil {
		t.Errorf("Count = %d, %v; want 3", n, err)
	}
}

func checkPutAllAtomic(t *kit.Trial) {
	s, tab := openOne(t)
	n := kit.Fits(t.Pick(500, 100), limitsOf(t).BatchRows/2)
	var stop atomic.Bool
	var readers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			for !stop.Load() && !t.Failed() {
				allOrNone(t, tab, n)
			}
		})
	}
	for round := range t.Pick(40, 10) {
		t.Do("PutAll", tab.PutAll(t.Ctx, func(yield func(k, v string) bool) {
			for k := range someRows(n) {
				if !yield(k, fmt.Sprint(round)) {
					return
				}
			}
		}))
		if round%4 == 3 {
			update(t, s,
				func(tx *core.Tx) error { _, err := tab.In(tx).Scan().Delete(t.Ctx); return err })
		}
	}
	stop.Store(true)
	readers.Wait()
}

// allOrNone complains if a scan shows a part of a PutAll.
func allOrNone(t *kit.Trial, tab words, n int) {
	rows := scanned(t, tab.Scan())
	if len(rows) != 0 && len(rows) != n {
		t.Errorf("a scan shows %d rows of %d", len(rows), n)
	}
	for _, r := range rows {
		if r.Value != rows[0].Value {
			t.Errorf("a scan shows %v beside %v", r, rows[0])
			return
		}
	}
}

func checkPutAllFails(t *kit.Trial) {
	_, tab := openOne(t)
	put1(t, tab, "k", "v")
	bad := badRow(t)
	if bad.Key == "" {
		return // nothing is too large for this engine
	}
	err := tab.PutAll(t.Ctx, func(yield func(k, v string) bool) {
		_ = yield("a", "1") && yield(bad.Key, bad.Value) && yield("z", "2")
	})
	t.Is("PutAll", err, core.ErrTooLarge)
	holds(t, tab, kit.KV("k", "v"))
}

func checkPutAllTooLarge(t *kit.Trial) {
	_, tab := openOne(t)
	put1(t, tab, "k", "v")
	size := tooMuch(t)
	if size == 0 {
		return
	}
	err := tab.PutAll(t.Ctx, func(yield func(k, v string) bool) {
		putMuch(size, func(k, v string) error {
			if !yield(k, v) {
				return errors.New("stopped")
			}
			return nil
		})
	})
	t.Is("PutAll", err, core.ErrTooLarge)
	holds(t, tab, kit.KV("k", "v"))
	put1(t, tab, "l", "v")
}

func checkPutAllIterator(t *kit.Trial) {
	s, tab := openOne(t)
	t.Within(kit.Soon, "PutAll whose iterator writes", func() {
		t.Do("PutAll", tab.PutAll(t.Ctx, func(yield func(k, v string) bool) {
			for i := range 3 {
				put1(t, tab, fmt.Sprintf("by the iterator %d", i), "v")
				update(t, s,
					func(tx *core.Tx) error { return tab.In(tx).Put(t.Ctx, "by an Update", "v") })
				if !yield(fmt.Sprintf("row %d", i), "v") {
					return
				}
			}
		}))
	})
	if n, err := tab.Count(t.Ctx); n != 7 || err != nil {
		t.Errorf("Count = %d, %v; want 7", n, err)
	}
	t.Do("PutAll of nothing", tab.PutAll(t.Ctx, someRows(0)))
}

func checkPutAllDuplicates(t *kit.Trial) {
	_, tab := openOne(t)
	t.Do("PutAll", tab.PutAll(t.Ctx, func(yield func(k, v string) bool) {
		_ = yield("b", "1") && yield("a", "1") && yield("b", "2") && yield("c", "1") && yield("b",
			"3") && yield("a", "2")
	}))
	holds(t, tab, kit.KV("a", "2"), kit.KV("b", "3"), kit.KV("c", "1"))
}
