// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package backendtest

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/guardkv/guardkv/core"
)

var writePromises = []promise{
	{
		name: "writes/durable", check: checkDurable,
		explanation: "a returned write is durable",
	},
	{
		name: "writes/insert and delete", check: checkInsertDelete,
		explanation: "Insert gives ErrExists if the row is present; Delete says whether it existed",
	},
	{
		name: "writes/row limits", check: checkRowLimits,
		explanation: "a key or value over a limit of the engine is ErrTooLarge, and nothing is written",
	},
	{
		name: "writes/read only", check: checkReadOnly,
		explanation: "a read-only storage refuses writes with ErrReadOnly, and creates and changes nothing",
	},
	{
		name: "put all/atomic", check: checkPutAllAtomic,
		explanation: "PutAll is atomic: concurrent readers see all its rows or none",
	},
	{
		name: "put all/fails whole", check: checkPutAllFails,
		explanation: "PutAll fails whole: one row that cannot be stored leaves nothing",
	},
	{
		name: "put all/too large", check: checkPutAllTooLarge, bareOnly: true,
		explanation: "PutAll of more than the engine can write at once fails whole with ErrTooLarge",
	},
	{
		name: "put all/iterator", check: checkPutAllIterator,
		explanation: "the rows of PutAll are taken before the writer's turn: its iterator may write to the same table",
	},
	{
		name: "put all/duplicates", check: checkPutAllDuplicates,
		explanation: "if two rows of PutAll have the same key the later one counts",
	},
}

// openDurable opens the trial's storage so that writes return when they are durable.
func (t *trial) openDurable() *core.Storage {
	t.tb.Helper()
	s, err := core.Open(t.ctx, t.path, t.backend)
	t.do("Open", err)
	t.Cleanup(func() { t.closeStorage(s) })
	return s
}

func checkDurable(t *trial) {
	s := t.openDurable()
	tab := t.words(s, "words")
	put1(t, tab, "put", "1")
	t.do("Insert", tab.Insert(t.ctx, "insert", "2"))
	t.do("PutAll", tab.PutAll(t.ctx, someRows(2)))
	_, err := tab.Delete(t.ctx, "some000000")
	t.do("Delete", err)
	update(t, s, func(tx *core.Tx) error { return tab.In(tx).Put(t.ctx, "update", "3") })
	t.closeStorage(s)
	tab = t.words(t.openDurable(), "words")
	holds(t, tab, row{"insert", "2"}, row{"put", "1"}, row{"some000001", "value 1"}, row{"update", "3"})
}

func checkInsertDelete(t *trial) {
	_, tab := t.one()
	deletes := func(want bool) {
		t.tb.Helper()
		if existed, err := tab.Delete(t.ctx, "k"); existed != want || err != nil {
			t.Errorf("Delete = %v, %v; want %v", existed, err, want)
		}
	}
	deletes(false)
	t.do("Insert", tab.Insert(t.ctx, "k", "1"))
	t.is("Insert", tab.Insert(t.ctx, "k", "2"), core.ErrExists)
	reads(t, tab, "k", "1")
	put1(t, tab, "k", "3")
	reads(t, tab, "k", "3")
	deletes(true)
	deletes(false)
	absent(t, tab, "k")
	t.do("Insert", tab.Insert(t.ctx, "k", "4"))
	put1(t, tab, "k", "")
	t.is("Insert over an empty value", tab.Insert(t.ctx, "k", "5"), core.ErrExists)
	deletes(true)
}

func checkRowLimits(t *trial) {
	s, tab := t.one()
	limits := t.limits()
	put1(t, tab, "k", "v")
	try := func(name, k, v string) {
		t.tb.Helper()
		t.is("Put of "+name, tab.Put(t.ctx, k, v), core.ErrTooLarge)
		t.is("Insert of "+name, tab.Insert(t.ctx, k, v), core.ErrTooLarge)
		t.is("Put in an Update of "+name, s.Update(t.ctx, func(tx *core.Tx) error { return tab.In(tx).Put(t.ctx, k, v) }), core.ErrTooLarge)
	}
	if limits.Key != 0 {
		long := strings.Repeat("k", limits.Key-4) // a table's number takes four bytes
		put1(t, tab, long, "v")
		reads(t, tab, long, "v")
		try("a long key", long+"k", "v")
		_, err := tab.Delete(t.ctx, long)
		t.do("Delete", err)
	}
	if limits.Value != 0 && limits.Value <= t.testable() {
		try("a long value", "long", strings.Repeat("v", limits.Value+1))
	}
	holds(t, tab, row{"k", "v"})
}

