// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package backendtest

import (
	"errors"
	"fmt"
	"reflect"
	"slices"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/values"
)

var tablePromises = []promise{
	{
		name: "tables/list", check: checkTables,
		explanation: "Tables gives name, formats, and rows and bytes where that is cheap",
	},
	{
		name: "tables/drop", check: checkDropTable,
		explanation: "after DropTable its open handles give ErrClosed, its rows are gone, and its name is free for a new table",
	},
	{
		name: "tables/drop interrupted", check: checkDropInterrupted,
		explanation: "a DropTable that is interrupted leaves no table, and Compact deletes what is left of its rows",
	},
	{
		name: "tables/compact", check: checkStorageCompact,
		explanation: "Compact changes no row and tells the bytes before and after",
	},
	{
		name: "tables/handles", check: checkHandles,
		explanation: "a table may be opened several times; all handles are the same table",
	},
}

func checkTables(t *trial) {
	s := t.open()
	if infos, err := s.Tables(t.ctx); len(infos) != 0 || err != nil {
		t.Errorf("a new storage has the tables %v, %v", infos, err)
	}
	b := t.words(s, "b")
	table(t, s, "a", keys.Uint64(), values.JSON[int](), core.WithChecksums())
	put1(t, b, "four", "bytes")
	put1(t, b, "five!", "")
	for range 2 {
		infos, err := s.Tables(t.ctx)
		t.do("Tables", err)
		want := []core.TableInfo{
			{Name: "a", KeyFormat: keys.Uint64().ID(), ValueFormat: values.JSON[int]().ID(), Checksums: true},
			{Name: "b", KeyFormat: keys.String().ID(), ValueFormat: values.String().ID(), Rows: 2, Bytes: 14},
		}
		if len(infos) != 2 {
			t.Fatalf("Tables = %+v; want %+v", infos, want)
		}
		for i, info := range infos {
			if info.Rows == -1 {
				want[i].Rows = -1
			}
			if info.Bytes == -1 {
				want[i].Bytes = -1
			}
			info.Meta = nil
			if !reflect.DeepEqual(info, want[i]) {
				t.Errorf("Tables = %+v; want %+v", info, want[i])
			}
		}
		t.closeStorage(s)
		s = t.open()
	}
}

// rawRows counts all rows of the engine.
func (t *trial) rawRows() int {
	t.tb.Helper()
	raw := t.create()
	defer raw.close()
	return len(raw.all())
}

func checkDropTable(t *trial) {
	s, kept := t.one()
	put1(t, kept, "k", "v")
	t.closeStorage(s)
	before := t.rawRows()
	s = t.open()
	dropped, second := t.words(s, "dropped"), t.words(s, "dropped")
	load(t, dropped, t.pick(10_000, 5_000))
	put1(t, dropped, "k", "v")
	g := guard(t, dropped, "some000001")
	t.is("DropTable of no table", s.DropTable(t.ctx, "no such table"), core.ErrNotFound)
	t.do("View", s.View(t.ctx, func(tx *core.Tx) error {
		t.do("DropTable", s.DropTable(t.ctx, "dropped"))
		_, err := dropped.In(tx).Get(t.ctx, "k")
		t.is("Get in a View of a dropped table", err, core.ErrClosed)
		return nil
	}))
	t.is("DropTable again", s.DropTable(t.ctx, "dropped"), core.ErrNotFound)
	for _, tab := range []words{dropped, second} {
		for name, call := range byName(calls(t, s, tab)) {
			if !slices.Contains([]string{"Compact", "OpenTable", "DropTable", "RenameTable", "Sync"}, name) {
				t.is(name+" of a dropped table", call(), core.ErrClosed)
			}
		}
	}
	if g.Value() != "value 1" {
		t.Errorf("the guard's value became %q", g.Value())
	}
	anew := table(t, s, "dropped", keys.Uint64(), values.String())
	if n, err := anew.Count(t.ctx); n != 0 || err != nil {
		t.Errorf("the new table has %d rows, %v; want none", n, err)
	}
	put1(t, anew, 1, "new")
	t.is("Get of a dropped table", func() error { _, err := dropped.Get(t.ctx, "k"); return err }(), core.ErrClosed)
	t.close(g)
	t.do("DropTable", s.DropTable(t.ctx, "dropped"))
	reads(t, t.words(s, "words"), "k", "v")
	t.closeStorage(s)
	if after := t.rawRows(); after > before {
		t.Errorf("the engine has %d rows; before the tables were made it had %d", after, before)
	}
}

func checkDropInterrupted(t *trial) {
	b := Fault(t.backend)
	s, err := t.tryOpen(b)
	t.do("Open", err)
	put1(t, t.words(s, "kept"), "k", "v")
	t.closeStorage(s)
	before := t.rawRows()
	for n := 2; n <= 3; n++ {
		failure := errors.New("power loss")
		s, err := t.tryOpen(b)
		t.do("Open", err)
		load(t, t.words(s, "dropped"), 5000)
		b.Fail(Failure{Op: OpApply, N: n, Err: failure})
		// An engine that deletes ranges has dropped the table with its first write.
		if err := s.DropTable(t.ctx, "dropped"); err != nil || !t.powers().DeleteRange {
			t.is(fmt.Sprint("DropTable with a failing write ", n), err, failure)
		}
		b.Heal()
		t.closeStorage(s)
		s, err = t.tryOpen(b)
		t.do("Open", err)
		if infos, err := s.Tables(t.ctx); len(infos) != 1 || err != nil {
			t.Errorf("Tables = %+v, %v; want one", infos, err)
		}
		t.do("Check", s.Check(t.ctx))
		anew := t.words(s, "dropped")
		holds(t, anew)
		put1(t, anew, "new", "row")
		_, err = s.Compact(t.ctx)
		t.do("Compact", err)
		holds(t, anew, row{"new", "row"})
		t.do("DropTable", s.DropTable(t.ctx, "dropped"))
		t.closeStorage(s)
		if after := t.rawRows(); after != before {
			t.Errorf("the engine has %d rows; want %d", after, before)
		}
	}
}

func checkStorageCompact(t *trial) {
	s, tab := t.one()
	load(t, tab, 2000)
	for _, left := range []int{2000, 10} {
		_, err := tab.Scan().From(fmt.Sprintf("some%06d", left)).Delete(t.ctx)
		t.do("Delete", err)
		stats, err := s.Compact(t.ctx)
		t.do("Compact", err)
		if (stats.Before < 0) != (stats.After < 0) || stats.Before == 0 || stats.After == 0 {
			t.Errorf("Compact = %+v; want both sizes, or -1 for both", stats)
		}
		isPrefix(t, tab, core.StreamStats{Rows: int64(left)})
	}
	t.closeStorage(s)
	_, tab = t.one()
	isPrefix(t, tab, core.StreamStats{Rows: 10})
}

func checkHandles(t *trial) {
	s, one := t.one()
	two := t.words(s, "words")
	put1(t, one, "k", "1")
	reads(t, two, "k", "1")
	update(t, s, func(tx *core.Tx) error {
		t.do("Put", one.In(tx).Put(t.ctx, "k", "2"))
		v, err := two.In(tx).Get(t.ctx, "k")
		if v != "2" || err != nil {
			t.Errorf("the other handle reads %q, %v in the transaction; want %q", v, err, "2")
		}
		return err
	})
	reads(t, two, "k", "2")
}
