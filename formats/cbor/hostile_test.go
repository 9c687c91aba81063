// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

//go:build !race

// Race builds without this file: one goroutine runs its tests, and their many types take long to
// compile.

package cbor_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/big"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	fxcbor "github.com/fxamacker/cbor/v2"
	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/formattest"
	"github.com/guardkv/guardkv/formats/cbor"
)

const hostileSize = 1 << 20

// fill is a head, and a unit as often as it fits.
func fill(head []byte, unit ...byte) []byte {
	return slices.Concat(head, bytes.Repeat(unit, (hostileSize-len(head))/len(unit)))
}

// A record of 1 MiB is read or refused with so much memory, and soon. A quiet machine takes 50
// ms at most; what the time is there to find takes minutes, so that there is room for a busy
// one and the race detector.
const (
	hostileMemory = 64 << 20
	hostileTime   = 10 * time.Second
)

type (
	wide struct {
		A [64]int64 `cbor:"1,keyasint"`
	}
	narrow struct {
		A int8 `cbor:"1,keyasint"`
	}
	Base struct {
		B [64]int64
		N int // hidden by the one of derived
	}
	extended struct {
		*Base
		M int
	}
	derived struct { // cannot be written, but rows of it may be there
		*Base
		Other
		N int `json:"N"`
	}
	Other   struct{ N, M *wide }
	inOrder struct {
		_ struct{} `cbor:",toarray"`
		A int
		B []wide
	}
	deep struct {
		Kids []deep `cbor:"0,keyasint"`
	}
)

func TestHostileRecords(t *testing.T) {
	if testing.Short() {
		t.Skip("one goroutine reads thousands of records of 1 MiB")
	}
	attack[any](t)
	attack[[]*company](t)
	attack[[]map[int]wide](t)
	attack[company](t)
	attack[[]wide](t)
	attack[[]*wide](t)
	attack[[]narrow](t)
	attack[[]derived](t)
	attack[[]inOrder](t)
	attack[deep](t)
	attack[map[int]int](t)
	attack[[]map[string]*wide](t)
	attack[[]map[any]any](t)
	attack[[][64]int64](t)
	attack[[][][]string](t)
	attack[[]string](t)
	attack[[]int8](t)
	attack[[]bool](t)
	attack[[][]byte](t)
	attack[[]*big.Int](t)
	attack[[]time.Time](t)
	attack[[]fussy](t)
	attack[[]io.Reader](t)
	attack[[]fxcbor.Tag](t)
	attack[[]fxcbor.RawMessage](t)
	attack[time.Time](t)
	attack[int](t)
}

// attack reads lists and maps of each small item there is, and what else is hostile.
func attack[T any](t *testing.T) {
	t.Helper()
	records := [][]byte{
		fill([]byte("\x7a\x00\x0f\xff\xfb"), 'x'),
		fill([]byte("\x7b\x7f\xff\xff\xff\xff\xff\xff\xff"), 'x'),
		fill([]byte("\xc2\x5a\x00\x0f\xff\xfa"), 0xff),
		fill([]byte("\xc3\x5a\x00\x0f\xff\xfa"), 0xff),
		fill([]byte("\xc0\x7a\x00\x0f\xff\xfa"), '2'),
		fill(nil, 0x81), fill(nil, 0xa1, 0x00), fill(nil, 0xc0), fill(nil, 0x9f),
		fill(nil, 0xd9, 0x01, 0x02), fill(nil, 0xff),
		distinctKeys(), unknownFields(),
	}
	for _, item := range []string{
		"\x00", "\x20", "\x40", "\x60", "\x80", "\xa0", "\xe0", "\xf4", "\xf6", "\x18\xff",
		"\x38\xff", "\x41x", "\x61x", "\x81\x00", "\x81\xa0",
		"\x81\xf6", "\x82\x00\x80", "\x82\x00\x81\xa0", "\xc0\x00", "\xc0\x60", "\xc1\x00",
		"\xc2\x40", "\xc3\x41\x01", "\xd8\x18\x00", "\xf9\x00\x00", "\xf8\x20",
		"\xa1\x00\x00", "\xa1\x00\x80", "\xa1\x00\xa0", "\xa1\x01\x00", "\xa1\x01\x80",
		"\xa1\x05\xa0", "\xa1\x60\xa0", "\xa1\x61N\x00", "\xa1\x61B\x80", "\xa1\x80\x00",
		"\xa1\x09\xa1\x00\x00", "\xa1\x80\xa0", "\xa1\x00\x81\xa0", "\xa2\x0a\x00\x0b\x00",
		"\xa2\x04\xa1\x60\x00\x05\xa0",
	} {
		unit := []byte(item)
		n := (hostileSize - 7) / len(unit)
		for _, around := range []string{"", "\x81", "\xa1\x00", "\xa1\x03", "\xa1\x09"} {
			records = append(records,
				fill(append([]byte(around), head(majorArray, n)...), unit...))
		}
	}
	f := cbor.New[T]()
	for _, b := range records {
		wantCheap(t, f, b)
	}
}

