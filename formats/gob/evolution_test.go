// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package gob_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/formattest"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/memory"
	gobformat "github.com/guardkv/guardkv/formats/gob"
)

// One type through the years. Its name does not matter.
type (
	order1 struct {
		ID    uint64
		Lines []struct {
			Item  string
			Price int
		}
		Note string
	}
	order2 struct { // Note is gone, Paid is new, and the lines come first
		Lines []struct {
			Price int64
			Item  string
			Count uint8
		}
		ID   uint32
		Paid bool
	}
	order3 struct { // what was paid can be anything, so that values describe themselves
		ID   uint64
		Paid bool
		How  any
	}
	orderPriced struct {
		ID    uint64
		Lines []struct {
			Item  string
			Price string
		}
	}
)

func first() order1 {
	o := order1{ID: 7, Note: "a note"}
	o.Lines = append(o.Lines, struct {
		Item  string
		Price int
	}{"apple", 3})
	return o
}

func write[T any](t testing.TB, f core.ValueFormat[T, T], v T) []byte {
	t.Helper()
	b, err := f.Append(nil, v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func wantRead[T any](t *testing.T, f core.ValueFormat[T, T], b []byte, want T) {
	t.Helper()
	if got, err := f.View(b); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%x is read as %+v, error %v; want %+v", b, got, err, want)
	}
}

// Rows of every description that was ever used stay readable, and only new rows are written
// with the new one.
func TestEvolves(t *testing.T) {
	f1, meta1 := bind[order1](t, nil)
	old := write(t, f1, first())
	f2, meta2 := bind[order2](t, meta1)
	want := order2{ID: 7}
	want.Lines = append(want.Lines, struct {
		Price int64
		Item  string
		Count uint8
	}{3, "apple", 0})
	wantRead(t, f2, old, want)
	want.Paid, want.Lines[0].Count = true, 5
	newer := write(t, f2, want)
	wantRead(t, f2, newer, want)
	if old[0] != 1 || newer[0] != 2 {
		t.Errorf("the rows start with %d and %d", old[0], newer[0])
	}

	f3, meta3 := bind[order3](t, meta2)
	wantRead(t, f3, old, order3{ID: 7})
	wantRead(t, f3, newer, order3{ID: 7, Paid: true})
	card := write(t, f3, order3{ID: 8, How: point{1, 2}})
	wantRead(t, f3, card, order3{ID: 8, How: point{1, 2}})

	f2again, meta4 := bind[order2](t, meta3)
	wantRead(t, f2again, old, order2{ID: 7, Lines: []struct {
		Price int64
		Item  string
		Count uint8
	}{{3, "apple", 0}}})
	wantRead(t, f2again, card, order2{ID: 8})
	if !bytes.Equal(meta3, meta4) {
		t.Error("opening with a known type changes the metadata")
	}
	if b := write(t, f2again, want); !bytes.Equal(b, newer) {
		t.Errorf("an old program writes %x, once %x", b, newer)
	}
}

// Two programs that open a table in turn, each with its own version of the type, read each
// other's rows and do not make the metadata grow.
func TestTwoProgramsInTurn(t *testing.T) {
	ctx := context.Background()
	b := memory.New()
	var sizes []int
	for round := range 6 {
		db, err := core.Open(ctx, "db", b)
		if err != nil {
			t.Fatal(err)
		}
		if round%2 == 0 {
			err = useOrders(ctx, db, uint64(round), order1{ID: uint64(round), Note: "note"},
				func(o order1) uint64 { return o.ID })
		} else {
			err = useOrders(ctx, db, uint64(round), order2{ID: uint32(round), Paid: true},
				func(o order2) uint64 { return uint64(o.ID) })
		}
		var backup bytes.Buffer
		err = errors.Join(err, db.Backup(ctx, &backup), db.Close())
		if err != nil {
			t.Fatal(err)
		}
		sizes = append(sizes, backup.Len())
	}
	if grown := sizes[5] - sizes[4]; grown > 2*(sizes[4]-sizes[3]) {
		t.Errorf("the storage grows: %v", sizes)
	}
}

func useOrders[T any](
	ctx context.Context, db *core.Storage, round uint64, v T, id func(T) uint64,
) error {
	orders, err := core.OpenTable(ctx, db, "orders", keys.Uint64(), gobformat.New[T]())
	if err != nil {
		return err
	}
	if err := orders.Put(ctx, round, v); err != nil {
		return err
	}
	for row, err := range orders.Scan().Rows(ctx) {
		if err != nil {
			return err
		}
		if id(row.Value) != row.Key {
			return fmt.Errorf("row %d is read as %+v", row.Key, row.Value)
		}
	}
	return nil
}

func TestEvolvesBySuite(t *testing.T) {
	same12 := func(v order1, w order2) bool {
		return uint64(w.ID) == v.ID && len(w.Lines) == len(v.Lines) && !w.Paid
	}
	formattest.Evolve(t, gobformat.New[order1](), gobformat.New[order2](), same12,
		order1{}, first())
	same13 := func(v order1, w order3) bool { return w.ID == v.ID && w.How == nil }
	formattest.Evolve(t, gobformat.New[order1](), gobformat.New[order3](), same13,
		order1{}, first())
	same31 := func(v order3, w order1) bool { return w.ID == v.ID }
	formattest.Evolve(t, gobformat.New[order3](), gobformat.New[order1](), same31,
		order3{ID: 1, How: point{1, 2}}, order3{How: 7})
}

// A handle that was opened before another one described its type does not know the description.
// It says so, and does not call the row damaged, which it is not: the advice to delete it lost
// rows.
func TestRowsOfALaterDescription(t *testing.T) {
	f1, meta := bind[order1](t, nil)
	f2, _ := bind[order2](t, meta)
	_, err := f1.View(write(t, f2, order2{ID: 1}))
	wantMismatch(t, err, "open it again")
	damaged := write(t, f1, first())
	for _, number := range []string{
		"\x81\x00", "\x81\x80\x04",
		"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x02",
	} {
		if v, err := f1.View(append([]byte(number), damaged[1:]...)); !errors.Is(err,
			core.ErrCorrupt) {
			t.Errorf("description %x: read as %+v, error %v; want ErrCorrupt", number, v, err)
		}
	}
}

// wantMismatch fails unless err blames the program, not the row, and says so.
func wantMismatch(t *testing.T, err error, says ...string) {
	t.Helper()
	if !errors.Is(err, core.ErrFormatMismatch) || errors.Is(err,
		core.ErrCorrupt) || strings.Contains(err.Error(), "delete") {
		t.Errorf("error %v; want ErrFormatMismatch alone, and no advice to delete", err)
		return
	}
	for _, s := range says {
		if !strings.Contains(err.Error(), s) {
			t.Errorf("error %v; want one that says %q", err, s)
		}
	}
}

// The name of a type is not a part of its description.
func TestRenamedType(t *testing.T) {
	type was struct{ A struct{ B []string } }
	type inner struct{ B []string }
	type is struct{ A inner }
	_, meta := bind[was](t, nil)
	if _, again := bind[is](t, meta); !bytes.Equal(meta, again) {
		t.Error("the type was renamed and is stored again")
	}
}

type (
	Point         struct{ X, Y int }
	embedsPointer struct{ *Point }
	embedsValue   struct{ Point }
	textual       struct{ A int }
	selfMade      struct{ n int }
	usesSelfMade  struct{ A selfMade }
)

func (s selfMade) MarshalBinary() ([]byte, error) { return []byte{byte(s.n)}, nil }
func (s *selfMade) UnmarshalBinary(b []byte) error {
	if len(b) != 1 {
		return errors.New("not one byte")
	}
	s.n = int(b[0])
	return nil
}

// A change that gob could not read, or would read wrongly, is refused when the table is opened.
// The error names the part and both types.
func TestIncompatibleTypes(t *testing.T) {
	for _, c := range []struct {
		err  error
		says []string
	}{
		{
			rebind[order1, orderPriced](t),
			[]string{"gob_test.orderPriced.Lines[].Price", "stored as int", "is string now"},
		},
		{rebind[point, struct{ X uint }](t), []string{".X", "stored as int", "is uint now"}},
		{rebind[point, struct{ X *string }](t), []string{".X", "stored as int", "is *string now"}},
		{
			rebind[point, struct{ A int }](t),
			[]string{"no field", "struct{X int; Y int}", "struct { A int }"},
		},
		{rebind[int, string](t), []string{"string is stored as int"}},
		{rebind[[]int, map[int]int](t), []string{"[]int", "map[int]int"}},
		{
			rebind[map[string]int, map[string]bool](t),
			[]string{"map[string]bool[] is stored as int", "is bool now"},
		},
		{
			rebind[map[string]int, map[int]int](t),
			[]string{"map[int]int's key is stored as string", "is int now"},
		},
		{rebind[[3]int, [4]int](t), []string{"[3]int", "[4]int"}},
		{rebind[textual, struct{ A any }](t), []string{".A", "stored as int", "interface {}"}},
		{rebind[textual, usesSelfMade](t), []string{".A", "stored as int", "gob_test.selfMade"}},
		{
			rebind[usesSelfMade, textual](t),
			[]string{".A", "stored as BinaryMarshaler", "is int now"},
		},
		{rebind[Point, embedsPointer](t), []string{"X", "behind the embedded pointer Point"}},
		{
			rebind[struct{ F []byte }, struct{ F string }](t),
			[]string{".F", "stored as bytes", "is string now"},
		},
		{
			rebind[struct{ F []int }, struct{ F []string }](t),
			[]string{".F[]", "stored as int", "is string now"},
		},
	} {
		for _, says := range c.says {
			if !errors.Is(c.err,
				core.ErrFormatMismatch) || !strings.Contains(fmt.Sprint(c.err), says) {
				t.Errorf("error %v; want ErrFormatMismatch that says %q", c.err, says)
			}
		}
	}
	for i, err := range []error{
		rebind[point, struct{ X *int64 }](t), rebind[point, struct{ X int8 }](t),
		rebind[[]int, []**int32](t),
		rebind[struct{ P *point }, struct{ P point }](t), rebind[point, struct{ Y int }](t),
		rebind[struct{}, point](t),
		rebind[Point, embedsValue](t), rebind[int, *int16](t), rebind[float32, float64](t),
	} {
		if err != nil {
			t.Errorf("%d is compatible: %v", i, err)
		}
	}
}

func rebind[Was, Is any](t *testing.T) error {
	t.Helper()
	_, meta := bind[Was](t, nil)
	_, _, err := core.PowersOf(gobformat.New[Is]()).Bind(meta)
	return err
}
