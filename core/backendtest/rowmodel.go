// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package backendtest

import (
	"slices"
	"strings"

	"github.com/guardkv/guardkv/core"
)

// between returns the rows of a range, the plain way.
func between(rows []row, r core.ScanRange) (in []row) {
	for _, row := range rows {
		if (r.Low == nil || row.key >= string(r.Low)) && (r.High == nil || row.key < string(r.High)) {
			in = append(in, row)
		}
	}
	if r.Reverse {
		slices.Reverse(in)
	}
	return in
}

// behind returns at most most of the rows at or behind key, the plain way.
func behind(rows []row, key []byte, reverse bool, most int) (in []row) {
	for _, row := range rows {
		ahead := row.key < string(key)
		if reverse {
			ahead = row.key > string(key)
		}
		if !ahead && (len(in) < most || most == 0) {
			in = append(in, row)
		}
	}
	return in
}

func sameRowKeys(a, b []row) bool {
	return slices.EqualFunc(a, b, func(a, b row) bool { return a.key == b.key })
}

// without returns the rows outside of a range.
func without(rows []row, low, high string) []row {
	return slices.DeleteFunc(slices.Clone(rows), func(r row) bool { return r.key >= low && r.key < high })
}

// fillOdd writes rows with odd keys and returns them.
func fillOdd(s *store) (rows []row) {
	var writes []core.Write
	for i, k := range oddKeys {
		v := strings.Repeat("v", i*i*10)
		writes = append(writes, put(k, v))
		rows = append(rows, row{k, v})
	}
	s.apply(writes...)
	return rows
}

// bounds are all the odd keys, what lies between them, and no bound.
func bounds() [][]byte {
	all := [][]byte{nil, []byte("0"), []byte("a\xff\xff"), []byte("zz"), []byte(strings.Repeat("\xff", 20))}
	for _, k := range oddKeys {
		all = append(all, []byte(k), []byte(k+"\x00"))
	}
	return all
}

// cursor opens a cursor that the check must close.
func (t *trial) cursor(s core.Snapshot, r core.ScanRange) core.RowCursor {
	t.tb.Helper()
	c, err := s.Scan(t.ctx, r)
	t.do("Scan", err)
	return c
}

// rest returns copies of the rows that are left.
func rest(c core.RowCursor) (got []row) {
	for k, v, ok := c.Next(); ok; k, v, ok = c.Next() {
		got = append(got, row{string(k), string(v)})
	}
	return got
}

// sought seeks key and returns at most most rows that follow; 0 is all of them.
func sought(c core.RowCursor, key []byte, most int) (got []row) {
	lent := []byte(string(key))
	c.Seek(lent)
	spoil(lent)
	for len(got) < most || most == 0 {
		k, v, ok := c.Next()
		if !ok {
			break
		}
		got = append(got, row{string(k), string(v)})
	}
	return got
}
