// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core_test

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/backendtest"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/memory"
	"github.com/guardkv/guardkv/core/values"
)

// lending stores text reversed, and lends what it reads: as a format that decompresses does.
type lending struct {
	core.ValueFormat[[]byte, []byte]
	open *atomic.Int64 // views that are not given back
}

func (f lending) Append(dst, v []byte) ([]byte, error) {
	start := len(dst)
	dst = append(dst, v...)
	slices.Reverse(dst[start:])
	return dst, nil
}

func (f lending) View(b []byte) ([]byte, error) {
	if strings.HasPrefix(string(b), "damaged") {
		return nil, core.ErrCorrupt
	}
	v := slices.Clone(b)
	slices.Reverse(v)
	return v, nil
}

// Powers lends all views but those of rows that begin with a dot, which it finds in the stored
// bytes.
func (f lending) Powers() core.FormatPowers[[]byte, []byte] {
	return core.FormatPowers[[]byte,
		[]byte]{ViewLent: func(b []byte, _ bool) ([]byte, core.Releaser, error) {
		if strings.HasPrefix(string(b), ".") {
			return b, nil, nil
		}
		v, err := f.View(b)
		if err != nil {
			return nil, nil, err
		}
		f.open.Add(1)
		return v, &lentBytes{b: v, open: f.open}, nil
	}}
}

// lentBytes are overwritten when they are given back, and notice when that is done again.
type lentBytes struct {
	b     []byte
	open  *atomic.Int64
	given atomic.Bool
}

func (l *lentBytes) Release() {
	if l.given.Swap(true) {
		panic("given back twice")
	}
	for i := range l.b {
		l.b[i] = '!'
	}
	l.open.Add(-1)
}

// lendingTable has the rows 0 to 9, of which 7 is read from the stored bytes; 10 is damaged.
func lendingTable(
	t *testing.T, opts ...core.TableOption,
) (*core.Storage, *core.Table[int, []byte, []byte], *atomic.Int64) {
	t.Helper()
	db, err := core.Open(t.Context(), "db", backendtest.Spoil(memory.New()))
	if err != nil {
		t.Fatal(err)
	}
	open := new(atomic.Int64)
	table, err := core.OpenTable(t.Context(), db, "t",
		keys.Int(), lending{values.Bytes(), open}, opts...)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 10 {
		if err := table.Put(t.Context(), i, []byte(lendingText(i))); err != nil {
			t.Fatal(err)
		}
	}
	if err := table.Put(t.Context(), 10, []byte("degamad")); err != nil {
		t.Fatal(err)
	}
	return db, table, open
}

// lendingText is what the row i reads as; "7." is stored as ".7".
func lendingText(i int) string {
	if i == 7 {
		return ".7."
	}
	return fmt.Sprintf("row %d", i)
}

// A view that the format lends is valid as long as any other view of the verb, and given back
// once, when that ends.
func TestLentViewsAreGivenBack(t *testing.T) {
	for name, opts := range map[string][]core.TableOption{
		"":               nil,
		"with checksums": {core.WithChecksums()},
	} {
		t.Run(name, func(t *testing.T) {
			db, table, open := lendingTable(t, opts...)
			ctx := t.Context()
			is := func(verb string, i int, v []byte, lent int64) {
				t.Helper()
				if string(v) != lendingText(i) || open.Load() != lent {
					t.Errorf("%s reads %q of row %d while %d views are lent; want %d",
						verb, v, i, open.Load(), lent)
				}
			}
			var guards []core.Guard[[]byte]
			for i := range 3 {
				g, err := table.Get(ctx, i)
				if err != nil {
					t.Fatal(err)
				}
				guards = append(guards, g)
			}
			for i, g := range guards {
				is("Get", i, g.Value(), int64(3-i))
				g.Close()
				g.Close()
			}
			g, err := table.Get(ctx, 7)
			if err != nil {
				t.Fatal(err)
			}
			is("Get", 7, g.Value(), 0)
			g.Close()
			if err := table.View(ctx, 4,
				func(v []byte) error { is("View", 4, v, 1); return nil }); err != nil {
				t.Error(err)
			}
			kept, err := table.Load(ctx, 5)
			if err != nil {
				t.Error(err)
			}
			if _, err := table.Get(ctx, 10); !errors.Is(err, core.ErrCorrupt) {
				t.Errorf("Get of a damaged row gives %v", err)
			}
			is("Load", 5, kept, 0)

			n := 0
			for row, err := range table.Scan().To(10).Rows(ctx) {
				if err != nil {
					t.Fatal(err)
				}
				is("Rows", row.Key, row.Value, lentOf(row.Key))
				n++
			}
			for row, err := range table.GetMany(ctx, slices.Values([]int{3, 7, 3})) {
				if err != nil {
					t.Fatal(err)
				}
				is("GetMany", row.Key, row.Value, lentOf(row.Key))
				n++
			}
			for row, err := range table.Scan().From(9).Rows(ctx) { // ends in an error
				if err == nil {
					is("Rows", row.Key, row.Value, 1)
				} else if !errors.Is(err, core.ErrCorrupt) {
					t.Error(err)
				}
			}
			for range table.Scan().Rows(ctx) {
				break
			}
			c, err := table.Scan().Cursor(ctx)
			if err != nil {
				t.Fatal(err)
			}
			for _, k := range []int{8, 2} {
				c.Seek(k)
				if !c.Next() {
					t.Fatal(c.Err())
				}
				is("Cursor", k, c.Value(), 1)
			}
			c.Close()
			c.Close()
			if n != 13 || open.Load() != 0 {
				t.Errorf("%d rows were read, and %d views are lent still", n, open.Load())
			}

			err = db.Update(ctx, func(tx *core.Tx) error {
				in := table.In(tx)
				first, err := in.Get(ctx, 1)
				if err != nil {
					return err
				}
				if err := in.Put(ctx, 2, []byte(lendingText(2))); err != nil {
					return err
				}
				second, err := in.Get(ctx, 2)
				is("Tx.Get", 1, first, 2)
				is("Tx.Get", 2, second, 2)
				for row := range in.Scan().To(3).Rows(ctx) {
					is("Tx.Rows", row.Key, row.Value, 3)
				}
				return err
			})
			if err != nil || open.Load() != 0 {
				t.Errorf("after Update %d views are lent still, %v", open.Load(), err)
			}
			if err := db.Close(); err != nil {
				t.Errorf("something was left open: %v", err)
			}
		})
	}
}

