// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package keys_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/keys"
)

// testRange compares the keys that a scan within r passes over with those that want chooses
// from all, alone and where other components follow.
func testRange[K any](
	t *testing.T, what string, f keys.Part[K], r core.KeyRange[K], all []K, want func(K) bool,
) {
	t.Helper()
	low, high, err := r.Bounds()
	if err == nil {
		err = r.MadeBy(f.ID())
	}
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	partLow, partHigh, err := r.PartBounds()
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	for _, k := range all {
		b, err := f.Append(nil, k)
		if err != nil {
			t.Fatal(err)
		}
		if isWithin(b, low, high) != want(k) {
			t.Errorf("%q: %#v (%x) is in the range from %x to %x: %v",
				what, k, b, low, high, !want(k))
		}
		if b, err = f.AppendPart(nil, k); err != nil {
			t.Fatal(err)
		}
		for _, behind := range []string{"", "\x00", "\xff\xff"} {
			if isWithin(append(b, behind...), partLow, partHigh) != want(k) {
				t.Errorf("%q: the component %#v (%x) and %x are in the range from %x to %x: %v",
					what, k, b, behind, partLow, partHigh, !want(k))
			}
		}
	}
}

func isWithin(b, low, high []byte) bool {
	return bytes.Compare(b, low) >= 0 && (high == nil || bytes.Compare(b, high) < 0)
}

func eraseRange[K any](t *testing.T, r core.KeyRange[K], id string) core.KeyRange[any] {
	t.Helper()
	if err := r.MadeBy(id); err != nil {
		t.Fatal(err)
	}
	low, high, _ := r.Bounds()
	partLow, partHigh, err := r.PartBounds()
	if err != nil {
		t.Fatal(err)
	}
	return core.NewKeyRange[any](id, low, high, nil).WithPart(partLow, partHigh)
}

// testInside passes r on to every format that f can be a component of.
func testInside[K any](
	t *testing.T, what string, f keys.Part[K], r core.KeyRange[K], all []K, want func(K) bool,
) {
	t.Helper()
	testRange(t, what, f, r, all, want)
	hidden := make([]any, len(all))
	for i, k := range all {
		hidden[i] = k
	}
	testErasedInside(t, what, erase(f), eraseRange(t, r, f.ID()), hidden,
		func(k any) bool { return want(k.(K)) })
}

func testErasedInside(
	t *testing.T, what string, f keys.Part[any], r core.KeyRange[any], all []any,
	want func(any) bool,
) {
	t.Helper()
	testRangeInWrappers(t, what, f, r, all, want)
	for _, p := range places(f) {
		p.in(t, what, r, all, want)
	}
}

func testRangeInWrappers(
	t *testing.T, what string, f keys.Part[any], r core.KeyRange[any], all []any,
	want func(any) bool,
) {
	t.Helper()
	d, o, m := keys.Desc(f), keys.Optional(f), box("inside", f)
	var nulls []keys.Null[any]
	var boxes []boxed[any]
	for _, k := range all {
		nulls, boxes = append(nulls, o.Key(k)), append(boxes, boxed[any]{k})
	}
	nulls = append(nulls, keys.Null[any]{})
	some := func(k keys.Null[any]) bool { return k.Valid && want(k.V) }
	testRange(t, "Desc "+what, d, d.Range(r), all, want)
	testRange(t, "Desc Desc "+what, keys.Desc(d), keys.Desc(d).Range(d.Range(r)), all, want)
	testRange(t, "Optional "+what, o, o.Range(r), nulls, some)
	testRange(t, "Desc Optional "+what, keys.Desc(o), keys.Desc(o).Range(o.Range(r)), nulls, some)
	testRange(t, "Map "+what, m, m.Range(r), boxes, func(k boxed[any]) bool { return want(k.key) })
}

// place is a component of a composite.
type place struct {
	in      func(t *testing.T, what string, r core.KeyRange[any], all []any, want func(any) bool)
	between func(t *testing.T, what string, low, high any, all []any, want func(any) bool)
}

