// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package users

import (
	"errors"
	"fmt"
	"reflect"
	"slices"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/backendtest/internal/decorate"
	"github.com/guardkv/guardkv/core/backendtest/internal/kit"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/values"
)

var tablePromises = []kit.Promise{
	{
		Name: "tables/list", Check: checkTables,
		Explanation: "Tables gives name, formats, and rows and bytes where that is cheap",
	},
	{
		Name: "tables/drop", Check: checkDropTable,
		Explanation: "after DropTable its open handles give ErrClosed, its rows are gone, and " +
			"its name is free for a new table",
	},
	{
		Name: "tables/drop interrupted", Check: checkDropInterrupted,
		Explanation: "a DropTable that is interrupted leaves no table, and Compact deletes what " +
			"is left of its rows",
	},
	{
		Name: "tables/compact", Check: checkStorageCompact,
		Explanation: "Compact changes no row and tells the bytes before and after",
	},
	{
		Name: "tables/handles", Check: checkHandles,
		Explanation: "a table may be opened several times; all handles are the same table",
	},
}

func checkTables(t *kit.Trial) {
	s := open(t)
	if infos, err := s.Tables(t.Ctx); len(infos) != 0 || err != nil {
		t.Errorf("a new storage has the tables %v, %v", infos, err)
	}
	b := openWords(t, s, "b")
	table(t, s, "a", keys.Uint64(), values.JSON[int](), core.WithChecksums())
	put1(t, b, "four", "bytes")
	put1(t, b, "five!", "")
	for range 2 {
		infos, err := s.Tables(t.Ctx)
		t.Do("Tables", err)
		want := []core.TableInfo{
			{
				Name: "a", KeyFormat: keys.Uint64().ID(), ValueFormat: values.JSON[int]().ID(),
				Checksums: true,
			},
			{
				Name: "b", KeyFormat: keys.String().ID(), ValueFormat: values.String().ID(),
				Rows: 2, Bytes: 14,
			},
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
		closeStorage(t, s)
		s = open(t)
	}
}

// rawRows counts all rows of the engine.
func rawRows(t *kit.Trial) int {
	t.TB.Helper()
	raw := t.Create()
	defer raw.MustClose()
	return len(raw.All())
}

func checkDropTable(t *kit.Trial) {
	s, kept := openOne(t)
	put1(t, kept, "k", "v")
	closeStorage(t, s)
	before := rawRows(t)
	s = open(t)
	dropped, second := openWords(t, s, "dropped"), openWords(t, s, "dropped")
	load(t, dropped, t.Pick(10_000, 5_000))
	put1(t, dropped, "k", "v")
	g := guard(t, dropped, "some000001")
	t.Is("DropTable of no table", s.DropTable(t.Ctx, "no such table"), core.ErrNotFound)
	t.Do("View", s.View(t.Ctx, func(tx *core.Tx) error {
		t.Do("DropTable", s.DropTable(t.Ctx, "dropped"))
		_, err := dropped.In(tx).Get(t.Ctx, "k")
		t.Is("Get in a View of a dropped table", err, core.ErrClosed)
		return nil
	}))
	t.Is("DropTable again", s.DropTable(t.Ctx, "dropped"), core.ErrNotFound)
	for _, tab := range []words{dropped, second} {
		for name, call := range kit.ByName(calls(t, s, tab)) {
			if !slices.Contains([]string{
				"Compact", "OpenTable", "DropTable", "RenameTable",
				"Sync",
			}, name) {
				t.Is(name+" of a dropped table", call(), core.ErrClosed)
			}
		}
	}
	if g.Value() != "value 1" {
		t.Errorf("the guard's value became %q", g.Value())
	}
	anew := table(t, s, "dropped", keys.Uint64(), values.String())
	if n, err := anew.Count(t.Ctx); n != 0 || err != nil {
		t.Errorf("the new table has %d rows, %v; want none", n, err)
	}
	put1(t, anew, 1, "new")
	t.Is("Get of a dropped table",
		func() error { _, err := dropped.Get(t.Ctx, "k"); return err }(), core.ErrClosed)
	t.Close(g)
	t.Do("DropTable", s.DropTable(t.Ctx, "dropped"))
	reads(t, openWords(t, s, "words"), "k", "v")
	closeStorage(t, s)
	if after := rawRows(t); after > before {
		t.Errorf("the engine has %d rows; before the tables were made it had %d", after, before)
	}
}

func checkDropInterrupted(t *kit.Trial) {
	b := decorate.Fault(t.Backend)
	s, err := tryOpen(t, b)
	t.Do("Open", err)
	put1(t, openWords(t, s, "kept"), "k", "v")
	closeStorage(t, s)
	before := rawRows(t)
	for n := 2; n <= 3; n++ {
		failure := errors.New("power loss")
		s, err := tryOpen(t, b)
		t.Do("Open", err)
		load(t, openWords(t, s, "dropped"), 5000)
		b.Fail(decorate.Failure{Op: decorate.OpApply, N: n, Err: failure})
		// An engine that deletes ranges has dropped the table with its first write. In a shared
		// storage no error ends writing: core finds out what became of the write, and goes on.
		if err := s.DropTable(t.Ctx, "dropped"); err != nil ||
			!powersOf(t).DeleteRange && !t.Shared() {
			t.Is(fmt.Sprint("DropTable with a failing write ", n), err, failure)
		}
		b.Heal()
		closeStorage(t, s)
		s, err = tryOpen(t, b)
		t.Do("Open", err)
		if infos, err := s.Tables(t.Ctx); len(infos) != 1 || err != nil {
			t.Errorf("Tables = %+v, %v; want one", infos, err)
		}
		t.Do("Check", s.Check(t.Ctx))
		anew := openWords(t, s, "dropped")
		holds(t, anew)
		put1(t, anew, "new", "row")
		_, err = s.Compact(t.Ctx)
		t.Do("Compact", err)
		holds(t, anew, kit.KV("new", "row"))
		t.Do("DropTable", s.DropTable(t.Ctx, "dropped"))
		closeStorage(t, s)
		if after := rawRows(t); after != before {
			t.Errorf("the engine has %d rows; want %d", after, before)
		}
	}
}

func checkStorageCompact(t *kit.Trial) {
	s, tab := openOne(t)
	load(t, tab, 2000)
	for _, left := range []int{2000, 10} {
		_, err := tab.Scan().From(fmt.Sprintf("some%06d", left)).Delete(t.Ctx)
		t.Do("Delete", err)
		stats, err := s.Compact(t.Ctx)
		t.Do("Compact", err)
		if (stats.Before < 0) != (stats.After < 0) || stats.Before == 0 || stats.After == 0 {
			t.Errorf("Compact = %+v; want both sizes, or -1 for both", stats)
		}
		isPrefix(t, tab, core.StreamStats{Rows: int64(left)})
	}
	closeStorage(t, s)
	_, tab = openOne(t)
	isPrefix(t, tab, core.StreamStats{Rows: 10})
}

func checkHandles(t *kit.Trial) {
	s, one := openOne(t)
	two := openWords(t, s, "words")
	put1(t, one, "k", "1")
	reads(t, two, "k", "1")
	update(t, s, func(tx *core.Tx) error {
		t.Do("Put", one.In(tx).Put(t.Ctx, "k", "2"))
		v, err := two.In(tx).Get(t.Ctx, "k")
		if v != "2" || err != nil {
			t.Errorf("the other handle reads %q, %v in the transaction; want %q", v, err, "2")
		}
		return err
	})
	reads(t, two, "k", "2")
}
