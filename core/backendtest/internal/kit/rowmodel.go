// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package kit

import (
	"slices"
	"strings"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/backendtest/internal/decorate"
)

// Between returns the rows of a range, found the plain way.
func Between(rows []Row, r core.ScanRange) (in []Row) {
	for _, row := range rows {
		if (r.Low == nil || row.Key >= string(r.Low)) && (r.High == nil ||
			row.Key < string(r.High)) {
			in = append(in, row)
		}
	}
	if r.Reverse {
		slices.Reverse(in)
	}
	return in
}

// Behind returns the rows at or behind key, at most that many, found the plain way.
func Behind(rows []Row, key []byte, reverse bool, most int) (in []Row) {
	for _, row := range rows {
		ahead := row.Key < string(key)
		if reverse {
			ahead = row.Key > string(key)
		}
		if !ahead && (len(in) < most || most == 0) {
			in = append(in, row)
		}
	}
	return in
}

func SameRowKeys(a, b []Row) bool {
	return slices.EqualFunc(a, b, func(a, b Row) bool { return a.Key == b.Key })
}

// Without returns the rows outside a range.
func Without(rows []Row, low, high string) []Row {
	return slices.DeleteFunc(slices.Clone(rows),
		func(r Row) bool { return r.Key >= low && r.Key < high })
}

// FillOdd writes rows with odd keys and returns them.
func FillOdd(s *Store) (rows []Row) {
	var writes []core.Write
	for i, k := range OddKeys {
		v := strings.Repeat("v", i*i*10)
		writes = append(writes, Put(k, v))
		rows = append(rows, Row{k, v})
	}
	s.MustApply(writes...)
	return rows
}

// Bounds are all the odd keys, keys between them, and no bound.
func Bounds() [][]byte {
	all := [][]byte{
		nil, []byte("0"), []byte("a\xff\xff"), []byte("zz"),
		[]byte(strings.Repeat("\xff", 20)),
	}
	for _, k := range OddKeys {
		all = append(all, []byte(k), []byte(k+"\x00"))
	}
	return all
}

// Cursor opens a cursor that the check must close.
func (t *Trial) Cursor(s core.Snapshot, r core.ScanRange) core.RowCursor {
	t.TB.Helper()
	c, err := s.Scan(t.Ctx, r)
	t.Do("Scan", err)
	return c
}

// Rest returns copies of the rows that are left.
func Rest(c core.RowCursor) (got []Row) {
	for k, v, ok := c.Next(); ok; k, v, ok = c.Next() {
		got = append(got, Row{string(k), string(v)})
	}
	return got
}

// Sought seeks key and returns the rows that follow, at most that many; 0 means all.
func Sought(c core.RowCursor, key []byte, most int) (got []Row) {
	lent := []byte(string(key))
	c.Seek(lent)
	decorate.Overwrite(lent)
	for len(got) < most || most == 0 {
		k, v, ok := c.Next()
		if !ok {
			break
		}
		got = append(got, Row{string(k), string(v)})
	}
	return got
}
