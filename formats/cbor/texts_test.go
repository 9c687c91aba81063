// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package cbor

import (
	"math/big"
	"reflect"
	"strings"
	"testing"
	"time"
)

// written has text in every place that a type can have it in.
type written struct {
	A      string
	B      []string
	C      [3]string
	D      *string
	E      []struct{ N, S string }
	F      [][]string
	G      **[]string
	H      struct{ In [2]struct{ S string } }
	I      map[int][]int // has no text
	J      []struct{}
	K      []int
	L      time.Time
	M      *big.Int
	Inside // and what is embedded
	*Behind
	inner
	N name
	O []name
	P *[2]*string
	Q []byte
}

type (
	name   string
	Inside struct{ R string }
	Behind struct{ S string }
	inner  struct{ T string }
)

// places returns pointers to all strings of a value that may be stored.
func places(v reflect.Value) (all []reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		return []reflect.Value{v}
	case reflect.Pointer:
		if v.Type() != reflect.TypeFor[*big.Int]() {
			return places(v.Elem())
		}
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			all = append(all, places(v.Index(i))...)
		}
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			return nil
		}
		for i := range v.NumField() {
			all = append(all, places(v.Field(i))...)
		}
	}
	return all
}

func aWritten() *written {
	d, p := "d", "p"
	g := &[]string{"g", "gg"}
	w := &written{
		A: "a", B: []string{"b", "", "bbb"}, C: [3]string{"c", "cc", "ccc"}, D: &d,
		E: []struct{ N, S string }{{"n", "s"}, {"n", "s"}}, F: [][]string{{}, nil, {"f", "ff"}},
		G: &g, I: map[int][]int{1: {2}}, J: make([]struct{}, 3), K: []int{1},
		L: time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC), M: big.NewInt(7), Behind: &Behind{"s"},
		N: "n", O: []name{"o", "oo"}, P: &[2]*string{nil, &p}, Q: []byte{0xff},
	}
	w.P[0] = &w.A
	return w
}

// The text of most types is looked at where the value has it. A place that is forgotten would be
// stored, and refused whenever the row is read: for each place there is a value with text that is
// no UTF-8 there and nowhere else, in every length that is looked at in a way of its own.
func TestAllTextIsFound(t *testing.T) {
	f := New[written]().(*format[written])
	if f.enc.texts == nil {
		t.Fatal("the text of the type is not looked at")
	}
	all := len(places(reflect.ValueOf(aWritten()).Elem()))
	if all != 26 {
		t.Fatalf("there are %d places, want 26", all)
	}
	for i := range all {
		for n := range 36 {
			for at := range n + 1 {
				w := aWritten()
				text := strings.Repeat("λ", n/2) + strings.Repeat("a", n%2)
				place := places(reflect.ValueOf(w).Elem())[i]
				place.SetString(text)
				b, err := f.Append(nil, *w)
				if err != nil {
					t.Fatalf("place %d, %q: %v", i, text, err)
				}
				if _, err := f.View(b); err != nil {
					t.Fatalf("place %d, %q: it is read as %v", i, text, err)
				}
				text = strings.Repeat("a", at) + "\xff" + strings.Repeat("a", n-at)
				place.SetString(text)
				if b, err := f.Append(nil, *w); err == nil {
					t.Fatalf("place %d, %q: stored as %x", i, text, b)
				}
			}
		}
	}
	for _, w := range []written{{}, {B: []string{}, E: nil, P: &[2]*string{}}} {
		if _, err := f.Append(nil, w); err != nil {
			t.Error(err)
		}
	}
}

// Text that is not stored may be anything, and recursive types that are not stored are not looked
// at: they cause neither endless work nor an error.
func TestTextThatIsNotStored(t *testing.T) {
	type left struct {
		A string
		B string   `cbor:"-"`
		C []string `cbor:"-"`
		d string
	}
	type ring struct {
		A string
		B *ring `cbor:"-"`
		C any   `cbor:"-"`
	}
	bad := "\xff"
	l := New[left]()
	b, err := l.Append(nil, left{"a", bad, []string{bad}, bad})
	if err != nil {
		t.Fatal(err)
	}
	if v, err := l.View(b); err != nil || !reflect.DeepEqual(v, left{A: "a"}) {
		t.Errorf("%+v, error %v", v, err)
	}
	if _, err := l.Append(nil, left{A: bad}); err == nil {
		t.Error("text that is no UTF-8 is stored beside some that is not stored")
	}
	r := New[ring]()
	v := ring{A: "a"}
	v.B, v.C = &v, bad
	if _, err := r.Append(nil, v); err != nil {
		t.Error(err)
	}
	v.A = bad
	if _, err := r.Append(nil, v); err == nil {
		t.Error("text that is no UTF-8 is stored in a type that is recursive")
	}
}

// Only types of which nothing else can keep a value from being read again do with a look at
// their text.
func TestWhatElseIsLookedAt(t *testing.T) {
	looks := func(f any) *texts { return f.(interface{ textsLookedAt() *texts }).textsLookedAt() }
	for what, found := range map[string]*texts{
		"text as keys":    looks(New[map[string]int]()),
		"text in maps":    looks(New[map[int]string]()),
		"anything":        looks(New[struct{ A any }]()),
		"recursive":       looks(New[chain]()),
		"floats as keys":  looks(New[map[float64]int]()),
		"own methods":     looks(New[struct{ A *big.Rat }](WithText())),
		"too many levels": looks(New[[][][][][]string](WithMaxNesting(4))),
	} {
		if found != nil {
			t.Errorf("%s: only text is looked at", what)
		}
	}
	if _, err := New[[]string](WithMaxElements(16)).Append(nil, make([]string, 17)); err == nil {
		t.Error("17 elements are stored, and 16 would be read")
	}
}

func (f *format[T]) textsLookedAt() *texts { return f.enc.texts }
