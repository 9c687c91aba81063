// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package cbor_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/formattest"
	"github.com/guardkv/guardkv/formats/cbor"
)

type key struct {
	Name  string
	N     int32   `cbor:"1,keyasint"`
	Ratio float64 `cbor:"2,keyasint"`
	On    *bool   `json:"on"`
	Path  []uint16
	At    [2]float32
}

var (
	yes        = true
	structKeys = []key{
		{},
		{Name: "a", N: -1, Ratio: 1.5, On: &yes},
		{
			Name: strings.Repeat("é", 20), N: math.MaxInt32, Ratio: 0.1, Path: []uint16{1, 300},
			At: [2]float32{1, -2.5},
		},
	}
	times = []time.Time{{}, day, day.In(time.FixedZone("", 3600)), day.Add(1), time.Unix(0, 0)}
	bools = []bool{false, true}
)

// sameKey is key by key what == is field by field, and takes what a nil and an empty slice hold
// for the same.
func sameKey(a, b key) bool {
	return a.Name == b.Name && a.N == b.N && sameFloat(a.Ratio,
		b.Ratio) && (a.On == nil) == (b.On == nil) &&
		(a.On == nil || *a.On == *b.On) && fmt.Sprint(a.Path) == fmt.Sprint(b.Path) &&
		sameFloat(float64(a.At[0]), float64(b.At[0])) && sameFloat(float64(a.At[1]),
		float64(b.At[1]))
}

func sameFloat(a, b float64) bool { return a == b || a != a && b != b }

func TestKeys(t *testing.T) {
	t.Run("struct", func(t *testing.T) {
		formattest.RunKeyWith(t, cbor.Key[key](), formattest.KeyExtras[key]{Same: sameKey},
			structKeys...)
	})
	t.Run("pointer", func(t *testing.T) {
		formattest.RunKeyWith(t, cbor.Key[*key](), formattest.KeyExtras[*key]{Same: samePointer},
			nil, &structKeys[0], &structKeys[1])
	})
	t.Run("string", func(t *testing.T) {
		formattest.RunKey(t, cbor.Key[string](), "", "a", "é\x00", strings.Repeat("a", 300))
	})
	t.Run("bytes", func(t *testing.T) {
		formattest.RunKey(t, cbor.Key[[]byte](), nil, []byte{}, []byte{0, 255})
	})
	t.Run("array", func(t *testing.T) {
		formattest.RunKey(t, cbor.Key[[3]byte](), [3]byte{}, [3]byte{1, 2, 3})
	})
	t.Run("int64", func(t *testing.T) {
		formattest.RunKey(t, cbor.Key[int64](), math.MinInt64, -1, 0, 23, 24, math.MaxInt64)
	})
	t.Run("uint8", func(t *testing.T) { formattest.RunKey(t, cbor.Key[uint8](), 0, 255) })
	t.Run("bool", func(t *testing.T) { formattest.RunKey(t, cbor.Key[bool](), bools...) })
	t.Run("float64", func(t *testing.T) {
		formattest.RunKey(t, cbor.Key[float64](), 0, math.Copysign(0, -1), 0.1, 1,
			math.Inf(1), math.NaN(),
			math.Float64frombits(0xfff8000000000001))
	})
	t.Run("float32", func(t *testing.T) {
		formattest.RunKey(t, cbor.Key[float32](), 0, 0.1, -65504, float32(math.Inf(-1)))
	})
	t.Run("time", func(t *testing.T) { formattest.RunKey(t, cbor.Key[time.Time](), times...) })
	t.Run("map", func(t *testing.T) {
		formattest.RunKeyWith(t, cbor.Key[map[string]bool](),
			formattest.KeyExtras[map[string]bool]{Same: sameMap},
			nil, map[string]bool{}, map[string]bool{"b": true, "aa": false})
	})
	t.Run("big.Int", func(t *testing.T) {
		formattest.RunKeyWith(t, cbor.Key[big.Int](),
			formattest.KeyExtras[big.Int]{Same: func(a, b big.Int) bool { return a.Cmp(&b) == 0 }},
			*big.NewInt(0), *big.NewInt(-1), *new(big.Int).Lsh(big.NewInt(1), 100))
	})
}

func samePointer(a, b *key) bool { return a == b || a != nil && b != nil && sameKey(*a, *b) }

func sameMap(a, b map[string]bool) bool { return fmt.Sprint(a) == fmt.Sprint(b) }

func FuzzKeyStruct(f *testing.F) { formattest.FuzzKey(f, cbor.Key[key](), structKeys...) }
func FuzzKeyTime(f *testing.F)   { formattest.FuzzKey(f, cbor.Key[time.Time](), times...) }
func FuzzKeyMap(f *testing.F) {
	formattest.FuzzKey(f, cbor.Key[map[float64]string](), nil,
		map[float64]string{1: "a", -0.5: "b"})
}

func BenchmarkKeyStruct(b *testing.B) { formattest.BenchKey(b, cbor.Key[key](), structKeys...) }
func BenchmarkKeyUint64(b *testing.B) { formattest.BenchKey(b, cbor.Key[uint64](), 1, 1000, 1<<40) }
func BenchmarkKeyString(b *testing.B) {
	formattest.BenchKey(b, cbor.Key[string](), "short", strings.Repeat("long", 20))
}

func TestKeyID(t *testing.T) {
	if f := cbor.Key[string](); f.ID() != "cbor-key/1" || f.Ordered() {
		t.Errorf("ID %q, ordered %v", f.ID(), f.Ordered())
	}
}

