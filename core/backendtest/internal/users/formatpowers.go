// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package users

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"iter"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/backendtest/internal/kit"
	"github.com/guardkv/guardkv/core/keys"
)

var formatPowerPromises = []kit.Promise{
	{
		Name: "formats/lent views", Check: checkLentViews,
		Explanation: "what a format lends is given back exactly once, when its view ends: with " +
			"the guard, at the next row, when the function returns, with the transaction; " +
			"whatever error or panic ends it",
	},
	{
		Name: "formats/bound rows", Check: checkBoundRows,
		Explanation: "a format that binds values to rows gets the row's key and the table's ID " +
			"from every verb; the ID stays through RenameTable, reopening, Backup and Restore",
	},
	{
		Name: "formats/copied rows", Check: checkCopiedRows,
		Explanation: "if the format binds values to rows, every verb returns ErrCorrupt for the " +
			"bytes of a row at another key or in another table",
	},
	{
		Name: "formats/bound tables", Check: checkBoundTables,
		Explanation: "the first table whose values are bound gives the storage layout 2 and the " +
			"feature table-id; such a table is opened with such a format only",
	},
}

// lentFormat stores text reversed behind a seal, and reads it into buffers that are spoiled when
// they are given back. If it binds rows, the seal is a checksum of the table's ID and the row's
// key.
type lentFormat struct {
	ledger *ledger
	binds  bool
}

// ledger counts the views that are lent, and those that are given back twice.
type ledger struct{ out, twice atomic.Int64 }

type lentBuffer struct {
	b      []byte
	ledger *ledger
	back   atomic.Bool
}

func (l *lentBuffer) Release() {
	if l.back.Swap(true) {
		l.ledger.twice.Add(1)
		return
	}
	for i := range l.b {
		l.b[i] = '!'
	}
	l.ledger.out.Add(-1)
}

const sealSize = 4

func sealOf(table core.TableID, key []byte) uint32 {
	return crc32.Update(crc32.ChecksumIEEE(table[:]), crc32.IEEETable, key)
}

func appendSealed(dst []byte, seal uint32, v []byte) []byte {
	dst = binary.BigEndian.AppendUint32(dst, seal)
	start := len(dst)
	dst = append(dst, v...)
	slices.Reverse(dst[start:])
	return dst
}

func unseal(seal uint32, b []byte) ([]byte, error) {
	if len(b) < sealSize || binary.BigEndian.Uint32(b) != seal {
		return nil, fmt.Errorf("%w: the seal is broken", core.ErrCorrupt)
	}
	v := bytes.Clone(b[sealSize:])
	slices.Reverse(v)
	return v, nil
}

func (f lentFormat) lend(seal uint32, b []byte) ([]byte, core.Releaser, error) {
	v, err := unseal(seal, b)
	if err != nil {
		return nil, nil, err
	}
	f.ledger.out.Add(1)
	return v, &lentBuffer{b: v, ledger: f.ledger}, nil
}

// ID implements [core.ValueFormat].
func (f lentFormat) ID() string { return "lent" }

// Append implements [core.ValueFormat].
func (f lentFormat) Append(dst, v []byte) ([]byte, error) {
	if f.binds {
		return nil, errUnbound
	}
	return appendSealed(dst, 0, v), nil
}

// View implements [core.ValueFormat].
func (f lentFormat) View(b []byte) ([]byte, error) {
	if f.binds {
		return nil, errUnbound
	}
	return unseal(0, b)
}

var errUnbound = errors.New("the values are bound to rows, and there is no row")

// Powers returns that the format lends its views, and binds values to rows if it does.
func (f lentFormat) Powers() (p core.FormatPowers[[]byte, []byte]) {
	if f.binds {
		p.BindRows = f.bindRows
	} else {
		p.ViewLent = func(b []byte, _ bool) ([]byte, core.Releaser, error) { return f.lend(0, b) }
	}
	return p
}