// placeOf is the place of a component in f. key returns a key that holds the component, with
// bools beside it; of returns the component again, and whether the components before it are
// those that in and between ask for.
func placeOf[K any](
	f keys.Part[K], key func(any, bool) K, of func(K) (any, bool),
	in func(core.KeyRange[any]) core.KeyRange[K], between func(low, high any) core.KeyRange[K],
) place {
	d := keys.Desc(f)
	test := func(t *testing.T, what string, r core.KeyRange[K], all []any, want func(any) bool) {
		t.Helper()
		var whole []K
		for _, k := range all {
			whole = append(whole, key(k, false), key(k, true))
		}
		wanted := func(k K) bool {
			component, ok := of(k)
			return ok && want(component)
		}
		testRange(t, what, f, r, whole, wanted)
		testRange(t, what+", desc", d, d.Range(r), whole, wanted)
	}
	return place{
		in: func(t *testing.T, what string, r core.KeyRange[any], all []any, want func(any) bool) {
			t.Helper()
			test(t, what+" in "+f.ID(), in(r), all, want)
		},
		between: func(t *testing.T, what string, low, high any, all []any, want func(any) bool) {
			t.Helper()
			test(t, what+" between in "+f.ID(), between(low, high), all, want)
		},
	}
}

// places are all components that f can be of a composite.
func places(f keys.Part[any]) []place {
	return append(pairPlaces(f), append(triplePlaces(f), quadPlaces(f)...)...)
}

func pairPlaces(f keys.Part[any]) []place {
	one, two := keys.Pair(f, keys.Bool()), keys.Pair(keys.Bool(), f)
	type key1 = keys.Tuple[any, bool]
	type key2 = keys.Tuple[bool, any]
	return []place{
		placeOf(one, one.Key, func(k key1) (any, bool) { return k.First, true }, one.FirstIn,
			one.FirstBetween),
		placeOf(two,
			func(k any, b bool) key2 { return two.Key(b, k) },
			func(k key2) (any, bool) { return k.Second, k.First },
			func(r core.KeyRange[any]) core.KeyRange[key2] { return two.SecondIn(true, r) },
			func(low, high any) core.KeyRange[key2] { return two.SecondBetween(true, low, high) }),
	}
}

func triplePlaces(f keys.Part[any]) []place {
	b := keys.Bool()
	one, two, three := keys.Triple(f, b, b), keys.Triple(b, f, b), keys.Triple(b, b, f)
	type key1 = keys.Tuple3[any, bool, bool]
	type key2 = keys.Tuple3[bool, any, bool]
	type key3 = keys.Tuple3[bool, bool, any]
	return []place{
		placeOf(one,
			func(k any, b bool) key1 { return one.Key(k, b, !b) },
			func(k key1) (any, bool) { return k.First, true }, one.FirstIn, one.FirstBetween),
		placeOf(two,
			func(k any, b bool) key2 { return two.Key(b, k, b) },
			func(k key2) (any, bool) { return k.Second, k.First },
			func(r core.KeyRange[any]) core.KeyRange[key2] { return two.SecondIn(true, r) },
			func(low, high any) core.KeyRange[key2] { return two.SecondBetween(true, low, high) }),
		placeOf(three,
			func(k any, b bool) key3 { return three.Key(true, b, k) },
			func(k key3) (any, bool) { return k.Third, !k.Second },
			func(r core.KeyRange[any]) core.KeyRange[key3] { return three.ThirdIn(true, false, r) },
			func(low, high any) core.KeyRange[key3] {
				return three.ThirdBetween(true, false, low, high)
			}),
	}
}

