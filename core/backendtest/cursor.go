// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package backendtest

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/guardkv/guardkv/core"
)

var cursorPromises = []promise{
	{
		name: "cursor/ranges", check: checkCursorRanges,
		explanation: "a cursor passes over the rows from Low, inclusive, to High, exclusive; nil is no bound",
	},
	{
		name: "cursor/reverse", check: checkCursorReverse,
		explanation: "Reverse passes over the same rows from the last to the first",
	},
	{
		name: "cursor/seek", check: checkCursorSeek,
		explanation: "after Seek, Next returns the first row of the range at or behind the key in the cursor's " +
			"direction, also backward and after the end; the key may be reused when Seek returns",
	},
	{
		name: "cursor/limit", check: checkCursorLimit,
		explanation: "Limit is a hint: it leaves out no row, neither for who asks for more nor behind a Seek",
	},
	{
		name: "cursor/keys only", check: checkCursorKeysOnly,
		explanation: "KeysOnly passes over the same keys; values are not looked at, and may be nil",
	},
	{
		name: "cursor/end", check: checkCursorEnd,
		explanation: "ok is false at the end, and from then on; Err is nil",
	},
	{
		name: "cursor/early close", check: checkCursorEarlyClose,
		explanation: "a cursor may be closed anywhere, before the first Next too",
	},
	{
		name: "cursor/arguments", check: checkCursorArguments,
		explanation: "the slices of the range may be reused when Scan returns",
	},
	{
		name: "cursor/bytes", check: checkCursorBytes,
		explanation: "the bytes of a row are valid until the next call of Next or Close, whatever is written meanwhile",
	},
	{
		name: "cursor/side by side", check: checkCursorsSideBySide,
		explanation: "cursors of one snapshot do not disturb each other",
	},
	{
		name: "cursor/cancelled", check: checkCursorCancelled,
		explanation: "the context of Scan holds for the cursor too: when it ends, so do the rows, with its error",
	},
}

// checkRanges compares scans over all pairs of bounds, those that hold nothing included.
func checkRanges(t *trial, reverse, keysOnly bool) {
	s := t.create()
	rows := fillOdd(s)
	snap := s.snapshot()
	defer t.close(snap)
	for _, low := range bounds() {
		for _, high := range bounds() {
			r := core.ScanRange{Low: low, High: high, Reverse: reverse, KeysOnly: keysOnly}
			want := between(rows, r)
			if keysOnly {
				want = slices.Clone(want)
				for i := range want {
					want[i].value = ""
				}
			}
			if got := t.rows(snap, r); !slices.Equal(got, want) {
				t.Fatalf("from %q to %q: %v; want %v", low, high, got, want)
			}
		}
	}
}

func checkCursorRanges(t *trial)  { checkRanges(t, false, false) }
func checkCursorReverse(t *trial) { checkRanges(t, true, false) }
func checkCursorKeysOnly(t *trial) {
	checkRanges(t, false, true)
}

// checkCursorSeek seeks every key in every range, from before the first row, from the middle and from the end.
func checkCursorSeek(t *trial) {
	s := t.create()
	rows := fillOdd(s)
	snap := s.snapshot()
	defer t.close(snap)
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
		c := t.cursor(snap, r)
		for i, key := range bounds()[1:] {
			if i%3 > 0 {
				c.Next()
			}
			if got, want := sought(c, key, i%4), behind(between(rows, r), key, r.Reverse, i%4); !sameRowKeys(got, want) {
				t.Fatalf("%+v: after Seek of %q the rows are %v; want %v", r, key, got, want)
			}
			if err := c.Err(); err != nil {
				t.Fatalf("%+v: after Seek of %q Err = %v", r, key, err)
			}
		}
		t.close(c)
	}
}

// checkCursorLimit asks for more rows than it said, with and without Seek.
func checkCursorLimit(t *trial) {
	s := t.create()
	rows := fillOdd(s)
	snap := s.snapshot()
	defer t.close(snap)
	scans := []func(context.Context, core.ScanRange) (core.RowCursor, error){snap.Scan}
	if scan := s.Powers().Scan; scan != nil {
		scans = append(scans, scan)
	}
	for _, scan := range scans {
		for i := range 4 * len(rows) {
			r := core.ScanRange{Limit: 1 + i/4, Reverse: i%2 == 0, KeysOnly: i%4 > 1}
			c, err := scan(t.ctx, r)
			t.do("Scan", err)
			if got, want := rest(c), between(rows, r); !sameRowKeys(got, want) || c.Err() != nil {
				t.Errorf("%+v: the rows are %v, %v; want %v", r, got, c.Err(), want)
			}
			key := []byte(rows[i/4].key)
			if got, want := sought(c, key, 0), behind(between(rows, r), key, r.Reverse, 0); !sameRowKeys(got, want) {
				t.Errorf("%+v: after Seek of %q the rows are %v; want %v", r, key, got, want)
			}
			t.close(c)
		}
	}
}

