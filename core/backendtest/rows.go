// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package backendtest

import (
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/guardkv/guardkv/core"
)

// row is a copied row.
type row struct{ key, value string }

func (r row) String() string { return brief(r.key) + "=" + brief(r.value) }

// brief shows long values by their ends.
func brief(v string) string {
	if len(v) <= 40 {
		return fmt.Sprintf("%q", v)
	}
	return fmt.Sprintf("%q...%q (%d bytes)", v[:16], v[len(v)-16:], len(v))
}

// noise returns a string that compresses badly.
func noise(n int) string {
	var b strings.Builder
	for x := uint32(1); b.Len() < n; x = x*1664525 + 1013904223 {
		b.WriteByte(byte(x >> 24))
	}
	return b.String()
}

func compare(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// byName passes over a map in the order of its keys, so that checks do the same each time.
func byName[V any](m map[string]V) iter.Seq2[string, V] {
	return func(yield func(string, V) bool) {
		for _, name := range slices.Sorted(maps.Keys(m)) {
			if !yield(name, m[name]) {
				return
			}
		}
	}
}

// copyOf copies a string that may be a view.
func copyOf(s string) string { return string([]byte(s)) }

// oddKeys are in the order of bytes.Compare.
var oddKeys = []string{
	"\x00", "\x00\x00", "\x00\x00\x00", "\x00\x01", "\x00\xff", "\x01", "\x01\x00", "!badger!", "a", "a\x00", "a\x00b", "aa",
	"a\xff", "b", "\x7f", "\x80", "\xcc\xcc", "\xff", "\xff\x00", "\xff\xff", "\xff\xff\xff\xff\xff\xff\xff\xff",
}

// rows returns copies of all rows of a range.
func (t *trial) rows(s core.Snapshot, r core.ScanRange) []row {
	t.tb.Helper()
	c, err := s.Scan(t.ctx, r)
	t.do("Scan", err)
	defer t.close(c)
	var got []row
	for k, v, ok := c.Next(); ok; k, v, ok = c.Next() {
		got = append(got, row{string(k), string(v)})
		if r.KeysOnly {
			got[len(got)-1].value = ""
		}
	}
	t.do("Err", c.Err())
	return got
}
