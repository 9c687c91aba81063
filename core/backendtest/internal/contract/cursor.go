// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package contract

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/backendtest/internal/decorate"
	"github.com/guardkv/guardkv/core/backendtest/internal/kit"
)

var cursorPromises = []kit.Promise{
	{
		Name: "cursor/ranges", Check: checkCursorRanges,
		Explanation: "a cursor passes over the rows from Low, inclusive, to High, exclusive; nil " +
			"is no bound",
	},
	{
		Name: "cursor/reverse", Check: checkCursorReverse,
		Explanation: "Reverse passes over the same rows from the last to the first",
	},
	{
		Name: "cursor/seek", Check: checkCursorSeek,
		Explanation: "after Seek, Next returns the first row of the range at or behind the key " +
			"in the cursor's " +
			"direction, also backward and after the end; the key may be reused when Seek returns",
	},
	{
		Name: "cursor/limit", Check: checkCursorLimit,
		Explanation: "Limit is a hint: it leaves out no row, neither if more are asked for nor " +
			"after a Seek",
	},
	{
		Name: "cursor/keys only", Check: checkCursorKeysOnly,
		Explanation: "KeysOnly passes over the same keys; values are not looked at, and may be nil",
	},
	{
		Name: "cursor/end", Check: checkCursorEnd,
		Explanation: "ok is false at the end, and from then on; Err is nil",
	},
	{
		Name: "cursor/early close", Check: checkCursorEarlyClose,
		Explanation: "a cursor may be closed anywhere, before the first Next too",
	},
	{
		Name: "cursor/arguments", Check: checkCursorArguments,
		Explanation: "the slices of the range may be reused when Scan returns",
	},
	{
		Name: "cursor/bytes", Check: checkCursorBytes,
		Explanation: "the bytes of a row are valid until the next call of Next or Close, " +
			"whatever is written meanwhile",
	},
	{
		Name: "cursor/side by side", Check: checkCursorsSideBySide,
		Explanation: "cursors of one snapshot do not disturb each other",
	},
	{
		Name: "cursor/cancelled", Check: checkCursorCancelled,
		Explanation: "the context of Scan holds for the cursor too: when it ends, so do the " +
			"rows, with its error",
	},
}

// checkRanges compares scans over all pairs of bounds, those that hold nothing included.
func checkRanges(t *kit.Trial, reverse, keysOnly bool) {
	s := t.Create()
	rows := kit.FillOdd(s)
	snap := s.MustSnapshot()
	defer t.Close(snap)
	for _, low := range kit.Bounds() {
		for _, high := range kit.Bounds() {
			r := core.ScanRange{Low: low, High: high, Reverse: reverse, KeysOnly: keysOnly}
			want := kit.Between(rows, r)
			if keysOnly {
				want = slices.Clone(want)
				for i := range want {
					want[i].Value = ""
				}
			}
			if got := t.Rows(snap, r); !slices.Equal(got, want) {
				t.Fatalf("from %q to %q: %v; want %v", low, high, got, want)
			}
		}
	}
}

func checkCursorRanges(t *kit.Trial)  { checkRanges(t, false, false) }
func checkCursorReverse(t *kit.Trial) { checkRanges(t, true, false) }
func checkCursorKeysOnly(t *kit.Trial) {
	checkRanges(t, false, true)
}

// checkCursorSeek seeks every key in every range, from before the first row, from the middle
// and from the end.
func checkCursorSeek(t *kit.Trial) {
	s := t.Create()
	rows := kit.FillOdd(s)
	snap := s.MustSnapshot()
	defer t.Close(snap)
	for _, r := range []core.ScanRange{
		{},
		{Reverse: true},
		{KeysOnly: true},
		{Low: []byte("a"), High: []byte("b\x00")},
		{Low: []byte("a"), High: []byte("b\x00"), Reverse: true},
		{Low: []byte("a")},
		{High: []byte("b"), Reverse: true},
		{Low: []byte("b"), High: []byte("a")},
		{Low: []byte("b"), High: []byte("a"), Reverse: true},
	} {
		c := t.Cursor(snap, r)
		for i, key := range kit.Bounds()[1:] {
			if i%3 > 0 {
				c.Next()
			}
			if got, want := kit.Sought(c, key, i%4), kit.Behind(kit.Between(rows, r), key,
				r.Reverse, i%4); !kit.SameRowKeys(got, want) {
				t.Fatalf("%+v: after Seek of %q the rows are %v; want %v", r, key, got, want)
			}
			if err := c.Err(); err != nil {
				t.Fatalf("%+v: after Seek of %q Err = %v", r, key, err)
			}
		}
		t.Close(c)
	}
}

// checkCursorLimit asks for more rows than its Limit says, with and without Seek.
func checkCursorLimit(t *kit.Trial) {
	s := t.Create()
	rows := kit.FillOdd(s)
	snap := s.MustSnapshot()
	defer t.Close(snap)
	scans := []func(context.Context, core.ScanRange) (core.RowCursor, error){snap.Scan}
	if scan := s.Powers().Scan; scan != nil {
		scans = append(scans, scan)
	}
	for _, scan := range scans {
		for i := range 4 * len(rows) {
			r := core.ScanRange{Limit: 1 + i/4, Reverse: i%2 == 0, KeysOnly: i%4 > 1}
			c, err := scan(t.Ctx, r)
			t.Do("Scan", err)
			if got, want := kit.Rest(c), kit.Between(rows, r); !kit.SameRowKeys(got,
				want) || c.Err() != nil {
				t.Errorf("%+v: the rows are %v, %v; want %v", r, got, c.Err(), want)
			}
			key := []byte(rows[i/4].Key)
			if got, want := kit.Sought(c, key, 0), kit.Behind(kit.Between(rows, r), key, r.Reverse,
				0); !kit.SameRowKeys(got, want) {
				t.Errorf("%+v: after Seek of %q the rows are %v; want %v", r, key, got, want)
			}
			t.Close(c)
		}
	}
}