func quadPlaces(f keys.Part[any]) []place {
	b := keys.Bool()
	one, two, three, four := keys.Quad(f, b, b, b), keys.Quad(b, f, b, b), keys.Quad(b, b, f,
		b), keys.Quad(b, b, b, f)
	type key1 = keys.Tuple4[any, bool, bool, bool]
	type key2 = keys.Tuple4[bool, any, bool, bool]
	type key3 = keys.Tuple4[bool, bool, any, bool]
	type key4 = keys.Tuple4[bool, bool, bool, any]
	return []place{
		placeOf(one,
			func(k any, b bool) key1 { return one.Key(k, b, !b, b) },
			func(k key1) (any, bool) { return k.First, true }, one.FirstIn, one.FirstBetween),
		placeOf(two,
			func(k any, b bool) key2 { return two.Key(b, k, b, !b) },
			func(k key2) (any, bool) { return k.Second, k.First },
			func(r core.KeyRange[any]) core.KeyRange[key2] { return two.SecondIn(true, r) },
			func(low, high any) core.KeyRange[key2] { return two.SecondBetween(true, low, high) }),
		placeOf(three,
			func(k any, b bool) key3 { return three.Key(true, b, k, b) },
			func(k key3) (any, bool) { return k.Third, !k.Second },
			func(r core.KeyRange[any]) core.KeyRange[key3] { return three.ThirdIn(true, false, r) },
			func(low, high any) core.KeyRange[key3] {
				return three.ThirdBetween(true, false, low, high)
			}),
		placeOf(four,
			func(k any, b bool) key4 { return four.Key(true, false, b, k) },
			func(k key4) (any, bool) { return k.Fourth, k.Third },
			func(r core.KeyRange[any]) core.KeyRange[key4] {
				return four.FourthIn(true, false, true, r)
			},
			func(low, high any) core.KeyRange[key4] {
				return four.FourthBetween(true, false, true, low, high)
			}),
	}
}

// TestBetween: the range from one key to another has the keys of the order between them, for
// every format and every place in which its keys can be components.
func TestBetween(t *testing.T) {
	for i, s := range subjects() {
		t.Run(fmt.Sprint(i, s.id), func(t *testing.T) {
			s.within(t, rand.New(rand.NewPCG(uint64(i), 8)))
		})
	}
}

func testBetween[K any](t *testing.T, r *rand.Rand, m model[K]) {
	all := places(erase(m.part))
	for range 10 {
		var some []any
		for range 15 {
			some = append(some, m.pick(r))
		}
		low, high := some[0].(K), some[1].(K)
		for _, p := range all {
			p.between(t, fmt.Sprintf("%#v to %#v", low, high), low, high, some, func(k any) bool {
				return m.compare(low, k.(K)) <= 0 && m.compare(k.(K), high) < 0
			})
		}
	}
}

var smallNumbers = []uint8{0, 1, 127, 254, 255}

func TestPrefix(t *testing.T) {
	type city string
	var raw [][]byte
	var cities []city
	for _, s := range awkward {
		raw, cities = append(raw, []byte(s)), append(cities, city(s))
	}
	for _, x := range awkward {
		what := fmt.Sprintf("prefix %q", x)
		for _, f := range []keys.Part[string]{
			keys.String(), keys.StringView(),
			keys.Desc(keys.String()),
		} {
			r := f.(core.Prefixer[string]).Prefix(x)
			testInside(t, f.ID()+what, f, r, awkward,
				func(k string) bool { return strings.HasPrefix(k, x) })
		}
		for _, f := range []keys.Part[[]byte]{
			keys.Bytes(), keys.BytesView(),
			keys.Desc(keys.Desc(keys.BytesView())),
		} {
			r := f.(core.Prefixer[[]byte]).Prefix([]byte(x))
			testInside(t, f.ID()+what, f, r, raw,
				func(k []byte) bool { return bytes.HasPrefix(k, []byte(x)) })
		}
		f := keys.StringOf[city]()
		r := f.(core.Prefixer[city]).Prefix(city(x))
		testRange(t, "city "+what, f, r, cities,
			func(k city) bool { return strings.HasPrefix(string(k), x) })
	}
}

