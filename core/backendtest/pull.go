// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package backendtest

import (
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"

	"github.com/guardkv/guardkv/core"
)

var pullPromises = []promise{
	{
		name: "pull/rows", check: checkPullRows,
		explanation: "a Cursor gives the rows that Rows gives, outside a transaction and over its writes",
	},
	{
		name: "pull/seek", check: checkPullSeek,
		explanation: "after Seek a Cursor goes on with the first row at or behind the key in the scan's direction, inside its bounds, also backward and after the end",
	},
	{
		name: "pull/limit", check: checkPullLimit,
		explanation: "Limit counts the rows that Next returned; Seek does not reset it",
	},
	{
		name: "pull/start", check: checkPullStart,
		explanation: "a Cursor sees the state of the moment when it was made",
	},
	{
		name: "pull/close", check: checkPullClose,
		explanation: "an open Cursor counts for ErrGuardsOpen and stays readable; closing it again does nothing; used after Close it gives ErrClosed",
	},
	{
		name: "pull/transaction's end", check: checkPullTxEnd,
		explanation: "a Cursor that outlives its transaction gives ErrClosed, and holds nothing",
	},
	{
		name: "scans/after", check: checkAfter,
		explanation: "After leaves out a key and what comes before it in the scan's direction",
	},
	{
		name: "scans/pages", check: checkPages,
		explanation: "Limit and After of the last row that was seen go through a table page by page",
	},
	{
		name: "get many/rows", check: checkGetMany,
		explanation: "GetMany gives the rows in the order of the keys, leaves out absent ones and repeats those asked for twice",
	},
	{
		name: "get many/loop", check: checkGetManyLoop,
		explanation: "the body of a GetMany loop may write, and end the loop anywhere; nothing stays open",
	},
}

// inside calls fn with a scan of the table and its rows: outside a transaction, in a View, and in an Update that has
// put the missing rows, changed the first and deleted the last.
func inside(t *trial, fn func(where string, scan core.Scan[string, string, string], rows []row)) {
	t.tb.Helper()
	s, tab, rows, missing := oddTable(t)
	fn("outside", tab.Scan(), rows)
	t.do("View", s.View(t.ctx, func(tx *core.Tx) error {
		fn("in a View", tab.In(tx).Scan(), rows)
		return nil
	}))
	rolledBack := errors.New("rolled back")
	err := s.Update(t.ctx, func(tx *core.Tx) error {
		in, now := tab.In(tx), slices.Clone(rows)
		for _, k := range missing {
			t.do("Put", in.Put(t.ctx, k, "pending"))
			now = append(now, row{k, "pending"})
		}
		t.do("Put", in.Put(t.ctx, now[0].key, "changed"))
		now[0].value = "changed"
		_, err := in.Delete(t.ctx, rows[len(rows)-1].key)
		t.do("Delete", err)
		now = slices.Delete(now, len(rows)-1, len(rows))
		slices.SortFunc(now, func(a, b row) int { return compare(a.key, b.key) })
		fn("in an Update", in.Scan(), now)
		return rolledBack
	})
	t.is("Update", err, rolledBack)
}

func checkPullRows(t *trial) {
	rnd := rand.New(rand.NewPCG(11, 0))
	inside(t, func(where string, scan core.Scan[string, string, string], rows []row) {
		for range t.pick(200, 60) {
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
			t.do("Close", c.Close())
		}
	})
}

func checkPullSeek(t *trial) {
	rnd := rand.New(rand.NewPCG(12, 0))
	inside(t, func(where string, scan core.Scan[string, string, string], rows []row) {
		for range t.pick(100, 30) {
			a := randomScan(rnd, scan, rows)
			reverse := len(a.rows) > 1 && a.rows[0].key > a.rows[1].key
			if len(a.rows) < 2 {
				continue // which direction it has cannot be told from its rows
			}
			c := a.cursor(t)
			for range 8 {
				k := oddKeys[rnd.IntN(len(oddKeys))] + []string{"", "\x00", "m"}[rnd.IntN(3)]
				most := rnd.IntN(4) - 1
				c.Seek(k)
				want := behind(a.rows, []byte(k), reverse, max(most, 0))
				if most == 0 {
					want = nil
				}
				if got := pulled(c, most); !slices.Equal(got, want) || c.Err() != nil {
					t.Fatalf("%s %v.Seek(%q): %v, %v; want %v", where, a.words, k, got, c.Err(), want)
				}
			}
			t.do("Close", c.Close())
		}
	})
}

func checkPullLimit(t *trial) {
	_, tab := t.one()
	load(t, tab, 6)
	c := aScan{scan: tab.Scan().Limit(3)}.cursor(t)
	pulled(c, 2)
	c.Seek("some000001")
	if got := pulled(c, -1); len(got) != 1 || got[0].key != "some000001" {
		t.Errorf("after two of three rows and Seek there are %v; want one more", got)
	}
	c.Seek("some000000")
	if c.Next() || c.Err() != nil {
		t.Errorf("Seek gives rows beyond Limit: %q, %v", c.Key(), c.Err())
	}
	t.do("Close", c.Close())
}

func checkPullStart(t *trial) {
	s, tab := t.one()
	load(t, tab, 3)
	c := aScan{scan: tab.Scan()}.cursor(t)
	put1(t, tab, "some000001", "later")
	_, err := tab.Delete(t.ctx, "some000002")
	t.do("Delete", err)
	if got := pulled(c, -1); len(got) != 3 || got[1].value != "value 1" {
		t.Errorf("a cursor sees what was written after it was made: %v", got)
	}
	t.do("Close", c.Close())
	t.do("Update", s.Update(t.ctx, func(tx *core.Tx) error {
		in := tab.In(tx)
		c := aScan{scan: in.Scan()}.cursor(t)
		t.do("Put", in.Put(t.ctx, "some000001", "later still"))
		if got := pulled(c, -1); len(got) != 2 || got[1].value != "later" {
			t.Errorf("in a transaction a cursor sees what was written after it was made: %v", got)
		}
		return nil
	}))
}

