// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package kit

import (
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/guardkv/guardkv/core"
)

// Row is a copied row.
type Row struct{ Key, Value string }

func (r Row) String() string { return Brief(r.Key) + "=" + Brief(r.Value) }

// Brief shows long values by their ends.
func Brief(v string) string {
	if len(v) <= 40 {
		return fmt.Sprintf("%q", v)
	}
	return fmt.Sprintf("%q...%q (%d bytes)", v[:16], v[len(v)-16:], len(v))
}

// Incompressible returns a string that compresses badly.
func Incompressible(n int) string {
	var b strings.Builder
	for x := uint32(1); b.Len() < n; x = x*1664525 + 1013904223 {
		b.WriteByte(byte(x >> 24))
	}
	return b.String()
}

func Compare(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// ByName passes over a map in the order of its keys, so that checks do the same each time.
func ByName[V any](m map[string]V) iter.Seq2[string, V] {
	return func(yield func(string, V) bool) {
		for _, name := range slices.Sorted(maps.Keys(m)) {
			if !yield(name, m[name]) {
				return
			}
		}
	}
}

// CopyOf copies a string that may be a view.
func CopyOf(s string) string { return string([]byte(s)) }

// OddKeys are in the order of bytes.Compare.
var OddKeys = []string{
	"\x00", "\x00\x00", "\x00\x00\x00", "\x00\x01", "\x00\xff", "\x01", "\x01\x00", "!badger!", "a",
	"a\x00", "a\x00b", "aa",
	"a\xff", "b", "\x7f", "\x80", "\xcc\xcc", "\xff", "\xff\x00", "\xff\xff",
	"\xff\xff\xff\xff\xff\xff\xff\xff",
}

// Rows returns copies of all rows of a range.
func (t *Trial) Rows(s core.Snapshot, r core.ScanRange) []Row {
	t.TB.Helper()
	c, err := s.Scan(t.Ctx, r)
	t.Do("Scan", err)
	defer t.Close(c)
	var got []Row
	for k, v, ok := c.Next(); ok; k, v, ok = c.Next() {
		got = append(got, Row{string(k), string(v)})
		if r.KeysOnly {
			got[len(got)-1].Value = ""
		}
	}
	t.Do("Err", c.Err())
	return got
}

// KV returns a row.
func KV(key, value string) Row { return Row{key, value} }