func TestPairRanges(t *testing.T) {
	f, d := keys.Pair(keys.String(),
		keys.Bytes()), keys.Pair(keys.Desc(keys.String()), keys.Bytes())
	type key = keys.Tuple[string, []byte]
	var all []key
	for _, a := range awkward {
		for _, b := range awkward {
			all = append(all, tuple(a, []byte(b)))
		}
	}
	for _, x := range awkward {
		is := func(k key) bool { return k.First == x }
		starts := func(k key) bool { return strings.HasPrefix(k.First, x) }
		testRange(t, "First "+x, f, f.First(x), all, is)
		testRange(t, "First "+x, d, d.First(x), all, is)
		testRange(t, "FirstPrefix "+x, f, f.FirstPrefix(x), all, starts)
		testRange(t, "FirstPrefix "+x, d, d.FirstPrefix(x), all, starts)
		for _, y := range awkward {
			between := func(k key) bool { return x <= k.First && k.First < y }
			testRange(t, "FirstBetween "+x+y, f, f.FirstBetween(x, y), all, between)
			between = func(k key) bool { return x >= k.First && k.First > y }
			testRange(t, "FirstBetween "+x+y, d, d.FirstBetween(x, y), all, between)
			inSecond := func(k key) bool {
				return k.First == "a\x00" && x <= string(k.Second) && string(k.Second) < y
			}
			testRange(t, "SecondBetween "+x+y, f, f.SecondBetween("a\x00", []byte(x), []byte(y)),
				all, inSecond)
			prefix := func(k key) bool {
				return k.First == x && bytes.HasPrefix(k.Second, []byte(y))
			}
			testRange(t, "Prefix "+x+y, f, f.Prefix(tuple(x, []byte(y))), all, prefix)
		}
	}
}

// TestPairRangesOfBytes: where the first component is all 0xff, no key is above the range.
func TestPairRangesOfBytes(t *testing.T) {
	f := keys.Pair(keys.Uint8(), keys.Pair(keys.Uint8(), keys.String()))
	type key = keys.Tuple[uint8, keys.Tuple[uint8, string]]
	var all []key
	for _, a := range smallNumbers {
		for _, b := range smallNumbers {
			for _, c := range awkward {
				all = append(all, tuple(a, tuple(b, c)))
			}
		}
	}
	for _, x := range smallNumbers {
		testRange(t, "First", f, f.First(x), all, func(k key) bool { return k.First == x })
		for _, y := range smallNumbers {
			testRange(t, "FirstBetween", f, f.FirstBetween(x, y), all,
				func(k key) bool { return x <= k.First && k.First < y })
			for _, z := range awkward {
				testRange(t, "Prefix", f, f.Prefix(tuple(x, tuple(y, z))), all, func(k key) bool {
					return k.First == x && k.Second.First == y && strings.HasPrefix(k.Second.Second,
						z)
				})
			}
		}
	}
}

func TestTripleRanges(t *testing.T) {
	f := keys.Triple(keys.StringView(), keys.Uint8(), keys.String())
	type key = keys.Tuple3[string, uint8, string]
	var all []key
	for _, a := range awkward[:12] {
		for _, b := range smallNumbers {
			for _, c := range awkward {
				all = append(all, key{a, b, c})
			}
		}
	}
	for _, x := range awkward[:12] {
		testRange(t, "First "+x, f, f.First(x), all, func(k key) bool { return k.First == x })
		testRange(t, "FirstPrefix "+x, f, f.FirstPrefix(x), all,
			func(k key) bool { return strings.HasPrefix(k.First, x) })
		testRange(t, "FirstBetween "+x, f, f.FirstBetween(x, "a\x00"), all,
			func(k key) bool { return x <= k.First && k.First < "a\x00" })
		for _, y := range smallNumbers {
			testRange(t, "FirstTwo "+x, f, f.FirstTwo(x, y), all,
				func(k key) bool { return k.First == x && k.Second == y })
			testRange(t, "SecondBetween "+x, f, f.SecondBetween(x, y, 254), all,
				func(k key) bool { return k.First == x && y <= k.Second && k.Second < 254 })
			for _, z := range awkward {
				testRange(t, "Prefix "+x, f, f.Prefix(key{x, y, z}), all, func(k key) bool {
					return k.First == x && k.Second == y && strings.HasPrefix(k.Third, z)
				})
			}
		}
	}
}

