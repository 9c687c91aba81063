// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package cbor_test

import (
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"math/big"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/formattest"
	"github.com/guardkv/guardkv/formats/cbor"
)

type filing struct {
	Form string    `cbor:"1,keyasint"`
	Date time.Time `cbor:"2,keyasint"`
	Size uint64    `cbor:"3,keyasint"`
}

type company struct {
	CIK     uint64             `cbor:"1,keyasint"`
	Name    string             `cbor:"2,keyasint"`
	Filings []filing           `cbor:"3,keyasint,omitempty"`
	Prices  map[string]float64 `cbor:"4,keyasint,omitempty"`
	Parent  *company           `cbor:"5,keyasint,omitempty"`
	Raw     []byte             `cbor:"6,keyasint"`
	Shares  *big.Int           `cbor:"7,keyasint"`
	Codes   [3]int8            `cbor:"8,keyasint"`
	Other   any                `cbor:"9,keyasint"`
}

var day = time.Date(2026, 2, 3, 4, 5, 6, 789, time.UTC)

var companies = []company{
	{},
	{CIK: 320193, Name: "Apple", Raw: []byte{}, Codes: [3]int8{-1, 0, 1}},
	{
		Filings: []filing{{"10-K", day, 1 << 40}, {}},
		Parent:  &company{Name: "parent", Other: "text"},
	},
	{
		Prices: map[string]float64{"": -1.5, "a": math.Inf(1), "bb": 0.1},
		Other:  []any{uint64(1), int64(-1), nil, day},
		Shares: new(big.Int).Lsh(big.NewInt(-3), 100), Name: strings.Repeat("é", 12),
	},
}

func pointers(vs []company) []*company {
	all := []*company{nil}
	for _, v := range vs {
		all = append(all, &v)
	}
	return all
}

func TestFormat(t *testing.T) { formattest.Run(t, cbor.New[company](), companies...) }
func TestFormatPointer(t *testing.T) {
	formattest.Run(t, cbor.New[*company](), pointers(companies)...)
}

func TestFormatAny(t *testing.T) {
	formattest.Run(t, cbor.New[any](), any(nil), any("text"), any(uint64(7)),
		any([]any{1.5, map[any]any{"a": []byte{1}}}))
}

func TestFormatMap(t *testing.T) {
	formattest.Run(t, cbor.New[map[string][]int](), nil, map[string][]int{},
		map[string][]int{"b": {1, 2}, "aa": nil})
}

func FuzzFormat(f *testing.F) { formattest.Fuzz(f, cbor.New[company](), companies...) }

// With the least memory there is, bytes are looked at before they are decoded even if there are
// few of them.
func FuzzFormatPointer(f *testing.F) {
	formattest.Fuzz(f, cbor.New[*company](cbor.WithMaxMemory(0)), pointers(companies)...)
}

// A map may have several keys that are NaN, of which no two are equal, so that it is in no
// order and equals nothing.
func FuzzFormatAny(f *testing.F) {
	x := formattest.Extras[any, any]{Varies: true, Same: func(a, b any) bool {
		return reflect.DeepEqual(a, b) || strings.Contains(fmt.Sprint(a),
			"NaN") && strings.Contains(fmt.Sprint(b), "NaN")
	}}
	formattest.FuzzWith(f, cbor.New[any](cbor.WithMaxMemory(0)), x, any("text"), any(uint64(7)),
		any([]any{1.5, map[any]any{"a": []byte{1}}}))
}

func BenchmarkFormat(b *testing.B) { formattest.Bench(b, cbor.New[company](), companies[1:3]...) }
func BenchmarkFormatPointer(b *testing.B) {
	formattest.Bench(b, cbor.New[*company](), pointers(companies[1:3])...)
}

