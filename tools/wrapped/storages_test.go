// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package wrapped

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/guardkv/guardkv/backends/bbolt"
	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/backendtest"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/memory"
	"github.com/guardkv/guardkv/formats/archive"
	"github.com/guardkv/guardkv/formats/cbor"
	"github.com/guardkv/guardkv/formats/compress"
	"github.com/guardkv/guardkv/formats/encrypt"
	"github.com/guardkv/guardkv/tools/modules"
)

type format = core.ValueFormat[person, person]

// stored is the format of the stored bytes. With it somebody who has the files, but no key, reads
// and changes rows.
type stored struct{ id string }

func (f stored) ID() string                           { return f.id }
func (f stored) Append(dst, b []byte) ([]byte, error) { return append(dst, b...), nil }
func (f stored) View(b []byte) ([]byte, error)        { return slices.Clone(b), nil }

func (f stored) Powers() core.FormatPowers[[]byte, []byte] {
	return core.FormatPowers[[]byte,
		[]byte]{BindRows: func(core.TableID) (core.RowFormat[[]byte, []byte], error) {
		return core.RowFormat[[]byte, []byte]{
			Append: func(dst, _, b []byte) ([]byte, error) { return f.Append(dst, b) },
			View:   func(_, b []byte) ([]byte, error) { return f.View(b) },
		}, nil
	}}
}

// place is an engine and a path, where a storage is opened again and again.
type place struct {
	t       *testing.T
	backend core.Backend
	path    string
}

func (p place) open() *core.Storage {
	p.t.Helper()
	db, err := core.Open(p.t.Context(), p.path, p.backend)
	if err != nil {
		p.t.Fatal(err)
	}
	return db
}

func onEveryEngine(t *testing.T, test func(t *testing.T, p place)) {
	for _, e := range modules.Engines {
		t.Run(e.Name, func(t *testing.T) {
			test(t, place{t, backendtest.Spoil(e.New()), filepath.Join(t.TempDir(), "db")})
		})
	}
}

func open[V, W any](
	t *testing.T, db *core.Storage, name string, f core.ValueFormat[V, W],
) *core.Table[int, V, W] {
	t.Helper()
	tab, err := core.OpenTable(t.Context(), db, name, keys.Int(), f)
	if err != nil {
		t.Fatal(err)
	}
	return tab
}

// inside are the formats of people that the storages here have.
func inside(t *testing.T) map[string]format {
	ring := ring(t, 1, 2)
	return map[string]format{
		"compress":          compress.New(cbor.New[person]()),
		"encrypt":           encrypt.New(cbor.New[person](), ring),
		"encrypt(compress)": encrypt.New(compress.New(cbor.New[person]()), ring),
		"compress(encrypt)": compress.New(encrypt.New(cbor.New[person](), ring)),
	}
}

func personAt(i int) person {
	return person{
		Name: fmt.Sprint("name ", i), Born: i,
		Tags: strings.Fields(strings.Repeat("word ", i%50)),
	}
}

const rows = 100

// compare fails unless every way to read a table shows the people that it should have.
func compare(t *testing.T, tab *core.TableOf[int, person]) {
	t.Helper()
	ctx := t.Context()
	is := func(verb string, k int, p person, err error) {
		t.Helper()
		if want := personAt(k); err != nil || p.Name != want.Name || p.Born != want.Born ||
			!slices.Equal(p.Tags, want.Tags) {
			t.Errorf("%s of %d gives %v, %v", verb, k, p, err)
		}
	}
	n := 0
	for row, err := range tab.Scan().Rows(ctx) {
		is("Rows", row.Key, row.Value, err)
		n++
	}
	for row, err := range tab.GetMany(ctx, slices.Values([]int{1, 50, 99})) {
		is("GetMany", row.Key, row.Value, err)
	}
	for _, k := range []int{0, 7, 99} {
		g, err := tab.Get(ctx, k)
		if err != nil {
			t.Fatal(err)
		}
		is("Get", k, g.Value(), err)
		g.Close()
		p, err := tab.Load(ctx, k)
		is("Load", k, p, err)
	}
	if n != rows {
		t.Errorf("there are %d rows", n)
	}
}

