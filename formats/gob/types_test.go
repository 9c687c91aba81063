// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

//go:build !race

// Race builds without this file: one goroutine runs its tests, and their many types take long to
// compile.

package gob_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/big"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/memory"
	gobformat "github.com/guardkv/guardkv/formats/gob"
)

type (
	embeds   struct{ point }
	loop     *loop
	onlyOut  struct{ N int }
	unread   struct{ A onlyOut }
	inMap    struct{ M map[string]big.Int }
	deepFunc struct {
		A []struct{ F map[string]func() }
	}
	encodesItself interface{ GobEncode() ([]byte, error) }
)

func (onlyOut) GobEncode() ([]byte, error) { return nil, nil }

// What gob cannot store, or would lose without a word, is refused when the table is opened, by
// name.
func TestTypesThatCannotBeStored(t *testing.T) {
	for _, c := range []struct {
		err  error
		says string
	}{
		{open[chan int](t), "chan int is a chan"},
		{open[func()](t), "func() is a func"},
		{open[map[string]chan int](t), "map[string]chan int[] is a chan"},
		{open[struct {
			A int
			C chan int
		}](t), ".C is a chan"},
		{open[deepFunc](t), "gob_test.deepFunc.A[].F[] is a func"},
		{open[struct{ n int }](t), "has no exported fields"},
		{
			open[struct{ A []struct{ n int } }](t),
			".A[], a struct { n int }, has no exported fields",
		},
		{open[embeds](t), "gob_test.embeds.X would be lost: it is embedded in point"},
		{open[loop](t), "pointer to itself"},
		{
			open[unread](t),
			"gob_test.unread.A, a gob_test.onlyOut, has GobEncode, and to read it nothing",
		},
		{open[inMap](t), "gob_test.inMap.M[] is a big.Int in a map"},
		{open[struct {
			M map[int][1]struct{ B big.Int }
		}](t), ".M[][].B is a big.Int in a map"},
		{open[struct{ E encodesItself }](t), ".E, a gob_test.encodesItself, has GobEncode"},
	} {
		if c.err == nil || !strings.Contains(c.err.Error(), c.says) {
			t.Errorf("error %v, want one that says %q", c.err, c.says)
		}
	}
	for i, err := range []error{
		open[struct{}](t), open[*****int](t), open[uintptr](t), open[netip.Addr](t),
		open[map[string]*big.Int](t),
		open[map[string][]big.Int](t), open[map[string]time.Time](t), open[map[netip.Addr]int](t),
		open[error](t), open[[0]int](t),
	} {
		if err != nil {
			t.Errorf("%d: %v", i, err)
		}
	}
}

// open returns the error of opening a table for values of type T.
func open[T any](t *testing.T) error {
	t.Helper()
	return openUntyped(t, untyped[T]{gobformat.New[T]()})
}

func openUntyped(t *testing.T, f core.ValueFormat[any, any]) error {
	t.Helper()
	ctx := context.Background()
	db, err := core.Open(ctx, "db", memory.New())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	_, err = core.OpenTable(ctx, db, "rows", keys.Uint64(), f)
	if tables, _ := db.Tables(ctx); err != nil && len(tables) > 0 {
		t.Errorf("%v, and there is a table", err)
	}
	return err
}

func wantKept[T any](t *testing.T, vs ...T) {
	t.Helper()
	f, _ := bind[T](t, nil)
	for _, v := range vs {
		wantRead(t, f, write(t, f, v), v)
	}
}

func TestTypesThatEncodeThemselves(t *testing.T) {
	wantKept(t, time.Time{}, day, time.Unix(0, 1).UTC(),
		time.Date(-1000, 1, 1, 0, 0, 0, 0, time.UTC))
	wantKept(t, *big.NewInt(0), *big.NewInt(-5), *new(big.Int).Lsh(big.NewInt(1), 1000))
	wantKept[*big.Int](t, nil, big.NewInt(7), new(big.Int).Lsh(big.NewInt(-1), 64))
	wantKept(t, *big.NewRat(1, 3))
	wantKept(t, netip.MustParseAddr("1.2.3.4"), netip.MustParseAddr("::1"))
	wantKept(t, map[netip.Addr]time.Time{netip.MustParseAddr("::1"): day})
	wantKept(t, usesSelfMade{selfMade{7}}, usesSelfMade{})
	wantKept(t, [2]*big.Int{big.NewInt(1), big.NewInt(2)})
	f, _ := bind[*big.Float](t, nil)
	if got, err := f.View(write(t, f, big.NewFloat(1.5))); err != nil ||
		got.Cmp(big.NewFloat(1.5)) != 0 {
		t.Errorf("%v, error %v", got, err)
	}
}

func TestValuesOfEveryKind(t *testing.T) {
	seven := 7
	p := &seven
	wantKept(t, 0, 1, -1, math.MinInt)
	wantKept(t, 0, math.Inf(1), 0.1)
	wantKept[**int](t, nil, &p)
	wantKept(t, [3]string{"a", "", "c"})
	wantKept(t, struct{}{})
	wantKept(t, tree{[]tree{{}, {[]tree{{}}}}})
	wantKept[map[string]map[int][]bool](t,
		map[string]map[int][]bool{"a": {1: {true}, 2: {false, true}}})
	wantKept(t, "", "\xff\x00", strings.Repeat("x", 70_000))
	wantKept(t, map[point]point{{1, 2}: {}, {}: {3, 4}})
}

