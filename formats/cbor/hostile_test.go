// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package cbor_test

import (
	"bytes"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/formattest"
	"github.com/guardkv/guardkv/formats/cbor"
)

const hostileSize = 1 << 20

// fill is a head, and a unit as often as it fits.
func fill(head []byte, unit ...byte) []byte {
	return slices.Concat(head, bytes.Repeat(unit, (hostileSize-len(head))/len(unit)))
}

// A record of 1 MiB costs time and memory in proportion to its bytes, whatever they are. The time is there to find what
// takes minutes. An element takes a byte at least and up to the size of its type in memory, so that the bound on memory
// depends on the type: 4096 times the bytes is far above any.
func TestHostileRecords(t *testing.T) {
	const million, less = "\x9a\x00\x0f\xff\xfb", "\x9a\x00\x0f\xff\xf9"
	records := [][]byte{
		fill([]byte(million), 0), fill([]byte(million), 0xa0), fill([]byte(million), 0x80), fill([]byte(million), 0xf6),
		fill([]byte("\x9a\x00\x0f\xff\xff"), 1), fill([]byte("\xba\x00\x07\xff\xff"), 0, 0),
		fill([]byte("\x7a\x00\x0f\xff\xfb"), 'x'), fill([]byte("\x7b\x7f\xff\xff\xff\xff\xff\xff\xff"), 'x'),
		fill([]byte("\xc2\x5a\x00\x0f\xff\xf0"), 0xff), fill([]byte("\xc0\x7a\x00\x0f\xff\xf0"), '2'),
		fill([]byte("\xa1\x03"+less), 0xa0), fill([]byte("\xa1\x09"+less), 0),
		fill(nil, 0x81), fill(nil, 0xa1, 0x00), fill(nil, 0xc0), fill(nil, 0x9f), fill(nil, 0xd9, 0x01, 0x02), fill(nil, 0xff),
	}
	for _, b := range records {
		wantCheap(t, cbor.New[any](), b)
		wantCheap(t, cbor.New[company](), b)
		wantCheap(t, cbor.New[[]*company](), b)
		wantCheap(t, cbor.New[map[int]int](), b)
		wantCheap(t, cbor.New[[]string](), b)
		wantCheap(t, cbor.New[time.Time](), b)
	}
}

func wantCheap[T any](t *testing.T, f core.ValueFormat[T, T], b []byte) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	begun := time.Now()
	_, err := f.View(b)
	took := time.Since(begun)
	runtime.ReadMemStats(&after)
	memory := after.TotalAlloc - before.TotalAlloc
	if took > 25*time.Millisecond || memory > 64<<20 {
		t.Logf("%T, %.12x: %v and %d MiB, error %.100v", *new(T), b, took, memory>>20, err)
	}
	if took > 5*time.Second || memory > 512<<20 {
		t.Errorf("%T, %.12x: %v and %d MiB", *new(T), b, took, memory>>20)
	}
}

// What a release may do to a type that is stored: see the documentation of the package.
func TestEvolutionRules(t *testing.T) {
	type was struct {
		N    int8    `cbor:"1,keyasint"`
		Name string  `cbor:"2,keyasint"`
		Gone string  `cbor:"3,keyasint"`
		F    float32 `cbor:"4,keyasint"`
	}
	type is struct { // N and F are wider, Name has another name in Go, Gone is gone, New is new, and the order differs
		New   []string `cbor:"5,keyasint"`
		Title string   `cbor:"2,keyasint"`
		N     int64    `cbor:"1,keyasint"`
		F     float64  `cbor:"4,keyasint"`
	}
	kept := func(v was, w is) bool {
		return w.N == int64(v.N) && w.Title == v.Name && w.New == nil && w.F == float64(v.F)
	}
	formattest.Evolve(t, cbor.New[was](), cbor.New[is](), kept, was{}, was{-1, "name", "gone", 1.5}, was{127, "é", "", 0.1})

	type byName struct{ Name string }
	type renamed struct{ Title string }
	lost := func(_ byName, w renamed) bool { return w.Title == "" }
	formattest.Evolve(t, cbor.New[byName](), cbor.New[renamed](), lost, byName{"a name"})
}