// Tables of every combination read as they were written, also after they were reopened, renamed,
// and restored on another engine.
func TestStorages(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, p place) {
		ctx := t.Context()
		db := p.open()
		for name, f := range inside(t) {
			tab := open(t, db, name, f)
			err := tab.PutAll(ctx, func(yield func(int, person) bool) {
				for i := range rows {
					if !yield(i, personAt(i)) {
						return
					}
				}
			})
			if err != nil {
				t.Fatal(err)
			}
			compare(t, tab)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		db = p.open()
		if err := db.RenameTable(ctx, "encrypt", "renamed"); err != nil {
			t.Fatal(err)
		}
		var backup bytes.Buffer
		if err := db.Backup(ctx, &backup); err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(backup.Bytes(), bytes.Repeat([]byte{1, 2}, 8)) {
			t.Error("the backup has a secret")
		}
		restored, err := core.Restore(ctx, "restored", memory.New(), &backup)
		if err != nil {
			t.Fatal(err)
		}
		for name, f := range inside(t) {
			if name == "encrypt" {
				name = "renamed"
			}
			compare(t, open(t, db, name, f))
			compare(t, open(t, restored, name, f))
		}
		if err := errors.Join(db.Check(ctx), restored.Check(ctx), db.Close(),
			restored.Close()); err != nil {
			t.Error(err)
		}
	})
}

// On every engine, reads find what somebody without the key did to encrypted rows, and return
// nothing of those rows.
func TestForgedRows(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, p place) {
		db := p.open()
		for _, name := range []string{"encrypt", "encrypt(compress)"} {
			t.Run(name, func(t *testing.T) { forge(t, db, name, inside(t)[name]) })
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
}

func forge(t *testing.T, db *core.Storage, name string, f format) {
	ctx := t.Context()
	tab, other := open(t, db, name, f), open(t, db, name+" too", f)
	for _, tab := range []*core.TableOf[int, person]{tab, other} {
		for k := range 2 {
			if err := tab.Put(ctx, k, personAt(k+40)); err != nil {
				t.Fatal(err)
			}
		}
	}
	bare, bareOther := open[[]byte, []byte](t, db, name, stored{f.ID()}), open[[]byte, []byte](t,
		db, name+" too", stored{f.ID()})
	row := load(t, bare, 0)
	if bytes.Contains(row, []byte("name")) {
		t.Errorf("the row is %q", row)
	}
	flipped := func(i int) []byte { b := slices.Clone(row); b[i] ^= 1; return b }
	for what, c := range map[string]struct {
		b    []byte
		want error
	}{
		"another row's":             {load(t, bare, 1), core.ErrCorrupt},
		"another table's":           {load(t, bareOther, 0), core.ErrCorrupt},
		"cut":                       {row[:len(row)-1], core.ErrCorrupt},
		"empty":                     {nil, core.ErrCorrupt},
		"with another key's ID":     {flipped(3), encrypt.ErrKey},
		"changed in its nonce":      {flipped(4), core.ErrCorrupt},
		"changed":                   {flipped(20), core.ErrCorrupt},
		"changed in its tag":        {flipped(len(row) - 1), core.ErrCorrupt},
		"with the other key's ID":   {append([]byte{0, 0, 0, 2}, row[4:]...), core.ErrCorrupt},
		"longer than it was":        {append(slices.Clone(row), 0), core.ErrCorrupt},
		"as it was, put back again": {row, nil},
	} {
		if err := bare.Put(ctx, 0, c.b); err != nil {
			t.Fatal(err)
		}
		g, err := tab.Get(ctx, 0)
		if (err == nil) != (c.want == nil) || !errors.Is(err, c.want) {
			t.Errorf("%s, the row gives %v, want %v", what, err, c.want)
		}
		if err == nil {
			g.Close()
		}
		seen := func(v person, err error) {
			t.Helper()
			if c.want != nil && (!errors.Is(err, c.want) || !reflect.DeepEqual(v, person{})) {
				t.Errorf("%s, the row reads as %v, %v; want %v", what, v, err, c.want)
			}
		}
		seen(tab.Load(ctx, 0))
		for row, err := range tab.Scan().Limit(1).Rows(ctx) {
			seen(row.Value, err)
		}
		open(t, db, name, f) // Check uses the handle that was opened last
		if err := db.Check(ctx); !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
			t.Errorf("%s, Check finds %v, want %v", what, err, c.want)
		}
	}
	if err := bare.Put(ctx, 0, row); err != nil {
		t.Fatal(err)
	}
}