const (
	majorArray = 0x80
	majorMap   = 0xa0
)

// head is the head of an array or map.
func head(major byte, n int) []byte {
	return binary.BigEndian.AppendUint32([]byte{major | 26}, uint32(n))
}

// distinctKeys is a list of a map of as many different keys as there is room for.
func distinctKeys() []byte {
	n := hostileSize / 6
	b := append([]byte{0x81}, head(majorMap, n)...)
	for i := range n {
		b = append(b, 0x1a, 0, byte(i>>16), byte(i>>8), byte(i), 0)
	}
	return b
}

// unknownFields is a struct with fields that no type has.
func unknownFields() []byte {
	n := hostileSize / 7
	b := head(majorMap, n)
	for i := range n {
		b = append(b, 0x64, 'a'+byte(i>>12)%16, 'a'+byte(i>>8)%16, 'a'+byte(i>>4)%16,
			'a'+byte(i)%16, 0)
	}
	return b
}

// wantCheap fails if reading b takes too much. It measures again if it did, because other
// goroutines allocate too.
func wantCheap[T any](t *testing.T, f core.ValueFormat[T, T], b []byte) {
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
		if err != nil && !errors.Is(err, core.ErrCorrupt) {
			t.Errorf("%T, %.12x: %v", *new(T), b, err)
		}
		if took <= hostileTime && memory <= hostileMemory {
			return
		}
		runtime.GC()
	}
	t.Errorf("%T, %d bytes %.16x: %v and %d KiB", *new(T), len(b), b, took, memory>>10)
}

// small is big in memory, and stored as a byte.
type small struct {
	A [64]int64 `cbor:"1,keyasint,omitzero"`
}

// What is big in memory and not when it is stored needs the option, to be written and to be read.
func TestWithMaxMemory(t *testing.T) {
	list := make([]small, 40_000) // 20 MiB
	usual, more, less := cbor.New[[]small](), cbor.New[[]small](cbor.WithMaxMemory(64<<20)),
		cbor.New[[]small](cbor.WithMaxMemory(0))
	b, err := more.Append(nil, list)
	if err != nil || len(b) > 40_010 {
		t.Fatalf("%d bytes, error %v", len(b), err)
	}
	if v, err := more.View(b); err != nil || len(v) != len(list) {
		t.Errorf("%d elements, error %v", len(v), err)
	}
	if _, err := usual.Append(nil, list); !errors.Is(err,
		core.ErrTooLarge) || !strings.Contains(err.Error(), "use WithMaxMemory") {
		t.Errorf("written without the option: error %v", err)
	}
	if _, err := usual.View(b); !errors.Is(err, core.ErrCorrupt) || !strings.Contains(err.Error(),
		"use WithMaxMemory") {
		t.Errorf("read without the option: error %v", err)
	}
	for n, fits := range map[int]bool{20_000: true, 100: true, 1000: false} {
		f := usual
		if n <= 1000 {
			f = less // which is 64 KiB
		}
		b, err := f.Append(nil, list[:n])
		if (err == nil) != fits {
			t.Errorf("%d elements: error %v", n, err)
		}
		if _, err := f.View(b); fits && err != nil {
			t.Errorf("%d elements are written, and not read: %v", n, err)
		}
	}

	key, moreKey := cbor.Key[[][64]int64](cbor.WithMaxMemory(0)), cbor.Key[[][64]int64]()
	k, err := moreKey.Append(nil, make([][64]int64, 1000))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := key.Append(nil, make([][64]int64, 1000)); err != nil {
		t.Errorf("512 KiB, stored in 66, are 32 bytes for each: %v", err)
	}
	if v, err := key.Decode(k); err != nil || len(v) != 1000 {
		t.Errorf("%d elements, error %v", len(v), err)
	}
	nulls := slices.Concat([]byte{0x99, 3, 232}, bytes.Repeat([]byte{0xf6}, 1000))
	if _, err := key.Decode(nulls); !errors.Is(err,
		core.ErrCorrupt) || !strings.Contains(err.Error(), "use WithMaxMemory") {
		t.Errorf("a key of nulls: error %v", err)
	}
}

