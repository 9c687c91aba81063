// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log"
	"log/slog"
	"maps"
	"slices"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/memory"
	"github.com/guardkv/guardkv/core/values"
)

// people opens a table with three rows in a new storage. The examples end the program after an
// error.
func people(ctx context.Context) (*core.Storage, *core.Table[string, string, string]) {
	db, err := core.Open(ctx, "people", memory.New())
	must(err)
	t, err := core.OpenTable(ctx, db, "people", keys.String(), values.String())
	must(err)
	must(t.Put(ctx, "ada", "Ada Lovelace"))
	must(t.Put(ctx, "alan", "Alan Turing"))
	must(t.Put(ctx, "grace", "Grace Hopper"))
	return db, t
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// A storage lists its tables, and closes only when nothing is open in it.
func ExampleStorage() {
	ctx := context.Background()
	db, table := people(ctx)
	tables, err := db.Tables(ctx)
	must(err)
	for _, t := range tables {
		fmt.Println(t.Name, t.KeyFormat, t.ValueFormat)
	}

	g, err := table.Get(ctx, "ada")
	must(err)
	fmt.Println(errors.Is(db.Close(), core.ErrGuardsOpen), g.Value())
	must(g.Close())
	must(db.Close())
	// Output:
	// people string string
	// true Ada Lovelace
}

// Several tables change together or not at all.
func ExampleStorage_Update() {
	ctx := context.Background()
	db, table := people(ctx)
	defer db.Close()
	err := db.Update(ctx, func(tx *core.Tx) error {
		p := table.In(tx)
		if err := p.Put(ctx, "ada", "Augusta Ada King"); err != nil {
			return err
		}
		return p.Insert(ctx, "alan", "another Alan") // he is there: all is undone
	})
	fmt.Println(errors.Is(err, core.ErrExists))
	fmt.Println(table.Load(ctx, "ada"))
	// Output:
	// true
	// Ada Lovelace <nil>
}

// Modify makes a new row of the old one, and shares its commit with the writes of others.
func ExampleTable_Modify() {
	ctx := context.Background()
	db, _ := people(ctx)
	defer db.Close()
	visits, err := core.OpenTable(ctx, db, "visits", keys.String(), values.JSON[int]())
	must(err)
	for range 3 {
		must(visits.Modify(ctx, "ada", func(n int, found bool) (int, core.Change, error) {
			return n + 1, core.Store, nil // without a row, n is 0
		}))
	}
	fmt.Println(visits.Load(ctx, "ada"))

	// The function may remove the row, leave it, or refuse: its error is that of Modify.
	errNone := errors.New("no visits are left")
	spend := func(n int, found bool) (int, core.Change, error) {
		switch {
		case !found:
			return 0, core.Leave, errNone
		case n == 1:
			return 0, core.Remove, nil
		}
		return n - 1, core.Store, nil
	}
	for range 3 {
		must(visits.Modify(ctx, "ada", spend))
	}
	fmt.Println(visits.Modify(ctx, "ada", spend) == errNone)
	// Output:
	// 3 <nil>
	// true
}

// Clear deletes a range, and asks nothing of its rows.
func ExampleScan_Clear() {
	ctx := context.Background()
	db, table := people(ctx)
	defer db.Close()
	must(table.Scan().Prefix("a").Clear(ctx))
	fmt.Println(table.Count(ctx))
	// Output:
	// 1 <nil>
}

// A read transaction sees one moment of all tables, whatever is written meanwhile.
func ExampleStorage_View() {
	ctx := context.Background()
	db, table := people(ctx)
	defer db.Close()
	must(db.View(ctx, func(tx *core.Tx) error {
		must(table.Put(ctx, "zoe", "written meanwhile"))
		n, err := table.In(tx).Count(ctx)
		fmt.Println(n, "people")
		return err
	}))
	fmt.Println(table.Count(ctx))
	// Output:
	// 3 people
	// 4 <nil>
}

// A Tx reads what it has written.
func ExampleTx() {
	ctx := context.Background()
	db, table := people(ctx)
	defer db.Close()
	must(db.Update(ctx, func(tx *core.Tx) error {
		p := table.In(tx)
		must(p.Put(ctx, "kay", "Kay McNulty"))
		for key, err := range p.Scan().From("b").Keys(ctx) {
			must(err)
			fmt.Println(key)
		}
		return nil
	}))
	// Output:
	// grace
	// kay
}

func ExampleTable() {
	ctx := context.Background()
	db, table := people(ctx)
	defer db.Close()

	fmt.Println(table.Load(ctx, "ada")) // a copy, which lives forever
	fmt.Println(table.Has(ctx, "kay"))
	fmt.Println(table.Delete(ctx, "alan")) // was it there?
	_, err := table.Load(ctx, "alan")
	fmt.Println(errors.Is(err, core.ErrNotFound))
	// Output:
	// Ada Lovelace <nil>
	// false <nil>
	// true <nil>
	// true
}

// A view lives for as long as the function runs.
func ExampleTable_View() {
	ctx := context.Background()
	db, table := people(ctx)
	defer db.Close()
	must(table.View(ctx, "ada", func(name string) error {
		fmt.Println(len(name))
		return nil
	}))
	// Output: 12
}

// All rows of PutAll are stored by one write, or none.
func ExampleTable_PutAll() {
	ctx := context.Background()
	db, table := people(ctx)
	defer db.Close()
	must(table.PutAll(ctx, func(yield func(string, string) bool) {
		_ = yield("kay", "Kay McNulty") && yield("jean", "Jean Jennings")
	}))
	fmt.Println(table.Count(ctx))
	// Output: 5 <nil>
}

// A stream of any length is stored in bounded chunks; after an error the statistics say what is
// stored.
func ExampleTable_PutStream() {
	ctx := context.Background()
	db, err := core.Open(ctx, "squares", memory.New())
	must(err)
	defer db.Close()
	squares, err := core.OpenTable(ctx, db, "squares", keys.Uint64(), values.String())
	must(err)

	stats, err := squares.PutStream(ctx, func(yield func(uint64, string) bool) {
		for i := range uint64(1000) {
			if !yield(i, fmt.Sprint(i*i)) {
				return
			}
		}
	})
	must(err)
	fmt.Println(stats.Rows)
	fmt.Println(squares.Load(ctx, 999))
	// Output:
	// 1000
	// 998001 <nil>
}

// A source that can fail returns its error; what was committed before stays.
func ExampleTable_PutStreamFunc() {
	ctx := context.Background()
	db, table := people(ctx)
	defer db.Close()
	stats, err := table.PutStreamFunc(ctx, func(put func(string, string) error) error {
		if err := put("kay", "Kay McNulty"); err != nil {
			return err
		}
		return errors.New("line 2: no comma")
	})
	fmt.Println(stats.Rows, err != nil)
	// Output: 0 true
}

// A guard keeps its row as it was, whatever is written meanwhile. It can be closed more than once.
func ExampleGuard() {
	ctx := context.Background()
	db, table := people(ctx)
	defer db.Close()
	ada, err := table.Get(ctx, "ada")
	must(err)
	defer ada.Close()

	must(table.Put(ctx, "ada", "Augusta Ada King"))
	fmt.Println(ada.Value())
	fmt.Println(table.Load(ctx, "ada"))
	// Output:
	// Ada Lovelace
	// Augusta Ada King <nil>
}

// Scans are values: every method returns another one, and bounds intersect.
func ExampleScan() {
	ctx := context.Background()
	db, table := people(ctx)
	defer db.Close()
	a := table.Scan().Prefix("a")
	for row, err := range a.Reverse().Rows(ctx) {
		must(err)
		fmt.Println(row.Key, row.Value)
	}
	fmt.Println(a.Count(ctx))
	fmt.Println(a.From("al").Delete(ctx))
	// Output:
	// alan Alan Turing
	// ada Ada Lovelace
	// 2 <nil>
	// 1 <nil>
}

// In Stream the error cannot be forgotten: it is what Stream returns.
func ExampleScan_Stream() {
	ctx := context.Background()
	db, table := people(ctx)
	defer db.Close()
	must(table.Scan().Limit(1).Stream(ctx, func(rows iter.Seq2[string, string]) error {
		for key, name := range rows {
			fmt.Println(key, name)
		}
		return nil
	}))
	// Output: ada Ada Lovelace
}

// A program states the version of its data. Older data is migrated, newer data is never touched.
func ExampleWithMigration() {
	ctx := context.Background()
	backend := memory.New()
	db, err := core.Open(ctx, "people", backend, core.WithVersion(1))
	must(err)
	must(db.Close())

	migrate := func(ctx context.Context, s *core.Storage, from, to uint64) error {
		fmt.Println("from", from, "to", to)
		return nil
	}
	db, err = core.Open(ctx, "people", backend, core.WithVersion(2), core.WithMigration(migrate))
	must(err)
	must(db.Close())

	_, err = core.Open(ctx, "people", backend, core.WithVersion(1))
	fmt.Println(errors.Is(err, core.ErrVersionMismatch))
	// Output:
	// from 1 to 2
	// true
}

// A cache may begin anew when its version changes. The old storage is kept beside the new one.
func ExampleWithRecreate() {
	ctx := context.Background()
	backend := memory.New()
	quiet := core.WithLogger(slog.New(slog.DiscardHandler))
	db, err := core.Open(ctx, "cache", backend, core.WithVersion(1))
	must(err)
	must(db.Close())

	db, err = core.Open(ctx, "cache", backend, core.WithVersion(2),
		core.WithRecreate(core.OnVersionBump|core.OnValidationFail), quiet)
	must(err)
	defer db.Close()
	recreation, replaced := db.Recreated()
	fmt.Println(replaced, recreation.Reason)
	// Output: true on version bump
}

// Formats are recorded, so a table cannot be read as something else.
func ExampleOpenTable() {
	ctx := context.Background()
	db, _ := people(ctx)
	defer db.Close()
	_, err := core.OpenTable(ctx, db, "people", keys.String(), values.JSON[int]())
	fmt.Println(errors.Is(err, core.ErrFormatMismatch))
	// Output: true
}

// With checksums, every read of a row compares its bytes with what was put.
func ExampleWithChecksums() {
	ctx := context.Background()
	db, err := core.Open(ctx, "safe", memory.New())
	must(err)
	defer db.Close()
	_, err = core.OpenTable(ctx, db, "safe", keys.String(), values.Bytes(), core.WithChecksums())
	must(err)
	tables, err := db.Tables(ctx)
	must(err)
	fmt.Println(tables[0].Checksums)
	// Output: true
}

// A Cursor is a scan for code that cannot be a loop, and can jump.
func ExampleScan_Cursor() {
	ctx := context.Background()
	db, table := people(ctx)
	defer db.Close()
	c, err := table.Scan().Cursor(ctx)
	must(err)
	defer c.Close()
	c.Seek("al")
	for c.Next() {
		fmt.Println(c.Key(), c.Value())
	}
	must(c.Err())
	// Output:
	// alan Alan Turing
	// grace Grace Hopper
}

// A page is a limit; the next page begins after the last row of this one.
func ExampleScan_After() {
	ctx := context.Background()
	db, table := people(ctx)
	defer db.Close()
	page := table.Scan().Limit(2)
	for range 2 {
		var names []string
		for k, err := range page.Keys(ctx) {
			must(err)
			names = append(names, k)
		}
		fmt.Println(names)
		page = page.After(names[len(names)-1])
	}
	// Output:
	// [ada alan]
	// [grace]
}

// Rows come in the order of the keys that were asked for.
func ExampleTable_GetMany() {
	ctx := context.Background()
	db, table := people(ctx)
	defer db.Close()
	for row, err := range table.GetMany(ctx, slices.Values([]string{"grace", "nobody", "ada"})) {
		must(err)
		fmt.Println(row.Key, row.Value)
	}
	// Output:
	// grace Grace Hopper
	// ada Ada Lovelace
}

// A snapshot is a read transaction that is not one function: here every request of a server
// reads a page of it.
func ExampleStorage_Snapshot() {
	ctx := context.Background()
	db, table := people(ctx)
	defer db.Close()
	snap, err := db.Snapshot(ctx)
	must(err)
	defer snap.Close()
	must(table.Put(ctx, "ada", "Augusta Ada King"))
	fmt.Println(table.In(snap).Get(ctx, "ada"))
	fmt.Println(table.Load(ctx, "ada"))
	// Output:
	// Ada Lovelace <nil>
	// Augusta Ada King <nil>
}

// A server that ends refuses new work, and waits for what is under way.
func ExampleStorage_Shutdown() {
	ctx := context.Background()
	db, table := people(ctx)
	g, err := table.Get(ctx, "ada")
	must(err)
	go func() {
		defer g.Close()
		fmt.Println("under way:", g.Value())
	}()
	must(db.Shutdown(ctx))
	_, err = table.Get(ctx, "ada")
	fmt.Println(errors.Is(err, core.ErrClosed))
	// Output:
	// under way: Ada Lovelace
	// true
}

// Without sync, writes are durable when Sync returns.
func ExampleStorage_Sync() {
	ctx := context.Background()
	db, err := core.Open(ctx, "people", memory.New(), core.WithoutSync())
	must(err)
	defer db.Close()
	table, err := core.OpenTable(ctx, db, "people", keys.String(), values.String())
	must(err)
	must(table.Put(ctx, "ada", "Ada Lovelace"))
	must(table.Put(ctx, "alan", "Alan Turing"))
	fmt.Println(db.Sync(ctx))
	// Output: <nil>
}

// Renaming a table is one small write; its handles go on.
func ExampleStorage_RenameTable() {
	ctx := context.Background()
	db, table := people(ctx)
	defer db.Close()
	must(db.RenameTable(ctx, "people", "pioneers"))
	tables, err := db.Tables(ctx)
	must(err)
	fmt.Println(tables[0].Name)
	fmt.Println(table.Load(ctx, "ada"))
	// Output:
	// pioneers
	// Ada Lovelace <nil>
}

// A tool that has no Go types for a table reads its rows as they are encoded.
func ExampleOpenRaw() {
	ctx := context.Background()
	db, _ := people(ctx)
	defer db.Close()
	raw, err := core.OpenRaw(ctx, db, "people")
	must(err)
	for row, err := range raw.Scan().Limit(1).Rows(ctx) {
		must(err)
		fmt.Printf("%q %q\n", row.Key, row.Value)
	}
	// Output: "ada" "Ada Lovelace"
}

// Several rows of a transaction that belong together.
func ExampleTxTable_PutAll() {
	ctx := context.Background()
	db, table := people(ctx)
	defer db.Close()
	must(db.Update(ctx, func(tx *core.Tx) error {
		return table.In(tx).PutAll(ctx,
			maps.All(map[string]string{"edsger": "Edsger Dijkstra", "barbara": "Barbara Liskov"}))
	}))
	fmt.Println(table.Count(ctx))
	// Output: 5 <nil>
}

// What a storage is and takes. Size is what a page about the health of a program shows.
func ExampleStorage_Size() {
	ctx := context.Background()
	db, err := core.Open(ctx, "people", memory.New(), core.WithVersion(3))
	must(err)
	defer db.Close()
	_, err = core.OpenTable(ctx, db, "people", keys.String(), values.String())
	must(err)
	size, err := db.Size(ctx)
	fmt.Println(db.Path(), db.Version(), size > 0, err)
	// Output: people 3 true <nil>
}

// A struct that keeps its tables in fields names each type once.
func ExampleTableOf() {
	type shop struct {
		stock *core.TableOf[string, int]
		names *core.TableOf[uint64, string]
	}
	ctx := context.Background()
	db, err := core.Open(ctx, "shop", memory.New())
	must(err)
	defer db.Close()
	var s shop
	s.stock, err = core.OpenTable(ctx, db, "stock", keys.String(), values.JSON[int]())
	must(err)
	s.names, err = core.OpenTable(ctx, db, "names", keys.Uint64(), values.String())
	must(err)
	must(s.stock.Put(ctx, "apples", 7))
	fmt.Println(s.stock.Load(ctx, "apples"))
	// Output: 7 <nil>
}

// With Reverse a cursor goes to the last row that is not above the key: what was valid at a time.
func ExampleCursor_Seek() {
	ctx := context.Background()
	db, err := core.Open(ctx, "prices", memory.New())
	must(err)
	defer db.Close()
	prices, err := core.OpenTable(ctx, db, "prices", keys.Int(), values.String())
	must(err)
	must(prices.PutAll(ctx, maps.All(map[int]string{1990: "3.10", 2001: "4.50", 2019: "5.90"})))
	c, err := prices.Scan().Reverse().Cursor(ctx)
	must(err)
	defer c.Close()
	for _, year := range []int{2010, 2030, 1970} {
		c.Seek(year)
		if c.Next() {
			fmt.Println(year, "since", c.Key(), c.Value())
		} else {
			fmt.Println(year, "unknown")
		}
	}
	must(c.Err())
	// Output:
	// 2010 since 2001 4.50
	// 2030 since 2019 5.90
	// 1970 unknown
}

// Close ends a snapshot that was taken, and every view that was read through it.
func ExampleTx_Close() {
	ctx := context.Background()
	db, table := people(ctx)
	snap, err := db.Snapshot(ctx)
	must(err)
	fmt.Println(errors.Is(db.Close(), core.ErrGuardsOpen))
	must(snap.Close())
	_, err = table.In(snap).Get(ctx, "ada")
	fmt.Println(errors.Is(err, core.ErrTxDone))
	fmt.Println(db.Close())
	// Output:
	// true
	// true
	// <nil>
}