// Gob does not keep some differences. They are documented, and this is all there are.
func TestWhatIsNotKept(t *testing.T) {
	type all struct {
		Slice []int
		Raw   []byte
		Map   map[int]int
		P     *int
		PP    *point
		F     float64
	}
	f, _ := bind[all](t, nil)
	zero := 0
	got, err := f.View(write(t, f,
		all{[]int{}, []byte{}, map[int]int{}, &zero, &point{}, math.Copysign(0, -1)}))
	if err != nil || got.Slice != nil || got.Raw != nil || got.Map == nil || got.P != nil ||
		got.PP == nil || math.Signbit(got.F) {
		t.Errorf("%+v, error %v", got, err)
	}
}

// A nil pointer in a pointer is not what it was when it is read again, and one among elements
// is nothing gob can encode.
func TestNilPointersThatAreRefused(t *testing.T) {
	var p *int
	f, _ := bind[**int](t, nil)
	if b, err := f.Append(nil, &p); err == nil {
		t.Errorf("a pointer to nil is stored as %x", b)
	}
	g, _ := bind[[]*int](t, nil)
	if b, err := g.Append(nil, []*int{nil}); err == nil {
		t.Errorf("an element that is nil is stored as %x", b)
	}
	seven := 7
	wantRead(t, g, write(t, g, []*int{&seven}), []*int{&seven})
}

// A value that would be too big to read, by its limits, is not written.
func TestLimits(t *testing.T) {
	many := make([]wide, 100_000)
	f, meta := bind[[]wide](t, nil)
	if b, err := f.Append(nil, many); !errors.Is(err,
		core.ErrTooLarge) || !strings.Contains(err.Error(), "WithMaxMemory") {
		t.Errorf("%d bytes, error %v; want ErrTooLarge", len(b), err)
	}
	roomy, _ := bind[[]wide](t, meta, gobformat.WithMaxMemory(1<<30))
	b := write(t, roomy, many)
	wantRead(t, roomy, b, many)
	if _, err := f.View(b); !errors.Is(err, core.ErrCorrupt) || !strings.Contains(err.Error(),
		"WithMaxMemory") {
		t.Errorf("error %v; want ErrCorrupt that names the option", err)
	}
	for _, n := range []int64{math.MinInt64, 0, math.MaxInt64} {
		g, _ := bind[[]int](t, nil, gobformat.WithMaxMemory(n))
		wantRead(t, g, write(t, g, []int{1, 2, 3}), []int{1, 2, 3})
	}
	var deep *chain
	for range 10_001 {
		deep = &chain{Next: deep}
	}
	c, _ := bind[*chain](t, nil)
	if _, err := c.Append(nil, deep); !errors.Is(err, core.ErrTooLarge) {
		t.Errorf("error %v; want ErrTooLarge", err)
	}
	wantRead(t, c, write(t, c, deep.Next.Next), deep.Next.Next)
	million, _ := bind[[]float64](t, nil)
	floats := make([]float64, 1_000_000)
	for i := range floats {
		floats[i] = float64(i) / 7
	}
	wantRead(t, million, write(t, million, floats), floats)
}

// Everything an interface can hold is kept, and refused if gob cannot, with the type's name.
func TestDynamicValues(t *testing.T) {
	wantKept(t, shapes...)
	wantKept[any](t, nil, 1, "text",
		point{1, 2}, []any{point{}, []any{nil}}, map[string]any{"a": point{}}, []string{"x"})
	wantKept[error](t, nil)
	type unknown struct{ A int }
	f, _ := bind[any](t, nil)
	for v, says := range map[any]string{
		unknown{1}: "gob_test.unknown", &unknown{1}: "gob_test.unknown", (*filing)(nil): "nil",
		any(struct{ C chan int }{}): ".C is a chan",
	} {
		if b, err := f.Append(nil, v); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%#v is stored as %x, error %v", v, b, err)
		}
	}
	if b, err := f.Append(nil, deepAny(5_100)); !errors.Is(err, core.ErrTooLarge) {
		t.Errorf("%d bytes, error %v; want ErrTooLarge", len(b), err)
	}
}

func deepAny(levels int) any {
	v := any(1)
	for range levels {
		v = []any{v}
	}
	return v
}

// A field that was removed and held interfaces is passed over, except for nil ones:
// encoding/gob takes what follows for a part of them. That must not be read as something else.
func TestRemovedInterfaces(t *testing.T) {
	type was struct {
		A []any
		B any
		C int
	}
	type is struct{ C int }
	f, meta := bind[was](t, nil)
	g, _ := bind[is](t, meta)
	wantRead(t, g, write(t, f, was{[]any{1, point{1, 2}, "x", []any{nil, 2}}, point{}, 7}), is{7})
	_, err := g.View(write(t, f, was{[]any{1, nil}, 2, 7}))
	if !errors.Is(err, core.ErrFormatMismatch) || !strings.Contains(fmt.Sprint(err),
		"put the field back") {
		t.Errorf("error %v", err)
	}
}

// A format that knows no table refuses to work: what it wrote could not be read by anybody.
func TestUnbound(t *testing.T) {
	f := gobformat.New[int]()
	_, err := f.Append(nil, 1)
	_, err2 := f.View([]byte{1, 0, 2})
	if err == nil || err2 == nil || f.ID() != "gob/1" {
		t.Errorf("errors %v and %v, ID %q", err, err2, f.ID())
	}
}
