// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package gob_test

import (
	"encoding/gob"
	"encoding/hex"
	"math"
	"math/big"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/formattest"
	gobformat "github.com/guardkv/guardkv/formats/gob"
)

type filing struct {
	Form string
	Date time.Time
	Size uint64
}

type company struct {
	CIK     uint64
	Name    string
	Filings []filing
	Prices  map[string]float64
	Parent  *company
	Raw     []byte
	Shares  *big.Int
	Codes   [3]int8
	Ratio   complex64
	Grid    [][]int32
}

var day = time.Date(2026, 2, 3, 4, 5, 6, 789, time.UTC)

var companies = []company{
	{},
	{CIK: 320193, Name: "Apple", Raw: []byte{0, 1}, Codes: [3]int8{-1, 0, 1}},
	{Filings: []filing{{"10-K", day, 1 << 40}, {}}, Parent: &company{Name: "parent"}, Grid: [][]int32{{1}, {-2, 3}}},
	{
		Prices: map[string]float64{"bb": math.Inf(-1)}, Ratio: 1 + 2i,
		Shares: new(big.Int).Lsh(big.NewInt(-3), 100), Name: strings.Repeat("é", 12),
	},
}

// shape has interfaces, so that its values bring descriptions.
type shape struct {
	Name string
	Any  any
	Many []any
}

type point struct{ X, Y int }

func init() {
	gob.Register(point{})
	gob.Register(&filing{})
	gob.Register(map[string]any{})
	gob.Register([]any{})
}

var shapes = []shape{
	{},
	{Name: "one", Any: 7},
	{Any: point{1, -2}, Many: []any{"text", nil, &filing{Form: "8-K"}, []any{point{3, 4}, point{}}}},
	{Any: map[string]any{"a": []any{1.5, []byte{1}}}, Many: []any{int8(1), uint16(2), "x", true, complex(1, 2)}},
}

func pointers[T any](vs []T) []*T {
	all := []*T{nil}
	for _, v := range vs {
		all = append(all, &v)
	}
	return all
}

func TestFormat(t *testing.T) { formattest.Run(t, gobformat.New[company](), companies...) }

func TestFormatPointer(t *testing.T) {
	formattest.Run(t, gobformat.New[*company](), pointers(companies)...)
}
func TestFormatDynamic(t *testing.T) { formattest.Run(t, gobformat.New[shape](), shapes...) }
func TestFormatAny(t *testing.T) {
	formattest.Run(t, gobformat.New[any](), nil, any(1), any("text"), any(point{1, 2}), any([]any{1, point{3, 4}}))
}
func TestFormatString(t *testing.T) { formattest.Run(t, gobformat.New[string](), "", "a", "text") }
func TestFormatTime(t *testing.T)   { formattest.Run(t, gobformat.New[time.Time](), day, time.Time{}) }
func TestFormatMap(t *testing.T) {
	formattest.Run(t, gobformat.New[map[string][]int](), map[string][]int{}, map[string][]int{"b": {1, 2}})
}

// bind binds a format to a table with this metadata.
func bind[T any](t testing.TB, stored []byte, opts ...gobformat.Option) (core.ValueFormat[T, T], []byte) {
	t.Helper()
	f, meta, err := gobformat.New[T](opts...).(core.Binder[T, T]).Bind(stored)
	if err != nil {
		t.Fatal(err)
	}
	return f, meta
}

// What is stored today must be readable for ever. These are the bytes and the ID of gob/1.
func TestStoredBytes(t *testing.T) {
	f, meta := bind[company](t, nil)
	t.Logf("%x", meta)
	for i, want := range companies {
		b, err := f.Append(nil, want)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s", hex.EncodeToString(b))
		if got, err := f.View(b); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%d is read as %+v, error %v", i, got, err)
		}
	}
}

func BenchmarkFormat(b *testing.B) { formattest.Bench(b, gobformat.New[company](), companies[1:3]...) }

func BenchmarkFormatDynamic(b *testing.B) {
	formattest.Bench(b, gobformat.New[shape](), shapes[1:3]...)
}
