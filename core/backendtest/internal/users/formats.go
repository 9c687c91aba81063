// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package users

import (
	"errors"
	"fmt"
	"strings"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/backendtest/internal/kit"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/values"
)

var formatPromises = []kit.Promise{
	{
		Name: "formats/recorded", Check: checkFormats,
		Explanation: "a table remembers its key format and value format; opening it differently " +
			"returns ErrFormatMismatch, which names both",
	},
	{
		Name: "formats/schema", Check: checkSchema,
		Explanation: "a table remembers the metadata that its value format binds to, such as a " +
			"schema",
	},
	{
		Name: "formats/typed rows", Check: checkTypedRows,
		Explanation: "what is put is what is read, in every format",
	},
	{
		Name: "formats/clipped", Check: checkClipped,
		Explanation: "a value format sees exactly its row's bytes, with no room behind them",
	},
	{
		Name: "checksums/corrupt row", Check: checkChecksums,
		Explanation: "every read of a row whose checksum is wrong returns ErrCorrupt, and so " +
			"does Check; other rows can be read",
	},
	{
		Name: "checksums/remembered", Check: checkChecksumsRemembered,
		Explanation: "a table keeps the checksums that it was created with",
	},
	{
		Name: "check/undecodable", Check: checkUndecodable,
		Explanation: "Check finds rows that their table cannot read, and rows of no table; reads " +
			"of them are errors",
	},
	{
		Name: "check/sound", Check: checkSound,
		Explanation: "Check and ValidateFull find nothing in a sound storage",
	},
}

func checkFormats(t *kit.Trial) {
	s, tab := openOne(t)
	put1(t, tab, "k", "v")
	for range 2 {
		_, err := core.OpenTable(t.Ctx, s, "words", keys.Int64(), values.String())
		t.Is("OpenTable with another key format", err, core.ErrFormatMismatch)
		errorNames(t, err, keys.Int64().ID(), keys.String().ID(), "words")
		_, err = core.OpenTable(t.Ctx, s, "words", keys.String(), values.JSON[int]())
		t.Is("OpenTable with another value format", err, core.ErrFormatMismatch)
		errorNames(t, err, values.JSON[int]().ID(), values.String().ID(), "words")
		reads(t, openWords(t, s, "words"), "k", "v")
		closeStorage(t, s)
		s = open(t)
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
		return nil, nil, fmt.Errorf("%w: stored schema %q, wanted %q",
			core.ErrFormatMismatch, stored, f.schema)
	}
	return f.ValueFormat, []byte(f.schema), nil
}

func checkSchema(t *kit.Trial) {
	var seen []string
	for i, c := range []struct {
		schema string
		stored string
		err    error
	}{
		{"name", "", nil},
		{"name", "name", nil},
		{"name,age", "name", nil},
		{"name,age", "name,age", nil},
		{"name", "name,age", core.ErrFormatMismatch},
		{"size", "name,age", core.ErrFormatMismatch},
	} {
		s := open(t)
		seen = nil
		tab, err := core.OpenTable(t.Ctx, s, "schemas",
			keys.Uint64(), schemaFormat{values.String(), c.schema, &seen})
		t.Is(fmt.Sprintf("OpenTable %d with schema %q", i, c.schema), err, c.err)
		if len(seen) == 0 || seen[0] != c.stored {
			t.Fatalf("the format was bound to %q; want %q", seen, c.stored)
		}
		if err == nil {
			put1(t, tab, uint64(i), "v")
		} else {
			errorNames(t, err, c.schema, c.stored)
		}
		closeStorage(t, s)
	}
}

