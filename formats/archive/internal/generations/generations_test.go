// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package generations_test

import (
	"context"
	"encoding/hex"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/formattest"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/memory"
	"github.com/guardkv/guardkv/formats/archive"
	"github.com/guardkv/guardkv/formats/archive/internal/generations/gen1"
	"github.com/guardkv/guardkv/formats/archive/internal/generations/gen2"
	"github.com/guardkv/guardkv/formats/archive/internal/generations/gen3"
)

var (
	email = "ada@example.org"
	seen  = time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)

	first = gen1.Person{
		Name: "Ada", Born: 1815, Nick: "A",
		Score: 1.5, Tags: []string{"x", "", "yy"}, Home: gen1.Place{Street: "S"},
		Kids: []gen1.Kid{{Name: "B"}, {}, {Name: "C"}}, Pet: gen1.Cat{Name: "Tom"},
		Last: [2]gen1.Place{{Street: "L"}, {}},
	}
	second = gen2.Person{
		Name: "Alan",
		Born: 1912, Email: &email, Tags: []string{}, Home: gen2.Place{Street: "S", City: "M"},
		Visited: []gen2.Place{{City: "P"}, {Street: "Q"}},
		Kids:    []gen2.Kid{{Name: "B", Age: 7, Toys: []string{"t"}}},
		Pet:     gen2.Dog{Owner: &gen2.Place{City: "O"}}, Seen: seen,
	}
	third = gen3.Person{
		FullName: "Grace", Born: 1906, Nick: "G",
		Home: gen3.Address{Zip: "1"}, Kids: []gen3.Kid{{Age: 1}, {Toys: []string{"a", "b"}}},
		Pet: gen3.Fish{Friends: []string{"f"}}, Seen: seen,
		Last:  [2]gen3.Address{{City: "C"}, {Zip: "2"}},
		Notes: map[string]string{"k": "v", "": "w"},
	}
)

// What each program reads of the rows of the others: what it knows, with zero for what they did
// not.
var (
	firstIn2 = gen2.Person{
		Name: "Ada", Born: 1815, Tags: first.Tags, Home: gen2.Place{Street: "S"},
		Kids: []gen2.Kid{{Name: "B"}, {}, {Name: "C"}}, Pet: gen2.Cat{Name: "Tom"},
	}
	firstIn3 = gen3.Person{
		FullName: "Ada", Born: 1815, Nick: "A", Tags: first.Tags, Home: gen3.Address{Street: "S"},
		Kids: []gen3.Kid{{Name: "B"}, {}, {Name: "C"}},
		Pet:  gen3.Cat{Name: "Tom"}, Last: [2]gen3.Address{{Street: "L"}, {}},
	}
	secondIn1 = gen1.Person{
		Name: "Alan",
		Born: 1912, Tags: []string{}, Home: gen1.Place{Street: "S"}, Kids: []gen1.Kid{{Name: "B"}},
	}
	secondIn3 = gen3.Person{
		FullName: "Alan",
		Born:     1912, Email: &email, Tags: []string{}, Home: gen3.Address{Street: "S", City: "M"},
		Visited: []gen3.Address{{City: "P"}, {Street: "Q"}},
		Kids:    []gen3.Kid{{Name: "B", Age: 7, Toys: []string{"t"}}},
		Pet:     gen3.Dog{Owner: &gen3.Address{City: "O"}}, Seen: seen,
	}
	thirdIn1 = gen1.Person{Name: "Grace", Born: 1906, Nick: "G", Kids: []gen1.Kid{{}, {}}}
	thirdIn2 = gen2.Person{
		Name: "Grace",
		Born: 1906, Kids: []gen2.Kid{{Age: 1}, {Toys: []string{"a", "b"}}}, Seen: seen,
	}
)

// program is one generation: it puts its own row, and reads all.
type program struct {
	name string
	put  func(ctx context.Context, s *core.Storage) error
	read func(ctx context.Context, s *core.Storage, keys []string) error
}

