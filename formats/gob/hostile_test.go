// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package gob_test

import (
	"bytes"
	"encoding/gob"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/guardkv/guardkv/core"
)

// What a record of 1 MiB may cost, whether it is read or refused. A quiet machine takes 50 ms
// at most, and a busy one with the race detector needed more than a second; what the time is
// there to find takes minutes.
const (
	hostileSize   = 1 << 20
	hostileMemory = 64 << 20
	hostileTime   = 20 * time.Second
)

type (
	chain struct {
		Next *chain
		N    int
	}
	tree  struct{ Kids []tree }
	wide  struct{ A [64]int64 }
	boxes struct{ P []*wide }
	maps  struct {
		A map[uint16]uint8
		B map[string]wide
		C map[int]map[int]int
		D map[chain]struct{ X int }
	}
	nested struct{ L [][][]string }
	mixed  struct {
		S []string
		B [][]byte
		I []int
		F []float64
		T []time.Time
		W []wide
		P []*int
		C []complex128
	}
	some struct{ X, Y any }
)

func init() {
	gob.Register(wide{})
	gob.Register([]wide{})
	gob.Register(map[int]int{})
	gob.Register(tree{})
}

// number is an integer as gob encodes it in four bytes or less.
func number(n int) []byte {
	if n < 128 {
		return []byte{byte(n)}
	}
	return []byte{0xfd, byte(n >> 16), byte(n >> 8), byte(n)}
}

// fill is a head, and a unit as often as it fits.
func fill(head []byte, unit ...byte) []byte {
	return slices.Concat(head, bytes.Repeat(unit, (hostileSize-len(head))/len(unit)))
}

// list is the head of a value of field n of a struct, a slice or map of so many elements.
func list(field, elements int) []byte {
	return slices.Concat([]byte{1, byte(field + 1)}, number(elements))
}

// closed ends the structs around a list.
func closed(b []byte) []byte { return append(b, 0) }

func TestHostileRecords(t *testing.T) {
	if testing.Short() {
		t.Skip("one goroutine reads hundreds of records of a megabyte")
	}
	attack[chain](t, fill([]byte{1}, 1), fill([]byte{1}, 1, 1), fill([]byte{1}, 2))
	attack[tree](t, fill([]byte{1}, 1, 1), closed(fill(list(0, hostileSize-7), 0)),
		closed(fill(list(0, (hostileSize-7)/3), 1, 0, 0)))
	attack[boxes](t, closed(fill(list(0, hostileSize-7), 0)),
		closed(fill(list(0, (hostileSize-7)/68), fullWide()...)))
	attack[maps](t,
		closed(fill(list(0, (hostileSize-7)/2), 1, 1)),
		closed(fill(list(1, (hostileSize-7)/2), 0, 0)),
		closed(fill(list(2, (hostileSize-7)/2), 1, 0)),
		closed(fill(list(3, (hostileSize-7)/2), 0, 0)),
		list(0, 1<<23), closed(distinctKeys()))
	attack[nested](t, closed(fill(list(0, hostileSize-7), 0)),
		closed(fill(list(0, (hostileSize-7)/3), 1, 1, 0)),
		closed(fill(slices.Concat(list(0, 1), number(1), number(hostileSize-11)), 0)))
	for field, unit := range [][]byte{{0}, {0}, {2}, {0}, {0}, {0}, {0}, {0, 0}} {
		attack[mixed](t, closed(fill(list(field, (hostileSize-7)/len(unit)), unit...)),
			list(field, 1<<23),
			closed(fill(list(field, (hostileSize-7)/2), 1, 'x')))
	}
	attack[[]int](t, fill(slices.Concat([]byte{1, 0}, number(hostileSize-6)), 0))
	attack[[]wide](t, fill(slices.Concat([]byte{1, 0}, number(hostileSize-6)), 0))
	attack[map[int]int](t, fill(slices.Concat([]byte{1, 0}, number(hostileSize/2-3)), 0))
	attack[string](t, fill(slices.Concat([]byte{1, 0}, number(hostileSize-6)), 'x'))
}

// fullWide is a wide with something in its array.
func fullWide() []byte {
	return slices.Concat([]byte{1, 64}, bytes.Repeat([]byte{2}, 64), []byte{0})
}

// distinctKeys is a map of as many different keys as there is room for.
func distinctKeys() []byte {
	b := list(0, 65536)
	for i := range 65536 {
		b = append(b, number(i)...)
		b = append(b, 1)
	}
	return b
}

// attack reads what is given, and bytes that are hostile to every type.
func attack[T any](t *testing.T, records ...[]byte) {
	t.Helper()
	f, _ := bind[T](t, nil)
	for c := range 256 {
		if c < 4 || c > 0xf5 && (c == 0xff || !testing.Short()) {
			records = append(records, fill([]byte{1}, byte(c)))
		}
	}
	random := rand.New(rand.NewPCG(1, 2))
	noise := make([]byte, hostileSize)
	for i := range noise {
		noise[i] = byte(random.Uint32() & random.Uint32() & 3)
	}
	noise[0] = 1
	for _, b := range append(records, noise) {
		cost(t, f, b)
	}
}

// cost fails if reading b takes too much. It measures again if it did, because other goroutines
// allocate too.
func cost[T any](t *testing.T, f core.ValueFormat[T, T], b []byte) {
	t.Helper()
	var took time.Duration
	var memory uint64
	for range 3 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		begun := time.Now()
		_, err := f.View(b)
		took = time.Since(begun)
		runtime.ReadMemStats(&after)
		memory = after.TotalAlloc - before.TotalAlloc
		if took > 25*time.Millisecond {
			t.Logf("%T, %d bytes %.40x: %v and %d KiB, error %.200v",
				*new(T), len(b), b, took, memory>>10, err)
		}
		if took <= hostileTime && memory <= hostileMemory {
			return
		}
		runtime.GC()
	}
	t.Errorf("%T, %d bytes %.40x: %v and %d KiB", *new(T), len(b), b, took, memory>>10)
}
