// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package ordered

import "testing"

// TestScanBounds tries every pair of bounds, on and between the keys, on trees of one and of
// two levels.
func TestScanBounds(t *testing.T) {
	for _, n := range []int{0, 1, 2, maxItems, maxItems + 1, 2 * maxItems} {
		var m Map[int]
		for i := range n {
			m.Set(number(2*i+1), i)
		}
		for low := -1; low <= 2*n+1; low++ {
			for high := -1; high <= 2*n+1; high++ {
				checkRange(t, &m, low, high, n)
			}
		}
	}
}

// checkRange scans m, which maps 2i+1 to i for every i below n. A bound of -1 is none.
func checkRange(t *testing.T, m *Map[int], low, high, n int) {
	t.Helper()
	first, end := max(low, 0)/2, n
	if high >= 0 {
		end = min(high/2, n)
	}
	up, down := m.Scan(bound(low), bound(high), false), m.Scan(bound(low), bound(high), true)
	for i := first; i < end; i++ {
		if _, v, ok := up.Next(); !ok || v != i {
			t.Fatalf("%d rows from %d to %d: %d, %v where %d should be", n, low, high, v, ok, i)
		}
	}
	for i := end - 1; i >= first; i-- {
		if _, v, ok := down.Next(); !ok || v != i {
			t.Fatalf("%d rows from %d to %d in reverse: %d, %v where %d should be",
				n, low, high, v, ok, i)
		}
	}
	for range 2 {
		if k, _, ok := up.Next(); ok {
			t.Fatalf("%d rows from %d to %d: %x after the end", n, low, high, k)
		}
		if k, _, ok := down.Next(); ok {
			t.Fatalf("%d rows from %d to %d in reverse: %x after the end", n, low, high, k)
		}
	}
}

func bound(n int) []byte {
	if n < 0 {
		return nil
	}
	return number(n)
}

// TestScanEmptyBounds: an empty slice is a bound, nil is none.
func TestScanEmptyBounds(t *testing.T) {
	p := newPair()
	p.set(t, "", 1)
	p.set(t, "a", 2)
	for _, low := range [][]byte{nil, {}, []byte("a"), []byte("b")} {
		for _, high := range [][]byte{nil, {}, {0}, []byte("a"), []byte("b")} {
			p.scan(t, low, high)
		}
	}
}

// TestCopyOfCursor: a cursor is a value, and its copy goes its own way.
func TestCopyOfCursor(t *testing.T) {
	var m Map[int]
	for i := range 1000 {
		m.Set(number(i), i)
	}
	a := m.Scan(number(10), nil, false)
	a.Next()
	b := a
	for i := range 500 {
		a.Next()
		if _, v, _ := b.Next(); v != 11+i {
			t.Fatalf("%d, want %d", v, 11+i)
		}
	}
}

// TestSeek seeks every key, and between all keys, in every range of trees of one and of two
// levels, from wherever the cursor happens to stand.
func TestSeek(t *testing.T) {
	for _, n := range []int{0, 1, 2, maxItems + 1, 2*maxItems + 1} {
		var m Map[int]
		for i := range n {
			m.Set(number(2*i+1), i)
		}
		for _, low := range []int{-1, 0, 1, n, 2 * n} {
			for _, high := range []int{-1, 1, n, 2*n + 1} {
				checkSeeks(t, &m, low, high, n)
			}
		}
	}
}

// checkSeeks compares with the plain way: the first i at or behind the key, of those whose 2i+1
// is in the range.
func checkSeeks(t *testing.T, m *Map[int], low, high, n int) {
	t.Helper()
	first, end := max(low, 0)/2, n
	if high >= 0 {
		end = min(high/2, n)
	}
	up, down := m.Scan(bound(low), bound(high), false), m.Scan(bound(low), bound(high), true)
	for step := range 2*n + 3 {
		key := step * 7 % (2*n + 3)
		up.Seek(number(key))
		_, v, ok := up.Next()
		if want := max(key/2, first); ok != (want < end) || ok && v != want {
			t.Fatalf("%d rows from %d to %d: %d, %v after Seek of %d", n, low, high, v, ok, key)
		}
		down.Seek(number(key))
		_, v, ok = down.Next()
		if want := min((key-1)/2, end-1); ok != (key > 0 && want >= first) || ok && v != want {
			t.Fatalf("%d rows from %d to %d in reverse: %d, %v after Seek of %d",
				n, low, high, v, ok, key)
		}
	}
}
