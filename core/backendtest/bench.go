// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package backendtest

import (
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"testing"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/backendtest/internal/kit"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/values"
)

// benchRows is how many rows the benchmarks read from.
const benchRows = 100_000

// benchTable is what the benchmarks measure on: values of 128 bytes, not compressible.
type benchTable = *core.Table[uint64, []byte, []byte]

// Bench measures reads, scans and writes of a backend through a table whose formats do next to
// nothing. open is called once per benchmark and returns a fresh place.
func Bench(b *testing.B, open func(b *testing.B) Target) {
	for _, bench := range []struct {
		name string
		sync bool
		run  func(b *testing.B, tab benchTable)
	}{
		{"get", false, benchGet},
		{"get parallel", false, benchGetParallel},
		{"load", false, benchLoad},
		{"scan", false, benchScan},
		{"put", false, benchPut},
		{"put durable", true, benchPut},
		{"put durable parallel", true, benchPutParallel},
		{"put stream", false, benchPutStream},
	} {
		b.Run(bench.name, func(b *testing.B) {
			s, tab := openBench(b, open(b), bench.sync)
			b.ReportAllocs()
			b.ResetTimer()
			bench.run(b, tab)
			b.StopTimer()
			if err := s.Close(); err != nil {
				b.Fatal(err)
			}
		})
	}
}

// openBench opens a table with benchRows rows.
func openBench(b *testing.B, target Target, sync bool) (*core.Storage, benchTable) {
	opts := []core.Option{core.WithLogger(slog.New(slog.DiscardHandler))}
	if !sync {
		opts = append(opts, core.WithoutSync())
	}
	s, err := core.Open(context.Background(), target.Path, target.Backend, opts...)
	if err != nil {
		b.Fatal(err)
	}
	tab, err := core.OpenTable(context.Background(), s, "bench", keys.Uint64(), values.Bytes())
	if err != nil {
		b.Fatal(err)
	}
	if _, err := tab.PutStream(context.Background(), benchSource(benchRows)); err != nil {
		b.Fatal(err)
	}
	return s, tab
}

// benchSource yields n rows in order.
func benchSource(n int) func(yield func(k uint64, v []byte) bool) {
	return func(yield func(k uint64, v []byte) bool) {
		value := []byte(kit.Incompressible(128))
		for i := range uint64(n) {
			binary.BigEndian.PutUint64(value, i)
			if !yield(i, value) {
				return
			}
		}
	}
}

func benchGet(b *testing.B, tab benchTable) {
	rnd := rand.New(rand.NewPCG(1, 1))
	for b.Loop() {
		benchGetOne(b, tab, rnd.Uint64N(benchRows))
	}
}

func benchGetOne(b *testing.B, tab benchTable, k uint64) {
	g, err := tab.Get(context.Background(), k)
	if err != nil {
		b.Error(err)
		return
	}
	defer g.Close()
	if v := g.Value(); binary.BigEndian.Uint64(v) != k {
		b.Errorf("row %d is %x", k, v)
	}
}

func benchGetParallel(b *testing.B, tab benchTable) {
	b.RunParallel(func(pb *testing.PB) {
		for rnd := rand.New(rand.NewPCG(1, 1)); pb.Next(); {
			benchGetOne(b, tab, rnd.Uint64N(benchRows))
		}
	})
}

func benchLoad(b *testing.B, tab benchTable) {
	rnd := rand.New(rand.NewPCG(1, 1))
	for b.Loop() {
		if _, err := tab.Load(context.Background(), rnd.Uint64N(benchRows)); err != nil {
			b.Fatal(err)
		}
	}
}

// benchScan counts a full scan as one operation.
func benchScan(b *testing.B, tab benchTable) {
	for b.Loop() {
		n := 0
		for r, err := range tab.Scan().Rows(context.Background()) {
			if err != nil || len(r.Value) != 128 {
				b.Fatal(len(r.Value), err)
			}
			n++
		}
		if n != benchRows {
			b.Fatal(n)
		}
	}
}

func benchPut(b *testing.B, tab benchTable) {
	value := []byte(kit.Incompressible(128))
	rnd := rand.New(rand.NewPCG(1, 1))
	for b.Loop() {
		if err := tab.Put(context.Background(), rnd.Uint64(), value); err != nil {
			b.Fatal(err)
		}
	}
}

func benchPutParallel(b *testing.B, tab benchTable) {
	value := []byte(kit.Incompressible(128))
	b.SetParallelism(32)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := tab.Put(context.Background(), rand.Uint64(), value); err != nil {
				b.Error(err)
			}
		}
	})
}

// benchPutStream counts benchRows rows as one operation.
func benchPutStream(b *testing.B, tab benchTable) {
	for b.Loop() {
		if stats, err := tab.PutStream(context.Background(), benchSource(benchRows)); err != nil {
			b.Fatal(fmt.Sprintf("%+v", stats), err)
		}
	}
}
