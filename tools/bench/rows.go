// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"encoding/binary"
	"iter"
	"math/rand/v2"
	"sync/atomic"
)

// seen keeps the compiler from leaving reads out.
var seen atomic.Uint64

// keep notes what was read.
func keep(sum uint64) { seen.Store(sum) }

// block holds the bytes that values are cut from. They do not compress.
var block = func() []byte {
	random := rand.New(rand.NewPCG(1, 1))
	b := make([]byte, 1<<20)
	for i := 0; i < len(b); i += 8 {
		binary.LittleEndian.PutUint64(b[i:], random.Uint64())
	}
	return b
}()

// valuesOf returns the values of rows of some size.
func valuesOf(size int) valuer {
	room := uint64(len(block) - size)
	return func(i uint64) []byte {
		at := i * 31 % room
		return block[at : at+uint64(size) : at+uint64(size)]
	}
}

// inOrder yields rows with ascending keys.
func inOrder(rows, size int) iter.Seq2[uint64, []byte] {
	return reordered(rows, size, func(i uint64) uint64 { return i })
}

// shuffled yields the same rows in random order.
func shuffled(rows, size int) iter.Seq2[uint64, []byte] {
	order := rand.New(rand.NewPCG(3, 3)).Perm(rows)
	return reordered(rows, size, func(i uint64) uint64 { return uint64(order[i]) })
}

func reordered(rows, size int, key func(i uint64) uint64) iter.Seq2[uint64, []byte] {
	value := valuesOf(size)
	return func(yield func(uint64, []byte) bool) {
		for i := range uint64(rows) {
			k := key(i)
			if !yield(k, value(k)) {
				return
			}
		}
	}
}

// randomKeys returns a source of keys below n, the same for each side of a work.
func randomKeys(n int, seed uint64) func() uint64 {
	random := rand.New(rand.NewPCG(7, seed))
	return func() uint64 { return random.Uint64N(uint64(n)) }
}

// counter returns a source of keys that never repeat, for any number of goroutines.
func counter() func() uint64 {
	var last atomic.Uint64
	return func() uint64 { return last.Add(1) }
}

// tableKey is the key of a row in an engine without tables.
func tableKey(table []byte, key uint64) []byte {
	return binary.BigEndian.AppendUint64(append(make([]byte, 0, 12), table[:4]...), key)
}

// keys returns the bounds as keys of an engine without tables.
func (b bounds) keys() (low, high []byte) {
	if b.all {
		end := append([]byte(nil), rowsTable[:4]...)
		end[3]++
		return rowsTable[:4], end
	}
	return tableKey(rowsTable, b.low), tableKey(rowsTable, b.high)
}

// step is one half of a move between two tables: a number that changes by one.
type step struct {
	table []byte
	key   uint64
	by    int64
}

// moves takes one from a row of one table and adds it to a row of the other.
func moves(from, to uint64) [2]step {
	return [2]step{{countsTable, from, -1}, {rowsTable, to, 1}}
}

// apply returns the changed number.
func (s step) apply(old []byte) []byte {
	n := uint64(s.by)
	if len(old) >= 8 {
		n += binary.BigEndian.Uint64(old)
	}
	return binary.BigEndian.AppendUint64(nil, n)
}
