// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package badger

import (
	"context"
	"flag"
	"math/rand/v2"
	"testing"

	"github.com/dgraph-io/badger/v4"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/backendtest"
)

var benchRows = flag.Int("rows", 100_000, "rows of 128 bytes in the storage of the benchmarks")

// Benchmark measures through tables.
func Benchmark(b *testing.B) {
	backendtest.Bench(b, func(b *testing.B) backendtest.Target {
		return backendtest.Target{Backend: Backend{}, Path: testPath(b)}
	})
}

// byHand opens badger as everybody would open it: with the values of blocks read where the file
// is mapped, which is the quickest that it has to offer.
func byHand(b *testing.B, path string, sync bool) *badger.DB {
	db, err := badger.Open(badger.DefaultOptions(path).WithLogger(nil).WithCompression(0).WithBlockCacheSize(0).WithSyncWrites(sync))
	if err != nil {
		b.Fatal(err)
	}
	return db
}

// benchFiles makes a storage of many rows, and the same by hand beside it, and returns where.
func benchFiles(b *testing.B) (path, hand string) {
	path = testPath(b)
	hand = path + "-by-hand"
	e, db := open(b, Backend{}, path), byHand(b, hand, false)
	wb := db.NewWriteBatch()
	for i := 0; i < *benchRows; i += 10_000 {
		writes := rows(i, min(i+10_000, *benchRows), 128)
		apply(b, e, writes...)
		for _, w := range writes {
			if err := wb.Set(w.Key, w.Value); err != nil {
				b.Fatal(err)
			}
		}
	}
	if err := wb.Flush(); err != nil {
		b.Fatal(err)
	}
	closeEngine(b, e)
	db.Close()
	return path, hand
}

// benchEngine opens both.
func benchEngine(b *testing.B) (*engine, *badger.DB) {
	path, hand := benchFiles(b)
	e, db := open(b, Backend{}, path), byHand(b, hand, false)
	compact(b, e)
	if err := db.Flatten(2); err != nil {
		b.Fatal(err)
	}
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
	b.Run("badger", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			err := db.View(func(txn *badger.Txn) error {
				item, err := txn.Get(keys[i%len(keys)])
				if err != nil {
					return err
				}
				return item.Value(func(v []byte) error {
					if len(v) != 128 {
						b.Fatal("a row is missing")
					}
					return nil
				})
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
	for name, reverse := range map[string]bool{"guardkv": false, "guardkv-reverse": true} {
		b.Run(name, func(b *testing.B) {
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
	for name, reverse := range map[string]bool{"badger": false, "badger-reverse": true} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				n, size := 0, 0
				db.View(func(txn *badger.Txn) error {
					it := txn.NewIterator(badger.IteratorOptions{Reverse: reverse})
					defer it.Close()
					for it.Rewind(); it.Valid(); it.Next() {
						n++
						it.Item().Value(func(v []byte) error { size += len(v); return nil })
					}
					return nil
				})
				if n != *benchRows {
					b.Fatal(n)
				}
			}
			perRow(b)
		})
	}
}

func BenchmarkPut(b *testing.B) {
	value := make([]byte, 128)
	b.Run("guardkv", func(b *testing.B) {
		e := open(b, Backend{}, testPath(b))
		for b.Loop() {
			apply(b, e, core.Write{Key: rowKey(rand.IntN(*benchRows)), Value: value})
		}
		closeEngine(b, e)
	})
	b.Run("badger", func(b *testing.B) {
		db := byHand(b, testPath(b), true)
		for b.Loop() {
			err := db.Update(func(txn *badger.Txn) error {
				return txn.Set(rowKey(rand.IntN(*benchRows)), value)
			})
			if err != nil {
				b.Fatal(err)
			}
		}
		db.Close()
	})
}

func BenchmarkLoad(b *testing.B) {
	writes := rows(0, *benchRows, 128)
	rand.Shuffle(len(writes), func(i, j int) { writes[i], writes[j] = writes[j], writes[i] })
	perRow := func(b *testing.B) {
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(*benchRows),
			"ns/row")
	}
	b.Run("guardkv", func(b *testing.B) {
		for b.Loop() {
			e := open(b, Backend{}, testPath(b))
			for at := 0; at < len(writes); at += 50_000 {
				chunk := sorted(writes[at:min(at+50_000, len(writes))])
				apply(b, e, chunk...)
			}
			closeEngine(b, e)
		}
		perRow(b)
	})
	b.Run("badger", func(b *testing.B) {
		for b.Loop() {
			db := byHand(b, testPath(b), false)
			wb := db.NewWriteBatch()
			for _, w := range writes {
				if err := wb.Set(w.Key, w.Value); err != nil {
					b.Fatal(err)
				}
			}
			if err := wb.Flush(); err != nil {
				b.Fatal(err)
			}
			db.Sync()
			db.Close()
		}
		perRow(b)
	})
}

func BenchmarkOpen(b *testing.B) {
	path, hand := benchFiles(b)
	b.Run("guardkv", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			closeEngine(b, open(b, Backend{}, path))
		}
	})
	b.Run("badger", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			byHand(b, hand, false).Close()
		}
	})
}
