// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package encrypt_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/memory"
	"github.com/guardkv/guardkv/core/values"
	"github.com/guardkv/guardkv/formats/encrypt"
)

// stored is a format of the bytes that are stored: with it somebody who has the files, and no key,
// reads and changes rows.
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

// changed is stored, with other metadata.
type changed struct {
	stored
	meta func([]byte) []byte
}

func (f changed) Powers() core.FormatPowers[[]byte, []byte] {
	p := f.stored.Powers()
	p.Bind = func(meta []byte) (core.ValueFormat[[]byte, []byte], []byte, error) {
		return f.stored, f.meta(slices.Clone(meta)), nil
	}
	return p
}

func opened(t *testing.T, opts ...core.Option) *core.Storage {
	t.Helper()
	db, err := core.Open(t.Context(), "db", memory.New(), opts...)
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

// table opens a table of strings.
func table(
	t *testing.T, db *core.Storage, name string, ks *encrypt.Keys,
) *core.TableOf[string, string] {
	t.Helper()
	tab, err := core.OpenTable(t.Context(), db, name, keys.String(),
		encrypt.New(values.String(), ks))
	if err != nil {
		t.Fatal(err)
	}
	return tab
}

// bare opens the stored bytes of a table.
func bare(t *testing.T, db *core.Storage, name string) *core.TableOf[string, []byte] {
	t.Helper()
	tab, err := core.OpenTable[string, []byte, []byte](t.Context(), db, name, keys.String(),
		stored{"encrypt/1(string)"})
	if err != nil {
		t.Fatal(err)
	}
	return tab
}

// move copies the stored bytes of a row to another row.
func move(
	t *testing.T, from *core.TableOf[string, []byte], k string, to *core.TableOf[string, []byte], other string,
) {
	t.Helper()
	b, err := from.Load(t.Context(), k)
	if err == nil {
		err = to.Put(t.Context(), other, b)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func put(t *testing.T, tab *core.TableOf[string, string], k, v string) {
	t.Helper()
	if err := tab.Put(t.Context(), k, v); err != nil {
		t.Fatal(err)
	}
}

// reads fails unless every way to read a row gives this value, or this error and no value.
func reads(
	t *testing.T, db *core.Storage, tab *core.TableOf[string, string], k, want string, wantErrs ...error,
) {
	t.Helper()
	ctx := t.Context()
	is := func(verb, got string, err error) {
		t.Helper()
		for _, wantErr := range wantErrs {
			if !errors.Is(err, wantErr) {
				t.Errorf("%s of %q gives the error %v, want %v", verb, k, err, wantErr)
			}
		}
		if len(wantErrs) == 0 && err != nil || got != want {
			t.Errorf("%s of %q gives %q, %v; want %q", verb, k, got, err, want)
		}
	}
	g, err := tab.Get(ctx, k)
	got := ""
	if err == nil {
		got = strings.Clone(g.Value())
		g.Close()
	}
	is("Get", got, err)
	got, err = tab.Load(ctx, k)
	is("Load", got, err)
	got = ""
	err = tab.View(ctx, k, func(v string) error { got = strings.Clone(v); return nil })
	is("View", got, err)
	got = ""
	for row, err := range tab.Scan().From(k).Limit(1).Rows(ctx) {
		is("Rows", row.Value, err)
	}
	for row, err := range tab.GetMany(ctx, slices.Values([]string{k})) {
		is("GetMany", row.Value, err)
	}
	err = tab.Modify(ctx, k, func(old string, _ bool) (string, core.Change, error) {
		got = strings.Clone(old)
		return old, core.Leave, nil
	})
	is("Modify", got, err)
	err = db.View(ctx, func(tx *core.Tx) (err error) {
		got, err = tab.In(tx).Get(ctx, k)
		is("Tx.Get", got, err)
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	if err := db.Check(ctx); (err == nil) != (len(wantErrs) == 0) {
		t.Errorf("Check gives %v", err)
	}
}

// Somebody who has the files gives a row the bytes of another row, of another table, or of another
// storage: none of them reads.
func TestRowsCannotBeMoved(t *testing.T) {
	ks := keysOf(t, 1)
	db, other := opened(t), opened(t)
	a, b := table(t, db, "a", ks), table(t, db, "b", ks)
	elsewhere := table(t, other, "a", ks)
	for _, tab := range []*core.TableOf[string, string]{a, b, elsewhere} {
		put(t, tab, "x", "the value of x")
		put(t, tab, "y", "the value of y")
	}
	for name, from := range map[string]struct {
		tab *core.TableOf[string, []byte]
		key string
	}{
		"another row":                     {bare(t, db, "a"), "y"},
		"the same row of another table":   {bare(t, db, "b"), "x"},
		"the same row of another storage": {bare(t, other, "a"), "x"},
	} {
		t.Run(name, func(t *testing.T) {
			put(t, a, "x", "the value of x")
			reads(t, db, a, "x", "the value of x")
			move(t, from.tab, from.key, bare(t, db, "a"), "x")
			reads(t, db, table(t, db, "a", ks), "x", "", core.ErrCorrupt)
		})
	}
	put(t, a, "x", "the value of x")
	reads(t, db, a, "x", "the value of x")
	move(t, bare(t, db, "a"), "x", bare(t, db, "a"), "z")
	reads(t, db, table(t, db, "a", ks), "z", "", core.ErrCorrupt)
}

// Renaming keeps rows readable, and so do Backup and Restore; a table that is dropped and made
// again does not read the old rows.
func TestTablesAndTheirIDs(t *testing.T) {
	ctx := t.Context()
	ks := keysOf(t, 1)
	db := opened(t)
	tab := table(t, db, "t", ks)
	put(t, tab, "k", "v")
	old, err := bare(t, db, "t").Load(ctx, "k")
	if err != nil {
		t.Fatal(err)
	}
	if err := db.RenameTable(ctx, "t", "renamed"); err != nil {
		t.Fatal(err)
	}
	reads(t, db, table(t, db, "renamed", ks), "k", "v")

	var backup bytes.Buffer
	if err := db.Backup(ctx, &backup); err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(backup.Bytes(), secretOf(1)) {
		t.Error("the backup has the secret")
	}
	restored, err := core.Restore(ctx, "restored", memory.New(), &backup)
	if err != nil {
		t.Fatal(err)
	}
	defer restored.Close()
	again := table(t, restored, "renamed", ks)
	reads(t, restored, again, "k", "v")
	put(t, again, "k", "of the copy")
	move(t, bare(t, restored, "renamed"), "k", bare(t, db, "renamed"), "k")
	reads(t, db, tab, "k", "of the copy") // as the documentation says: copies have one ID

	if err := db.DropTable(ctx, "renamed"); err != nil {
		t.Fatal(err)
	}
	table(t, db, "renamed", ks)
	if err := bare(t, db, "renamed").Put(ctx, "k", old); err != nil {
		t.Fatal(err)
	}
	reads(t, db, table(t, db, "renamed", ks), "k", "", core.ErrCorrupt)
}

// A wrong key is found when the table is opened, and leaves it as it is, even if tables of other
// formats are set aside: the right key may be in a drawer.
func TestWrongKeys(t *testing.T) {
	ctx := t.Context()
	right := keysOf(t, 1)
	wrongSecret, err := encrypt.NewKey(1, secretOf(200))
	if err != nil {
		t.Fatal(err)
	}
	wrong, err := encrypt.NewKeys(wrongSecret)
	if err != nil {
		t.Fatal(err)
	}
	wrongOld, err := encrypt.NewKeys(keyOf(t, 2), wrongSecret)
	if err != nil {
		t.Fatal(err)
	}
	db := opened(t, core.WithRecreate(core.OnFormatChange))
	tab := table(t, db, "t", right)
	put(t, tab, "k", "v")
	for name, ks := range map[string]*encrypt.Keys{
		"a wrong secret": wrong, "no key": keysOf(t, 3),
		"a wrong old secret": wrongOld,
	} {
		_, err := core.OpenTable(ctx, db, "t", keys.String(), encrypt.New(values.String(), ks))
		if !errors.Is(err, encrypt.ErrKey) || errors.Is(err,
			core.ErrFormatMismatch) || errors.Is(err, core.ErrCorrupt) {
			t.Errorf("with %s: %v", name, err)
		}
	}
	infos, err := db.Tables(ctx)
	if err != nil || len(infos) != 1 {
		t.Errorf("there are the tables %v, %v", infos, err)
	}
	if bytes.Contains(infos[0].Meta, secretOf(1)[:8]) {
		t.Error("the metadata has the secret")
	}
	reads(t, db, tab, "k", "v")

	// Nothing but a row is encrypted with the first key now, and its secret is known still.
	table(t, db, "t", keysOf(t, 2, 1))
	if _, err := core.OpenTable(ctx, db, "t",
		keys.String(), encrypt.New(values.String(), wrongOld)); !errors.Is(err, encrypt.ErrKey) {
		t.Errorf("with a wrong secret for a key of rows alone: %v", err)
	}
}

// Keys are changed while the table is used: rows of both keys read, until all were written anew.
func TestKeysAreChanged(t *testing.T) {
	ctx := t.Context()
	db := opened(t)
	first := table(t, db, "t", keysOf(t, 1))
	for _, k := range []string{"a", "b", "c"} {
		put(t, first, k, "value of "+k)
	}
	metaOf := func() []byte {
		infos, err := db.Tables(ctx)
		if err != nil {
			t.Fatal(err)
		}
		return infos[0].Meta
	}
	before := metaOf()
	table(t, db, "t", keysOf(t, 1, 2))
	if !bytes.Equal(before, metaOf()) {
		t.Error("opening a table with another old key changes its metadata")
	}
	both := table(t, db, "t", keysOf(t, 2, 1))
	after := metaOf()
	if bytes.Equal(before, after) {
		t.Error("opening a table with a new key does not encrypt its metadata anew")
	}
	put(t, both, "b", "new value of b")
	reads(t, db, both, "a", "value of a")
	reads(t, db, both, "b", "new value of b")
	if _, err := first.Load(ctx, "b"); !errors.Is(err, encrypt.ErrKey) || !errors.Is(err,
		core.ErrFormatMismatch) {
		t.Errorf("without the new key, the row reads as error %v", err)
	}
	newOnly := table(t, db, "t", keysOf(t, 2))
	if _, err := newOnly.Load(ctx, "a"); !errors.Is(err, encrypt.ErrKey) {
		t.Errorf("without the old key, an old row reads as error %v", err)
	}
	if err := db.Check(ctx); !errors.Is(err, encrypt.ErrKey) {
		t.Errorf("Check without the old key finds %v", err)
	}
	if err := anew(ctx, both); err != nil {
		t.Fatal(err)
	}
	for _, k := range []string{"a", "c"} {
		reads(t, db, newOnly, k, "value of "+k)
	}
	if _, err := core.OpenTable(ctx, db, "t", keys.String(),
		encrypt.New(values.String(), keysOf(t, 1))); !errors.Is(err, encrypt.ErrKey) {
		t.Errorf("the old key alone opens the table: %v", err)
	}
	if !bytes.Equal(after, metaOf()) {
		t.Error("the metadata changes although the key is the same")
	}
	back := table(t, db, "t", keysOf(t, 1, 2))
	put(t, back, "a", "with the first key again")
	reads(t, db, back, "a", "with the first key again")
	reads(t, db, back, "b", "new value of b")
}

// anew writes each row with the current key.
func anew(ctx context.Context, tab *core.TableOf[string, string]) error {
	for k, err := range tab.Scan().Keys(ctx) {
		if err != nil {
			return err
		}
		err = tab.Modify(ctx, k, func(old string, found bool) (string, core.Change, error) {
			if !found {
				return old, core.Leave, nil
			}
			return old, core.Store, nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// What the inner format keeps with the table comes back to it as it was, and nobody else sees it.
func TestMetadataOfTheInnerFormat(t *testing.T) {
	ctx := t.Context()
	db := opened(t)
	var got [][]byte
	open := func(meta string, ks *encrypt.Keys) error {
		_, err := core.OpenTable(ctx, db, "t",
			keys.String(), encrypt.New[string, string](keeping{values.String(), meta, &got}, ks))
		return err
	}
	for i, meta := range []string{"a schema", "a schema", "a longer schema", ""} {
		if err := open(meta,
			keysOf(t, uint32(i)/2+1, uint32(i)/2+10, 1+(uint32(i)/2+1)%2)); err != nil {
			t.Fatal(err)
		}
		infos, err := db.Tables(ctx)
		if err != nil || bytes.Contains(infos[0].Meta, []byte("schema")) {
			t.Errorf("the metadata is %q, %v", infos[0].Meta, err)
		}
	}
	// a table that has something to store binds its format twice
	got = slices.CompactFunc(got, bytes.Equal)
	if want := [][]byte{
		nil, []byte("a schema"),
		[]byte("a longer schema"),
	}; !equalSlices(got, want) {
		t.Errorf("the inner format was given %q, want %q", got, want)
	}
	for name, change := range map[string]func([]byte) []byte{
		"cut":     func(b []byte) []byte { return b[:len(b)-1] },
		"longer":  func(b []byte) []byte { return append(b, 0) },
		"of junk": func([]byte) []byte { return []byte("junk") },
		"changed": func(b []byte) []byte { b[len(b)-1] ^= 1; return b },
		// without its checks
		"unproved": func(b []byte) []byte { return append([]byte{b[0], 0, 0}, b[len(b)-33:]...) },
	} {
		var was []byte
		set := func(f func([]byte) []byte) {
			_, err := core.OpenTable[string, []byte, []byte](ctx, db, "t",
				keys.String(), changed{stored{"encrypt/1(string)"}, f})
			if err != nil {
				t.Fatal(err)
			}
		}
		set(func(b []byte) []byte { was = slices.Clone(b); return change(b) })
		if err := open("",
			keysOf(t, 2, 1)); !errors.Is(err, encrypt.ErrKey) && !errors.Is(err, core.ErrCorrupt) {
			t.Errorf("metadata that is %s: %v", name, err)
		}
		set(func([]byte) []byte { return was })
	}
	if err := open("", keysOf(t, 2, 1)); err != nil {
		t.Error(err)
	}
}

// keeping is a format that keeps metadata, and remembers what it was given.
type keeping struct {
	core.ValueFormat[string, string]
	meta string
	got  *[][]byte
}

func (f keeping) Powers() core.FormatPowers[string, string] {
	return core.FormatPowers[string, string]{
		Bind: func(stored []byte) (core.ValueFormat[string, string], []byte, error) {
			if stored != nil {
				stored = append([]byte{}, stored...)
			}
			*f.got = append(*f.got, stored)
			return f.ValueFormat, []byte(f.meta), nil
		},
	}
}

func equalSlices(a, b [][]byte) bool {
	return slices.EqualFunc(a, b,
		func(x, y []byte) bool { return bytes.Equal(x, y) && (x == nil) == (y == nil) })
}

// What is shown without the Go type needs the keys.
func TestExplain(t *testing.T) {
	ctx := t.Context()
	db := opened(t)
	put(t, table(t, db, "t", keysOf(t, 1)), "k", "v")
	infos, err := db.Tables(ctx)
	if err != nil {
		t.Fatal(err)
	}
	explain := func(ti core.TableInfo) (core.Explanation, error) {
		if ti.ValueFormat != "string" || len(ti.Meta) != 0 {
			return core.Explanation{}, fmt.Errorf("given %q and %q: %w",
				ti.ValueFormat, ti.Meta, errors.ErrUnsupported)
		}
		return core.Explanation{
			Schema: "text",
			AppendJSON: func(dst, key, value []byte) ([]byte, error) {
				return fmt.Appendf(dst, "%q of %q", value, key), nil
			},
		}, nil
	}
	e, err := infos[0].Explain(encrypt.Explain(explain, keysOf(t, 1)))
	if err != nil || e.Schema != "text" {
		t.Fatalf("explained as %q, %v", e.Schema, err)
	}
	raw, err := core.OpenRaw(ctx, db, "t")
	if err != nil {
		t.Fatal(err)
	}
	for row, err := range raw.Scan().Rows(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		text, err := e.AppendJSON([]byte("> "), row.Key, row.Value)
		if err != nil || string(text) != `> "v" of "k"` {
			t.Errorf("the row is shown as %s, %v", text, err)
		}
		for _, b := range [][]byte{nil, row.Value[1:], append([]byte{9}, row.Value[1:]...)} {
			if text, err := e.AppendJSON(nil, row.Key, b); text != nil || !errors.Is(err,
				core.ErrCorrupt) && !errors.Is(err, encrypt.ErrKey) {
				t.Errorf("%x is shown as %s, %v", b, text, err)
			}
		}
		if text, err := e.AppendJSON(nil, []byte("other"),
			row.Value); text != nil || !errors.Is(err, core.ErrCorrupt) {
			t.Errorf("another row is shown as %s, %v", text, err)
		}
	}
	if _, err := infos[0].Explain(encrypt.Explain(explain, keysOf(t, 2))); !errors.Is(err,
		encrypt.ErrKey) {
		t.Errorf("without the key: %v", err)
	}
	damaged := infos[0]
	damaged.ID = damaged.ID[1:]
	if _, err := encrypt.Explain(explain, keysOf(t, 1))(damaged); !errors.Is(err, core.ErrCorrupt) {
		t.Errorf("without a whole ID: %v", err)
	}
	for _, id := range []string{
		"", "string", "encrypt/1", "encrypt/1(string",
		"encrypt/2(string)",
	} {
		if _, err := encrypt.Explain(explain,
			keysOf(t, 1))(core.TableInfo{ValueFormat: id}); !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%q: %v", id, err)
		}
	}
	if _, err := encrypt.Explain(nil, keysOf(t, 1))(infos[0]); err == nil {
		t.Error("nothing explains the values inside, and there is no error")
	}
	if _, err := encrypt.Explain(explain, nil)(infos[0]); err == nil {
		t.Error("there are no keys, and no error")
	}
}
