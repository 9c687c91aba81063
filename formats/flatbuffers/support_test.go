// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package flatbuffers_test

import (
	"fmt"
	"math"
	"reflect"
	"strings"

	fb "github.com/google/flatbuffers/go"
	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/formattest"
	"github.com/guardkv/guardkv/formats/flatbuffers"
	"github.com/guardkv/guardkv/formats/flatbuffers/internal/testfb"
)

func newZoo(opts ...flatbuffers.Option) core.ValueFormat[testfb.AnimalT, testfb.Animal] {
	return flatbuffers.New[testfb.AnimalT, testfb.Animal](testfb.Schema, opts...)
}

var extras = formattest.Extras[testfb.AnimalT, testfb.Animal]{
	Value:   func(w testfb.Animal) testfb.AnimalT { return *w.UnPack() },
	Same:    same[testfb.AnimalT],
	Borrows: true,
	Padded:  true,
}

// same compares values in which nil and empty slices are the same, since unpacking makes no
// difference between them, and so is every NaN.
func same[T any](a, b T) bool { return equal(reflect.ValueOf(a), reflect.ValueOf(b)) }

func equal(a, b reflect.Value) bool {
	if a.Kind() != b.Kind() {
		return false
	}
	switch a.Kind() {
	case reflect.Struct:
		for i := range a.NumField() {
			if !equal(a.Field(i), b.Field(i)) {
				return false
			}
		}
		return true
	case reflect.Slice:
		for i := range min(a.Len(), b.Len()) {
			if !equal(a.Index(i), b.Index(i)) {
				return false
			}
		}
		return a.Len() == b.Len()
	case reflect.Pointer, reflect.Interface:
		if a.IsNil() || b.IsNil() {
			return a.IsNil() == b.IsNil()
		}
		return equal(a.Elem(), b.Elem())
	case reflect.Float32, reflect.Float64:
		return a.Float() == b.Float() || a.Float() != a.Float() && b.Float() != b.Float()
	}
	return a.Equal(b)
}

func note(text string) []byte {
	b := fb.NewBuilder(0)
	b.Finish((&testfb.NoteT{Text: text, Weight: 0.5}).Pack(b))
	return b.FinishedBytes()
}

func point(n int) *testfb.PointT {
	return &testfb.PointT{X: int32(n), Y: int16(-n), Z: float64(n) / 3}
}

// full returns an animal with every field set, and n elements in every vector.
func full(n int) testfb.AnimalT {
	maybe := int32(-7)
	a := testfb.AnimalT{
		Name: "Orca the magnificent", Legs: 0, Color: testfb.ColorRed,
		Traits: testfb.TraitHuge | testfb.TraitShy, Home: point(1),
		Range: &testfb.SpanT{From: point(2), To: point(3)}, Tame: false,
		Raw:    []byte("\x00\xff raw"),
		Mother: &testfb.AnimalT{Name: "mother", Mother: &testfb.AnimalT{}},
		Thing: &testfb.ThingT{
			Type:  testfb.ThingPlace,
			Value: &testfb.PlaceT{Name: "pool", At: point(4)},
		},
		Inner: note("nested"), I8: -8, U8: 8, U16: 16, I32: -32, U32: 32,
		I64: -1 << 40, U64: 1 << 63,
		F32: float32(math.Inf(-1)), F64: 0, Maybe: &maybe,
		Note: &testfb.NoteT{Text: "é", Weight: 2},
	}
	for i := range n {
		a.Small = append(a.Small, int8(-i))
		a.Flags = append(a.Flags, i%2 == 0)
		a.Colors = append(a.Colors, testfb.ColorGreen)
		a.Shorts = append(a.Shorts, uint16(i))
		a.Ints = append(a.Ints, int32(-i))
		a.Longs = append(a.Longs, uint64(i)<<40)
		a.Floats = append(a.Floats, float32(i)/2)
		a.Doubles = append(a.Doubles, float64(i)/3)
		a.Tags = append(a.Tags, fmt.Sprintf("tag %d", i))
		a.Notes = append(a.Notes, &testfb.NoteT{Text: strings.Repeat("n", i), Weight: float32(i)})
		a.Path = append(a.Path, point(i))
		a.Spans = append(a.Spans, &testfb.SpanT{From: point(i), To: point(i + 1)})
		a.Herd = append(a.Herd, &testfb.AnimalT{Name: fmt.Sprint("calf ", i), Legs: int16(i)})
	}
	return a
}

var animals = []testfb.AnimalT{
	{},
	{Name: "Rex", Legs: 4, Color: testfb.ColorBlue, Tame: true, F64: 1.5},
	{
		Name:  strings.Repeat("long ", 50),
		Thing: &testfb.ThingT{Type: testfb.ThingNote, Value: &testfb.NoteT{Text: "t"}},
	},
	full(3),
}