// TestSecondPrefix: prefixes of a component in the middle, and of the last one, in formats of
// three and four.
func TestSecondPrefix(t *testing.T) {
	f := keys.Triple(keys.Bool(), keys.String(), keys.Bytes())
	g := keys.Quad(keys.Bool(), keys.Bytes(), keys.StringView(), keys.String())
	type key = keys.Tuple3[bool, string, []byte]
	type key4 = keys.Tuple4[bool, []byte, string, string]
	var all []key
	var all4 []key4
	for _, a := range []bool{false, true} {
		for _, b := range awkward {
			for _, c := range awkward[:6] {
				all = append(all, f.Key(a, b, []byte(c)))
				all4 = append(all4, g.Key(a, []byte(b), c, b), g.Key(a, []byte(c), b, c),
					g.Key(a, nil, c, b))
			}
		}
	}
	for _, x := range awkward {
		raw := []byte(x)
		testRange(t, "SecondPrefix "+x, f, f.SecondPrefix(true, x), all,
			func(k key) bool { return k.First && strings.HasPrefix(k.Second, x) })
		testRange(t, "SecondPrefix "+x, g, g.SecondPrefix(true, raw), all4,
			func(k key4) bool { return k.First && bytes.HasPrefix(k.Second, raw) })
		testRange(t, "First "+x, g, g.First(x == ""), all4,
			func(k key4) bool { return k.First == (x == "") })
		testRange(t, "FirstTwo "+x, g, g.FirstTwo(true, raw), all4,
			func(k key4) bool { return k.First && bytes.Equal(k.Second, raw) })
		for _, y := range awkward {
			testRange(t, "FirstThree "+x+y, g, g.FirstThree(false, raw, y), all4,
				func(k key4) bool {
					return !k.First && bytes.Equal(k.Second, raw) && k.Third == y
				})
			testRange(t, "ThirdPrefix "+x+y, g, g.ThirdPrefix(false, raw, y), all4,
				func(k key4) bool {
					return !k.First && bytes.Equal(k.Second, raw) && strings.HasPrefix(k.Third, y)
				})
			testRange(t, "Prefix "+x+y, g, g.Prefix(g.Key(true, nil, x, y)), all4,
				func(k key4) bool {
					return k.First && len(k.Second) == 0 && k.Third == x && strings.HasPrefix(k.Fourth,
						y)
				})
		}
	}
}

// TestNestedRanges: a range of the first n components, for every n, where the later ones are a
// format of their own.
func TestNestedRanges(t *testing.T) {
	b, str := keys.Bool(), keys.String()
	last := keys.Triple(b, str, str)
	f := keys.Pair(str, last)
	type key = keys.Tuple[string, keys.Tuple3[bool, string, string]]
	texts := []string{"", "\x00", "a\x00", "\xff"}
	var all []key
	for _, w := range texts {
		for _, x := range []bool{false, true} {
			for _, y := range texts {
				for _, z := range texts {
					all = append(all, f.Key(w, last.Key(x, y, z)))
				}
			}
		}
	}
	for _, y := range texts {
		for _, z := range texts {
			testInside(t, "1", f, f.First(y), all, func(k key) bool { return k.First == y })
			testInside(t, "2", f, f.SecondIn(y, last.First(true)), all,
				func(k key) bool { return k.First == y && k.Second.First })
			testInside(t, "3", f, f.SecondIn(y, last.FirstTwo(true, z)), all,
				func(k key) bool { return k.First == y && k.Second.First && k.Second.Second == z })
			testInside(t, "3, prefix",
				f, f.SecondIn(y, last.SecondPrefix(true, z)), all, func(k key) bool {
					return k.First == y && k.Second.First && strings.HasPrefix(k.Second.Second, z)
				})
			testInside(t, "4, prefix",
				f, f.Prefix(f.Key("\x00", last.Key(false, y, z))), all, func(k key) bool {
					return k.First == "\x00" && !k.Second.First && k.Second.Second == y &&
						strings.HasPrefix(k.Second.Third, z)
				})
		}
	}
}

