// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package backendtest

import (
	"errors"
	"fmt"
	"strings"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/values"
)

var formatPromises = []promise{
	{
		name: "formats/recorded", check: checkFormats,
		explanation: "a table remembers its key format and value format; opening it differently is ErrFormatMismatch naming both",
	},
	{
		name: "formats/schema", check: checkSchema,
		explanation: "a table remembers the metadata that its value format binds to, such as a schema",
	},
	{
		name: "formats/typed rows", check: checkTypedRows,
		explanation: "what is put is what is read, in every format",
	},
	{
		name: "formats/clipped", check: checkClipped,
		explanation: "a value format sees exactly its row's bytes, with no room behind them",
	},
	{
		name: "checksums/corrupt row", check: checkChecksums,
		explanation: "a row whose checksum is wrong is ErrCorrupt from every read and from Check; its neighbours are well",
	},
	{
		name: "checksums/remembered", check: checkChecksumsRemembered,
		explanation: "a table keeps the checksums that it was created with",
	},
	{
		name: "check/undecodable", check: checkUndecodable,
		explanation: "Check finds rows that their table cannot read, and rows of no table; reads of them are errors",
	},
	{
		name: "check/sound", check: checkSound,
		explanation: "Check and ValidateFull find nothing in a sound storage",
	},
}

func checkFormats(t *trial) {
	s, tab := t.one()
	put1(t, tab, "k", "v")
	for range 2 {
		_, err := core.OpenTable(t.ctx, s, "words", keys.Int64(), values.String())
		t.is("OpenTable with another key format", err, core.ErrFormatMismatch)
		t.names(err, keys.Int64().ID(), keys.String().ID(), "words")
		_, err = core.OpenTable(t.ctx, s, "words", keys.String(), values.JSON[int]())
		t.is("OpenTable with another value format", err, core.ErrFormatMismatch)
		t.names(err, values.JSON[int]().ID(), values.String().ID(), "words")
		reads(t, t.words(s, "words"), "k", "v")
		t.closeStorage(s)
		s = t.open()
	}
}

// schemaFormat is a value format that records a schema.
type schemaFormat struct {
	core.ValueFormat[string, string]
	schema string
	seen   *[]string
}

func (f schemaFormat) Powers() core.FormatPowers[string, string] {
	return core.FormatPowers[string, string]{Bind: f.Bind}
}

// Bind lets a schema grow, and refuses any other change.
func (f schemaFormat) Bind(stored []byte) (core.ValueFormat[string, string], []byte, error) {
	*f.seen = append(*f.seen, string(stored))
	if !strings.HasPrefix(f.schema, string(stored)) {
		return nil, nil, fmt.Errorf("%w: stored schema %q, wanted %q", core.ErrFormatMismatch, stored, f.schema)
	}
	return f.ValueFormat, []byte(f.schema), nil
}

func checkSchema(t *trial) {
	var seen []string
	for i, c := range []struct {
		schema string
		stored string
		err    error
	}{
		{"name", "", nil}, {"name", "name", nil}, {"name,age", "name", nil}, {"name,age", "name,age", nil}, {"name", "name,age", core.ErrFormatMismatch}, {"size", "name,age", core.ErrFormatMismatch},
	} {
		s := t.open()
		seen = nil
		tab, err := core.OpenTable(t.ctx, s, "schemas", keys.Uint64(), schemaFormat{values.String(), c.schema, &seen})
		t.is(fmt.Sprintf("OpenTable %d with schema %q", i, c.schema), err, c.err)
		if len(seen) == 0 || seen[0] != c.stored {
			t.Fatalf("the format was bound to %q; want %q", seen, c.stored)
		}
		if err == nil {
			put1(t, tab, uint64(i), "v")
		} else {
			t.names(err, c.schema, c.stored)
		}
		t.closeStorage(s)
	}
}