func programOf[T any, W interface {
	archive.Archived[T, W]
	Value() T
}](name string, own T, expected map[string]T,
) program {
	open := func(ctx context.Context, s *core.Storage) (*core.Table[string, T, W], error) {
		return core.OpenTable(ctx, s, "people", keys.String(), archive.New[T, W]())
	}
	return program{
		name: name,
		put: func(ctx context.Context, s *core.Storage) error {
			t, err := open(ctx, s)
			if err != nil {
				return err
			}
			return t.Put(ctx, name, own)
		},
		read: func(ctx context.Context, s *core.Storage, keys []string) error {
			t, err := open(ctx, s)
			if err != nil {
				return err
			}
			for _, key := range keys {
				err := t.View(ctx, key, func(w W) error {
					if got := w.Value(); !reflect.DeepEqual(got, expected[key]) {
						return fmt.Errorf("the row of %s reads as %+v, want %+v",
							key, got, expected[key])
					}
					return nil
				})
				if err != nil {
					return err
				}
			}
			return s.Check(ctx)
		},
	}
}

var programs = []program{
	programOf[gen1.Person, gen1.PersonView]("first",
		first, map[string]gen1.Person{"first": first, "second": secondIn1, "third": thirdIn1}),
	programOf[gen2.Person, gen2.PersonView]("second",
		second, map[string]gen2.Person{"first": firstIn2, "second": second, "third": thirdIn2}),
	programOf[gen3.Person, gen3.PersonView]("third",
		third, map[string]gen3.Person{"first": firstIn3, "second": secondIn3, "third": third}),
}

// A storage with rows of three generations of a struct is opened by each of the three programs,
// whichever came first, and each reads all rows.
func TestThreeGenerations(t *testing.T) {
	for _, order := range [][]int{
		{0, 1, 2},
		{0, 2, 1},
		{1, 0, 2},
		{1, 2, 0},
		{2, 0, 1},
		{2, 1, 0},
	} {
		t.Run(fmt.Sprint(order), func(t *testing.T) {
			ctx := t.Context()
			backend := memory.New()
			in := func(do func(s *core.Storage) error) {
				s, err := core.Open(ctx, "people", backend)
				if err != nil {
					t.Fatal(err)
				}
				if err := do(s); err != nil {
					t.Error(err)
				}
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			}
			var there []string
			for _, i := range order {
				in(func(s *core.Storage) error { return programs[i].put(ctx, s) })
				there = append(there, programs[i].name)
				for _, p := range programs {
					in(func(s *core.Storage) error {
						if err := p.read(ctx, s, there); err != nil {
							return fmt.Errorf("the %s program: %w", p.name, err)
						}
						return nil
					})
				}
			}
		})
	}
}

func TestEvolve(t *testing.T) {
	one, two, three := archive.New[gen1.Person, gen1.PersonView](), archive.New[gen2.Person,
		gen2.PersonView](), archive.New[gen3.Person, gen3.PersonView]()
	formattest.Evolve(t, one, two, func(_ gen1.Person, w gen2.PersonView) bool {
		return reflect.DeepEqual(w.Value(), firstIn2)
	}, first)
	formattest.Evolve(t, one, three, func(_ gen1.Person, w gen3.PersonView) bool {
		return reflect.DeepEqual(w.Value(), firstIn3)
	}, first)
	formattest.Evolve(t, two, one, func(_ gen2.Person, w gen1.PersonView) bool {
		return reflect.DeepEqual(w.Value(), secondIn1)
	}, second)
	formattest.Evolve(t, two, three, func(_ gen2.Person, w gen3.PersonView) bool {
		return reflect.DeepEqual(w.Value(), secondIn3)
	}, second)
	formattest.Evolve(t, three, one, func(_ gen3.Person, w gen1.PersonView) bool {
		return reflect.DeepEqual(w.Value(), thirdIn1)
	}, third)
	formattest.Evolve(t, three, two, func(_ gen3.Person, w gen2.PersonView) bool {
		return reflect.DeepEqual(w.Value(), thirdIn2)
	}, third)
}