func load(t *testing.T, tab *core.TableOf[int, []byte], k int) []byte {
	t.Helper()
	b, err := tab.Load(t.Context(), k)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// A dictionary consists of parts of values. When encrypt goes around compress, it hides the
// dictionary with the rest of the metadata.
func TestDictionaryInsideEncryption(t *testing.T) {
	ctx := t.Context()
	place := place{t, bbolt.Backend{}, filepath.Join(t.TempDir(), "db")}
	db := place.open()
	inner := cbor.New[person]()
	d, err := compress.Train(ctx, compress.Samples(inner, func(yield func(person, error) bool) {
		for i := range 300 {
			if !yield(person{
				Name: "a name that is secret",
				Born: i, Tags: []string{"a tag that is secret"},
			}, nil) {
				return
			}
		}
	}))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(d.Bytes(), []byte("secret")) {
		t.Fatal("the dictionary has nothing that could be seen")
	}
	withDictionary := encrypt.New(compress.New(inner, compress.WithDictionary(d)), ring(t, 1))
	for range 2 { // a new table, and then a reopened one
		tab := open(t, db, "t", withDictionary)
		if err := tab.Put(ctx, 1, person{Name: "a name that is secret"}); err != nil {
			t.Fatal(err)
		}
	}
	infos, err := db.Tables(ctx)
	if err != nil || len(infos[0].Meta) < 100 || bytes.Contains(infos[0].Meta, []byte("secret")) {
		t.Errorf("the metadata is %q, %v", infos[0].Meta, err)
	}
	// without the option, and with a new key
	tab := open(t, db, "t", encrypt.New(compress.New(inner), ring(t, 2, 1)))
	if p, err := tab.Load(ctx, 1); err != nil || p.Name != "a name that is secret" {
		t.Errorf("the row reads as %v, %v", p, err)
	}
	if len(load(t, open[[]byte, []byte](t, db, "t", stored{withDictionary.ID()}), 1)) > 32+35 {
		t.Error("the row is not compressed with the dictionary")
	}
	if _, err := compress.TrainTable(ctx, db, "t"); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("TrainTable reads encrypted rows: %v", err)
	}
	if err := db.Close(); err != nil {
		t.Error(err)
	}
}