// What is stored today must be readable forever. These are the bytes and the ID of cbor/1.
func TestStoredBytes(t *testing.T) {
	f := cbor.New[company]()
	if f.ID() != "cbor/1" {
		t.Errorf("the ID is %q", f.ID())
	}
	for i, want := range []string{
		"a60100026006f607f6088300000009f6",
		"a6011a0004e2c102654170706c65064007f6088320000109f6",
		"a8010002600382a3016431302d4b02c0781e323032362d30322d30335430343a30353a30362e3030303030303738395a031b0000010000000000" +
			"a3016002f6030005a601000266706172656e7406f607f6088300000009647465787406f607f6088300000009f6",
		"a70100027818c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a904a360f9be006161f97c00626262fb3fb999999999999a" +
			"06f607c34d2fffffffffffffffffffffffff088300000009840120f6c0781e323032362d30322d30335430343a30353a30362e3030303030303738395a",
	} {
		b, err := f.Append(nil, companies[i])
		if err != nil || hex.EncodeToString(b) != want {
			t.Errorf("%d is stored as %x, error %v; want %s", i, b, err, want)
		}
		if got, err := f.View(b); err != nil || !reflect.DeepEqual(got, companies[i]) {
			t.Errorf("%d is read as %+v, error %v", i, got, err)
		}
	}
}

func TestTimes(t *testing.T) {
	f := cbor.New[time.Time]()
	mean := time.FixedZone("LMT", 53*60+28) // as in most zones before about 1900
	for _, v := range []time.Time{
		{},
		day,
		time.Date(1890, 1, 1, 0, 0, 0, 123456789, mean),
		time.Date(2026, 7, 1, 12, 0, 0, 1, time.FixedZone("", -7*3600)),
		time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC),
		time.Date(9999, 12, 31, 23, 59, 59, 999999999, time.UTC),
		time.Unix(0, 0),
		time.Now(),
	} {
		b, err := f.Append(nil, v)
		if err != nil {
			t.Errorf("%v: %v", v, err)
			continue
		}
		got, err := f.View(b)
		if err != nil || !got.Equal(v) || got.Location() != time.UTC {
			t.Errorf("%v is stored as %x and read as %v, error %v", v, b, got, err)
		}
	}
	for _, v := range []time.Time{
		time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC),
		time.Date(-1, 1, 1, 0, 0, 0, 0, time.UTC),
		time.Date(9999, 12, 31, 23, 59, 59, 0, time.FixedZone("", -3600)),
	} {
		if b, err := f.Append(nil, v); err == nil {
			t.Errorf("%v is stored as %x", v, b)
		}
	}
}

func TestBigInts(t *testing.T) {
	f := cbor.New[*big.Int]()
	for _, shift := range []uint{0, 1, 31, 63, 64, 65, 1000} {
		for _, sign := range []int64{-1, 1} {
			v := new(big.Int).Lsh(big.NewInt(sign), shift)
			b, err := f.Append(nil, v)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := f.View(b); err != nil || got.Cmp(v) != 0 {
				t.Errorf("%v is stored as %x and read as %v, error %v", v, b, got, err)
			}
		}
	}
}