// TestPrefixesOfWrappers: the prefixes of a pair are there in reverse order, where it may be
// null, and in a type of its own.
func TestPrefixesOfWrappers(t *testing.T) {
	f := keys.Pair(keys.Bool(), keys.String())
	d, o, m := keys.Desc(f), keys.Optional(f), box("box", f)
	od := keys.Optional(d)
	type key = keys.Tuple[bool, string]
	var all []key
	var nulls []keys.Null[key]
	var boxes []boxed[key]
	for _, x := range []bool{false, true} {
		for _, s := range awkward {
			all = append(all, f.Key(x, s))
		}
	}
	for _, k := range all {
		nulls, boxes = append(nulls, o.Key(k)), append(boxes, boxed[key]{k})
	}
	nulls = append(nulls, keys.Null[key]{})
	for _, s := range awkward {
		k := f.Key(true, s)
		want := func(k key) bool { return k.First && strings.HasPrefix(k.Second, s) }
		some := func(k keys.Null[key]) bool { return k.Valid && want(k.V) }
		testInside(t, "Desc "+s, d, d.Prefix(k), all, want)
		testInside(t, "Optional "+s, o, o.Prefix(o.Key(k)), nulls, some)
		testInside(t, "Optional Desc "+s, od, od.Prefix(o.Key(k)), nulls, some)
		testInside(t, "Map "+s, m, m.Prefix(boxed[key]{k}), boxes,
			func(k boxed[key]) bool { return want(k.key) })
		p := keys.Pair(od, keys.Bool())
		both := []keys.Tuple[keys.Null[key], bool]{}
		for _, k := range nulls {
			both = append(both, p.Key(k, false), p.Key(k, true))
		}
		testInside(t, "FirstPrefix "+s, p, p.FirstPrefix(o.Key(k)), both,
			func(k keys.Tuple[keys.Null[key], bool]) bool { return some(k.First) })
	}
	null := func(k keys.Null[key]) bool { return !k.Valid }
	testInside(t, "null", o, o.Prefix(keys.Null[key]{}), nulls, null)
	testInside(t, "null", keys.Desc(o), keys.Desc(o).Prefix(keys.Null[key]{}), nulls, null)
}

// TestDescOfNothing: below the least component there is nothing. In reverse order that must be
// nothing too, and not, for want of a higher bound, everything.
func TestDescOfNothing(t *testing.T) {
	f := keys.Pair(keys.Uint8(), keys.Uint8())
	var all []keys.Tuple[uint8, uint8]
	for _, x := range smallNumbers {
		all = append(all, f.Key(x, 0), f.Key(x, 255))
	}
	for _, y := range smallNumbers {
		testInside(t, "nothing",
			f, f.FirstBetween(y, 0), all, func(keys.Tuple[uint8, uint8]) bool { return false })
		testInside(t, "below", f, f.FirstBetween(0, y), all,
			func(k keys.Tuple[uint8, uint8]) bool { return k.First < y })
	}
}

// TestForeignRanges: a range of another format is refused where it is used, and not taken for
// one of other keys.
func TestForeignRanges(t *testing.T) {
	str, num := keys.String(), keys.Uint8()
	f, other := keys.Pair(str, num), keys.Pair(keys.Desc(str), num)
	r := other.First("a")
	wantFailed(t, keys.Desc(f).Range(r), core.ErrFormatMismatch)
	wantFailed(t, keys.Optional(f).Range(r), core.ErrFormatMismatch)
	wantFailed(t, box("box", f).Range(r), core.ErrFormatMismatch)
	wantFailed(t, keys.Pair(f, num).FirstIn(r), core.ErrFormatMismatch)
	wantFailed(t, keys.Pair(num, f).SecondIn(1, r), core.ErrFormatMismatch)
	wantFailed(t, keys.Triple(f, num, num).FirstIn(r), core.ErrFormatMismatch)
	wantFailed(t, keys.Triple(num, f, num).SecondIn(1, r), core.ErrFormatMismatch)
	wantFailed(t, keys.Triple(num, num, f).ThirdIn(1, 1, r), core.ErrFormatMismatch)
	wantFailed(t, keys.Quad(f, num, num, num).FirstIn(r), core.ErrFormatMismatch)
	wantFailed(t, keys.Quad(num, f, num, num).SecondIn(1, r), core.ErrFormatMismatch)
	wantFailed(t, keys.Quad(num, num, f, num).ThirdIn(1, 1, r), core.ErrFormatMismatch)
	wantFailed(t, keys.Quad(num, num, num, f).FourthIn(1, 1, 1, r), core.ErrFormatMismatch)
	wantFailed(t, keys.Pair(num, f).SecondIn(1, core.KeyRange[keys.Tuple[string, uint8]]{}),
		core.ErrFormatMismatch)

	_, _, err := keys.Pair(num, f).SecondIn(1, r).Bounds()
	want := "component 2 of pair(uint8,pair(string,uint8)): format mismatch: " +
		"the range is one of pair(desc(string),uint8) keys, want one of pair(string,uint8) keys"
	if err == nil || err.Error() != want {
		t.Errorf("the range carries %v, want %s", err, want)
	}
	same := keys.Pair(keys.StringView(), keys.UintOf[uint8]())
	testRange(t, "same ID", f, same.First("a"), []keys.Tuple[string, uint8]{{"a", 1}, {"b", 1}},
		func(k keys.Tuple[string, uint8]) bool { return k.First == "a" })
}

