// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package keys

import (
	"unsafe"

	"github.com/guardkv/guardkv/core"
)

// Tuple4 is a key of four components. It sorts by the first, then by the second, and so on.
type Tuple4[A, B, C, D any] struct {
	First  A // sorts before everything else
	Second B // sorts among keys with the same First
	Third  C // sorts among keys with the same First and Second
	Fourth D // sorts among keys with the same First, Second and Third
}

func (k Tuple4[A, B, C, D]) rest() Tuple3[B, C, D] {
	return Tuple3[B, C, D]{k.Second, k.Third, k.Fourth}
}

// QuadFormat is the format of keys of four components. [Quad] makes it.
type QuadFormat[A, B, C, D any] struct{ p *quad[A, B, C, D] }

// quad is what a QuadFormat refers to.
type quad[A, B, C, D any] struct {
	first        Part[A]
	rest         TripleFormat[B, C, D] // stores the other components, in the name of the whole
	whole        whole
	alone, inner plain // as those of a pair
}

var (
	_ Part[Tuple4[string, int, bool, int]]          = QuadFormat[string, int, bool, int]{}
	_ Owner                                         = QuadFormat[string, int, bool, int]{}
	_ core.KeyChecker                               = QuadFormat[string, int, bool, int]{}
	_ core.Prefixer[Tuple4[string, int, bool, int]] = QuadFormat[string, int, bool, int]{}
	_ PartPrefixer[Tuple4[string, int, bool, int]]  = QuadFormat[string, int, bool, int]{}
)

// Quad is the format of keys of four components, each of which may itself be composite: for
// more components make the last one a [Pair] or [Triple].
func Quad[A, B, C, D any](
	first Part[A], second Part[B], third Part[C], fourth Part[D],
) QuadFormat[A, B, C, D] {
	need("Quad", "first", first)
	need("Quad", "second", second)
	need("Quad", "third", third)
	need("Quad", "fourth", fourth)
	w := whole{id: composite("quad", first.ID(), second.ID(), third.ID(), fourth.ID())}
	f := QuadFormat[A, B, C, D]{&quad[A, B, C, D]{
		first: first, rest: newTriple(second, third, fourth, whole{w.id, 1}), whole: w,
	}}
	f.p.alone, f.p.inner = f.steps(0, true), f.steps(0, false)
	return f
}

// Key returns the key of four components.
func (f QuadFormat[A, B, C, D]) Key(first A, second B, third C, fourth D) Tuple4[A, B, C, D] {
	return Tuple4[A, B, C, D]{first, second, third, fourth}
}

// ID is quad(first,second,third,fourth).
func (f QuadFormat[A, B, C, D]) ID() string { return f.p.whole.id }

// Ordered is true if all components are ordered, as all formats of this package are.
func (f QuadFormat[A, B, C, D]) Ordered() bool { return f.p.first.Ordered() && f.p.rest.Ordered() }

// Owned implements [Owner].
func (f QuadFormat[A, B, C, D]) Owned() bool { return isOwned(f.p.first) && f.p.rest.Owned() }

// CheckKey returns why a component cannot be a key, if it knows.
func (f QuadFormat[A, B, C, D]) CheckKey() error {
	if err := checkPart(f.p.first); err != nil {
		return f.p.whole.component(1, err)
	}
	return f.p.rest.CheckKey()
}

// Append appends the first three components as parts and the fourth as it would stand alone. The
// arguments may be reused when the call returns.
func (f QuadFormat[A, B, C, D]) Append(dst []byte, k Tuple4[A, B, C, D]) ([]byte, error) {
	if f.p.alone != nil {
		return f.p.alone.append(dst, unsafe.Pointer(&k)), nil
	}
	dst, err := f.appendFirst(dst, k.First)
	if err != nil {
		return nil, err
	}
	return f.p.rest.Append(dst, k.rest())
}

// AppendPart appends all components as parts. The arguments may be reused when the call returns.
func (f QuadFormat[A, B, C, D]) AppendPart(dst []byte, k Tuple4[A, B, C, D]) ([]byte, error) {
	if f.p.inner != nil {
		return f.p.inner.append(dst, unsafe.Pointer(&k)), nil
	}
	dst, err := f.appendFirst(dst, k.First)
	if err != nil {
		return nil, err
	}
	return f.p.rest.AppendPart(dst, k.rest())
}

