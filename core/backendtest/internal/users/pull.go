// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package users

import (
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/backendtest/internal/kit"
)

var pullPromises = []kit.Promise{
	{
		Name: "pull/rows", Check: checkPullRows,
		Explanation: "a Cursor gives the rows that Rows gives, outside a transaction and over " +
			"its writes",
	},
	{
		Name: "pull/seek", Check: checkPullSeek,
		Explanation: "after Seek a Cursor goes on with the first row at or behind the key in the " +
			"scan's direction, inside its bounds, also backward and after the end",
	},
	{
		Name: "pull/limit", Check: checkPullLimit,
		Explanation: "Limit counts the rows that Next returned; Seek does not reset it",
	},
	{
		Name: "pull/start", Check: checkPullStart,
		Explanation: "a Cursor sees the state of the moment when it was made",
	},
	{
		Name: "pull/close", Check: checkPullClose,
		Explanation: "an open Cursor counts for ErrGuardsOpen and stays readable; closing it " +
			"again does nothing; used after Close it returns ErrClosed",
	},
	{
		Name: "pull/transaction's end", Check: checkPullTxEnd,
		Explanation: "a Cursor that outlives its transaction returns ErrClosed, and holds nothing",
	},
	{
		Name: "scans/after", Check: checkAfter,
		Explanation: "After leaves out a key and what comes before it in the scan's direction",
	},
	{
		Name: "scans/pages", Check: checkPages,
		Explanation: "Limit and After of the last row that was seen go through a table page by " +
			"page",
	},
	{
		Name: "get many/rows", Check: checkGetMany,
		Explanation: "GetMany gives the rows in the order of the keys, leaves out absent ones " +
			"and repeats those asked for twice",
	},
	{
		Name: "get many/loop", Check: checkGetManyLoop,
		Explanation: "the body of a GetMany loop may write, and end the loop anywhere; nothing " +
			"stays open",
	},
}

// inside calls fn with a scan of the table and its rows: outside a transaction, in a View, and
// in an Update that has put the missing rows, changed the first and deleted the last.
func inside(
	t *kit.Trial, fn func(where string, scan core.Scan[string, string, string], rows []kit.Row),
) {
	t.TB.Helper()
	s, tab, rows, missing := oddTable(t)
	fn("outside", tab.Scan(), rows)
	t.Do("View", s.View(t.Ctx, func(tx *core.Tx) error {
		fn("in a View", tab.In(tx).Scan(), rows)
		return nil
	}))
	rolledBack := errors.New("rolled back")
	err := s.Update(t.Ctx, func(tx *core.Tx) error {
		in, now := tab.In(tx), slices.Clone(rows)
		for _, k := range missing {
			t.Do("Put", in.Put(t.Ctx, k, "pending"))
			now = append(now, kit.KV(k, "pending"))
		}
		t.Do("Put", in.Put(t.Ctx, now[0].Key, "changed"))
		now[0].Value = "changed"
		_, err := in.Delete(t.Ctx, rows[len(rows)-1].Key)
		t.Do("Delete", err)
		now = slices.Delete(now, len(rows)-1, len(rows))
		slices.SortFunc(now, func(a, b kit.Row) int { return kit.Compare(a.Key, b.Key) })
		fn("in an Update", in.Scan(), now)
		return rolledBack
	})
	t.Is("Update", err, rolledBack)
}

func checkPullRows(t *kit.Trial) {
	rnd := rand.New(rand.NewPCG(11, 0))
	inside(t, func(where string, scan core.Scan[string, string, string], rows []kit.Row) {
		for range t.Pick(200, 60) {
			a := randomScan(rnd, scan, rows)
			c := a.cursor(t)
			if k, v := c.Key(), c.Value(); k != "" || v != "" {
				t.Fatalf("%s: before Next there is a row %q", where, k)
			}
			if got := pulled(c, -1); !slices.Equal(got, a.rows) {
				t.Fatalf("%s %v: %v; want %v", where, a.words, got, a.rows)
			}
			if c.Next() || c.Err() != nil || c.Key() != "" {
				t.Fatalf("%s %v: after the end a row %q, %v", where, a.words, c.Key(), c.Err())
			}
			t.Do("Close", c.Close())
		}
	})
}