// TestRangesKeepNoArgument: the caller may reuse its slices while the scan runs.
func TestRangesKeepNoArgument(t *testing.T) {
	raw, pair := keys.Bytes(), keys.Pair(keys.BytesView(), keys.Bytes())
	x, y := []byte("abc"), []byte("abd")
	prefix, first, between := raw.(core.Prefixer[[]byte]).Prefix(x), pair.First(x),
		pair.FirstBetween(x, y)
	both := pair.Prefix(tuple(x, y))
	spoil(x)
	spoil(y)
	wantBounds(t, prefix, "abc", "abd")
	wantBounds(t, first, "abc\x00\x01", "abc\x00\x02")
	wantBounds(t, between, "abc\x00\x01", "abd\x00\x01")
	wantBounds(t, both, "abc\x00\x01abd", "abc\x00\x01abe")
}

func wantBounds[K any](t *testing.T, r core.KeyRange[K], low, high string) {
	t.Helper()
	l, h, err := r.Bounds()
	if string(l) != low || string(h) != high || err != nil {
		t.Errorf("the range is from %q to %q, %v, want from %q to %q", l, h, err, low, high)
	}
}

func TestUnsupportedPrefixes(t *testing.T) {
	str, num := keys.String(), keys.Int64()
	numFirst, numLast := keys.Pair(num, str), keys.Pair(keys.Desc(num), num)
	triple := keys.Triple(num, str, num)
	wantFailed(t, numFirst.FirstPrefix(1), errors.ErrUnsupported)
	wantFailed(t, numLast.FirstPrefix(1), errors.ErrUnsupported)
	wantFailed(t, numLast.Prefix(tuple(int64(1), int64(2))), errors.ErrUnsupported)
	wantFailed(t, keys.Pair(str, numLast).Prefix(tuple("a", tuple(int64(1), int64(2)))),
		errors.ErrUnsupported)
	wantFailed(t, triple.FirstPrefix(1), errors.ErrUnsupported)
	wantFailed(t, keys.Triple(str, num, str).SecondPrefix("a", 1), errors.ErrUnsupported)
	quad := keys.Quad(num, num, num, num)
	wantFailed(t, quad.FirstPrefix(1), errors.ErrUnsupported)
	wantFailed(t, quad.SecondPrefix(1, 1), errors.ErrUnsupported)
	wantFailed(t, quad.ThirdPrefix(1, 1, 1), errors.ErrUnsupported)
	wantFailed(t, quad.Prefix(keys.Tuple4[int64, int64, int64, int64]{}), errors.ErrUnsupported)
	wantFailed(t, keys.Optional(num).Prefix(keys.Null[int64]{Valid: true}), errors.ErrUnsupported)
	wantFailed(t, keys.Desc(numLast).Prefix(tuple(int64(1), int64(2))), errors.ErrUnsupported)
	wantFailed(t, triple.Prefix(keys.Tuple3[int64, string, int64]{}), errors.ErrUnsupported)
	wantFailed(t, keys.Desc(num).Prefix(1), errors.ErrUnsupported)
}

func wantFailed[K any](t *testing.T, r core.KeyRange[K], want error) {
	t.Helper()
	if _, _, err := r.Bounds(); !errors.Is(err, want) {
		t.Errorf("the range carries %v, want %v", err, want)
	}
}