func checkTypedRows(t *kit.Trial) {
	type person struct {
		Name string
		Tags []string
	}
	s := open(t)
	people := table(t, s, "people", keys.Uint64(), values.JSON[person]())
	blobs := table(t, s, "blobs", keys.Bytes(), values.Bytes())
	for i := range uint64(50) {
		put1(t, people, i, person{fmt.Sprint("name ", i), make([]string, i%4)})
		put1(t, blobs, []byte{byte(i)}, make([]byte, i))
	}
	closeStorage(t, s)
	s = open(t)
	people = table(t, s, "people", keys.Uint64(), values.JSON[person]())
	blobs = table(t, s, "blobs", keys.Bytes(), values.Bytes())
	for i := range uint64(50) {
		p, err := people.Load(t.Ctx, i)
		if err != nil || p.Name != fmt.Sprint("name ", i) || len(p.Tags) != int(i%4) {
			t.Errorf("row %d is %+v, %v", i, p, err)
		}
		g := guard(t, blobs, []byte{byte(i)})
		if v := g.Value(); len(v) != int(i) || cap(v) != len(v) {
			t.Errorf("row %d has %d bytes, room for %d; want %d of both", i, len(v), cap(v), i)
		}
		t.Close(g)
	}
	var i uint64
	for r, err := range people.Scan().Rows(t.Ctx) {
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

func checkClipped(t *kit.Trial) {
	s := open(t)
	for _, opts := range [][]core.TableOption{nil, {core.WithChecksums()}} {
		tab := table(t, s, fmt.Sprint("clipped ", len(opts)), keys.Uint64(),
			clippedFormat{values.Bytes()}, opts...)
		for i := range uint64(20) {
			put1(t, tab, i, make([]byte, i*i))
			t.Close(guard(t, tab, i))
			_, err := tab.Load(t.Ctx, i)
			t.Do("Load", err)
		}
		for _, err := range tab.Scan().Rows(t.Ctx) {
			t.Do("Rows", err)
		}
		update(t, s, func(tx *core.Tx) error {
			t.Do("Put", tab.In(tx).Put(t.Ctx, 3, []byte("own")))
			_, err := tab.In(tx).Get(t.Ctx, 3)
			t.Do("Get", err)
			return lastError(tab.In(tx).Scan().Reverse().Rows(t.Ctx))
		})
		t.Do("Check", s.Check(t.Ctx))
	}
}

// reading are all calls that read the row at k, which is the only one with that prefix.
func reading(t *kit.Trial, s *core.Storage, tab words, k string) map[string]func() error {
	in := func(do func(in core.TxTable[string, string, string]) error) func() error {
		return func() error {
			return s.View(t.Ctx, func(tx *core.Tx) error { return do(tab.In(tx)) })
		}
	}
	return map[string]func() error{
		"Get":    func() error { g, err := tab.Get(t.Ctx, k); g.Close(); return err },
		"View":   func() error { return tab.View(t.Ctx, k, func(string) error { return nil }) },
		"Load":   func() error { _, err := tab.Load(t.Ctx, k); return err },
		"Rows":   func() error { return lastError(tab.Scan().Prefix(k).Rows(t.Ctx)) },
		"Stream": func() error { return tab.Scan().Prefix(k).Stream(t.Ctx, drain) },
		"Tx.Get": in(func(in core.TxTable[string, string, string]) error {
			_, err := in.Get(t.Ctx, k)
			return err
		}),
		"Tx.Load": in(func(in core.TxTable[string, string, string]) error {
			_, err := in.Load(t.Ctx, k)
			return err
		}),
		"Tx.Rows": in(func(in core.TxTable[string, string, string]) error {
			return lastError(in.Scan().Prefix(k).Rows(t.Ctx))
		}),
	}
}

func checkChecksums(t *kit.Trial) {
	s := open(t)
	tab := openWords(t, s, "words", core.WithChecksums())
	load(t, tab, 20)
	closeStorage(t, s)
	raw := t.Create()
	if n := flip(raw, "some000007"); n != 1 {
		t.Fatalf("%d rows of the engine end with the key; want 1", n)
	}
	raw.MustClose()
	s, tab = openOne(t)
	for name, read := range kit.ByName(reading(t, s, tab, "some000007")) {
		t.Is(name, read(), core.ErrCorrupt)
	}
	for name, read := range kit.ByName(reading(t, s, tab, "some000008")) {
		t.Do(name, read())
	}
	err := s.Check(t.Ctx)
	t.Is("Check", err, core.ErrCorrupt)
	errorNames(t, err, "words")
	if n, err := tab.Count(t.Ctx); n != 20 || err != nil {
		t.Errorf("Count = %d, %v; want 20", n, err)
	}
	put1(t, tab, "some000007", "well again")
	t.Do("Check", s.Check(t.Ctx))
	closeStorage(t, s)
	raw = t.Create()
	flip(raw, "some000003")
	raw.MustClose()
	_, err = tryOpen(t, t.Backend, core.WithValidation(core.ValidateFull))
	t.Is("Open at ValidateFull", err, core.ErrCorrupt)
}

func checkChecksumsRemembered(t *kit.Trial) {
	s := open(t)
	openWords(t, s, "with", core.WithChecksums())
	openWords(t, s, "without")
	for range 2 {
		infos, err := s.Tables(t.Ctx)
		t.Do("Tables", err)
		if len(infos) != 2 || !infos[0].Checksums || infos[1].Checksums {
			t.Errorf("Tables = %+v", infos)
		}
		_, err = core.OpenTable(t.Ctx, s, "without",
			keys.String(), values.String(), core.WithChecksums())
		t.Is("OpenTable with checksums that the table has not", err, core.ErrFormatMismatch)
		closeStorage(t, s)
		s = open(t)
		put1(t, openWords(t, s, "with"), "k", "v")
	}
	reads(t, openWords(t, s, "with"), "k", "v")
}

func checkUndecodable(t *kit.Trial) {
	s := open(t)
	numbers := table(t, s, "numbers", keys.Uint64(), values.JSON[int]())
	put1(t, numbers, 1, 1)
	closeStorage(t, s)
	raw := t.Create()
	rows := raw.All()
	good := rows[len(rows)-1] // of the table: the catalog comes first
	raw.MustClose()
	for name, bad := range kit.ByName(map[string]core.Write{
		"a value that is no JSON":    kit.Put(good.Key, "{"),
		"a key of one byte too many": kit.Put(good.Key+"x", good.Value),
		"a row of no table":          kit.Put("\xee\xee\xee\xee", "v"),
		"a row with a short key":     kit.Put("\x00\x00", "v"),
	}) {
		raw := t.Create()
		raw.MustApply(bad)
		raw.MustClose()
		s, err := tryOpen(t, t.Backend)
		if err == nil {
			numbers := table(t, s, "numbers", keys.Uint64(), values.JSON[int]())
			t.Is("Check of "+name, s.Check(t.Ctx), core.ErrCorrupt)
			if err := lastError(numbers.Scan().Rows(t.Ctx)); len(bad.Key) > 4 && !errors.Is(err,
				core.ErrCorrupt) {
				t.Errorf("a scan over %s gives %v; want ErrCorrupt", name, err)
			}
			closeStorage(t, s)
		} else if !errors.Is(err, core.ErrCorrupt) {
			t.Errorf("Open with %s gives %v", name, err)
		}
		raw = t.Create()
		raw.MustApply(kit.Del(string(bad.Key)))
		raw.MustApply(kit.Put(good.Key, good.Value))
		raw.MustClose()
	}
	t.Do("Check", open(t).Check(t.Ctx))
}

func checkSound(t *kit.Trial) {
	s, tab := openOne(t)
	t.Do("Check of an empty storage", s.Check(t.Ctx))
	load(t, tab, 500)
	put1(t, openWords(t, s, "summed", core.WithChecksums()), "", "")
	openWords(t, s, "dropped")
	t.Do("DropTable", s.DropTable(t.Ctx, "dropped"))
	g := guard(t, tab, "some000001")
	t.Do("Check", s.Check(t.Ctx))
	t.Close(g)
	closeStorage(t, s)
	s = open(t, core.WithValidation(core.ValidateFull))
	t.Do("Check of tables that are not open", s.Check(t.Ctx))
	if err := s.Check(kit.Cancelled()); !kit.IsCancelled(err) {
		t.Errorf("a cancelled Check gives %v", err)
	}
}
