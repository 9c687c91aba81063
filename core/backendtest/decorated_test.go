// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package backendtest_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/backendtest"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/memory"
	"github.com/guardkv/guardkv/core/values"
)

// decorators are those that outside authors see in the guide or can use.
var decorators = []struct {
	name     string
	decorate func(core.Backend) core.Backend
}{
	{"counting", func(b core.Backend) core.Backend { return &Counting{Backend: b} }},
	{"masked", func(b core.Backend) core.Backend { return Masked{b} }},
	{"latency", func(b core.Backend) core.Backend { return backendtest.Latency(b, 0) }},
	{"fault", func(b core.Backend) core.Backend { return backendtest.Fault(b) }},
	{"all", func(b core.Backend) core.Backend {
		return backendtest.Spoil(Masked{backendtest.Latency(backendtest.Fault(&Counting{Backend: Masked{b}}), 0)})
	}},
}

// A decorated engine is an engine: it keeps every promise, those of its limits and powers
// included, which the engine in memory has none of.
func TestDecoratedEngines(t *testing.T) {
	tried := decorators
	if testing.Short() {
		tried = tried[len(tried)-1:] // it is made of all others
	}
	for _, d := range tried {
		t.Run(d.name, func(t *testing.T) {
			backendtest.RunContract(t,
				func() core.Backend { return d.decorate(backendtest.NewPlain()) })
		})
	}
}

// Promises about several processes hold through decorators as well.
func TestDecoratedSharedEngines(t *testing.T) {
	tried := decorators
	if testing.Short() {
		tried = tried[len(tried)-1:]
	}
	for _, d := range tried {
		t.Run(d.name, func(t *testing.T) {
			backendtest.RunContractOf(t, func() backendtest.Target {
				b := memory.NewShared()
				return backendtest.Target{
					Backend: d.decorate(b), Path: "place", Second: d.decorate(b),
				}
			})
		})
	}
}

// Behind the two decorators that the guide shows, core keeps its promises too.
func TestDecoratedMemory(t *testing.T) {
	tried := decorators[:2]
	if testing.Short() {
		tried = tried[1:] // the decorator that changes what it passes on
	}
	for _, d := range tried {
		t.Run(d.name, func(t *testing.T) {
			backendtest.Run(t, func(*testing.T) backendtest.Target {
				return backendtest.Target{Backend: d.decorate(memory.New()), Path: "place"}
			})
		})
	}
}

// A scan that takes no snapshot was passed on as it was, and took no trip at all.
func TestTripsOfAScanWithoutSnapshot(t *testing.T) {
	table, b := farOn(t, backendtest.NewPlain(), 10)
	before := b.Trips()
	if err := through(table.Scan(), t.Context(), 10); err != nil || b.Trips() != before+1 {
		t.Errorf("the scan takes %d trips, %v; want 1", b.Trips()-before, err)
	}
}

func far(t *testing.T, n int) (*core.Table[int, string, string], *backendtest.Delays) {
	t.Helper()
	return farOn(t, memory.New(), n)
}

// farOn returns a table with n rows, 0 to n-1, of a storage that is far away, and the decorator
// that counts its trips.
func farOn(
	t *testing.T, inside core.Backend, n int,
) (*core.Table[int, string, string], *backendtest.Delays) {
	t.Helper()
	b := backendtest.Latency(inside, 0)
	return filled(t, farStorage(t, b), n), b
}

