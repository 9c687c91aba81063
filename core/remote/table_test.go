// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package remote_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"testing"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/values"
)

type numbers = core.TableOf[string, int]

// numbersOf opens a table as a process of its own.
func numbersOf(t *testing.T, server *Server) (*core.Storage, *numbers) {
	t.Helper()
	db, err := core.Open(t.Context(), "storage", Backend{server})
	do(t, err)
	t.Cleanup(func() { do(t, db.Close()) })
	table, err := core.OpenTable(t.Context(), db, "numbers", keys.String(), values.JSON[int]())
	do(t, err)
	return db, table
}

// TestTripsOfTables: what users do costs as many trips as it has to, the fence included. What a
// process does for the first time may cost more: it is done before.
func TestTripsOfTables(t *testing.T) {
	server := new(Server)
	db, table := numbersOf(t, server)
	rows := make(map[string]int)
	for i := range 1000 {
		rows[name(i)] = i
	}
	do(t, table.PutAll(t.Context(), maps.All(rows)))
	do(t, table.Put(t.Context(), name(1), 1))
	do(t, db.Update(t.Context(), func(tx *core.Tx) error {
		return table.In(tx).Put(t.Context(), name(2), 2)
	}))
	some := slices.Sorted(maps.Keys(rows))[:100]
	ctx := t.Context()
	for _, test := range []struct {
		name string
		do   func() error
		want int
	}{
		{"Get", func() error { return closed(table.Get(ctx, name(5))) }, 1},
		{"Get of an absent row", func() error {
			if err := closed(table.Get(ctx, "x")); !errors.Is(err, core.ErrNotFound) {
				return errors.Join(errors.New("want ErrNotFound"), err)
			}
			return nil
		}, 1},
		{"Load", func() error { _, err := table.Load(ctx, name(5)); return err }, 1},
		{"GetMany", func() error {
			n := 0
			for _, err := range table.GetMany(ctx, slices.Values(some)) {
				if n++; err != nil {
					return err
				}
			}
			return counted(n, 100)
		}, 1},
		{"a scan of one row", func() error { return scanned(ctx, table.Scan().Limit(1), 1) }, 1},
		{"a scan of hundred rows", func() error {
			return scanned(ctx, table.Scan().Reverse().Limit(100), 100)
		}, 1},
		{"a scan of all rows", func() error { return scanned(ctx, table.Scan(), 1000) }, 3},
		{"Put", func() error { return table.Put(ctx, name(5), 5) }, 1},
		{"PutAll", func() error { return table.PutAll(ctx, maps.All(rows)) }, 1},
		{"Insert", func() error { return table.Insert(ctx, "new", 1) }, 1},
		{"Delete", func() error { _, err := table.Delete(ctx, "new"); return err }, 1},
		{"a View that reads nothing", func() error {
			return db.View(ctx, func(*core.Tx) error { return nil })
		}, 0},
		{"a View of two rows", func() error {
			return db.View(ctx, func(tx *core.Tx) error { return twice(ctx, table.In(tx)) })
		}, 2},
		{"an Update of two rows", func() error {
			return db.Update(ctx, func(tx *core.Tx) error {
				return errors.Join(twice(ctx, table.In(tx)), table.In(tx).Put(ctx, name(3), 3))
			})
		}, 3},
		{"Modify", func() error {
			return table.Modify(ctx, name(3), func(n int, _ bool) (int, core.Change, error) {
				return n, core.Store, nil
			})
		}, 2},
	} {
		before := server.Trips()
		do(t, test.do())
		if got := server.Trips() - before; got != test.want {
			t.Errorf("%s took %d trips; want %d", test.name, got, test.want)
		}
	}
}

func closed(g core.Guard[int], err error) error {
	if err != nil {
		return err
	}
	return g.Close()
}

func counted(n, want int) error {
	if n != want {
		return errors.New("a wrong number of rows")
	}
	return nil
}

func scanned(ctx context.Context, s core.Scan[string, int, int], want int) error {
	n := 0
	for _, err := range s.Rows(ctx) {
		if n++; err != nil {
			return err
		}
	}
	return counted(n, want)
}

func twice(ctx context.Context, tx core.TxTable[string, int, int]) error {
	_, err := tx.Get(ctx, name(1))
	_, again := tx.Get(ctx, name(2))
	return errors.Join(err, again)
}

// TestTwoProcesses: what one process does to tables and rows the other one sees at once, and
// transactions of both are serializable.
func TestTwoProcesses(t *testing.T) {
	server := new(Server)
	db, one := numbersOf(t, server)
	other, two := numbersOf(t, server)
	ctx := t.Context()

	// Both would like to be on call, and one of the two has to be.
	do(t, one.Put(ctx, "ada", 1))
	do(t, two.Put(ctx, "alan", 1))
	leave := func(db *core.Storage, table *numbers, who string) {
		err := db.Update(ctx, func(tx *core.Tx) error {
			n, err := table.In(tx).Scan().Count(ctx)
			if err != nil || n < 2 {
				return err
			}
			_, err = table.In(tx).Delete(ctx, who)
			return err
		})
		if err != nil {
			t.Errorf("%s does not leave: %v", who, err)
		}
	}
	for range 20 {
		var both sync.WaitGroup
		both.Go(func() { leave(db, one, "ada") })
		both.Go(func() { leave(other, two, "alan") })
		both.Wait()
		if n, err := one.Scan().Count(ctx); n != 1 || err != nil {
			t.Fatalf("%d are on call, %v", n, err)
		}
		do(t, one.Put(ctx, "ada", 1))
		do(t, two.Put(ctx, "alan", 1))
	}

	do(t, other.DropTable(ctx, "numbers"))
	if _, err := one.Load(ctx, "ada"); !errors.Is(err, core.ErrDropped) {
		t.Errorf("reading a table that another process has dropped gives %v", err)
	}
	words, err := core.OpenTable(ctx, other, "words", keys.String(), values.String())
	do(t, err)
	do(t, words.Put(ctx, "ada", "countess"))
	if err := one.Put(ctx, "ada", 1); !errors.Is(err, core.ErrDropped) {
		t.Errorf("writing to a table that another process has dropped gives %v", err)
	}
	here, err := core.OpenTable(ctx, db, "words", keys.String(), values.String())
	do(t, err)
	if w, err := here.Load(ctx, "ada"); w != "countess" || err != nil {
		t.Errorf("a row of another process is %q, %v", w, err)
	}
}