func (f lentFormat) bindRows(table core.TableID) (core.RowFormat[[]byte, []byte], error) {
	return core.RowFormat[[]byte, []byte]{
		Append: func(dst, key, v []byte) ([]byte, error) {
			return appendSealed(dst, sealOf(table, key), v), nil
		},
		View: func(key, b []byte) ([]byte, error) { return unseal(sealOf(table, key), b) },
		ViewLent: func(key, b []byte, _ bool) ([]byte, core.Releaser, error) {
			return f.lend(sealOf(table, key), b)
		},
	}, nil
}

// lentTable is a table of lentFormat.
type lentTable = *core.Table[string, []byte, []byte]

func openLent(
	t *kit.Trial, s *core.Storage, name string, f lentFormat, opts ...core.TableOption,
) lentTable {
	t.TB.Helper()
	return table(t, s, name, keys.String(), f, opts...)
}

// textOf is what the row at a key reads as.
func textOf(key string) string { return "the text of " + key }

// wantsText returns an error unless v is the text of the row at key.
func wantsText(key string, v []byte) error {
	if string(v) != textOf(key) {
		return fmt.Errorf("the row at %q reads %q", key, v)
	}
	return nil
}

// lentReads are all verbs that read the value at k, the only row whose key begins with k. seen
// gets each view, and how it ends what reads.
func lentReads(
	t *kit.Trial, s *core.Storage, tab lentTable, k string, seen func(v []byte) error,
) map[string]func() error {
	type in = core.TxTable[string, []byte, []byte]
	rows := func(rows iter.Seq2[core.Row[string, []byte], error]) error {
		for row, err := range rows {
			if err == nil {
				err = seen(row.Value)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
	cursor := func(scan core.Scan[string, []byte, []byte], seek bool) error {
		c, err := scan.Cursor(t.Ctx)
		if err != nil {
			return err
		}
		defer c.Close()
		for range 2 {
			if c.Next() {
				err = seen(c.Value())
			}
			if seek && err == nil {
				c.Seek(k)
			}
		}
		return errors.Join(err, c.Err())
	}
	modify := func(change core.Change) func() error {
		return func() error {
			return tab.Modify(t.Ctx, k, func(old []byte, found bool) ([]byte, core.Change, error) {
				return old, change, seen(old)
			})
		}
	}
	one := func(v []byte, err error) error {
		if err == nil {
			err = seen(v)
		}
		return err
	}
	verbs := map[string]func() error{
		"Get": func() error {
			g, err := tab.Get(t.Ctx, k)
			if err != nil {
				return err
			}
			defer g.Close()
			defer g.Close()
			return seen(g.Value())
		},
		"View":          func() error { return tab.View(t.Ctx, k, seen) },
		"Rows":          func() error { return rows(tab.Scan().Prefix(k).Rows(t.Ctx)) },
		"Rows, Reverse": func() error { return rows(tab.Scan().Prefix(k).Reverse().Rows(t.Ctx)) },
		"GetMany": func() error {
			return rows(tab.GetMany(t.Ctx, slices.Values([]string{k, "absent", k})))
		},
		"Cursor":          func() error { return cursor(tab.Scan().Prefix(k), false) },
		"Cursor, Seek":    func() error { return cursor(tab.Scan().Prefix(k), true) },
		"Modify, Leave":   modify(core.Leave),
		"Modify, Store":   modify(core.Store),
		"Modify, nothing": modify(99),
		"Stream": func() (err error) {
			return tab.Scan().Prefix(k).Stream(t.Ctx, func(rows iter.Seq2[string, []byte]) error {
				for _, v := range rows {
					if err := seen(v); err != nil {
						return err
					}
				}
				return nil
			})
		},
	}
	inTx := map[string]func(in) error{
		"Get":    func(in in) error { return one(in.Get(t.Ctx, k)) },
		"Rows":   func(in in) error { return rows(in.Scan().Prefix(k).Rows(t.Ctx)) },
		"Cursor": func(in in) error { return cursor(in.Scan().Prefix(k), true) },
		"Get, again": func(in in) error {
			_, err := in.Get(t.Ctx, k)
			return errors.Join(err, one(in.Get(t.Ctx, k)))
		},
	}
	for name, read := range kit.ByName(inTx) {
		verbs["View, "+name] = func() error {
			return s.View(t.Ctx, func(tx *core.Tx) error { return read(tab.In(tx)) })
		}
		verbs["Update, "+name] = func() error {
			return s.Update(t.Ctx, func(tx *core.Tx) error { return read(tab.In(tx)) })
		}
		verbs["Snapshot, "+name] = func() error {
			tx, err := s.Snapshot(t.Ctx)
			if err != nil {
				return err
			}
			defer tx.Close()
			return read(tab.In(tx))
		}
	}
	return verbs
}

// lentCopies are the verbs whose views are never given back, and so must not be lent.
func lentCopies(
	t *kit.Trial, s *core.Storage, tab lentTable, k string,
) map[string]func() ([]byte, error) {
	return map[string]func() ([]byte, error){
		"Load": func() ([]byte, error) { return tab.Load(t.Ctx, k) },
		"Tx.Load": func() (v []byte, err error) {
			err = s.View(t.Ctx,
				func(tx *core.Tx) error { v, err = tab.In(tx).Load(t.Ctx, k); return err })
			return v, err
		},
	}
}

// balanced ends the check unless everything was given back, once.
func (l *ledger) balanced(t *kit.Trial, what string) {
	t.TB.Helper()
	if out, twice := l.out.Load(), l.twice.Load(); out != 0 || twice != 0 {
		t.Fatalf("after %s, %d views are lent still, and %d were given back twice",
			what, out, twice)
	}
}

func checkLentViews(t *kit.Trial) {
	s := open(t)
	for _, binds := range []bool{false, true} {
		for _, opts := range [][]core.TableOption{nil, {core.WithChecksums()}} {
			f := lentFormat{new(ledger), binds}
			tab := openLent(t, s, fmt.Sprint("lent ", binds, len(opts)), f, opts...)
			for _, k := range []string{"a", "b", "c"} {
				put1(t, tab, k, []byte(textOf(k)))
			}
			lendsAndEnds(t, s, tab, f.ledger)
		}
	}
	f := lentFormat{new(ledger), true}
	tab := openLent(t, s, "lent true 0", f)
	g := guard(t, tab, "b")
	t.Is("Close", s.Close(), core.ErrGuardsOpen)
	t.Do("the view after Close", wantsText("b", g.Value()))
	t.Close(g)
	f.ledger.balanced(t, "the last guard of a closed storage")
}

// lendsAndEnds lets every verb end in every way.
func lendsAndEnds(t *kit.Trial, s *core.Storage, tab lentTable, l *ledger) {
	t.TB.Helper()
	errBad := errors.New("the view was looked at")
	ends := map[string]func(){ // in place of an error
		"a panic":        func() { panic(errBad) },
		"runtime.Goexit": runtime.Goexit,
		"an error":       nil,
	}
	lends := func(v []byte) error {
		if n := l.out.Load(); n == 0 || n > 2 {
			return fmt.Errorf("%d views are lent", n)
		}
		return wantsText("b", v)
	}
	for name, read := range kit.ByName(lentReads(t, s, tab, "b", lends)) {
		if err := read(); err != nil && name != "Modify, nothing" {
			t.Errorf("%s: %v", name, err)
		}
		l.balanced(t, name)
	}
	for how, end := range kit.ByName(ends) {
		ended := func(v []byte) error {
			if end != nil {
				end()
			}
			return errBad
		}
		for name, read := range kit.ByName(lentReads(t, s, tab, "b", ended)) {
			survive(func() {
				if err := read(); !errors.Is(err, errBad) {
					t.Errorf("%s with %s gives %v", name, how, err)
				}
			})
			l.balanced(t, name+" with "+how)
		}
	}
	for name, load := range kit.ByName(lentCopies(t, s, tab, "b")) {
		v, err := load()
		l.balanced(t, name)
		if err == nil {
			err = wantsText("b", v)
		}
		t.Do(name, err)
	}
	t.Do("Check", s.Check(t.Ctx))
	l.balanced(t, "Check")
	for range tab.Scan().Rows(t.Ctx) {
		break
	}
	l.balanced(t, "a loop with a break")
	guards := []core.Guard[[]byte]{guard(t, tab, "a"), guard(t, tab, "b"), guard(t, tab, "c")}
	if n := l.out.Load(); n != 3 {
		t.Errorf("%d views of 3 guards are lent", n)
	}
	for i, k := range []string{"a", "b", "c"} {
		t.Do("a guard beside others", wantsText(k, guards[i].Value()))
		t.Close(guards[i])
	}
	l.balanced(t, "guards")
}

// boundWrites store the text of each key that they are given.
func boundWrites(t *kit.Trial, s *core.Storage, tab lentTable) map[string]func(ks ...string) error {
	each := func(put func(k string, v []byte) error) func(ks ...string) error {
		return func(ks ...string) (err error) {
			for _, k := range ks {
				err = errors.Join(err, put(k, []byte(textOf(k))))
			}
			return err
		}
	}
	rows := func(ks []string) iter.Seq2[string, []byte] {
		return func(yield func(string, []byte) bool) {
			for _, k := range ks {
				if !yield(k, []byte(textOf(k))) {
					return
				}
			}
		}
	}
	stream := func(opts ...core.StreamOption) func(ks ...string) error {
		return func(ks ...string) error {
			_, err := tab.PutStream(t.Ctx, rows(ks), opts...)
			return err
		}
	}
	in := func(
		put func(in core.TxTable[string, []byte, []byte], ks []string) error,
	) func(ks ...string) error {
		return func(ks ...string) error {
			return s.Update(t.Ctx, func(tx *core.Tx) error { return put(tab.In(tx), ks) })
		}
	}
	type inTx = core.TxTable[string, []byte, []byte]
	return map[string]func(ks ...string) error{
		"Put": each(func(k string, v []byte) error { return tab.Put(t.Ctx, k, v) }),
		"Insert": each(func(k string, v []byte) error {
			return tab.Insert(t.Ctx, k, v)
		}),
		"PutAll":            func(ks ...string) error { return tab.PutAll(t.Ctx, rows(ks)) },
		"PutStream":         stream(),
		"PutStream, sorted": stream(core.WithSorting(t.TB.TempDir())),
		"PutStreamFunc": func(ks ...string) error {
			_, err := tab.PutStreamFunc(t.Ctx, func(put func(string, []byte) error) error {
				return each(put)(ks...)
			})
			return err
		},
		"Modify": each(func(k string, v []byte) error {
			return tab.Modify(t.Ctx, k,
				func([]byte, bool) ([]byte, core.Change, error) { return v, core.Store, nil })
		}),
		"Tx.Put": in(func(in inTx, ks []string) error {
			return each(func(k string, v []byte) error { return in.Put(t.Ctx, k, v) })(ks...)
		}),
		"Tx.Insert": in(func(in inTx, ks []string) error {
			return each(func(k string, v []byte) error { return in.Insert(t.Ctx, k, v) })(ks...)
		}),
		"Tx.PutAll": in(func(in inTx, ks []string) error { return in.PutAll(t.Ctx, rows(ks)) }),
	}
}

// readsBound reads every row by every verb.
func readsBound(t *kit.Trial, what string, s *core.Storage, tab lentTable, l *ledger, ks []string) {
	t.TB.Helper()
	for _, k := range ks {
		for name, read := range lentReads(t, s, tab, k,
			func(v []byte) error { return wantsText(k, v) }) {
			if err := read(); err != nil && name != "Modify, nothing" {
				t.Fatalf("%s, %s: %v", what, name, err)
			}
		}
		for name, load := range lentCopies(t, s, tab, k) {
			v, err := load()
			if err == nil {
				err = wantsText(k, v)
			}
			t.Do(what+", "+name, err)
		}
	}
	t.Do(what+", Check", s.Check(t.Ctx))
	l.balanced(t, what)
}

// idOf returns the ID that the storage reports for a table.
func idOf(t *kit.Trial, s *core.Storage, name string) []byte {
	t.TB.Helper()
	all, err := s.Tables(t.Ctx)
	t.Do("Tables", err)
	for _, info := range all {
		if info.Name == name {
			return info.ID
		}
	}
	t.Fatalf("there is no table %q", name)
	return nil
}

func checkBoundRows(t *kit.Trial) {
	f := lentFormat{new(ledger), true}
	s := open(t)
	tab := openLent(t, s, "bound", f, core.WithChecksums())
	var all []string
	for name, write := range kit.ByName(boundWrites(t, s, tab)) {
		ks := []string{name + "!1", name + "!2", name + "!3"}
		t.Do(name, write(ks...))
		if !strings.Contains(name, "Insert") {
			t.Do(name+" again", write(ks...))
		}
		all = append(all, ks...)
	}
	readsBound(t, "writing", s, tab, f.ledger, all)

	id := idOf(t, s, "bound")
	if len(id) != len(core.TableID{}) || bytes.Count(id, []byte{0}) > 8 {
		t.Fatalf("the table's ID is %x", id)
	}
	t.Do("RenameTable", s.RenameTable(t.Ctx, "bound", "renamed"))
	readsBound(t, "RenameTable", s, tab, f.ledger, all[:3])
	if got := idOf(t, s, "renamed"); !bytes.Equal(got, id) {
		t.Errorf("RenameTable changes the ID %x to %x", id, got)
	}
	backup := backupOf(t, s)
	closeStorage(t, s)
	s = open(t)
	tab = openLent(t, s, "renamed", f)
	readsBound(t, "opening again", s, tab, f.ledger, all[:3])
	put1(t, tab, all[0], []byte(textOf(all[0])))

	restored, err := restore(t, t.Backend, bytes.NewReader(backup))
	t.Do("Restore", err)
	if got := idOf(t, restored, "renamed"); !bytes.Equal(got, id) {
		t.Errorf("Backup and Restore change the ID %x to %x", id, got)
	}
	tab = openLent(t, restored, "renamed", f)
	readsBound(t, "Restore", restored, tab, f.ledger, all)
	if again := backupOf(t, restored); !bytes.Equal(again, backup) {
		t.Errorf("the backup of what was restored is another one")
	}
	closeStorage(t, restored)
	needsTableID(t, restoredPath(t), true)
}

func checkCopiedRows(t *kit.Trial) {
	for _, opts := range [][]core.TableOption{nil, {core.WithChecksums()}} {
		copiedRows(t, len(opts), opts...)
	}
}

// copiedRows copies stored bytes to other rows, past the format. In tables with checksums it makes
// the checksums right.
func copiedRows(t *kit.Trial, n int, opts ...core.TableOption) {
	t.TB.Helper()
	f := lentFormat{new(ledger), true}
	names := []string{fmt.Sprint("one ", n), fmt.Sprint("other ", n)}
	s := open(t)
	one, other := openLent(t, s, names[0], f, opts...), openLent(t, s, names[1], f, opts...)
	if a, b := idOf(t, s, names[0]), idOf(t, s, names[1]); bytes.Equal(a, b) {
		t.Errorf("two tables have the ID %x", a)
	}
	for _, k := range []string{"from", "row", "table"} {
		put1(t, one, k, []byte(textOf(k)))
		put1(t, other, k, []byte(textOf(k)))
	}
	closeStorage(t, s)

	raw := t.Create()
	var ones, others []kit.Row // in the order of their keys
	rows := raw.All()
	for i := range 3 {
		others = append(others, rows[len(rows)-3+i])
		ones = append(ones, rows[len(rows)-6+i])
	}
	value := func(to, from kit.Row) core.Write {
		stored := from.Value
		if n > 0 {
			stored = stored[:len(stored)-4]
			stored = withSum(to.Key[4:], stored)
		}
		return kit.Put(to.Key, stored)
	}
	// to another row, from another table
	raw.MustApply(value(ones[1], ones[0]), value(ones[2], others[2]))
	raw.MustClose()

	s = open(t)
	one, other = openLent(t, s, names[0], f), openLent(t, s, names[1], f)
	never := func(v []byte) error { return fmt.Errorf("it reads %q", v) }
	for _, k := range []string{"row", "table"} {
		for name, read := range kit.ByName(lentReads(t, s, one, k, never)) {
			t.Is(name+" of a copied "+k, read(), core.ErrCorrupt)
		}
		for name, load := range kit.ByName(lentCopies(t, s, one, k)) {
			_, err := load()
			t.Is(name+" of a copied "+k, err, core.ErrCorrupt)
		}
		t.Is("Check", s.Check(t.Ctx), core.ErrCorrupt)
		t.Is("Insert over a copied row", one.Insert(t.Ctx, k, nil), core.ErrExists)
		put1(t, one, k, []byte(textOf(k)))
	}
	f.ledger.balanced(t, "reading copied rows")
	readsBound(t, "mending", s, one, f.ledger, []string{"from", "row", "table"})
	readsBound(t, "copying", s, other, f.ledger, []string{"from"})
	closeStorage(t, s)
}

// needsTableID ends the check unless the mark at a path names the feature, in layout 2, or has
// layout 1.
func needsTableID(t *kit.Trial, path string, want bool) {
	t.TB.Helper()
	mark := t.Mark(path)
	want = want || t.Shared() // a shared storage has all features from the start
	if got := bytes.Contains(mark, []byte(`"table-id"`)); got != want ||
		bytes.Contains(mark, []byte(`"layout":2`)) != want {
		t.Fatalf("the mark at %s is %s", path, mark)
	}
}

func checkBoundTables(t *kit.Trial) {
	bound, free := lentFormat{new(ledger), true}, lentFormat{new(ledger), false}
	s := open(t)
	put1(t, openLent(t, s, "free", free), "k", []byte(textOf("k")))
	if id := idOf(t, s, "free"); id != nil {
		t.Errorf("a table whose rows are not bound has the ID %x", id)
	}
	_, err := core.OpenTable(t.Ctx, s, "free", keys.String(), bound)
	t.Is("OpenTable of a table whose values are not bound", err, core.ErrFormatMismatch)
	closeStorage(t, s)
	needsTableID(t, t.Path, false)

	s = open(t, core.WithVersion(7),
		core.WithMigration(func(ctx context.Context, s *core.Storage, _, _ uint64) error {
			return openLent(t, s, "bound", bound).Put(ctx, "k", []byte(textOf("k")))
		}))
	_, err = core.OpenTable(t.Ctx, s, "bound", keys.String(), free)
	t.Is("OpenTable of a table whose values are bound", err, core.ErrFormatMismatch)
	failing := errors.New("no key")
	_, err = core.OpenTable(t.Ctx, s, "new", keys.String(), refusingRows{free, failing})
	t.Is("OpenTable with a format that cannot bind rows", err, failing)
	closeStorage(t, s)
	needsTableID(t, t.Path, true)
	if mark := t.Mark(t.Path); !bytes.Contains(mark, []byte(`"version":7`)) {
		t.Errorf("the mark is %s after a migration to version 7", mark)
	}

	s = open(t, core.WithVersion(7), core.WithRecreate(core.OnFormatChange))
	if all, err := s.Tables(t.Ctx); len(all) != 2 || err != nil {
		t.Errorf("there are %v, %v", all, err)
	}
	old := idOf(t, s, "bound")
	openLent(t, s, "free", bound)
	openLent(t, s, "bound", free)
	ids := map[string]bool{}
	all, err := s.Tables(t.Ctx)
	t.Do("Tables", err)
	for _, info := range all {
		ids[string(info.ID)] = true
	}
	if len(all) != 4 || len(ids) != 3 || !ids[string(old)] {
		t.Errorf("the tables are %v, their IDs %q", all, slices.Sorted(maps.Keys(ids)))
	}
	raw, err := core.OpenRaw(t.Ctx, s, "free")
	t.Do("OpenRaw", err)
	t.Do("Rows", lastError(raw.Scan().Rows(t.Ctx)))
}

// refusingRows cannot bind rows.
type refusingRows struct {
	lentFormat
	err error
}

// Powers returns that the format binds rows.
func (f refusingRows) Powers() core.FormatPowers[[]byte, []byte] {
	return core.FormatPowers[[]byte, []byte]{
		BindRows: func(core.TableID) (r core.RowFormat[[]byte, []byte], err error) {
			return r, f.err
		},
	}
}