// A type that was changed is called that, even when there are so many of its parts that they
// are not looked at.
func TestManyMisfits(t *testing.T) {
	b, err := cbor.New[[]string]().Append(nil, make([]string, 1<<19))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := cbor.New[[]int]().View(b); !errors.Is(err,
		core.ErrCorrupt) || !strings.Contains(err.Error(), "it was stored as another type") {
		t.Errorf("error %v", err)
	}
}

// With the defaults, usual values are far from the limit, however many elements they have.
func TestUsualValuesFit(t *testing.T) {
	const n = 1 << 18
	numbers, texts, table, tree := make([]int, n), make([]string,
		n), map[string]int{}, make([]any, n)
	for i := range n {
		numbers[i], texts[i], tree[i] = i%24, string(rune('a'+i%26)), uint64(i%24)
		if i%3 == 0 {
			table[fmt.Sprint(i)] = i
		}
	}
	fits(t, numbers)
	fits(t, texts)
	fits(t, table)
	fits(t, tree)
	fits(t, slices.Repeat([]bool{true}, n))
	fits(t, slices.Repeat([]time.Time{day}, n/4))
	fits(t, slices.Repeat([]*big.Int{big.NewInt(1)}, n/4))
	fits(t, slices.Repeat([]*big.Int{new(big.Int).Lsh(big.NewInt(1), 100)}, n/4))
	fits(t, slices.Repeat(companies, n/64))
	fits(t, slices.Repeat(pointers(companies), n/64))
	fits(t, slices.Repeat([]map[string]string{{"a": "b", "c": "d", "e": "f"}}, n/16))
	fits(t, slices.Repeat([]any{map[any]any{"name": "text", "more": 1.5, "list": []any{true, nil}}},
		n/8))
	fits(t, slices.Repeat([]extended{{Base: &Base{}, M: 1}}, n/64))
	fits(t, make([]byte, n))
}

func fits[T any](t *testing.T, v T) {
	t.Helper()
	f := cbor.New[T]()
	b, err := f.Append(nil, v)
	if err != nil {
		t.Errorf("%T: %.200v", v, err)
		return
	}
	if _, err := f.View(b); err != nil {
		t.Errorf("%T: %.200v", v, err)
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
	// N and F are wider, Name has another name in Go, Gone is gone, New is new, and the order
	// differs
	type is struct {
		New   []string `cbor:"5,keyasint"`
		Title string   `cbor:"2,keyasint"`
		N     int64    `cbor:"1,keyasint"`
		F     float64  `cbor:"4,keyasint"`
	}
	kept := func(v was, w is) bool {
		return w.N == int64(v.N) && w.Title == v.Name && w.New == nil && w.F == float64(v.F)
	}
	formattest.Evolve(t, cbor.New[was](), cbor.New[is](), kept, was{}, was{-1, "name", "gone", 1.5},
		was{127, "é", "", 0.1})

	wantConverted(t, int64(200), int8(0), true)
	wantConverted(t, int64(100), int8(100), false)
	wantConverted(t, 1e300, float32(0), true)
	wantConverted(t, 0.1, float32(0.1), false)
	wantConverted(t, int8(3), 3.0, false)
	wantConverted(t, int64(1<<53+1), float64(1<<53), false)
	wantConverted(t, uint32(1<<24+1), float32(1<<24), false)
	wantConverted(t, [3]int{1, 2, 3}, [2]int{1, 2}, false)
	wantConverted(t, [2]int{1, 2}, [3]int{1, 2, 0}, false)
	wantConverted(t, 3.0, 0, true)
	wantConverted(t, 7, new(7), false)
	wantConverted(t, new(7), 7, false)
	wantConverted(t, (*int)(nil), 0, false)
	wantConverted(t, "text", 0, true)
	wantConverted(t, "2026-02-03T04:05:06Z", time.Time{}, true)
	wantConverted(t, 7, *big.NewInt(7), false)

	type byName struct{ Name string }
	type renamed struct{ Title string }
	lost := func(_ byName, w renamed) bool { return w.Title == "" }
	formattest.Evolve(t, cbor.New[byName](), cbor.New[renamed](cbor.WithRemoved("Name")), lost,
		byName{"a name"})
}

// wantConverted wants a value that is stored as one type to be read as another, or to be an error.
func wantConverted[V, W any](t *testing.T, was V, is W, fails bool) {
	t.Helper()
	b, err := cbor.New[V]().Append(nil, was)
	if err != nil {
		t.Fatal(err)
	}
	got, err := cbor.New[W]().View(b)
	if (err != nil) != fails || !reflect.DeepEqual(got, is) {
		t.Errorf("%T %v is read as %T %v, error %v", was, was, got, got, err)
	}
}