func farStorage(t *testing.T, b core.Backend) *core.Storage {
	t.Helper()
	db, err := core.Open(t.Context(), "far", b)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// filled makes a table with n rows.
func filled(t *testing.T, db *core.Storage, n int) *core.Table[int, string, string] {
	t.Helper()
	table, err := core.OpenTable(t.Context(), db, "t", keys.Int(), values.String())
	if err != nil {
		t.Fatal(err)
	}
	err = table.PutAll(t.Context(), func(yield func(int, string) bool) {
		for i := range n {
			if !yield(i, fmt.Sprint(i)) {
				return
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// The limit of a scan was not passed on, so an engine that fetches rows ahead fetched a page for a
// single row. In a transaction, rows that its writes hide have to be fetched as well.
func TestTripsOfALimit(t *testing.T) {
	b := backendtest.Latency(memory.New(), 0)
	db := farStorage(t, b)
	table := filled(t, db, 100)
	ctx := t.Context()
	err := db.Update(ctx, func(tx *core.Tx) error {
		mine := table.In(tx)
		for k := range 20 {
			if err := mine.Put(ctx, 2*k, "mine"); err != nil {
				return err
			}
		}
		before := b.Trips()
		for row, err := range mine.Scan().Limit(50).Rows(ctx) {
			if err != nil {
				return err
			}
			if want := row.Key%2 == 0 && row.Key < 40; (row.Value == "mine") != want {
				t.Errorf("row %d is %q", row.Key, row.Value)
			}
		}
		if got := b.Trips() - before; got != 1 {
			t.Errorf("the scan of the transaction takes %d trips; want 1", got)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A call costs as many trips as the comment of Latency says.
func TestTrips(t *testing.T) {
	const rows = 2*backendtest.TripRows + 1
	table, b := far(t, rows)
	ctx := t.Context()
	ask := func(yield func(int) bool) {
		for i := range 100 {
			if !yield(i * 7) {
				return
			}
		}
	}
	for _, c := range []struct {
		name string
		want int
		call func() error
	}{
		{"Get", 1, func() error { _, err := table.Load(ctx, 7); return err }},
		{"Put", 1, func() error { return table.Put(ctx, 7, "seven") }},
		{"Insert", 1, func() error { return table.Insert(ctx, -1, "new") }},
		{"Insert of a row that is there", 1, func() error {
			if err := table.Insert(ctx, 7, "again"); !errors.Is(err, core.ErrExists) {
				return fmt.Errorf("Insert gives %v", err)
			}
			return nil
		}},
		{"Delete", 1, func() error { _, err := table.Delete(ctx, -1); return err }},
		{"a short scan", 1, func() error { return through(table.Scan().Limit(10), ctx, 10) }},
		{"a scan of three answers", 3, func() error { return through(table.Scan(), ctx, rows) }},
		{"GetMany", 1, func() error {
			for _, err := range table.GetMany(ctx, ask) {
				if err != nil {
					return err
				}
			}
			return nil
		}},
		{"seek", 3, func() error {
			c, err := table.Scan().Cursor(ctx)
			if err != nil {
				return err
			}
			defer c.Close()
			for _, k := range []int{rows - 1, 0, rows + 1} {
				c.Seek(k)
				if c.Next() != (k < rows) {
					return fmt.Errorf("after Seek(%d) there is a row: %v", k, k >= rows)
				}
			}
			c.Next() // stays at the end, without a trip
			return c.Err()
		}},
	} {
		before := b.Trips()
		err := c.call()
		if got := b.Trips() - before; got != c.want || err != nil {
			t.Errorf("%s takes %d trips, %v; want %d", c.name, got, err, c.want)
		}
	}
}

// through ranges over a scan that has n rows.
func through(s core.Scan[int, string, string], ctx context.Context, n int) error {
	for _, err := range s.Rows(ctx) {
		if err != nil {
			return err
		}
		n--
	}
	if n != 0 {
		return fmt.Errorf("%d rows are missing", n)
	}
	return nil
}

// A trip takes its time, and no longer than its context.
func TestLatencyWaits(t *testing.T) {
	b := backendtest.Latency(memory.New(), time.Millisecond)
	start := time.Now()
	for range 3 {
		if _, err := b.List(t.Context(), ""); err != nil {
			t.Fatal(err)
		}
	}
	if took := time.Since(start); took < 3*time.Millisecond {
		t.Errorf("three trips of a millisecond take %v", took)
	}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(time.Millisecond, cancel)
	if _, err := backendtest.Latency(memory.New(), time.Hour).List(ctx,
		""); err != context.Canceled {
		t.Errorf("a cancelled trip gives %v", err)
	}
}
