// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package flatbuffers

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	fb "github.com/google/flatbuffers/go"
	"github.com/guardkv/guardkv/formats/flatbuffers/internal/testfb"
)

func zooSchema(t *testing.T) *schema {
	t.Helper()
	all, err := readSchema(testfb.Schema)
	if err != nil {
		t.Fatal(err)
	}
	s, err := all.find(reflect.TypeFor[testfb.Animal]())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Code and schema from different runs of flatc are found before they read one record.
func TestStaleCode(t *testing.T) {
	animal := func(s *schema, name string) *field {
		for i := range s.types["testfb.Animal"].fields {
			if f := &s.types["testfb.Animal"].fields[i]; f.name == name {
				return f
			}
		}
		return nil
	}
	for _, c := range []struct {
		name   string
		change func(s *schema)
		says   string // "" if they fit
	}{
		{"nothing", func(*schema) {}, ""},
		{"a deprecated field", func(s *schema) { animal(s, "old").name = "anything" }, ""},
		{"another name", func(s *schema) { animal(s, "legs").name = "limbs" }, "limbs"},
		{"the same name to flatc", func(s *schema) { animal(s, "legs").name = "LE_GS" }, ""},
		{
			"another scalar",
			func(s *schema) { animal(s, "legs").typ.base = intType }, "Animal.legs:int",
		},
		{
			"another element", func(s *schema) { animal(s, "shorts").typ.element = shortType },
			"Animal.shorts:[short]",
		},
		{
			"a string for a scalar",
			func(s *schema) { animal(s, "legs").typ.base = stringType }, "legs:string",
		},
		{
			"a scalar for a string",
			func(s *schema) { animal(s, "name").typ.base = ubyteType }, "name:ubyte",
		},
		{
			"a vector for a string",
			func(s *schema) { animal(s, "name").typ = typeOf("[int]") }, "name:[int]",
		},
		{"a table for a string", func(s *schema) {
			animal(s, "name").typ = fieldType{base: objectType, def: "testfb.Note"}
		}, "name:testfb.Note"},
		{"a union for a table", func(s *schema) {
			animal(s, "note").typ = fieldType{base: unionType, def: "testfb.Thing"}
		}, "note:testfb.Thing"},
		{"a field that code lacks", func(s *schema) {
			d := s.types["testfb.Animal"]
			d.fields = append(d.fields,
				field{name: "extra", offset: uint16(4 + 2*len(d.fields)), typ: typeOf("int")})
		}, "extra:int"},
		{"a field that the schema lacks", func(s *schema) {
			d := s.types["testfb.Animal"]
			d.fields = slices.Delete(d.fields, len(d.fields)-1, len(d.fields))
		}, "AnimalT.Note"},
		{"two fields that changed places", func(s *schema) {
			legs, name := animal(s, "legs"), animal(s, "name")
			*legs, *name = *name, *legs
			legs.offset, name.offset = name.offset, legs.offset
		}, "it has another place"},
		{"two fields of a struct that changed places", func(s *schema) {
			d := s.types["testfb.Point"]
			d.fields[0].offset, d.fields[1].offset = d.fields[1].offset, d.fields[0].offset
		}, "Point.x:int, and it has another place"},
		{"two structs in a struct that changed places", func(s *schema) {
			d := s.types["testfb.Span"]
			d.fields[0].offset, d.fields[1].offset = d.fields[1].offset, d.fields[0].offset
		}, "Span.from:testfb.Point, and it has another place"},
		{"a field of an inner table", func(s *schema) {
			s.types["testfb.Note"].fields[1].typ.base = doubleType
		}, "Note.weight:double"},
		{"a field of an inner struct", func(s *schema) {
			s.types["testfb.Point"].fields[1].typ.base = ushortType
		}, "Point.y:ushort"},
		{"a field that an inner object has", func(s *schema) {
			s.types["testfb.Note"].fields = s.types["testfb.Note"].fields[:1]
		}, "NoteT.Weight"},
	} {
		s := zooSchema(t)
		c.change(s)
		wantError(t, c.name, s.fitsView(reflect.TypeFor[testfb.Animal]()), c.says)
	}
}

func wantError(t *testing.T, name string, err error, says string) {
	t.Helper()
	if says == "" && err != nil || says != "" && (err == nil ||
		!strings.Contains(err.Error(), says)) {
		t.Errorf("%s: error %v; want one that says %q", name, err, says)
	}
}

// likeNames has accessors whose names differ only in how their words are put together.
type likeNames struct{ _tab fb.Table }

func (l *likeNames) Init(b []byte, i fb.UOffsetT) { l._tab.Bytes, l._tab.Pos = b, i }
func (l *likeNames) Table() fb.Table              { return l._tab }
func (l *likeNames) X1() int32                    { return l._tab.GetInt32Slot(4, 0) }
func (l *likeNames) X_1() int32                   { return l._tab.GetInt32Slot(6, 0) }

func (l *likeNames) Flag() bool { return l._tab.GetBoolSlot(8, false) }

func TestLikeNames(t *testing.T) {
	s := &schema{root: "likeNames", types: map[string]*definition{"likeNames": tableOf("likeNames",
		"x1:int", "x_1:int", "flag:bool")}}
	wantError(t, "two names", s.fitsView(reflect.TypeFor[likeNames]()), "")
	s.types["likeNames"].fields = append(s.types["likeNames"].fields,
		tableOf("", "a:int", "b:int", "c:int", "x__1:int").fields[3])
	wantError(t, "three names", s.fitsView(reflect.TypeFor[likeNames]()), "another place")
}

// Every accessor reads its own slot, and none of the others.
func TestReadsSlot(t *testing.T) {
	s := zooSchema(t)
	view := reflect.TypeFor[*testfb.Animal]()
	for _, f := range s.types["testfb.Animal"].fields {
		name := f.name
		if f.deprecated {
			continue
		}
		if f.typ.base == vectorType {
			name += "Length"
		}
		for i := range view.NumMethod() {
			m := view.Method(i)
			if !alike(name, m.Name) {
				continue
			}
			for slot := range len(s.types["testfb.Animal"].fields) + 2 {
				if got := readsSlot(view, m, slot); got != (slot == f.slot()) {
					t.Errorf("%s, slot %d: %v", f.name, slot, got)
				}
			}
		}
	}
}

type looksLikeAView struct {
	fb.Table
	more int
}

// A view is made by writing a Table over it, so it must be one.
func TestFitsView(t *testing.T) {
	s := zooSchema(t)
	for _, view := range []reflect.Type{
		reflect.TypeFor[testfb.Point](), reflect.TypeFor[looksLikeAView](), reflect.TypeFor[int](),
		reflect.TypeFor[*testfb.Animal](), reflect.TypeFor[testfb.AnimalT](),
	} {
		wantError(t, view.String(), s.fitsView(view), "not the accessor of a table")
	}
	_ = looksLikeAView{}.more
}

// Tables of one name in several namespaces are told apart by the folders of the generated code.
func TestClosest(t *testing.T) {
	for _, c := range []struct {
		names  []string
		folder string
		want   []string
	}{
		{[]string{"zoo.Animal"}, "example.com/anything", []string{"zoo.Animal"}},
		{[]string{"zoo.Animal", "park.Animal"}, "example.com/park", []string{"park.Animal"}},
		{
			[]string{"zoo.Animal", "big.zoo.Animal"},
			"example.com/big/zoo",
			[]string{"big.zoo.Animal"},
		},
		{[]string{"zoo.Animal", "big.zoo.Animal"}, "example.com/zoo", []string{"zoo.Animal"}},
		{[]string{"zoo.Animal", "Animal"}, "example.com/zoo", []string{"zoo.Animal"}},
		{
			[]string{"zoo.one.Animal", "zoo.two.Animal"},
			"example.com/moved/one",
			[]string{"zoo.one.Animal"},
		},
		{
			[]string{"zoo.Animal", "park.Animal"},
			"example.com/bigpark",
			[]string{"park.Animal", "zoo.Animal"},
		},
		{
			[]string{"zoo.Animal", "park.Animal"},
			"example.com/other",
			[]string{"park.Animal", "zoo.Animal"},
		},
		{nil, "example.com/zoo", nil},
	} {
		if got := closest(c.names, c.folder); !slices.Equal(got, c.want) {
			t.Errorf("%q in %q: %q, want %q", c.names, c.folder, got, c.want)
		}
	}
}