func checkPullSeek(t *kit.Trial) {
	rnd := rand.New(rand.NewPCG(12, 0))
	inside(t, func(where string, scan core.Scan[string, string, string], rows []kit.Row) {
		for range t.Pick(100, 30) {
			a := randomScan(rnd, scan, rows)
			reverse := len(a.rows) > 1 && a.rows[0].Key > a.rows[1].Key
			if len(a.rows) < 2 {
				continue // its rows do not show in which direction it goes
			}
			c := a.cursor(t)
			for range 8 {
				k := kit.OddKeys[rnd.IntN(len(kit.OddKeys))] + []string{
					"", "\x00",
					"m",
				}[rnd.IntN(3)]
				most := rnd.IntN(4) - 1
				c.Seek(k)
				want := kit.Behind(a.rows, []byte(k), reverse, max(most, 0))
				if most == 0 {
					want = nil
				}
				if got := pulled(c, most); !slices.Equal(got, want) || c.Err() != nil {
					t.Fatalf("%s %v.Seek(%q): %v, %v; want %v",
						where, a.words, k, got, c.Err(), want)
				}
			}
			t.Do("Close", c.Close())
		}
	})
}

func checkPullLimit(t *kit.Trial) {
	_, tab := openOne(t)
	load(t, tab, 6)
	c := aScan{scan: tab.Scan().Limit(3)}.cursor(t)
	pulled(c, 2)
	c.Seek("some000001")
	if got := pulled(c, -1); len(got) != 1 || got[0].Key != "some000001" {
		t.Errorf("after two of three rows and Seek there are %v; want one more", got)
	}
	c.Seek("some000000")
	if c.Next() || c.Err() != nil {
		t.Errorf("Seek gives rows beyond Limit: %q, %v", c.Key(), c.Err())
	}
	t.Do("Close", c.Close())
}

func checkPullStart(t *kit.Trial) {
	s, tab := openOne(t)
	load(t, tab, 3)
	c := aScan{scan: tab.Scan()}.cursor(t)
	var got []kit.Row
	if t.Shared() { // the first row settles the state
		got = pulled(c, 1)
	}
	put1(t, tab, "some000001", "later")
	_, err := tab.Delete(t.Ctx, "some000002")
	t.Do("Delete", err)
	if got = append(got, pulled(c, -1)...); len(got) != 3 || got[1].Value != "value 1" {
		t.Errorf("a cursor sees what was written after it was made: %v", got)
	}
	t.Do("Close", c.Close())
	t.Do("Update", s.Update(t.Ctx, func(tx *core.Tx) error {
		in := tab.In(tx)
		c := aScan{scan: in.Scan()}.cursor(t)
		t.Do("Put", in.Put(t.Ctx, "some000001", "later still"))
		if got := pulled(c, -1); len(got) != 2 || got[1].Value != "later" {
			t.Errorf("in a transaction a cursor sees what was written after it was made: %v", got)
		}
		return nil
	}))
}

func checkPullClose(t *kit.Trial) {
	s, tab := openOne(t)
	load(t, tab, 3)
	c := aScan{scan: tab.Scan()}.cursor(t)
	t.Is("Close of the storage", s.Close(), core.ErrGuardsOpen)
	if got := pulled(c, -1); len(got) != 3 || c.Err() != nil {
		t.Errorf("after the storage's Close a cursor gives %v, %v; want three rows", got, c.Err())
	}
	t.Do("Close", c.Close())
	t.Do("Close again", c.Close())
	if c.Err() != nil {
		t.Errorf("Err is %v after Close; want nil, as nothing failed", c.Err())
	}
	c.Seek("some000000")
	if c.Next() || !errors.Is(c.Err(), core.ErrClosed) {
		t.Errorf("Next after Close gives %q, %v; want ErrClosed", c.Key(), c.Err())
	}
	t.Do("Close of the storage", s.Close())
	_, err := tab.Scan().Cursor(t.Ctx)
	t.Is("Cursor of a closed storage", err, core.ErrClosed)
}

func checkPullTxEnd(t *kit.Trial) {
	s, tab := openOne(t)
	load(t, tab, 3)
	var c *core.Cursor[string, string]
	t.Do("View", s.View(t.Ctx, func(tx *core.Tx) error {
		c = aScan{scan: tab.In(tx).Scan()}.cursor(t)
		c.Next()
		return nil
	}))
	c.Seek("some000000")
	if c.Next() || !errors.Is(c.Err(), core.ErrClosed) {
		t.Errorf("after its transaction a cursor gives %q, %v; want ErrClosed", c.Key(), c.Err())
	}
	t.Do("Close", c.Close())
}

