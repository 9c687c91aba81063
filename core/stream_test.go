// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/memory"
	"github.com/guardkv/guardkv/core/values"
)

// The last row of a stream may be the one that fills a run. Then nothing was left for one more,
// an empty run was written, and merging it failed with EOF: the stream stored nothing.
func TestSortingWhoseLastRowFillsARun(t *testing.T) {
	s, err := core.Open(t.Context(), "db", memory.New())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, chunk := range []int{-1, 0, 1, 400} {
		for n := range 14 {
			name := fmt.Sprintf("%d rows, chunks of %d bytes", n, chunk)
			tab, err := core.OpenTable(t.Context(), s, name, keys.Int(), values.String())
			if err != nil {
				t.Fatal(err)
			}
			rows := make(map[int]string)
			for i := range n {
				rows[-i] = "row"
			}
			stats, err := tab.PutStream(t.Context(), maps.All(rows), core.WithChunkBytes(chunk),
				core.WithSorting(t.TempDir()))
			if err != nil || stats.Rows != int64(n) {
				t.Errorf("%s: %+v, error %v", name, stats, err)
			}
			var stored []int
			for k, err := range tab.Scan().Keys(t.Context()) {
				if err != nil {
					t.Fatal(err)
				}
				stored = append(stored, k)
			}
			if want := slices.Sorted(maps.Keys(rows)); !slices.Equal(stored, want) {
				t.Errorf("%s: stored %v, want %v", name, stored, want)
			}
		}
	}
}