// lentOf is how many views are lent while row i is read.
func lentOf(i int) int64 {
	if i == 7 {
		return 0
	}
	return 1
}

// explosive lends views that panic when they are given back.
type explosive struct{ lending }

type bomb struct{ given *atomic.Int64 }

func (b bomb) Release() {
	b.given.Add(1)
	panic("given back")
}

func (f explosive) Powers() core.FormatPowers[[]byte, []byte] {
	return core.FormatPowers[[]byte,
		[]byte]{ViewLent: func(b []byte, _ bool) ([]byte, core.Releaser, error) {
		return b, bomb{f.open}, nil
	}}
}

// A format that panics while it takes back what it lent leaves nothing open: neither a guard
// nor a snapshot, nor the turn to write.
func TestPanicsOfRelease(t *testing.T) {
	db, _, open := lendingTable(t)
	ctx := t.Context()
	table, err := core.OpenTable(ctx, db, "t", keys.Int(), explosive{lending{values.Bytes(), open}})
	if err != nil {
		t.Fatal(err)
	}
	inTx := func(tx *core.Tx) error {
		for _, k := range []int{1, 2, 3} {
			if _, err := table.In(tx).Get(ctx, k); err != nil {
				return err
			}
		}
		return nil
	}
	for name, read := range map[string]func(){ // a transaction gives back three
		"Get":     func() { g, _ := table.Get(ctx, 1); g.Close() },
		"View":    func() { table.View(ctx, 1, func([]byte) error { return nil }) },
		"Rows":    func() { drainRows(table.Scan().Rows(ctx)) },
		"GetMany": func() { drainRows(table.GetMany(ctx, slices.Values([]int{1, 2}))) },
		"Cursor":  func() { c, _ := table.Scan().Cursor(ctx); c.Next(); c.Close() },
		"Tx.View": func() { db.View(ctx, inTx) },
		"Update":  func() { db.Update(ctx, inTx) },
		"Check":   func() { db.Check(ctx) },
		"Snapshot": func() {
			tx, _ := db.Snapshot(ctx)
			inTx(tx)
			tx.Close()
		},
		"Modify": func() {
			table.Modify(ctx, 1, func(old []byte, _ bool) ([]byte, core.Change, error) {
				return old, core.Store, nil
			})
		},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s does not panic", name)
				}
			}()
			open.Store(0)
			read()
		}()
		if n := open.Load(); n != 3 &&
			(name == "Tx.View" || name == "Update" || name == "Snapshot") {
			t.Errorf("%s gives back %d views of 3", name, n)
		}
		if err := table.Put(ctx, 1, []byte("1")); err != nil {
			t.Errorf("after %s, Put gives %v", name, err)
		}
	}
	if err := db.Close(); err != nil {
		t.Errorf("something was left open: %v", err)
	}
}

func drainRows(rows iter.Seq2[core.Row[int, []byte], error]) {
	for range rows {
	}
}

// wrapped is a format around another one, as the guide shows it.
type wrapped struct {
	core.ValueFormat[[]byte, []byte]
}

func (f wrapped) Powers() core.FormatPowers[[]byte, []byte] { return core.PowersOf(f.ValueFormat) }

// A format around another one lost the other's powers: they were looked for by type assertions,
// which see only the outer one.
func TestFormatAroundAnotherKeepsItsPowers(t *testing.T) {
	open := new(atomic.Int64)
	inside := lending{values.Bytes(), open}
	if p := core.PowersOf[[]byte, []byte](wrapped{wrapped{inside}}); p.ViewLent == nil ||
		p.Bind != nil {
		t.Errorf("the powers are %+v", p)
	}
	if p := core.PowersOf(values.Bytes()); p.ViewLent != nil || p.Bind != nil ||
		p.ViewInto != nil || p.ViewTrusted != nil || p.CheckValue != nil {
		t.Errorf("a simple format has the powers %+v", p)
	}
}