func checkAfter(t *kit.Trial) {
	inside(t, func(where string, scan core.Scan[string, string, string], rows []kit.Row) {
		for _, k := range append([]string{"0", "zz"}, kit.OddKeys...) {
			var above, below []kit.Row
			for _, r := range rows {
				if r.Key > k {
					above = append(above, r)
				}
				if r.Key < k {
					below = append([]kit.Row{r}, below...)
				}
			}
			from := kit.Between(above, core.ScanRange{Low: []byte("a"), High: []byte("b\x00")})
			for name, c := range kit.ByName(map[string]aScan{
				"forward":        {scan: scan.After(k), rows: above},
				"reverse before": {scan: scan.Reverse().After(k), rows: below},
				"reverse after":  {scan: scan.After(k).Reverse(), rows: below},
				"twice": {
					scan: scan.After(k).After("\x00"),
					rows: kit.Between(above, core.ScanRange{Low: []byte("\x00\x00")}),
				},
				"bounds": {scan: scan.From("a").After(k).To("b\x00"), rows: from},
			}) {
				c.words = []string{where, name, fmt.Sprintf("After(%q)", k)}
				c.verify(t)
			}
		}
	})
}

func checkPages(t *kit.Trial) {
	_, tab := openOne(t)
	load(t, tab, 7)
	var pages []int
	for scan := tab.Scan().Limit(3); ; {
		got := scanned(t, scan)
		if pages = append(pages, len(got)); len(got) < 3 {
			break
		}
		scan = scan.After(got[2].Key)
	}
	if !slices.Equal(pages, []int{3, 3, 1}) {
		t.Errorf("the pages of seven rows have %v rows; want 3, 3 and 1", pages)
	}
}

// getMany returns copies of the rows that GetMany gives.
func getMany(t *kit.Trial, tab words, ks iter.Seq[string]) (rows []kit.Row) {
	t.TB.Helper()
	for r, err := range tab.GetMany(t.Ctx, ks) {
		t.Do("GetMany", err)
		rows = append(rows, kit.KV(r.Key, kit.CopyOf(r.Value)))
	}
	return rows
}

func checkGetMany(t *kit.Trial) {
	s, tab := openOne(t)
	const stored, asked = 500, 2300
	load(t, tab, stored)
	rnd := rand.New(rand.NewPCG(13, 0))
	var ks []string
	var want []kit.Row
	for range asked {
		n := rnd.IntN(2 * stored)
		k := fmt.Sprintf("some%06d", n)
		if ks = append(ks, k); n < stored {
			want = append(want, kit.KV(k, fmt.Sprintf("value %d", n)))
		}
	}
	if got := getMany(t, tab, slices.Values(ks)); !slices.Equal(got, want) {
		t.Errorf("GetMany of %d keys gives %d rows; want %d, in the order asked",
			asked, len(got), len(want))
	}
	if got := getMany(t, tab, slices.Values([]string(nil))); len(got) > 0 {
		t.Errorf("GetMany of no key gives %v", got)
	}
	t.Do("Close", s.Close())
	for _, err := range tab.GetMany(t.Ctx, slices.Values(ks[:1])) {
		t.Is("GetMany of a closed storage", err, core.ErrClosed)
	}
}

func checkGetManyLoop(t *kit.Trial) {
	s, tab := openOne(t)
	load(t, tab, 10)
	ks := slices.Values([]string{"some000001", "some000002", "some000003"})
	var seen []string
	for r, err := range tab.GetMany(t.Ctx, ks) {
		t.Do("GetMany", err)
		seen = append(seen, kit.CopyOf(r.Value))
		put1(t, tab, "some000002", "written in the loop")
		if len(seen) == 2 {
			break
		}
	}
	if !slices.Equal(seen, []string{"value 1", "value 2"}) {
		t.Errorf("the loop saw %v; want the rows of one snapshot", seen)
	}
	for _, err := range tab.GetMany(kit.Cancelled(), ks) {
		if !kit.IsCancelled(err) {
			t.Errorf("a cancelled GetMany gives %v", err)
		}
	}
	t.Do("Close", s.Close())
}
