// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package bbolt

import (
	"context"
	"flag"
	"math/rand/v2"
	"os"
	"testing"

	bolt "go.etcd.io/bbolt"

	"github.com/guardkv/guardkv/core"
)

var benchRows = flag.Int("rows", 100_000, "rows of 128 bytes in the storage of the benchmarks")

// benchEngine returns a storage of many rows, and a copy of it that bbolt has open as everybody
// would open it.
func benchEngine(b *testing.B) (*engine, *bolt.DB) {
	path := testPath(b)
	e := open(b, Backend{}, path)
	for i := 0; i < *benchRows; i += 10_000 {
		apply(b, e, rows(i, min(i+10_000, *benchRows), 128)...)
	}
	closeEngine(b, e)
	content, err := os.ReadFile(path)
	if err != nil {
		b.Fatal(err)
	}
	if err := os.WriteFile(path+".copy", content, 0o600); err != nil {
		b.Fatal(err)
	}
	db, err := bolt.Open(path+".copy", 0o600, nil)
	if err != nil {
		b.Fatal(err)
	}
	e = open(b, Backend{}, path)
	b.Cleanup(func() { e.Close(); db.Close() })
	return e, db
}

func BenchmarkGet(b *testing.B) {
	e, db := benchEngine(b)
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
	b.Run("bbolt", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			err := db.View(func(tx *bolt.Tx) error {
				if v := tx.Bucket([]byte(rowsBucket)).Get(keys[i%len(keys)]); len(v) != 128 {
					b.Fatal("a row is missing")
				}
				return nil
			})
			if err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkScan(b *testing.B) {
	e, db := benchEngine(b)
	ctx := context.Background()
	perRow := func(b *testing.B) {
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(*benchRows),
			"ns/row")
	}
	for _, reverse := range []bool{false, true} {
		b.Run(map[bool]string{false: "guardkv", true: "guardkv-reverse"}[reverse],
			func(b *testing.B) {
				for b.Loop() {
					s, _ := e.Snapshot(ctx)
					c, _ := s.Scan(ctx,
						core.ScanRange{Low: rowKey(0)[:4], High: []byte{0, 0, 0, 8}, Reverse: reverse})
					n := 0
					for _, _, ok := c.Next(); ok; _, _, ok = c.Next() {
						n++
					}
					if n != *benchRows || c.Err() != nil {
						b.Fatal(n, c.Err())
					}
					c.Close()
					s.Close()
				}
				perRow(b)
			})
	}
	b.Run("bbolt", func(b *testing.B) {
		for b.Loop() {
			n := 0
			db.View(func(tx *bolt.Tx) error {
				return tx.Bucket([]byte(rowsBucket)).ForEach(func(_, _ []byte) error {
					n++
					return nil
				})
			})
			if n != *benchRows {
				b.Fatal(n)
			}
		}
		perRow(b)
	})
	b.Run("count", func(b *testing.B) {
		for b.Loop() {
			s, _ := e.Snapshot(ctx)
			if n, _, err := s.Powers().Count(ctx, nil, nil); err != nil || n != int64(*benchRows) {
				b.Fatal(n, err)
			}
			s.Close()
		}
		perRow(b)
	})
}

func BenchmarkPut(b *testing.B) {
	e, db := benchEngine(b)
	value := make([]byte, 128)
	b.Run("guardkv", func(b *testing.B) {
		for b.Loop() {
			apply(b, e, core.Write{Key: rowKey(rand.IntN(*benchRows)), Value: value})
		}
	})
	b.Run("bbolt", func(b *testing.B) {
		for b.Loop() {
			err := db.Update(func(tx *bolt.Tx) error {
				return tx.Bucket([]byte(rowsBucket)).Put(rowKey(rand.IntN(*benchRows)), value)
			})
			if err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkLoad(b *testing.B) {
	writes := rows(0, *benchRows, 128)
	for b.Loop() {
		e := open(b, Backend{}, testPath(b))
		for at := 0; at < len(writes); at += 10_000 {
			apply(b, e, writes[at:min(at+10_000, len(writes))]...)
		}
		closeEngine(b, e)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(*benchRows), "ns/row")
}