// Keys that Go says are equal have one encoding, in every place where a float can be.
func TestNegativeZeroKeys(t *testing.T) {
	minus := math.Copysign(0, -1)
	wantSame(t, minus, 0)
	wantSame(t, float32(minus), 0)
	wantSame(t, []float64{1, minus, 2, minus}, []float64{1, 0, 2, 0})
	wantSame(t, key{Ratio: minus, At: [2]float32{0, float32(minus)}}, key{})
	wantSame(t, map[string]float64{"a": minus}, map[string]float64{"a": 0})
	wantSame(t, map[float64]string{minus: "a"}, map[float64]string{0: "a"})
	wantSame(t, math.NaN(), math.Float64frombits(0x7ff0000000000001))
	wantSame(t, day, day.In(time.FixedZone("", 3600)))
	wantSame(t, []byte(nil), []byte{})
}

func wantSame[K any](t *testing.T, a, b K) {
	t.Helper()
	f := cbor.Key[K]()
	x, errX := f.Append(nil, a)
	y, errY := f.Append(nil, b)
	if errX != nil || errY != nil || !bytes.Equal(x, y) {
		t.Errorf("%v is %x (error %v), %v is %x (error %v)", a, x, errX, b, y, errY)
	}
	if _, err := f.Decode(x); err != nil {
		t.Errorf("%x: %v", x, err)
	}
}

// Bytes inside strings are not floats.
func TestNegativeZeroLookalikes(t *testing.T) {
	f := cbor.Key[[]byte]()
	want := []byte{0xf9, 0x80, 0x00}
	b, err := f.Append(nil, want)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := f.Decode(b); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%x is read as %x, error %v", want, got, err)
	}
}

func TestKeysThatCannotBeWritten(t *testing.T) {
	for name, err := range map[string]error{
		"invalid UTF-8":     appendKey("\xff"),
		"-0 between others": appendKey(map[float64]int{math.Copysign(0, -1): 1, 1: 2, -1: 3, 2: 4}),
		"two NaN":           appendKey(map[float64]int{math.NaN(): 1, -math.NaN(): 2}),
		"a far year":        appendKey(time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)),
		"an exotic type":    appendKey(raw("f0")),
		"unsorted":          appendKey(raw("a2616201616102")),
	} {
		if err == nil || errors.Is(err, core.ErrCorrupt) {
			t.Errorf("%s: error %v", name, err)
		}
	}
	if err := appendKey(make([]bool, 1<<20+1)); !errors.Is(err, core.ErrTooLarge) {
		t.Errorf("too many elements: error %v", err)
	}
}

func appendKey[K any](k K) error {
	_, err := cbor.Key[K]().Append(nil, k)
	return err
}

var _ = hidden{}.n // for linters: what matters is that nobody else sees it

type (
	recursive struct {
		Next *recursive
		N    int
	}
	hidden   struct{ n int }
	Inner    struct{ N int }
	embedded struct{ Inner }
	left     struct {
		A int `cbor:"-"`
	}
	empty struct {
		A *int `json:",omitempty"`
	}
	zero struct {
		A time.Time `cbor:"1,keyasint,omitzero"`
	}
	twice struct {
		A int `cbor:"x"`
		B int `json:"x"`
	}
	different struct {
		A int `cbor:"1"`
		B int `cbor:"1,keyasint"`
	}
	inside struct {
		M map[string][]struct{ E error }
	}
	arrays struct {
		_ struct{} `cbor:",toarray"`
		A int
	}
	itself struct{ F fussy }
)

// A type with which two keys could become one row is refused before it can.
func TestKeyTypes(t *testing.T) {
	for _, c := range []struct {
		err  error
		says string
	}{
		{useKey[recursive](), ""},
		{useKey[different](), ""},
		{useKey[arrays](), ""},
		{useKey[itself](), ""},
		{useKey[*big.Int](), ""},
		{useKey[map[string][]int](), ""},
		{useKey[any](), "is an interface"},
		{
			useKey[inside](),
			"field cbor_test.inside.M: field struct { E error }.E: error is an interface",
		},
		{useKey[hidden](), "the field cbor_test.hidden.n is unexported"},
		{useKey[embedded](), "Inner is embedded"},
		{useKey[left](), "is not stored"},
		{useKey[empty](), "is left out"},
		{useKey[zero](), "is left out"},
		{useKey[twice](), "shares its name, x,"},
		{useKey[**int](), "two values that are stored as null"},
		{useKey[*time.Time](), "two values that are stored as null"},
		{useKey[map[any]int](), "is an interface"},
		{useKey[[]complex128](), "CBOR has nothing for complex128"},
		{useKey[chan int](), "CBOR has nothing for chan int"},
		{useKey[uintptr](), "CBOR has nothing for uintptr"},
	} {
		if got := fmt.Sprint(c.err); c.says == "" && c.err != nil || !strings.Contains(got,
			c.says) {
			t.Errorf("error %v, want one that says %q", c.err, c.says)
		}
	}
}

// useKey returns the error of a first Append, and of a Decode, for a key that is zero.
func useKey[K any]() error {
	f := cbor.Key[K]()
	var k K
	b, err := f.Append(nil, k)
	if err != nil {
		_, again := f.Decode([]byte{0xf6})
		if fmt.Sprint(err) != fmt.Sprint(again) {
			return fmt.Errorf("Append says %q, Decode %q", err, again)
		}
		return err
	}
	_, err = f.Decode(b)
	return err
}