func checkPullClose(t *trial) {
	s, tab := t.one()
	load(t, tab, 3)
	c := aScan{scan: tab.Scan()}.cursor(t)
	t.is("Close of the storage", s.Close(), core.ErrGuardsOpen)
	if got := pulled(c, -1); len(got) != 3 || c.Err() != nil {
		t.Errorf("after the storage's Close a cursor gives %v, %v; want three rows", got, c.Err())
	}
	t.do("Close", c.Close())
	t.do("Close again", c.Close())
	if c.Err() != nil {
		t.Errorf("Err is %v after Close; want nil, as nothing failed", c.Err())
	}
	c.Seek("some000000")
	if c.Next() || !errors.Is(c.Err(), core.ErrClosed) {
		t.Errorf("Next after Close gives %q, %v; want ErrClosed", c.Key(), c.Err())
	}
	t.do("Close of the storage", s.Close())
	_, err := tab.Scan().Cursor(t.ctx)
	t.is("Cursor of a closed storage", err, core.ErrClosed)
}

func checkPullTxEnd(t *trial) {
	s, tab := t.one()
	load(t, tab, 3)
	var c *core.Cursor[string, string]
	t.do("View", s.View(t.ctx, func(tx *core.Tx) error {
		c = aScan{scan: tab.In(tx).Scan()}.cursor(t)
		c.Next()
		return nil
	}))
	c.Seek("some000000")
	if c.Next() || !errors.Is(c.Err(), core.ErrClosed) {
		t.Errorf("after its transaction a cursor gives %q, %v; want ErrClosed", c.Key(), c.Err())
	}
	t.do("Close", c.Close())
}

func checkAfter(t *trial) {
	inside(t, func(where string, scan core.Scan[string, string, string], rows []row) {
		for _, k := range append([]string{"0", "zz"}, oddKeys...) {
			var above, below []row
			for _, r := range rows {
				if r.key > k {
					above = append(above, r)
				}
				if r.key < k {
					below = append([]row{r}, below...)
				}
			}
			from := between(above, core.ScanRange{Low: []byte("a"), High: []byte("b\x00")})
			for name, c := range byName(map[string]aScan{
				"forward":        {scan: scan.After(k), rows: above},
				"reverse before": {scan: scan.Reverse().After(k), rows: below},
				"reverse after":  {scan: scan.After(k).Reverse(), rows: below},
				"twice":          {scan: scan.After(k).After("\x00"), rows: between(above, core.ScanRange{Low: []byte("\x00\x00")})},
				"bounds":         {scan: scan.From("a").After(k).To("b\x00"), rows: from},
			}) {
				c.words = []string{where, name, fmt.Sprintf("After(%q)", k)}
				c.verify(t)
			}
		}
	})
}

func checkPages(t *trial) {
	_, tab := t.one()
	load(t, tab, 7)
	var pages []int
	for scan := tab.Scan().Limit(3); ; {
		got := scanned(t, scan)
		if pages = append(pages, len(got)); len(got) < 3 {
			break
		}
		scan = scan.After(got[2].key)
	}
	if !slices.Equal(pages, []int{3, 3, 1}) {
		t.Errorf("the pages of seven rows have %v rows; want 3, 3 and 1", pages)
	}
}

// many returns copies of the rows that GetMany gives.
func many(t *trial, tab words, ks iter.Seq[string]) (rows []row) {
	t.tb.Helper()
	for r, err := range tab.GetMany(t.ctx, ks) {
		t.do("GetMany", err)
		rows = append(rows, row{r.Key, copyOf(r.Value)})
	}
	return rows
}

func checkGetMany(t *trial) {
	s, tab := t.one()
	const stored, asked = 500, 2300
	load(t, tab, stored)
	rnd := rand.New(rand.NewPCG(13, 0))
	var ks []string
	var want []row
	for range asked {
		n := rnd.IntN(2 * stored)
		k := fmt.Sprintf("some%06d", n)
		if ks = append(ks, k); n < stored {
			want = append(want, row{k, fmt.Sprintf("value %d", n)})
		}
	}
	if got := many(t, tab, slices.Values(ks)); !slices.Equal(got, want) {
		t.Errorf("GetMany of %d keys gives %d rows; want %d, in the order asked", asked, len(got), len(want))
	}
	if got := many(t, tab, slices.Values([]string(nil))); len(got) > 0 {
		t.Errorf("GetMany of no key gives %v", got)
	}
	t.do("Close", s.Close())
	for _, err := range tab.GetMany(t.ctx, slices.Values(ks[:1])) {
		t.is("GetMany of a closed storage", err, core.ErrClosed)
	}
}

func checkGetManyLoop(t *trial) {
	s, tab := t.one()
	load(t, tab, 10)
	ks := slices.Values([]string{"some000001", "some000002", "some000003"})
	var seen []string
	for r, err := range tab.GetMany(t.ctx, ks) {
		t.do("GetMany", err)
		seen = append(seen, copyOf(r.Value))
		put1(t, tab, "some000002", "written in the loop")
		if len(seen) == 2 {
			break
		}
	}
	if !slices.Equal(seen, []string{"value 1", "value 2"}) {
		t.Errorf("the loop saw %v; want the rows of one snapshot", seen)
	}
	for _, err := range tab.GetMany(cancelled(), ks) {
		if !isCancelled(err) {
			t.Errorf("a cancelled GetMany gives %v", err)
		}
	}
	t.do("Close", s.Close())
}