func checkTypedRows(t *trial) {
	type person struct {
		Name string
		Tags []string
	}
	s := t.open()
	people := table(t, s, "people", keys.Uint64(), values.JSON[person]())
	blobs := table(t, s, "blobs", keys.Bytes(), values.Bytes())
	for i := range uint64(50) {
		put1(t, people, i, person{fmt.Sprint("name ", i), make([]string, i%4)})
		put1(t, blobs, []byte{byte(i)}, make([]byte, i))
	}
	t.closeStorage(s)
	s = t.open()
	people = table(t, s, "people", keys.Uint64(), values.JSON[person]())
	blobs = table(t, s, "blobs", keys.Bytes(), values.Bytes())
	for i := range uint64(50) {
		p, err := people.Load(t.ctx, i)
		if err != nil || p.Name != fmt.Sprint("name ", i) || len(p.Tags) != int(i%4) {
			t.Errorf("row %d is %+v, %v", i, p, err)
		}
		g := guard(t, blobs, []byte{byte(i)})
		if v := g.Value(); len(v) != int(i) || cap(v) != len(v) {
			t.Errorf("row %d has %d bytes, room for %d; want %d of both", i, len(v), cap(v), i)
		}
		t.close(g)
	}
	var i uint64
	for r, err := range people.Scan().Rows(t.ctx) {
		if err != nil || r.Key != i || len(r.Value.Tags) != int(i%4) {
			t.Errorf("row %d is %+v, %v", i, r, err)
		}
		i++
	}
}

// clippedFormat refuses values with room behind them.
type clippedFormat struct {
	core.ValueFormat[[]byte, []byte]
}

// View implements [core.ValueFormat].
func (f clippedFormat) View(b []byte) ([]byte, error) {
	if len(b) != cap(b) {
		return nil, fmt.Errorf("%d bytes with room for %d", len(b), cap(b))
	}
	return f.ValueFormat.View(b)
}

func checkClipped(t *trial) {
	s := t.open()
	for _, opts := range [][]core.TableOption{nil, {core.WithChecksums()}} {
		tab := table(t, s, fmt.Sprint("clipped ", len(opts)), keys.Uint64(), clippedFormat{values.Bytes()}, opts...)
		for i := range uint64(20) {
			put1(t, tab, i, make([]byte, i*i))
			t.close(guard(t, tab, i))
			_, err := tab.Load(t.ctx, i)
			t.do("Load", err)
		}
		for _, err := range tab.Scan().Rows(t.ctx) {
			t.do("Rows", err)
		}
		update(t, s, func(tx *core.Tx) error {
			t.do("Put", tab.In(tx).Put(t.ctx, 3, []byte("own")))
			_, err := tab.In(tx).Get(t.ctx, 3)
			t.do("Get", err)
			return lastError(tab.In(tx).Scan().Reverse().Rows(t.ctx))
		})
		t.do("Check", s.Check(t.ctx))
	}
}

// reading are all calls that read the row at k, which is the only one with that prefix.
func reading(t *trial, s *core.Storage, tab words, k string) map[string]func() error {
	in := func(do func(in core.TxTable[string, string, string]) error) func() error {
		return func() error {
			return s.View(t.ctx, func(tx *core.Tx) error { return do(tab.In(tx)) })
		}
	}
	return map[string]func() error{
		"Get":     func() error { g, err := tab.Get(t.ctx, k); g.Close(); return err },
		"View":    func() error { return tab.View(t.ctx, k, func(string) error { return nil }) },
		"Load":    func() error { _, err := tab.Load(t.ctx, k); return err },
		"Rows":    func() error { return lastError(tab.Scan().Prefix(k).Rows(t.ctx)) },
		"Stream":  func() error { return tab.Scan().Prefix(k).Stream(t.ctx, drain) },
		"Tx.Get":  in(func(in core.TxTable[string, string, string]) error { _, err := in.Get(t.ctx, k); return err }),
		"Tx.Load": in(func(in core.TxTable[string, string, string]) error { _, err := in.Load(t.ctx, k); return err }),
		"Tx.Rows": in(func(in core.TxTable[string, string, string]) error {
			return lastError(in.Scan().Prefix(k).Rows(t.ctx))
		}),
	}
}

