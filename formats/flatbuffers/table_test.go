// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package flatbuffers_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	fb "github.com/google/flatbuffers/go"
	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/memory"
	"github.com/guardkv/guardkv/formats/flatbuffers"
	"github.com/guardkv/guardkv/formats/flatbuffers/internal/testfb"
	"github.com/guardkv/guardkv/formats/flatbuffers/internal/zoo1"
	"github.com/guardkv/guardkv/formats/flatbuffers/internal/zoo2"
)

func openDB(t *testing.T) *core.Storage {
	t.Helper()
	db, err := core.Open(context.Background(), "zoo.db", memory.New())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func openTable[V, W any](
	t *testing.T, db *core.Storage, f core.ValueFormat[V, W], opts ...core.TableOption,
) *core.Table[string, V, W] {
	t.Helper()
	table, err := core.OpenTable(context.Background(), db, "animals", keys.String(), f, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func evolution(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "evolution", name+".bfbs"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func baseSchema(tb testing.TB) []byte {
	tb.Helper()
	return evolution(tb, "base")
}

func TestTable(t *testing.T) {
	ctx := context.Background()
	for _, opts := range [][]core.TableOption{nil, {core.WithChecksums()}} {
		db := openDB(t)
		table := openTable(t, db, newZoo(), opts...)
		for i, a := range animals {
			if err := table.Put(ctx, string(rune('a'+i)), a); err != nil {
				t.Fatal(err)
			}
		}
		n := 0
		for row, err := range table.Scan().Rows(ctx) {
			if err != nil {
				t.Fatal(err)
			}
			if got := *row.Value.UnPack(); !same(got, animals[n]) {
				t.Errorf("row %s is %+v, want %+v", row.Key, got, animals[n])
			}
			n++
		}
		if n != len(animals) {
			t.Errorf("%d rows, want %d", n, len(animals))
		}
		g, err := table.Get(ctx, "b")
		if err != nil {
			t.Fatal(err)
		}
		rex := g.Value()
		if _, err := table.Delete(ctx, "b"); err != nil {
			t.Fatal(err)
		}
		if string(rex.Name()) != "Rex" { // the guard keeps the engine's bytes
			t.Errorf("the name is %q", rex.Name())
		}
		if err := g.Close(); err != nil {
			t.Error(err)
		}
		if err := db.Check(ctx); err != nil {
			t.Error(err)
		}
	}
}

// Two programs, one with a newer schema, take turns with a table.
func TestOldAndNewProgram(t *testing.T) {
	ctx := context.Background()
	db := openDB(t)
	older := flatbuffers.New[zoo1.AnimalT, zoo1.Animal](evolution(t, "base"))
	newer := flatbuffers.New[zoo2.AnimalT, zoo2.Animal](evolution(t, "next"))

	first := openTable(t, db, older)
	if err := first.Put(ctx, "old", zoo1.AnimalT{Name: "old", Legs: 2, Weight: 1.5}); err != nil {
		t.Fatal(err)
	}
	second := openTable(t, db, newer)
	old, err := second.Load(ctx, "old")
	if err != nil {
		t.Fatal(err)
	}
	if string(old.Name()) != "old" || old.Age() != 3 || old.FriendsLength() != 0 {
		t.Errorf("the newer program reads %+v", old.UnPack())
	}
	now := zoo2.AnimalT{
		Name: "new", Age: 7, Color: zoo2.ColorGold, Friends: []*zoo2.FriendT{{Name: "friend"}},
		Thing: &zoo2.ThingT{Type: zoo2.ThingFriend, Value: &zoo2.FriendT{Name: "union"}},
	}
	if err := second.Put(ctx, "new", now); err != nil {
		t.Fatal(err)
	}

	// the older program again: it does not know all fields any more
	third := openTable(t, db, older)
	w, err := third.Load(ctx, "new")
	if err != nil {
		t.Fatal(err)
	}
	var member fb.Table
	if string(w.Name()) != "new" || w.Color() != 9 || w.ThingType() != 3 || !w.Thing(&member) {
		t.Errorf("the older program reads %+v", w.UnPack())
	}
	if w.UnPack().Thing != nil {
		t.Error("the older program unpacked a member of a union that it does not know")
	}
	if err := third.Put(ctx, "again", zoo1.AnimalT{Name: "again"}); err != nil {
		t.Fatal(err)
	}
	fourth := openTable(t, db, newer)
	if w, err := fourth.Load(ctx, "new"); err != nil || w.Age() != 7 || w.FriendsLength() != 1 {
		t.Errorf("the newer program's row: error %v", err)
	}
	if w, err := fourth.Load(ctx,
		"again"); err != nil || string(w.Name()) != "again" || w.Age() != 3 {
		t.Errorf("the older program's row: error %v", err)
	}
	if err := db.Check(ctx); err != nil {
		t.Error(err)
	}
}

// An older program copies rows whole, as bytes, without losing the fields it does not know.
// Those fields are verified all the same, by what the table remembers.
func TestOldProgramCopiesWhole(t *testing.T) {
	ctx := context.Background()
	db := openDB(t)
	newer := flatbuffers.New[zoo2.AnimalT, zoo2.Animal](evolution(t, "next"))
	raw := flatbuffers.Raw[zoo1.Animal](evolution(t, "base"))
	b, err := newer.Append(nil,
		zoo2.AnimalT{Name: "n", Age: 7, Friends: []*zoo2.FriendT{{Name: "secret friend"}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := raw.Append(nil, b); err == nil || !strings.Contains(err.Error(), "newer schema") {
		t.Errorf("a table that knows only the older schema took unknown fields: error %v", err)
	}

	openTable(t, db, newer)
	copies := openTable(t, db, raw)
	if err := copies.Put(ctx, "copy", b); err != nil {
		t.Fatal(err)
	}
	w, err := openTable(t, db, newer).Load(ctx, "copy")
	if err != nil || w.Age() != 7 || w.FriendsLength() != 1 {
		t.Errorf("the copy: error %v", err)
	}
	broken := []byte(strings.Replace(string(b), "\x0d\x00\x00\x00secret",
		"\xff\xff\x00\x00secret", 1))
	if err := copies.Put(ctx, "broken", broken); err == nil || errors.Is(err,
		core.ErrCorrupt) || !strings.Contains(err.Error(), "zoo.Friend.name") {
		t.Errorf("a broken field that the program does not know: error %v", err)
	}
}

// The error is one of opening, and names the table, the field, and both sides.
func TestOpenIncompatible(t *testing.T) {
	ctx := context.Background()
	db := openDB(t)
	openTable(t, db, flatbuffers.Raw[zoo1.Animal](evolution(t, "base")))
	_, err := core.OpenTable(ctx, db, "animals",
		keys.String(), flatbuffers.Raw[zoo1.Animal](evolution(t, "changed_default")))
	if !errors.Is(err, core.ErrFormatMismatch) {
		t.Fatalf("error %v", err)
	}
	for _, says := range []string{
		"animals", "zoo.Animal.legs", "`legs:short = 4`",
		"`legs:short = 2`",
	} {
		if !strings.Contains(err.Error(), says) {
			t.Errorf("the error does not say %s: %v", says, err)
		}
	}
	var stored *core.Error
	if !errors.As(err, &stored) || stored.Op != "open table" {
		t.Errorf("error %#v", err)
	}
}

// New cannot return an error, so everything else does.
func TestBadSchema(t *testing.T) {
	ctx := context.Background()
	db := openDB(t)
	for _, c := range []struct {
		name   string
		format core.ValueFormat[testfb.AnimalT, testfb.Animal]
		says   string
	}{
		{
			"no schema", flatbuffers.New[testfb.AnimalT, testfb.Animal](nil),
			"flatc --binary --schema --bfbs-builtins",
		},
		{"junk", flatbuffers.New[testfb.AnimalT,
			testfb.Animal]([]byte("namespace zoo; table Animal { }")), "not a compiled schema"},
		{"another program's schema", flatbuffers.New[testfb.AnimalT,
			testfb.Animal](evolution(t, "base")), "run flatc again"},
		{"a schema without the table", flatbuffers.New[testfb.AnimalT, testfb.Animal](evolution(t,
			"renamed_root")), "0 tables of this name; those that it has are [\"zoo"},
	} {
		_, err := core.OpenTable(ctx, db, "animals", keys.String(), c.format)
		wantSays(t, c.name+": OpenTable", err, c.says)
		_, err = c.format.Append(nil, testfb.AnimalT{})
		wantSays(t, c.name+": Append", err, c.says)
		_, err = c.format.View(nil)
		wantSays(t, c.name+": View", err, c.says)
		_, err = core.PowersOf(c.format).ViewTrusted(nil)
		wantSays(t, c.name+": ViewTrusted", err, c.says)
		if c.format.ID() != "flatbuffers/1" {
			t.Errorf("%s: ID %q", c.name, c.format.ID())
		}
	}
	if tables, err := db.Tables(ctx); err != nil || len(tables) != 0 {
		t.Errorf("tables were created: %v, error %v", tables, err)
	}
}

func wantSays(t *testing.T, name string, err error, says string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), says) || errors.Is(err, core.ErrCorrupt) {
		t.Errorf("%s: error %v; want one that says %q, and nothing is corrupt", name, err, says)
	}
}

// Both formats write the same tables.
func TestRawShares(t *testing.T) {
	ctx := context.Background()
	db := openDB(t)
	typed := openTable(t, db, newZoo())
	raw := openTable(t, db, flatbuffers.Raw[testfb.Animal](testfb.Schema))
	b, err := newZoo().Append(nil, full(2))
	if err != nil {
		t.Fatal(err)
	}
	if err := raw.Put(ctx, "raw", b); err != nil {
		t.Fatal(err)
	}
	if w, err := typed.Load(ctx, "raw"); err != nil || !same(*w.UnPack(), full(2)) {
		t.Errorf("error %v", err)
	}
	for name, b := range map[string][]byte{
		"nothing": nil, "cut": b[:len(b)-8],
		"junk": []byte("junk that is long enough"),
	} {
		if err := raw.Put(ctx, name, b); err == nil || errors.Is(err, core.ErrCorrupt) {
			t.Errorf("%s was put: error %v; nothing stored is corrupt", name, err)
		}
	}
}

// What a view returns are the bytes that were viewed: overwriting them shows.
func TestViewBorrows(t *testing.T) {
	f := newZoo()
	b, err := f.Append(nil, animals[1])
	if err != nil {
		t.Fatal(err)
	}
	w, err := f.View(b)
	if err != nil {
		t.Fatal(err)
	}
	name := w.Name()
	copy(name, "Max")
	if !strings.Contains(string(b), "Max") || string(w.Name()) != "Max" {
		t.Error("the view has bytes of its own")
	}
}

// The runtime slices up to the capacity: a wrong length in a trusted view would show what lies
// behind the record.
func TestTrustedIsClipped(t *testing.T) {
	f := newZoo(flatbuffers.Trusted())
	b, err := f.Append(nil, testfb.AnimalT{Name: "name at the end"})
	if err != nil {
		t.Fatal(err)
	}
	at := strings.Index(string(b), "name at the end")
	b[at-4] = 200
	whole := append(b, strings.Repeat("SECRET", 100)...)
	for _, view := range []func([]byte) (testfb.Animal, error){
		f.View, core.PowersOf(f).ViewTrusted,
	} {
		w, err := view(whole[:len(b)])
		if err != nil {
			t.Fatal(err)
		}
		func() {
			defer func() { _ = recover() }()
			if strings.Contains(string(w.Name()), "SECRET") {
				t.Error("the view shows what lies behind the record")
			}
		}()
	}
	if _, err := newZoo().View(whole[:len(b)]); !errors.Is(err, core.ErrCorrupt) {
		t.Errorf("verified: error %v", err)
	}
	for _, short := range [][]byte{
		nil,
		{},
		{8},
		{8, 0, 0, 0},
		{0, 0, 0, 0, 0, 0, 0, 0},
		{255, 255, 255, 255, 0, 0, 0, 0},
	} {
		if _, err := f.View(short); !errors.Is(err, core.ErrCorrupt) {
			t.Errorf("%v: error %v", short, err)
		}
	}
}

func TestLimits(t *testing.T) {
	deep := testfb.AnimalT{}
	for range 70 {
		inner := deep
		deep = testfb.AnimalT{Mother: &inner}
	}
	if _, err := newZoo().Append(nil, deep); !errors.Is(err,
		core.ErrTooLarge) || !strings.Contains(err.Error(), "WithMaxDepth") {
		t.Errorf("71 tables: error %v", err)
	}
	b, err := newZoo(flatbuffers.WithMaxDepth(100)).Append(nil, deep)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := newZoo().View(b); !errors.Is(err,
		core.ErrCorrupt) || !strings.Contains(err.Error(), "WithMaxDepth") {
		t.Errorf("71 tables are read: error %v", err)
	}
	work := newZoo(flatbuffers.WithMaxWork(0)) // 1, which does not suffice for small tables
	many := testfb.AnimalT{}
	for range 5000 {
		many.Notes = append(many.Notes, &testfb.NoteT{})
	}
	if _, err := work.Append(nil, many); !errors.Is(err,
		core.ErrTooLarge) || !strings.Contains(err.Error(), "WithMaxWork") {
		t.Errorf("little work allowed: error %v", err)
	}
	if _, err := newZoo(flatbuffers.WithMaxDepth(-1)).Append(nil, full(1)); err != nil {
		t.Errorf("the least depth: %v", err)
	}
}
