// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package ordered

import (
	"math/rand/v2"
	"testing"
)

const benchRows = 1_000_000

// shuffledNumbers returns the numbers below n in random order, encoded.
func shuffledNumbers(n int) [][]byte {
	r := rand.New(rand.NewPCG(1, 2))
	keys := make([][]byte, n)
	for i, v := range r.Perm(n) {
		keys[i] = number(v)
	}
	return keys
}

func benchMap() (*Map[[]byte], [][]byte) {
	keys := shuffledNumbers(benchRows)
	m := new(Map[[]byte])
	for _, k := range keys {
		m.Set(k, k)
	}
	return m, keys
}

func BenchmarkGet(b *testing.B) {
	m, keys := benchMap()
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, ok := m.Get(keys[i%len(keys)]); !ok {
			b.Fatal("not found")
		}
	}
}

func BenchmarkSet(b *testing.B) {
	keys := shuffledNumbers(benchRows)
	var m Map[[]byte]
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if i%len(keys) == 0 {
			m = Map[[]byte]{}
		}
		m.Set(keys[i%len(keys)], nil)
	}
}

func BenchmarkSetAscending(b *testing.B) {
	var m Map[[]byte]
	key := make([]byte, 0, 4*benchRows)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if i%benchRows == 0 {
			m, key = Map[[]byte]{}, key[:0]
		}
		key = append(key, byte(i>>24), byte(i>>16), byte(i>>8), byte(i))
		m.Set(key[len(key)-4:], nil)
	}
}

// BenchmarkSetAfterClone is the write of one row while readers hold the state before.
func BenchmarkSetAfterClone(b *testing.B) {
	m, keys := benchMap()
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		m.Clone()
		m.Set(keys[i%len(keys)], nil)
	}
}

func BenchmarkDeleteSet(b *testing.B) {
	m, keys := benchMap()
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		k := keys[i%len(keys)]
		m.Delete(k)
		m.Set(k, nil)
	}
}

func BenchmarkScan(b *testing.B) {
	m, _ := benchMap()
	for _, reverse := range []bool{false, true} {
		b.Run(map[bool]string{false: "up", true: "down"}[reverse], func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				c := m.Scan(nil, nil, reverse)
				n := 0
				for _, _, ok := c.Next(); ok; _, _, ok = c.Next() {
					n++
				}
				if n != benchRows {
					b.Fatal(n)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchRows, "ns/row")
		})
	}
}

func BenchmarkScanTenRows(b *testing.B) {
	m, keys := benchMap()
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		c := m.Scan(keys[i%len(keys)], nil, false)
		for range 10 {
			c.Next()
		}
	}
}