// Each of these is read by decoders that are less strict.
func TestRefuses(t *testing.T) {
	f := cbor.New[company]()
	for _, c := range []struct{ name, hex, says string }{
		{"nothing", "", "there are no bytes"},
		{"a cut value", "a201", "damaged"},
		{"trailing bytes", "a000", "damaged"},
		{"a duplicate field", "a201010102", "duplicate"},
		{"a duplicate unknown field", "a218630118630 2", "duplicate"},
		{"a duplicate key", "a104a2616101616102", "duplicate"},
		{"an array of indefinite length", "a1039fff", "indefinite"},
		{"a map of indefinite length", "bfff", "indefinite"},
		{"a string of indefinite length", "a1027f6161ff", "indefinite"},
		{"invalid UTF-8", "a10261ff", "UTF-8"},
		{"an untagged time", "a10381a1021a00000000", "another type"},
		{"text that is no time", "a10381a102c06161", "cannot"},
		{"another type", "a1016161", "another type: give a changed field a new name or number"},
		{"a number that is too big", "a10883190100 0000", "another type"},
		{"deep nesting", "a109" + strings.Repeat("81", 40) + "00", "WithMaxNesting"},
		{"a huge array", "a1039a7fffffff", "WithMaxElements"},
		{"a huge map", "a104ba00200000", "WithMaxElements"},
		{"a huge string", "a1027b7fffffffffffffff", "damaged"},
	} {
		b, err := hex.DecodeString(strings.ReplaceAll(c.hex, " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		got, err := f.View(b)
		if !errors.Is(err, core.ErrCorrupt) || !strings.Contains(fmt.Sprint(err), c.says) {
			t.Errorf("%s: error %v; want ErrCorrupt that says %q", c.name, err, c.says)
		}
		if !reflect.DeepEqual(got, company{}) {
			t.Errorf("%s: half a value comes with the error: %+v", c.name, got)
		}
	}
}

func TestNamesHaveCase(t *testing.T) {
	type named struct{ Name string }
	b, err := cbor.New[map[string]string]().Append(nil,
		map[string]string{"name": "lower", "Name": "exact", "NAME": "upper"})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := cbor.New[named]().View(b); err != nil || got.Name != "exact" {
		t.Errorf("got %+v, error %v", got, err)
	}
}

// Types grow and shrink between releases.
func TestEvolves(t *testing.T) {
	type first struct {
		A int    `cbor:"1,keyasint"`
		B string `cbor:"2,keyasint"`
	}
	type second struct {
		B string   `cbor:"2,keyasint"`
		C []string `cbor:"3,keyasint"`
	}
	b, err := cbor.New[first]().Append(nil, first{1, "kept"})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := cbor.New[second]().View(b); err != nil || !reflect.DeepEqual(got,
		second{B: "kept"}) {
		t.Errorf("got %+v, error %v", got, err)
	}
}

// A value that can be written and not read is lost. Each of these is encoded by the library
// without an error.
func TestRefusesToWriteWhatItCannotRead(t *testing.T) {
	for _, c := range []struct {
		name string
		v    any
		is   error
	}{
		{"invalid UTF-8", "\xff", nil},
		{"invalid UTF-8 inside", map[string]any{"a": []string{"\xff"}}, nil},
		{"keys that are equal in CBOR", map[any]int{1: 1, int64(1): 2}, nil},
		{"too many elements", make([]int8, 1<<20+1), core.ErrTooLarge},
		{"too many levels", nested(33), core.ErrTooLarge},
		{"a value with duplicate keys of its own", raw("a2616101616102"), nil},
	} {
		b, err := cbor.New[any]().Append([]byte("prefix"), c.v)
		if err == nil || b != nil {
			t.Errorf("%s: stored, error %v", c.name, err)
		}
		if c.is != nil && !errors.Is(err, c.is) {
			t.Errorf("%s: error %v, want %v", c.name, err, c.is)
		}
		if errors.Is(err, core.ErrCorrupt) {
			t.Errorf("%s: nothing is corrupt: %v", c.name, err)
		}
	}
}

// raw encodes itself, as the bytes it is made of.
type raw string

func (r raw) MarshalCBOR() ([]byte, error) { return hex.DecodeString(string(r)) }

// What the scan does not know may be fine.
func TestWritesTheUnusual(t *testing.T) {
	for _, v := range []raw{"a2616201616102", "f0", "f8ff", "d9d9f7a0"} {
		b, err := cbor.New[any]().Append(nil, v)
		if err != nil {
			t.Errorf("%s: %v", v, err)
			continue
		}
		if _, err := cbor.New[any]().View(b); err != nil {
			t.Errorf("%s: %v", v, err)
		}
	}
}

func nested(levels int) (v any) {
	for range levels {
		v = []any{v}
	}
	return v
}

func TestLimits(t *testing.T) {
	many, deep := make([]int8, 1<<21), nested(100)
	wide := cbor.New[any](cbor.WithMaxElements(1<<21), cbor.WithMaxNesting(100))
	for _, v := range []any{many, deep} {
		b, err := wide.Append(nil, v)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := wide.View(b); err != nil {
			t.Errorf("with raised limits: %v", err)
		}
		if _, err := cbor.New[any]().View(b); !errors.Is(err, core.ErrCorrupt) {
			t.Errorf("with the default limits: error %v, want ErrCorrupt", err)
		}
	}
	million := cbor.New[[]float64]()
	if b, err := million.Append(nil, make([]float64, 1e6)); err != nil || len(b) < 1e6 {
		t.Errorf("a million elements need no option: %d bytes, error %v", len(b), err)
	}
}

// Limits that are out of range, on either side, are as good as possible.
func TestLimitsOutOfRange(t *testing.T) {
	for _, n := range []int{math.MinInt, -1, 0, 1, math.MaxInt} {
		f := cbor.New[[]int](cbor.WithMaxElements(n), cbor.WithMaxNesting(n))
		if b, err := f.Append(nil, make([]int, 16)); err != nil || len(b) != 17 {
			t.Errorf("%d: 16 elements give %d bytes, error %v", n, len(b), err)
		}
	}
}