// AppendPartPrefix appends the first three components, and the bytes that the fourth begins
// with.
func (f QuadFormat[A, B, C, D]) AppendPartPrefix(dst []byte, k Tuple4[A, B, C, D]) ([]byte, error) {
	dst, err := f.appendFirst(dst, k.First)
	if err != nil {
		return nil, err
	}
	return f.p.rest.AppendPartPrefix(dst, k.rest())
}

// Decode decodes what Append appended, and nothing else. The key refers to b only if a component is
// a view.
func (f QuadFormat[A, B, C, D]) Decode(b []byte) (k Tuple4[A, B, C, D], err error) {
	first, b, err := f.p.first.TakePart(b)
	if err != nil {
		return k, f.p.whole.component(1, err)
	}
	others, err := f.p.rest.Decode(b)
	if err != nil {
		return k, err
	}
	return Tuple4[A, B, C, D]{first, others.First, others.Second, others.Third}, nil
}

// TakePart takes what AppendPart appended, and nothing else. The key refers to b only if a
// component is a view.
func (f QuadFormat[A, B, C, D]) TakePart(b []byte) (k Tuple4[A, B, C, D], rest []byte, err error) {
	first, b, err := f.p.first.TakePart(b)
	if err != nil {
		return k, nil, f.p.whole.component(1, err)
	}
	others, rest, err := f.p.rest.TakePart(b)
	if err != nil {
		return k, nil, err
	}
	return Tuple4[A, B, C, D]{first, others.First, others.Second, others.Third}, rest, nil
}

// First is the range of all keys whose first component is x.
func (f QuadFormat[A, B, C, D]) First(x A) core.KeyRange[Tuple4[A, B, C, D]] {
	return f.made(beginning(f.appendFirst(nil, x)))
}

// FirstTwo is the range of all keys whose first components are x and y.
func (f QuadFormat[A, B, C, D]) FirstTwo(x A, y B) core.KeyRange[Tuple4[A, B, C, D]] {
	return f.made(beginning(f.appendTwo(nil, x, y)))
}

// FirstThree is the range of all keys whose first components are x, y and z.
func (f QuadFormat[A, B, C, D]) FirstThree(x A, y B, z C) core.KeyRange[Tuple4[A, B, C, D]] {
	return f.made(beginning(f.appendThree(nil, x, y, z)))
}

// FirstPrefix is the range of all keys whose first component starts with x. Components that hold no
// strings or bytes have no prefixes; the scan then fails with [errors.ErrUnsupported].
func (f QuadFormat[A, B, C, D]) FirstPrefix(x A) core.KeyRange[Tuple4[A, B, C, D]] {
	return f.made(partPrefixOf(f.p.first, x))
}

// FirstBetween is the range of all keys whose first component is low or above, and below high.
// Where the first component is descending, low is the greater one.
func (f QuadFormat[A, B, C, D]) FirstBetween(low, high A) core.KeyRange[Tuple4[A, B, C, D]] {
	return f.made(partBetween(f.p.first, low, high).in(f.p.whole, 1))
}

// FirstIn is the range of all keys whose first component is in r, a range that the first
// component's format made.
func (f QuadFormat[A, B, C, D]) FirstIn(r core.KeyRange[A]) core.KeyRange[Tuple4[A, B, C, D]] {
	return f.made(spanOf(r, f.p.first.ID()).leading().in(f.p.whole, 1))
}

// SecondPrefix is the range of all keys whose first component is x and whose second starts with y,
// if the second has prefixes.
func (f QuadFormat[A, B, C, D]) SecondPrefix(x A, y B) core.KeyRange[Tuple4[A, B, C, D]] {
	return f.made(partPrefixOf(f.p.rest.p.first, y).behind(f.appendFirst(nil, x)))
}

// SecondBetween is the range of all keys whose first component is x and whose second is low or
// above, and below high.
func (f QuadFormat[A, B, C, D]) SecondBetween(x A, low, high B) core.KeyRange[Tuple4[A, B, C, D]] {
	return f.made(partBetween(f.p.rest.p.first, low, high).in(f.p.whole, 2).behind(f.appendFirst(nil, x)))
}

