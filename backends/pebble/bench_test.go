// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package pebble

import (
	"context"
	"flag"
	"math/rand/v2"
	"testing"

	"github.com/cockroachdb/pebble/v2"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/backendtest"
)

func BenchmarkBackend(b *testing.B) {
	backendtest.Bench(b, func(b *testing.B) backendtest.Target {
		return backendtest.Target{Backend: Backend{}, Path: testPath(b)}
	})
}

var benchRows = flag.Int("rows", 100_000, "rows of 128 bytes in the storage of the benchmarks")

// benchEngine returns a storage of many rows. Its pebble is what is compared with: options and
// rows are the same.
func benchEngine(b *testing.B) *engine {
	e := open(b, Backend{}, testPath(b))
	for i := 0; i < *benchRows; i += 50_000 {
		apply(b, e, rows(i, min(i+50_000, *benchRows), 128)...)
	}
	if err := e.Compact(b.Context()); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { e.Close() })
	return e
}

func BenchmarkGet(b *testing.B) {
	e := benchEngine(b)
	ctx := context.Background()
	keys := make([][]byte, 1<<16)
	for i := range keys {
		keys[i] = rowKey(rand.IntN(*benchRows))
	}
	b.Run("guardkv", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			v, r, err := e.Get(ctx, keys[i%len(keys)])
			if err != nil || len(v) != 128 {
				b.Fatal(err)
			}
			r.Release()
		}
	})
	b.Run("pebble", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			v, c, err := e.db.Get(keys[i%len(keys)])
			if err != nil || len(v) != 128 {
				b.Fatal(err)
			}
			c.Close()
		}
	})
}

func BenchmarkScan(b *testing.B) {
	e := benchEngine(b)
	ctx := context.Background()
	perRow := func(b *testing.B, n int) {
		if n != *benchRows*b.N {
			b.Fatal(n)
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/row")
	}
	b.Run("guardkv", func(b *testing.B) {
		n := 0
		for b.Loop() {
			s, err := e.Snapshot(ctx)
			if err != nil {
				b.Fatal(err)
			}
			c, err := s.Scan(ctx, core.ScanRange{})
			if err != nil {
				b.Fatal(err)
			}
			for _, _, ok := c.Next(); ok; _, _, ok = c.Next() {
				n++
			}
			c.Close()
			s.Close()
		}
		perRow(b, n)
	})
	b.Run("pebble", func(b *testing.B) {
		n := 0
		for b.Loop() {
			it, err := e.db.NewIter(&pebble.IterOptions{LowerBound: firstKey})
			if err != nil {
				b.Fatal(err)
			}
			for ok := it.First(); ok; ok = it.Next() {
				if _, err := it.ValueAndErr(); err != nil {
					b.Fatal(err)
				}
				n++
			}
			it.Close()
		}
		perRow(b, n)
	})
}

func BenchmarkPut(b *testing.B) {
	for _, noSync := range []bool{true, false} {
		b.Run(map[bool]string{true: "nosync", false: "durable"}[noSync], func(b *testing.B) {
			opts := testOptions()
			opts.NoSync = noSync
			e, err := tryOpen(Backend{}, testPath(b), false, opts)
			if err != nil {
				b.Fatal(err)
			}
			defer e.Close()
			value := make([]byte, 128)
			b.Run("guardkv", func(b *testing.B) {
				for b.Loop() {
					apply(b, e, core.Write{Key: rowKey(rand.IntN(*benchRows)), Value: value})
				}
			})
			b.Run("pebble", func(b *testing.B) {
				for b.Loop() {
					if err := e.db.Set(rowKey(rand.IntN(*benchRows)), value, e.write); err != nil {
						b.Fatal(err)
					}
				}
			})
		})
	}
}
