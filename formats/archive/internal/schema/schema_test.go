// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package schema_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/guardkv/guardkv/formats/archive/internal/schema"
)

const zoo = "archive/1 Animal\n" +
	"struct Animal 24 56 was=Beast\n" +
	"\t0 Name string was=Title\n" +
	"\t8 Home Place\n" +
	"\t12 -Legs ?int16\n" +
	"\t15 ~Wild bool\n" +
	"\t16 Tags []string\n" +
	"\t24 Spot fixed(geo.Point)\n" +
	"\t32 Seen map[string][]*Place\n" +
	"\t40 Food oneof(Food)\n" +
	"\t46 Hash [2]uint8\n" +
	"\t48 Addr binary(netip.Addr)\n" +
	"oneof Food\n" +
	"\t1 Place\n" +
	"struct Place 4\n" +
	"\t0 Zip uint32\n" +
	"struct geo.Point 8\n" +
	"\t0 X float32\n" +
	"\t4 Y float32\n"

func parse(t testing.TB, text string) *schema.Schema {
	t.Helper()
	s, err := schema.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// What is stored with tables today must be readable forever.
func TestStoredSchema(t *testing.T) {
	if got := parse(t, zoo).String(); got != zoo {
		t.Errorf("it becomes\n%s", got)
	}
	if got := parse(t,
		zoo).Of("Place").String(); got != "archive/1 Place\nstruct Place 4\n\t0 Zip uint32\n" {
		t.Errorf("the part of Place is\n%s", got)
	}
}

// Nothing is accepted of which no verifier could be compiled.
func TestDamagedSchema(t *testing.T) {
	for _, c := range [][2]string{
		{"archive/1", "archive/2"},
		{"archive/1 Animal", "archive/1 Food"},
		{"archive/1 Animal", "archive/1 Nobody"},
		{"24 56", "56 24"},
		{"24 56", "24 24 56"},
		{"24 56", "24"},
		{"24 56", "13 56"},
		{"24 56", "56 57"},
		{"24 56", "24 99999"},
		{"\t8 Home", "\t9 Home"},
		{"Home Place", "Home Nothing"},
		{"Home Place", "Home Food"},
		{"oneof(Food)", "oneof(Place)"},
		{"Home Place", "Name Place"},
		{"?int16", "??int16"},
		{"?int16", "?Place"},
		{"map[string]", "map[float64]"},
		{"[2]uint8", "[0]uint8"},
		{"[2]uint8", "[2][]"},
		{"fixed(geo.Point)", "fixed(Animal)"},
		{"\t1 Place", "\t2 Place"},
		{"\t1 Place", "\t1 Food"},
		{"struct Place", "struct string"},
		{"struct Place", "Place"},
		{"was=Beast", "Beast"},
		{"Zip uint32", "Zip"},
		{"Zip uint32", "Zip uint32 x"},
		{"Zip uint32", "Z/p uint32"},
		{"0 Zip", "+0 Zip"},
		{"Tags []string", "Tags " + strings.Repeat("[]", 99) + "string"},
		{"struct geo.Point", "struct aeo.Point"},
		{"\t0 Zip uint32\n", "\t0 Zip uint32"},
		{"oneof Food\n", "oneof Food 1\n"},
		{"binary(netip.Addr)", "binary()"},
	} {
		text := strings.Replace(zoo, c[0], c[1], 1)
		if text == zoo {
			t.Fatalf("there is no %q", c[0])
		}
		if _, err := schema.Parse(text); err == nil {
			t.Errorf("%q in place of %q is accepted", c[1], c[0])
		}
	}
	if _, err := schema.Parse("archive/1 A\nstruct A 8\n\t0 B []B\nstruct B 0\n"); err == nil {
		t.Error("elements without a size are accepted")
	}
	if _, err := schema.Parse("archive/1 A\nstruct A 8\n\t0 B []C\nstruct C 70000\n\t0 D [70000]uint8\n"); err == nil {
		t.Error("elements over 64 KiB are accepted")
	}
}

// Two schemas of one table become one, whichever was there first.
func TestMerge(t *testing.T) {
	old := "archive/1 A\nstruct A 8\n\t0 X string\n"
	for _, c := range []struct{ name, own, stored, want string }{
		{"the same", old, old, old},
		{
			"a new field", "archive/1 A\nstruct A 9\n\t0 X string\n\t8 Y bool\n",
			old, "archive/1 A\nstruct A 8 9\n\t0 X string\n\t8 Y bool\n",
		},
		{
			"a field that is gone", "archive/1 A\nstruct A 8\n\t0 -X string\n",
			old, "archive/1 A\nstruct A 8\n\t0 ~X string\n",
		},
		{
			"a new name", "archive/1 A\nstruct A 8\n\t0 Y string was=X\n",
			old, "archive/1 A\nstruct A 8\n\t0 Y string was=X\n",
		},
		{
			"a new name of the type", "archive/1 B\nstruct B 8 was=A\n\t0 X string\n",
			old, "archive/1 B\nstruct B 8 was=A\n\t0 X string\n",
		},
		{
			"a new name of a type inside", "archive/1 A\nstruct A 4\n\t0 X *C\nstruct C 0 was=B\n",
			"archive/1 A\nstruct A 4\n\t0 X *B\nstruct B 0\n",
			"archive/1 A\nstruct A 4\n\t0 X *C\nstruct C 0 was=B\n",
		},
		{
			"a new member",
			"archive/1 A\nstruct A 6\n\t0 X oneof(I)\nstruct B 0\noneof I\n\t1 A\n\t2 B\n",
			"archive/1 A\nstruct A 6\n\t0 X oneof(I)\noneof I\n\t1 A\n",
			"archive/1 A\nstruct A 6\n\t0 X oneof(I)\nstruct B 0\noneof I\n\t1 A\n\t2 B\n",
		},
		{
			"a struct that grew, and lies in place since",
			"archive/1 A\nstruct A 6\n\t0 X *B\n\t4 Y fixed(B)\nstruct B 1 2\n\t0 P bool\n\t1 Q bool\n",
			"archive/1 A\nstruct A 4\n\t0 X *B\nstruct B 1\n\t0 P bool\n",
			"archive/1 A\nstruct A 4 6\n\t0 X *B\n\t4 Y fixed(B)\nstruct B 1 2\n\t0 P bool\n\t1 Q bool\n",
		},
	} {
		for _, turn := range [][2]string{{c.own, c.stored}, {c.stored, c.own}} {
			got, err := schema.Merge(parse(t, turn[0]), parse(t, turn[1]))
			if err != nil || got.String() != c.want {
				t.Errorf("%s: %v, error %v, want\n%s", c.name, got, err, c.want)
				continue
			}
			for _, one := range turn {
				if again, err := schema.Merge(parse(t, one),
					got); err != nil || again.String() != c.want {
					t.Errorf("%s: merged again it is %v, error %v", c.name, again, err)
				}
			}
		}
	}
}

// What means different things is a mismatch that names both, whichever was there first.
func TestMismatch(t *testing.T) {
	for _, c := range []struct {
		name, own, stored string
		want              []string
	}{
		{
			"another type", "archive/1 A\nstruct A 4\n\t0 X int32\n",
			"archive/1 A\nstruct A 8\n\t0 X int64\n",
			[]string{"A.X", "int32", "int64"},
		},
		{
			"a place used again", "archive/1 A\nstruct A 8\n\t0 X int64\n",
			"archive/1 A\nstruct A 8\n\t0 Y int64\n",
			[]string{"A has at 0", "X int64", "Y int64", "was="},
		},
		{
			"another place", "archive/1 A\nstruct A 3\n\t0 X bool\n\t1 Y bool\n\t2 Z bool\n",
			"archive/1 A\nstruct A 3\n\t0 X bool\n\t1 Z bool\n\t2 W bool\n",
			[]string{"Y bool", "Z bool"},
		},
		{
			"two branches", "archive/1 A\nstruct A 2\n\t0 X bool\n\t1 Y bool\n",
			"archive/1 A\nstruct A 2\n\t0 X bool\n\t1 Z bool\n",
			[]string{"Y bool", "Z bool"},
		},
		{
			"another root", "archive/1 A\nstruct A 0\n", "archive/1 B\nstruct B 0\n",
			[]string{"the record", "`A`", "`B`", "//archive:was"},
		},
		{
			"a struct for a oneof", "archive/1 A\nstruct A 4\n\t0 X *B\nstruct B 0\n",
			"archive/1 A\nstruct A 6\n\t0 X oneof(B)\noneof B\n",
			[]string{"A.X"},
		},
		{
			"another member",
			"archive/1 A\nstruct A 6\n\t0 X oneof(I)\nstruct B 0\noneof I\n\t1 B\n",
			"archive/1 A\nstruct A 6\n\t0 X oneof(I)\nstruct C 0\noneof I\n\t1 C\n",
			[]string{"member 1 of I", "`B`", "`C`"},
		},
		{
			"a former name of a type that is there again",
			"archive/1 A\nstruct A 4\n\t0 X *C\nstruct C 0 was=B\n",
			"archive/1 A\nstruct A 8\n\t0 X *C\n\t4 Y *B\nstruct B 0\nstruct C 0 was=B\n",
			[]string{"the type B", "`C`", "not used again"},
		},
		{
			"one name at two places",
			"archive/1 A\nstruct A 3\n\t0 X bool\n\t1 Y bool\n\t2 Z bool\n",
			"archive/1 A\nstruct A 4\n\t0 X bool\n\t1 Y bool\n\t2 -W bool\n\t3 Z bool\n",
			[]string{"A has at 2"},
		},
		{
			"a struct that is a oneof, and nothing refers to both",
			"archive/1 A\nstruct A 4\n\t0 X *B\nstruct B 0\n",
			"archive/1 A\nstruct A 10\n\t0 -X *C\n\t4 Y oneof(B)\noneof B\nstruct C 0\n",
			[]string{"A.X"},
		},
		{
			"a fixed struct that grew",
			"archive/1 A\nstruct A 2\n\t0 X fixed(B)\nstruct B 2\n\t0 P bool\n\t1 Q bool\n",
			"archive/1 A\nstruct A 1\n\t0 X fixed(B)\nstruct B 1\n\t0 P bool\n",
			[]string{"struct B", "1 bytes", "2 bytes"},
		},
	} {
		for _, turn := range [][2]string{{c.own, c.stored}, {c.stored, c.own}} {
			_, err := schema.Merge(parse(t, turn[0]), parse(t, turn[1]))
			if _, ok := errors.AsType[*schema.Mismatch](err); !ok {
				t.Errorf("%s: error %v", c.name, err)
				continue
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%s: error %v, want one with %q", c.name, err, want)
				}
			}
		}
	}
}

// Whatever is accepted is written as it was read, and merges with itself and with another one,
// or is a mismatch.
func FuzzSchema(f *testing.F) {
	f.Add(zoo)
	f.Add("archive/1 A\nstruct A 2\n\t0 X fixed(B)\nstruct B 2\n\t0 P bool\n\t1 Q bool\n")
	other := parse(f, zoo)
	f.Fuzz(func(t *testing.T, text string) {
		s, err := schema.Parse(text)
		if err != nil {
			return
		}
		if s.String() != text {
			t.Fatalf("%q is written as %q", text, s)
		}
		if s.Root == "" {
			return
		}
		for _, with := range []*schema.Schema{s, other} {
			merged, err := schema.Merge(s, with)
			if err != nil {
				continue
			}
			if _, err := schema.Parse(merged.String()); err != nil {
				t.Fatalf("%q is accepted, and becomes %q: %v", text, merged, err)
			}
		}
	})
}