func checkReadOnly(t *trial) {
	_, err := t.tryOpen(t.backend, core.WithReadOnly())
	if err == nil || len(t.list(t.path)) != 0 {
		t.Fatalf("opening nothing to read gives %v and leaves %q; want an error and nothing", err, t.list(t.path))
	}
	s, tab := t.one()
	t.do("PutAll", tab.PutAll(t.ctx, someRows(3)))
	t.closeStorage(s)
	s, tab = t.one(core.WithReadOnly())
	for _, v := range writeVerbs {
		if v.name == "OpenTable" || v.name == "DropTable" {
			continue
		}
		t.is(v.name, v.do(t, s, tab), core.ErrReadOnly)
	}
	t.is("DropTable", s.DropTable(t.ctx, "words"), core.ErrReadOnly)
	if writeVerbs[10].do(t, s, tab) == nil {
		t.Errorf("a read-only storage created a table")
	}
	reads(t, tab, "some000001", "value 1")
	if n, err := tab.Count(t.ctx); n != 3 || err != nil {
		t.Errorf("Count = %d, %v; want 3", n, err)
	}
}

func checkPutAllAtomic(t *trial) {
	s, tab := t.one()
	n := t.pick(500, 100)
	var stop atomic.Bool
	var readers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			for !stop.Load() && !t.Failed() {
				allOrNone(t, tab, n)
			}
		})
	}
	for round := range t.pick(40, 10) {
		t.do("PutAll", tab.PutAll(t.ctx, func(yield func(k, v string) bool) {
			for k := range someRows(n) {
				if !yield(k, fmt.Sprint(round)) {
					return
				}
			}
		}))
		if round%4 == 3 {
			update(t, s, func(tx *core.Tx) error { _, err := tab.In(tx).Scan().Delete(t.ctx); return err })
		}
	}
	stop.Store(true)
	readers.Wait()
}

// allOrNone complains if a scan shows a part of a PutAll.
func allOrNone(t *trial, tab words, n int) {
	rows := scanned(t, tab.Scan())
	if len(rows) != 0 && len(rows) != n {
		t.Errorf("a scan shows %d rows of %d", len(rows), n)
	}
	for _, r := range rows {
		if r.value != rows[0].value {
			t.Errorf("a scan shows %v beside %v", r, rows[0])
			return
		}
	}
}

func checkPutAllFails(t *trial) {
	_, tab := t.one()
	put1(t, tab, "k", "v")
	bad := t.badRow()
	if bad.key == "" {
		return // nothing is too large for this engine
	}
	err := tab.PutAll(t.ctx, func(yield func(k, v string) bool) {
		_ = yield("a", "1") && yield(bad.key, bad.value) && yield("z", "2")
	})
	t.is("PutAll", err, core.ErrTooLarge)
	holds(t, tab, row{"k", "v"})
}

func checkPutAllTooLarge(t *trial) {
	_, tab := t.one()
	put1(t, tab, "k", "v")
	size := t.tooMuch()
	if size == 0 {
		return
	}
	err := tab.PutAll(t.ctx, func(yield func(k, v string) bool) {
		putMuch(size, func(k, v string) error {
			if !yield(k, v) {
				return errors.New("stopped")
			}
			return nil
		})
	})
	t.is("PutAll", err, core.ErrTooLarge)
	holds(t, tab, row{"k", "v"})
	put1(t, tab, "l", "v")
}

func checkPutAllIterator(t *trial) {
	s, tab := t.one()
	t.within(soon, "PutAll whose iterator writes", func() {
		t.do("PutAll", tab.PutAll(t.ctx, func(yield func(k, v string) bool) {
			for i := range 3 {
				put1(t, tab, fmt.Sprintf("by the iterator %d", i), "v")
				update(t, s, func(tx *core.Tx) error { return tab.In(tx).Put(t.ctx, "by an Update", "v") })
				if !yield(fmt.Sprintf("row %d", i), "v") {
					return
				}
			}
		}))
	})
	if n, err := tab.Count(t.ctx); n != 7 || err != nil {
		t.Errorf("Count = %d, %v; want 7", n, err)
	}
	t.do("PutAll of nothing", tab.PutAll(t.ctx, someRows(0)))
}

func checkPutAllDuplicates(t *trial) {
	_, tab := t.one()
	t.do("PutAll", tab.PutAll(t.ctx, func(yield func(k, v string) bool) {
		_ = yield("b", "1") && yield("a", "1") && yield("b", "2") && yield("c", "1") && yield("b", "3") && yield("a", "2")
	}))
	holds(t, tab, row{"a", "2"}, row{"b", "3"}, row{"c", "1"})
}
