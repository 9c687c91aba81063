// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package gob_test

import (
	"encoding/gob"
	"encoding/hex"
	"math"
	"math/big"
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
	{
		Filings: []filing{{"10-K", day, 1 << 40}, {}}, Parent: &company{Name: "parent"},
		Grid: [][]int32{{1}, {-2, 3}},
	},
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
	{
		Any:  point{1, -2},
		Many: []any{"text", nil, &filing{Form: "8-K"}, []any{point{3, 4}, point{}}},
	},
	{
		Any:  map[string]any{"a": []any{1.5, []byte{1}}},
		Many: []any{int8(1), uint16(2), "x", true, complex(1, 2)},
	},
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
	formattest.Run(t, gobformat.New[any](), nil, any(1), any("text"), any(point{1, 2}),
		any([]any{1, point{3, 4}}))
}
func TestFormatString(t *testing.T) { formattest.Run(t, gobformat.New[string](), "", "a", "text") }
func TestFormatTime(t *testing.T) {
	formattest.Run(t, gobformat.New[time.Time](), day, time.Time{})
}

func TestFormatMap(t *testing.T) {
	formattest.RunWith(t, gobformat.New[map[string][]int](),
		formattest.Extras[map[string][]int, map[string][]int]{Varies: true},
		map[string][]int{}, map[string][]int{"b": {1, 2}, "aa": {3}, "c": nil},
		map[string][]int{"b": {1, 2}})
}

// bind binds a format to a table with this metadata.
func bind[T any](
	t testing.TB, stored []byte, opts ...gobformat.Option,
) (core.ValueFormat[T, T], []byte) {
	t.Helper()
	f, meta, err := core.PowersOf(gobformat.New[T](opts...)).Bind(stored)
	if err != nil {
		t.Fatal(err)
	}
	return f, meta
}

// What is stored today must be readable forever. These are the metadata, the bytes and the ID
// of gob/1.
func TestStoredBytes(t *testing.T) {
	if id := gobformat.New[company]().ID(); id != "gob/1" {
		t.Errorf("the ID is %q", id)
	}
	wantStored(t, companies,
		"676f622f310affd200ff8270ff8103020a010343494b01060001044e616d65010c00010746696c696e677301ff8400010650726963"+
			"657301ff86000106506172656e7401ff82000103526177010a00010653686172657301ff88000105436f64657301ff8a000105526174696f01"+
			"0e0001044772696401ff8c00000008ff830202ff8e000009ff8504020c0108000005ff8705000009ff890102040106000008ff8b0202ff9000"+
			"0023ff8d0302030104466f726d010c0001044461746501ff9200010453697a65010600000007ff8f020204000005ff91050000",
		"01080300000000",
		"0101fd04e2c101054170706c6504020001020301000200",
		"010302010431302d4b010f010000000ee1136af200000315ffff01fa0100000000000000020206706172656e7406030000000003030000000202010202030600",
		"010218c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a90201026262fef0ff030e0330000000000000000000000000010300000001fef03f4000",
	)
	wantStored(t, shapes[:3],
		"676f622f310a2e01ff8222ff8103020301044e616d65010c000103416e7901100001044d616e7901ff8400000007ff830202100000", "010000", "010001036f6e650103696e740402000e00", "010313ff85030202010158010400010159010400000023ff870302030104466f726d010c0001044461746501ff8a00010453697a650106"+
			"00000005ff8905000002316769746875622e636f6d2f67756172646b762f67756172646b762f666f726d6174732f676f625f746573742e"+
			"706f696e74ff86050102010300010406737472696e670c0600047465787400102a676f625f746573742e66696c696e67ff88060103382d"+
			"4b000e5b5d696e74657266616365207b7dff84720002316769746875622e636f6d2f67756172646b762f67756172646b762f666f726d61"+
			"74732f676f625f746573742e706f696e74ff86050106010800316769746875622e636f6d2f67756172646b762f67756172646b762f666f"+
			"726d6174732f676f625f746573742e706f696e74ff86010000")
}

func wantStored[T any](t *testing.T, vs []T, wantMeta string, want ...string) {
	t.Helper()
	f, meta := bind[T](t, nil)
	if got := hex.EncodeToString(meta); got != wantMeta {
		t.Errorf("the metadata is %s", got)
	}
	for i, v := range vs {
		b := write(t, f, v)
		if got := hex.EncodeToString(b); got != want[i] {
			t.Errorf("%d is stored as %s; want %s", i, got, want[i])
		}
		wantRead(t, f, b, v)
	}
}

func BenchmarkFormat(b *testing.B) {
	formattest.Bench(b, gobformat.New[company](), companies[1:3]...)
}

func BenchmarkFormatDynamic(b *testing.B) {
	formattest.Bench(b, gobformat.New[shape](), shapes[1:3]...)
}