func checkCursorEnd(t *trial) {
	s := t.create()
	fillOdd(s)
	snap := s.snapshot()
	defer t.close(snap)
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
		c := t.cursor(snap, r)
		for _, _, ok := c.Next(); ok; _, _, ok = c.Next() {
		}
		for range 3 {
			if k, _, ok := c.Next(); ok || c.Err() != nil {
				t.Errorf("after the end Next = %q, %v and Err = %v", k, ok, c.Err())
			}
		}
		t.close(c)
	}
}

func checkCursorEarlyClose(t *trial) {
	s := t.create()
	rows := fillOdd(s)
	snap := s.snapshot()
	defer t.close(snap)
	for n := range len(rows) + 2 {
		c := t.cursor(snap, core.ScanRange{Reverse: n%2 == 0})
		for range n {
			c.Next()
		}
		if err := c.Err(); err != nil {
			t.Errorf("Err = %v", err)
		}
		t.close(c)
	}
}

func checkCursorArguments(t *trial) {
	s := t.create()
	rows := fillOdd(s)
	snap := s.snapshot()
	defer t.close(snap)
	for _, reverse := range []bool{false, true} {
		low, high := []byte("a"), []byte("b\x00")
		want := between(rows, core.ScanRange{Low: low, High: high, Reverse: reverse})
		c := t.cursor(snap, core.ScanRange{Low: low, High: high, Reverse: reverse})
		if string(low) != "a" || string(high) != "b\x00" {
			t.Errorf("Scan changed its bounds to %q and %q", low, high)
		}
		spoil(low)
		spoil(high)
		if got := rest(c); !slices.Equal(got, want) {
			t.Errorf("rows are %v; want %v", got, want)
		}
		t.close(c)
	}
}

func checkCursorBytes(t *trial) {
	s := t.create()
	rows := fillOdd(s)
	snap := s.snapshot()
	defer t.close(snap)
	c := t.cursor(snap, core.ScanRange{})
	defer t.close(c)
	for i, want := range rows {
		k, v, ok := c.Next()
		s.apply(put(want.key, "overwritten"), put("other", strings.Repeat("o", i*1000)))
		s.wants(want.key, "overwritten")
		if !ok || string(k) != want.key || string(v) != want.value {
			t.Fatalf("row %d is %v, %v; want %v", i, row{string(k), string(v)}, ok, want)
		}
	}
}

func checkCursorsSideBySide(t *trial) {
	s := t.create()
	rows := fillOdd(s)
	snap := s.snapshot()
	defer t.close(snap)
	up, down := t.cursor(snap, core.ScanRange{}), t.cursor(snap, core.ScanRange{Reverse: true})
	for i, want := range rows {
		k, v, _ := up.Next()
		k2, v2, _ := down.Next()
		back := rows[len(rows)-1-i]
		if string(k) != want.key || string(v) != want.value {
			t.Fatalf("upward row %d is %v; want %v", i, row{string(k), string(v)}, want)
		}
		if string(k2) != back.key || string(v2) != back.value {
			t.Fatalf("downward row %d is %v; want %v", i, row{string(k2), string(v2)}, back)
		}
	}
	t.close(up)
	if _, _, ok := down.Next(); ok || down.Err() != nil {
		t.Errorf("closing one cursor changed the other: %v, %v", ok, down.Err())
	}
	t.close(down)
}

func checkCursorCancelled(t *trial) {
	s := t.create()
	for part := range 50 {
		var writes []core.Write
		for i := range 100 {
			writes = append(writes, put(fmt.Sprintf("%05d", part*100+i), "v"))
		}
		s.apply(writes...)
	}
	snap := s.snapshot()
	defer t.close(snap)
	for _, after := range []int{0, 1, 100} {
		if got, err := cancelScan(t, snap, after); got == 5000 || !isCancelled(err) {
			t.Errorf("cancelled after %d rows a cursor gave %d rows and %v; want fewer than 5000 and context.Canceled", after, got, err)
		}
	}
}

// cancelScan cancels a scan after so many rows and returns how many it gave.
func cancelScan(t *trial, snap core.Snapshot, after int) (rows int, err error) {
	ctx, cancel := context.WithCancel(t.ctx)
	defer cancel()
	if after == 0 {
		cancel()
	}
	c, err := snap.Scan(ctx, core.ScanRange{})
	if err != nil {
		return 0, err
	}
	defer t.close(c)
	for _, _, ok := c.Next(); ok; _, _, ok = c.Next() {
		if rows++; rows == after {
			cancel()
		}
	}
	return rows, c.Err()
}