// A table that was opened by an old program before a newer one wrote to it does not know the
// newer schema. The old program reads the rows all the same.
func TestNewRowsInOldProgram(t *testing.T) {
	b, err := archive.New[gen3.Person, gen3.PersonView]().Append(nil, third)
	if err != nil {
		t.Fatal(err)
	}
	w, err := archive.New[gen1.Person, gen1.PersonView]().View(slices.Clip(b))
	if err != nil || !reflect.DeepEqual(w.Value(), thirdIn1) {
		t.Errorf("it reads as %+v, error %v; want %+v", w.Value(), err, thirdIn1)
	}
}

// What is stored today must be readable forever: these are rows as the first version of the
// generator wrote them.
func TestStoredRows(t *testing.T) {
	stored := []struct{ name, row string }{
		{"first", "" +
			"3a003c00000003000000170700003f000000010000000000c03f40000000030000005b00000066000000030000000100" +
			"820000008f0000009a000000416461415800000001000000000000000000000059000000020000007879790800650000" +
			"0001000000530800800000000100000000000000000000008100000001000000424308008c00000003000000546f6d08" +
			"0099000000010000004c08000000000000000000"},
		{"second", "" +
			"56005800000004000000780700000000000000000000000000005c000000000000005c00000070000000010000000200" +
			"8d0000000000000000000000a60000000f000000b500000002000000a52ce9e00e00000006000000416c616e10006e00" +
			"0000010000006f00000001000000534d11008300000001000000078400000001000000428c0000000100000074040093" +
			"00000010000000000000000000a5000000010000004f616461406578616d706c652e6f726710000000000000000000d7" +
			"00000001000000d80000000100000000000000000000005051"},
		{"third", "" +
			"5e0060000000050000007207000065000000010000000000000000000000000000006600000081000000020000000300" +
			"b7000000ca000000e500000000000000000000000000000000000000a52ce9e00e000000060000000001000002000000" +
			"477261636547180000000000000000000000000000000000800000000100000031110000000000000000000100000000" +
			"00000000000000000000000000a500000002000000b500000001000000b60000000100000061620800c1000000010000" +
			"00c9000000010000006618000000000000000000e4000000010000000000000000000000431800000000000000000000" +
			"00000000000000ff00000001000000320000000000000000200100000100000021010000010000002201000001000000" +
			"776b76"},
	}
	for _, c := range stored {
		row, err := hex.DecodeString(c.row)
		if err != nil {
			t.Fatal(err)
		}
		row = slices.Clip(row)
		again, want, got := reread(t, c.name, row)
		if !reflect.DeepEqual(got, want) {
			t.Errorf("the row of %s reads as %+v, want %+v", c.name, got, want)
		}
		if string(again) != string(row) {
			t.Errorf("the row of %s is stored as %x", c.name, again)
		}
	}
}

func reread(t *testing.T, name string, row []byte) (again []byte, want, got any) {
	t.Helper()
	switch name {
	case "first":
		return rereadAs[gen1.Person, gen1.PersonView](t, row, first)
	case "second":
		return rereadAs[gen2.Person, gen2.PersonView](t, row, second)
	}
	return rereadAs[gen3.Person, gen3.PersonView](t, row, third)
}

func rereadAs[T any, W interface {
	archive.Archived[T, W]
	Value() T
}](t *testing.T, row []byte, want T,
) (again []byte, _, got any) {
	t.Helper()
	f := archive.New[T, W]()
	w, err := f.View(row)
	if err != nil {
		t.Fatal(err)
	}
	again, err = f.Append(nil, want)
	if err != nil {
		t.Fatal(err)
	}
	return again, want, w.Value()
}