// Many goroutines read rows, write them, and write them again with a new key. All rows stay right,
// because memory that is used again belongs to one goroutine at a time.
func TestManyAtOnce(t *testing.T) {
	ctx := t.Context()
	db, err := core.Open(ctx, "db", backendtest.Spoil(memory.New()))
	if err != nil {
		t.Fatal(err)
	}
	keyRings := []*encrypt.Keys{ring(t, 1, 2), ring(t, 2, 1)}
	done := make(chan error)
	const workers = 6
	for w := range workers {
		tab := open(t, db, "t", encrypt.New(compress.New(cbor.New[person]()), keyRings[w%2]))
		go func() { done <- useTable(ctx, tab, w) }()
	}
	for range workers {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if err := errors.Join(db.Check(ctx), db.Close()); err != nil {
		t.Error(err)
	}
}

func useTable(ctx context.Context, tab *core.TableOf[int, person], worker int) error {
	for i := range 150 {
		k := worker*1000 + i%10
		if err := tab.Put(ctx, k, personAt(k)); err != nil {
			return err
		}
		g, err := tab.Get(ctx, k)
		if err != nil {
			return err
		}
		if want := personAt(k); g.Value().Name != want.Name || !slices.Equal(g.Value().Tags,
			want.Tags) {
			err = fmt.Errorf("row %d reads as %v", k, g.Value())
		}
		g.Close()
		for row, errRow := range tab.Scan().Limit(20).Rows(ctx) {
			if errRow == nil && row.Value.Born != row.Key {
				errRow = fmt.Errorf("row %d reads as %v", row.Key, row.Value)
			}
			err = errors.Join(err, errRow)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Archived notes that are compressed and encrypted are read in place, in memory that is cleared
// when the guard is closed. What Load returns lasts forever.
func TestArchivedNotes(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, p place) {
		ctx := t.Context()
		db := p.open()
		tab := open(t, db, "notes",
			encrypt.New(compress.New(archive.New[Note, NoteView]()), ring(t, 1)))
		for i, n := range notes {
			if err := tab.Put(ctx, i, n); err != nil {
				t.Fatal(err)
			}
		}
		var guards []core.Guard[NoteView]
		var kept []NoteView
		for i := range notes {
			g, err := tab.Get(ctx, i)
			if err != nil {
				t.Fatal(err)
			}
			w, err := tab.Load(ctx, i)
			if err != nil {
				t.Fatal(err)
			}
			guards, kept = append(guards, g), append(kept, w)
		}
		if err := tab.Put(ctx, 0, Note{Title: "another one"}); err != nil {
			t.Fatal(err)
		}
		for i, g := range guards {
			if got := g.Value().Value(); !sameNotes(got, notes[i]) {
				t.Errorf("note %d reads as %v", i, got)
			}
			g.Close()
		}
		for i, w := range kept {
			if got := w.Value(); !sameNotes(got, notes[i]) {
				t.Errorf("what Load gave of note %d is %v when all guards are closed", i, got)
			}
		}
		if err := errors.Join(db.Check(ctx), db.Close()); err != nil {
			t.Error(err)
		}
	})
}

// With the keys, and the explainer of the format inside, tools show rows whatever goes around the
// format.
func TestExplainedRows(t *testing.T) {
	ctx := t.Context()
	db, err := core.Open(ctx, "db", memory.New())
	if err != nil {
		t.Fatal(err)
	}
	inner := archive.New[Note, NoteView]()
	formats := map[string]core.ValueFormat[Note, NoteView]{"archive": inner}
	for _, w := range wrappings[Note, NoteView](t) {
		formats[w.name] = w.wrap(inner)
	}
	for name, f := range formats {
		tab := open(t, db, name, f)
		for i, n := range notes {
			if err := tab.Put(ctx, i, n); err != nil {
				t.Fatal(err)
			}
		}
	}
	infos, err := db.Tables(ctx)
	if err != nil || len(infos) != 5 {
		t.Fatalf("there are %d tables, %v", len(infos), err)
	}
	shown := map[string][]string{}
	for _, info := range infos {
		e, err := info.Explain(anyOf(ring(t, 2, 1), 2))
		if err != nil || !strings.Contains(e.Schema, "Title") {
			t.Fatalf("%s is explained as %q, %v", info.Name, e.Schema, err)
		}
		raw, err := core.OpenRaw(ctx, db, info.Name)
		if err != nil {
			t.Fatal(err)
		}
		for row, err := range raw.Scan().Rows(ctx) {
			if err != nil {
				t.Fatal(err)
			}
			text, err := e.AppendJSON(nil, row.Key, row.Value)
			if err != nil {
				t.Fatal(err)
			}
			shown[info.Name] = append(shown[info.Name], string(text))
		}
	}
	for name, texts := range shown {
		if !slices.Equal(texts, shown["archive"]) || !strings.Contains(texts[0], `"aaaa`) {
			t.Errorf("%s is shown as %q", name, texts)
		}
	}
	if err := db.Close(); err != nil {
		t.Error(err)
	}
}

// anyOf explains archived values that have so many formats around them.
func anyOf(keys *encrypt.Keys, around int) core.Explainer {
	if around == 0 {
		return archive.Explain
	}
	inner := anyOf(keys, around-1)
	return func(t core.TableInfo) (core.Explanation, error) {
		return t.Explain(archive.Explain, compress.Explain(inner), encrypt.Explain(inner, keys))
	}
}