func checkCursorEnd(t *kit.Trial) {
	s := t.Create()
	kit.FillOdd(s)
	snap := s.MustSnapshot()
	defer t.Close(snap)
	for _, r := range []core.ScanRange{
		{},
		{Reverse: true},
		{KeysOnly: true},
		{Low: []byte("a"), High: []byte("b")},
		{Low: []byte("x"), High: []byte("x")},
		{Low: []byte("b"), High: []byte("a")},
		{Low: []byte("a"), High: []byte("b"), Reverse: true},
		{High: []byte{0}},
	} {
		c := t.Cursor(snap, r)
		for _, _, ok := c.Next(); ok; _, _, ok = c.Next() {
		}
		for range 3 {
			if k, _, ok := c.Next(); ok || c.Err() != nil {
				t.Errorf("after the end Next = %q, %v and Err = %v", k, ok, c.Err())
			}
		}
		t.Close(c)
	}
}

func checkCursorEarlyClose(t *kit.Trial) {
	s := t.Create()
	rows := kit.FillOdd(s)
	snap := s.MustSnapshot()
	defer t.Close(snap)
	for n := range len(rows) + 2 {
		c := t.Cursor(snap, core.ScanRange{Reverse: n%2 == 0})
		for range n {
			c.Next()
		}
		if err := c.Err(); err != nil {
			t.Errorf("Err = %v", err)
		}
		t.Close(c)
	}
}

func checkCursorArguments(t *kit.Trial) {
	s := t.Create()
	rows := kit.FillOdd(s)
	snap := s.MustSnapshot()
	defer t.Close(snap)
	for _, reverse := range []bool{false, true} {
		low, high := []byte("a"), []byte("b\x00")
		want := kit.Between(rows, core.ScanRange{Low: low, High: high, Reverse: reverse})
		c := t.Cursor(snap, core.ScanRange{Low: low, High: high, Reverse: reverse})
		if string(low) != "a" || string(high) != "b\x00" {
			t.Errorf("Scan changed its bounds to %q and %q", low, high)
		}
		decorate.Overwrite(low)
		decorate.Overwrite(high)
		if got := kit.Rest(c); !slices.Equal(got, want) {
			t.Errorf("rows are %v; want %v", got, want)
		}
		t.Close(c)
	}
}

func checkCursorBytes(t *kit.Trial) {
	s := t.Create()
	rows := kit.FillOdd(s)
	snap := s.MustSnapshot()
	defer t.Close(snap)
	c := t.Cursor(snap, core.ScanRange{})
	defer t.Close(c)
	for i, want := range rows {
		k, v, ok := c.Next()
		s.MustApply(kit.Put(want.Key, "overwritten"), kit.Put("other", strings.Repeat("o", i*1000)))
		s.Wants(want.Key, "overwritten")
		if !ok || string(k) != want.Key || string(v) != want.Value {
			t.Fatalf("row %d is %v, %v; want %v", i, kit.KV(string(k), string(v)), ok, want)
		}
	}
}

func checkCursorsSideBySide(t *kit.Trial) {
	s := t.Create()
	rows := kit.FillOdd(s)
	snap := s.MustSnapshot()
	defer t.Close(snap)
	up, down := t.Cursor(snap, core.ScanRange{}), t.Cursor(snap, core.ScanRange{Reverse: true})
	for i, want := range rows {
		k, v, _ := up.Next()
		k2, v2, _ := down.Next()
		back := rows[len(rows)-1-i]
		if string(k) != want.Key || string(v) != want.Value {
			t.Fatalf("upward row %d is %v; want %v", i, kit.KV(string(k), string(v)), want)
		}
		if string(k2) != back.Key || string(v2) != back.Value {
			t.Fatalf("downward row %d is %v; want %v", i, kit.KV(string(k2), string(v2)), back)
		}
	}
	t.Close(up)
	if _, _, ok := down.Next(); ok || down.Err() != nil {
		t.Errorf("closing one cursor changed the other: %v, %v", ok, down.Err())
	}
	t.Close(down)
}

func checkCursorCancelled(t *kit.Trial) {
	s := t.Create()
	for part := range 50 {
		var writes []core.Write
		for i := range 100 {
			writes = append(writes, kit.Put(fmt.Sprintf("%05d", part*100+i), "v"))
		}
		s.MustApply(writes...)
	}
	snap := s.MustSnapshot()
	defer t.Close(snap)
	for _, after := range []int{0, 1, 100} {
		if got, err := cancelScan(t, snap, after); got == 5000 || !kit.IsCancelled(err) {
			t.Errorf("cancelled after %d rows a cursor gave %d rows and %v; want fewer than 5000 "+
				"and context.Canceled", after, got, err)
		}
	}
}

// cancelScan cancels a scan after that many rows, and returns how many rows it gave.
func cancelScan(t *kit.Trial, snap core.Snapshot, after int) (rows int, err error) {
	ctx, cancel := context.WithCancel(t.Ctx)
	defer cancel()
	if after == 0 {
		cancel()
	}
	c, err := snap.Scan(ctx, core.ScanRange{})
	if err != nil {
		return 0, err
	}
	defer t.Close(c)
	for _, _, ok := c.Next(); ok; _, _, ok = c.Next() {
		if rows++; rows == after {
			cancel()
		}
	}
	return rows, c.Err()
}
