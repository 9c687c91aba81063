// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package users

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/backendtest/internal/kit"
)

// aScan is a scan, and the rows that it must give, found the plain way.
type aScan struct {
	scan  core.Scan[string, string, string]
	rows  []kit.Row
	words []string // what was called, for messages
}

// narrow calls a random method.
func (a aScan) narrow(rnd *rand.Rand) aScan {
	k := kit.OddKeys[rnd.IntN(len(kit.OddKeys))]
	keep := func(in func(string) bool) []kit.Row {
		return slices.DeleteFunc(slices.Clone(a.rows), func(r kit.Row) bool { return !in(r.Key) })
	}
	switch rnd.IntN(5) {
	case 0:
		return aScan{
			a.scan.From(k), keep(func(s string) bool { return s >= k }),
			append(a.words, fmt.Sprintf("From(%q)", k)),
		}
	case 1:
		return aScan{
			a.scan.To(k), keep(func(s string) bool { return s < k }),
			append(a.words, fmt.Sprintf("To(%q)", k)),
		}
	case 2:
		return aScan{
			a.scan.Prefix(k), keep(func(s string) bool { return strings.HasPrefix(s, k) }),
			append(a.words, fmt.Sprintf("Prefix(%q)", k)),
		}
	case 3:
		rows := slices.Clone(a.rows)
		slices.Reverse(rows)
		return aScan{a.scan.Reverse(), rows, append(a.words, "Reverse()")}
	}
	return a
}

// verify compares all ways to use the scan.
func (a aScan) verify(t *kit.Trial) {
	t.TB.Helper()
	if got := scanned(t, a.scan); !slices.Equal(got, a.rows) {
		t.Fatalf("%v.Rows: %v; want %v", a.words, got, a.rows)
	}
	var names []string
	for _, r := range a.rows {
		names = append(names, r.Key)
	}
	sameKeys(t, strings.Join(a.words, "."), a.scan, names)
	if n, err := a.scan.Count(t.Ctx); n != len(a.rows) || err != nil {
		t.Fatalf("%v.Count = %d, %v; want %d", a.words, n, err, len(a.rows))
	}
}

// pulled returns copies of the rows that are left, at most that many; negative means all.
func pulled(c *core.Cursor[string, string], most int) (rows []kit.Row) {
	for most != 0 && c.Next() {
		rows = append(rows, kit.KV(c.Key(), kit.CopyOf(c.Value())))
		most--
	}
	return rows
}

// oddTable has a row for every odd key except two in the middle, which it also returns.
func oddTable(t *kit.Trial) (s *core.Storage, tab words, rows []kit.Row, missing []string) {
	t.TB.Helper()
	s, tab = openOne(t)
	openWords(t, s, "behind")
	missing = []string{kit.OddKeys[len(kit.OddKeys)/2], kit.OddKeys[len(kit.OddKeys)/3]}
	for _, k := range kit.OddKeys {
		if !slices.Contains(missing, k) {
			put1(t, tab, k, "value of "+k)
			rows = append(rows, kit.KV(k, "value of "+k))
		}
	}
	return s, tab, rows, missing
}

// randomScan narrows a scan in some ways.
func randomScan(rnd *rand.Rand, scan core.Scan[string, string, string], rows []kit.Row) aScan {
	a := aScan{scan: scan, rows: rows}
	for range rnd.IntN(4) {
		a = a.narrow(rnd)
	}
	return a
}

func (a aScan) cursor(t *kit.Trial) *core.Cursor[string, string] {
	t.TB.Helper()
	c, err := a.scan.Cursor(t.Ctx)
	t.Do("Cursor", err)
	return c
}