// SecondIn is the range of all keys whose first component is x and whose second is in r, a range
// that the second component's format made.
func (f QuadFormat[A, B, C, D]) SecondIn(
	x A, r core.KeyRange[B],
) core.KeyRange[Tuple4[A, B, C, D]] {
	return f.made(spanOf(r, f.p.rest.p.first.ID()).leading().in(f.p.whole,
		2).behind(f.appendFirst(nil, x)))
}

// ThirdPrefix is the range of all keys that begin with x and y and whose third component starts
// with z, if the third has prefixes.
func (f QuadFormat[A, B, C, D]) ThirdPrefix(x A, y B, z C) core.KeyRange[Tuple4[A, B, C, D]] {
	return f.made(partPrefixOf(f.p.rest.p.rest.p.first, z).behind(f.appendTwo(nil, x, y)))
}

// ThirdBetween is the range of all keys that begin with x and y and whose third component is low or
// above, and below high.
func (f QuadFormat[A, B, C, D]) ThirdBetween(
	x A, y B, low, high C,
) core.KeyRange[Tuple4[A, B, C, D]] {
	return f.made(partBetween(f.p.rest.p.rest.p.first, low, high).in(f.p.whole,
		3).behind(f.appendTwo(nil, x, y)))
}

// ThirdIn is the range of all keys that begin with x and y and whose third component is in r, a
// range that the third component's format made.
func (f QuadFormat[A, B, C, D]) ThirdIn(
	x A, y B, r core.KeyRange[C],
) core.KeyRange[Tuple4[A, B, C, D]] {
	s := spanOf(r, f.p.rest.p.rest.p.first.ID()).leading().in(f.p.whole, 3)
	return f.made(s.behind(f.appendTwo(nil, x, y)))
}

// FourthBetween is the range of all keys that begin with x, y and z and whose fourth component is
// low or above, and below high.
func (f QuadFormat[A, B, C, D]) FourthBetween(
	x A, y B, z C, low, high D,
) core.KeyRange[Tuple4[A, B, C, D]] {
	s := between(f.p.rest.p.rest.p.second, low, high).in(f.p.whole, 4)
	return f.made(s.behind(f.appendThree(nil, x, y, z)))
}

// FourthIn is the range of all keys that begin with x, y and z and whose fourth component is in r,
// a range that the fourth component's format made.
func (f QuadFormat[A, B, C, D]) FourthIn(
	x A, y B, z C, r core.KeyRange[D],
) core.KeyRange[Tuple4[A, B, C, D]] {
	return f.made(spanOf(r, f.p.rest.p.rest.p.second.ID()).in(f.p.whole,
		4).behind(f.appendThree(nil, x, y, z)))
}

// Prefix is the range of all keys whose first three components are those of k and whose fourth
// starts with that of k. A fourth component that holds no strings or bytes has no prefixes; the
// scan then fails with [errors.ErrUnsupported].
func (f QuadFormat[A, B, C, D]) Prefix(k Tuple4[A, B, C, D]) core.KeyRange[Tuple4[A, B, C, D]] {
	s := prefixOf(f.p.rest.p.rest.p.second, k.Fourth)
	return f.made(s.behind(f.appendThree(nil, k.First, k.Second, k.Third)))
}

func (f QuadFormat[A, B, C, D]) made(s span) core.KeyRange[Tuple4[A, B, C, D]] {
	return made[Tuple4[A, B, C, D]](f.ID(), f.Ordered(), s)
}

func (f QuadFormat[A, B, C, D]) appendFirst(dst []byte, x A) ([]byte, error) {
	dst, err := f.p.first.AppendPart(dst, x)
	if err != nil {
		return nil, f.p.whole.component(1, err)
	}
	return dst, nil
}

func (f QuadFormat[A, B, C, D]) appendTwo(dst []byte, x A, y B) ([]byte, error) {
	dst, err := f.appendFirst(dst, x)
	if err != nil {
		return nil, err
	}
	return f.p.rest.appendFirst(dst, y)
}

func (f QuadFormat[A, B, C, D]) appendThree(dst []byte, x A, y B, z C) ([]byte, error) {
	dst, err := f.appendFirst(dst, x)
	if err != nil {
		return nil, err
	}
	return f.p.rest.appendTwo(dst, y, z)
}