func checkChecksums(t *trial) {
	s := t.open()
	tab := t.words(s, "words", core.WithChecksums())
	load(t, tab, 20)
	t.closeStorage(s)
	raw := t.create()
	if n := raw.flip("some000007"); n != 1 {
		t.Fatalf("%d rows of the engine end with the key; want 1", n)
	}
	raw.close()
	s, tab = t.one()
	for name, read := range byName(reading(t, s, tab, "some000007")) {
		t.is(name, read(), core.ErrCorrupt)
	}
	for name, read := range byName(reading(t, s, tab, "some000008")) {
		t.do(name, read())
	}
	err := s.Check(t.ctx)
	t.is("Check", err, core.ErrCorrupt)
	t.names(err, "words")
	if n, err := tab.Count(t.ctx); n != 20 || err != nil {
		t.Errorf("Count = %d, %v; want 20", n, err)
	}
	put1(t, tab, "some000007", "well again")
	t.do("Check", s.Check(t.ctx))
	t.closeStorage(s)
	raw = t.create()
	raw.flip("some000003")
	raw.close()
	_, err = t.tryOpen(t.backend, core.WithValidation(core.ValidateFull))
	t.is("Open at ValidateFull", err, core.ErrCorrupt)
}

func checkChecksumsRemembered(t *trial) {
	s := t.open()
	t.words(s, "with", core.WithChecksums())
	t.words(s, "without")
	for range 2 {
		infos, err := s.Tables(t.ctx)
		t.do("Tables", err)
		if len(infos) != 2 || !infos[0].Checksums || infos[1].Checksums {
			t.Errorf("Tables = %+v", infos)
		}
		_, err = core.OpenTable(t.ctx, s, "without", keys.String(), values.String(), core.WithChecksums())
		t.is("OpenTable with checksums that the table has not", err, core.ErrFormatMismatch)
		t.closeStorage(s)
		s = t.open()
		put1(t, t.words(s, "with"), "k", "v")
	}
	reads(t, t.words(s, "with"), "k", "v")
}

func checkUndecodable(t *trial) {
	s := t.open()
	numbers := table(t, s, "numbers", keys.Uint64(), values.JSON[int]())
	put1(t, numbers, 1, 1)
	t.closeStorage(s)
	raw := t.create()
	rows := raw.all()
	good := rows[len(rows)-1] // of the table: the catalogue comes first
	raw.close()
	for name, bad := range byName(map[string]core.Write{
		"a value that is no JSON":    put(good.key, "{"),
		"a key of one byte too many": put(good.key+"x", good.value),
		"a row of no table":          put("\xee\xee\xee\xee", "v"),
		"a row with a short key":     put("\x00\x00", "v"),
	}) {
		raw := t.create()
		raw.apply(bad)
		raw.close()
		s, err := t.tryOpen(t.backend)
		if err == nil {
			numbers := table(t, s, "numbers", keys.Uint64(), values.JSON[int]())
			t.is("Check of "+name, s.Check(t.ctx), core.ErrCorrupt)
			if err := lastError(numbers.Scan().Rows(t.ctx)); len(bad.Key) > 4 && !errors.Is(err, core.ErrCorrupt) {
				t.Errorf("a scan over %s gives %v; want ErrCorrupt", name, err)
			}
			t.closeStorage(s)
		} else if !errors.Is(err, core.ErrCorrupt) {
			t.Errorf("Open with %s gives %v", name, err)
		}
		raw = t.create()
		raw.apply(del(string(bad.Key)))
		raw.apply(put(good.key, good.value))
		raw.close()
	}
	t.do("Check", t.open().Check(t.ctx))
}

func checkSound(t *trial) {
	s, tab := t.one()
	t.do("Check of an empty storage", s.Check(t.ctx))
	load(t, tab, 500)
	put1(t, t.words(s, "summed", core.WithChecksums()), "", "")
	t.words(s, "dropped")
	t.do("DropTable", s.DropTable(t.ctx, "dropped"))
	g := guard(t, tab, "some000001")
	t.do("Check", s.Check(t.ctx))
	t.close(g)
	t.closeStorage(s)
	s = t.open(core.WithValidation(core.ValidateFull))
	t.do("Check of tables that are not open", s.Check(t.ctx))
	if err := s.Check(cancelled()); !isCancelled(err) {
		t.Errorf("a cancelled Check gives %v", err)
	}
}
