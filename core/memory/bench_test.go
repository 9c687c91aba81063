// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package memory

import (
	"fmt"
	"testing"

	"github.com/guardkv/guardkv/core"
)

func BenchmarkGet(b *testing.B) {
	const rows = 1_000_000
	backend := New()
	c, _ := backend.Claim(b.Context(), "a", false)
	e, _ := c.Open(b.Context(), core.EngineOptions{})
	writes := numbered(rows, make([]byte, 100))
	if err := e.Apply(b.Context(), core.Batch{Writes: writes}); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		_, r, err := e.Get(b.Context(), writes[i%rows*71%rows].Key)
		if err != nil {
			b.Fatal(err)
		}
		r.Release()
	}
}

// BenchmarkApply is the write of batches to a storage of a million rows.
func BenchmarkApply(b *testing.B) {
	const rows = 1_000_000
	for _, batch := range []int{1, 100, 10_000} {
		b.Run(fmt.Sprint("rows", batch), func(b *testing.B) {
			c, _ := New().Claim(b.Context(), "a", false)
			e, _ := c.Open(b.Context(), core.EngineOptions{})
			writes := numbered(rows, make([]byte, 100))
			if err := e.Apply(b.Context(), core.Batch{Writes: writes}); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				at := i % rows * 71 % (rows - batch)
				if err := e.Apply(b.Context(),
					core.Batch{Writes: writes[at : at+batch]}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*batch), "ns/row")
		})
	}
}
