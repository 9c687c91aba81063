// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package keys

import (
	"unsafe"

	"github.com/guardkv/guardkv/core"
)

// Tuple3 is a key of three components. It sorts by the first, then by the second, then by the
// third.
type Tuple3[A, B, C any] struct {
	First  A // sorts before everything else
	Second B // sorts among keys with the same First
	Third  C // sorts among keys with the same First and Second
}

func (k Tuple3[A, B, C]) rest() Tuple[B, C] { return Tuple[B, C]{k.Second, k.Third} }

// TripleFormat is the format of keys of three components. [Triple] makes it.
type TripleFormat[A, B, C any] struct{ p *triple[A, B, C] }

// triple is what a TripleFormat refers to.
type triple[A, B, C any] struct {
	first        Part[A]
	rest         PairFormat[B, C] // stores the other components, in the name of the whole
	whole        whole
	alone, inner plain // as those of a pair
}

var (
	_ Part[Tuple3[string, int, bool]]          = TripleFormat[string, int, bool]{}
	_ Owner                                    = TripleFormat[string, int, bool]{}
	_ core.KeyChecker                          = TripleFormat[string, int, bool]{}
	_ core.Prefixer[Tuple3[string, int, bool]] = TripleFormat[string, int, bool]{}
	_ PartPrefixer[Tuple3[string, int, bool]]  = TripleFormat[string, int, bool]{}
)

// Triple is the format of keys of three components, each of which may itself be composite.
func Triple[A, B, C any](first Part[A], second Part[B], third Part[C]) TripleFormat[A, B, C] {
	need("Triple", "first", first)
	need("Triple", "second", second)
	need("Triple", "third", third)
	w := whole{id: composite("triple", first.ID(), second.ID(), third.ID())}
	return newTriple(first, second, third, w)
}

func newTriple[A, B, C any](
	first Part[A], second Part[B], third Part[C], w whole,
) TripleFormat[A, B, C] {
	f := TripleFormat[A, B, C]{&triple[A, B, C]{
		first: first,
		rest:  newPair(second, third, whole{w.id, w.before + 1}),
		whole: w,
	}}
	f.p.alone, f.p.inner = f.steps(0, true), f.steps(0, false)
	return f
}

// Key returns the key of three components.
func (f TripleFormat[A, B, C]) Key(first A, second B, third C) Tuple3[A, B, C] {
	return Tuple3[A, B, C]{first, second, third}
}

// ID is triple(first,second,third).
func (f TripleFormat[A, B, C]) ID() string { return f.p.whole.id }

// Ordered is true if all components are ordered, as all formats of this package are.
func (f TripleFormat[A, B, C]) Ordered() bool { return f.p.first.Ordered() && f.p.rest.Ordered() }

// Owned implements [Owner].
func (f TripleFormat[A, B, C]) Owned() bool { return isOwned(f.p.first) && f.p.rest.Owned() }

// CheckKey returns why a component cannot be a key, if it knows.
func (f TripleFormat[A, B, C]) CheckKey() error {
	if err := checkPart(f.p.first); err != nil {
		return f.p.whole.component(1, err)
	}
	return f.p.rest.CheckKey()
}

// Append appends the first two components as parts and the third as it would stand alone. The
// arguments may be reused when the call returns.
func (f TripleFormat[A, B, C]) Append(dst []byte, k Tuple3[A, B, C]) ([]byte, error) {
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
func (f TripleFormat[A, B, C]) AppendPart(dst []byte, k Tuple3[A, B, C]) ([]byte, error) {
	if f.p.inner != nil {
		return f.p.inner.append(dst, unsafe.Pointer(&k)), nil
	}
	dst, err := f.appendFirst(dst, k.First)
	if err != nil {
		return nil, err
	}
	return f.p.rest.AppendPart(dst, k.rest())
}

// AppendPartPrefix appends the first two components, and the bytes that the third begins with.
func (f TripleFormat[A, B, C]) AppendPartPrefix(dst []byte, k Tuple3[A, B, C]) ([]byte, error) {
	dst, err := f.appendFirst(dst, k.First)
	if err != nil {
		return nil, err
	}
	return f.p.rest.AppendPartPrefix(dst, k.rest())
}

// Decode decodes what Append appended, and nothing else. The key refers to b only if a component is
// a view.
func (f TripleFormat[A, B, C]) Decode(b []byte) (k Tuple3[A, B, C], err error) {
	first, b, err := f.p.first.TakePart(b)
	if err != nil {
		return k, f.p.whole.component(1, err)
	}
	others, err := f.p.rest.Decode(b)
	if err != nil {
		return k, err
	}
	return Tuple3[A, B, C]{first, others.First, others.Second}, nil
}

// TakePart takes what AppendPart appended, and nothing else. The key refers to b only if a
// component is a view.
func (f TripleFormat[A, B, C]) TakePart(b []byte) (k Tuple3[A, B, C], rest []byte, err error) {
	first, b, err := f.p.first.TakePart(b)
	if err != nil {
		return k, nil, f.p.whole.component(1, err)
	}
	others, rest, err := f.p.rest.TakePart(b)
	if err != nil {
		return k, nil, err
	}
	return Tuple3[A, B, C]{first, others.First, others.Second}, rest, nil
}

// First is the range of all keys whose first component is x.
func (f TripleFormat[A, B, C]) First(x A) core.KeyRange[Tuple3[A, B, C]] {
	return f.made(beginning(f.appendFirst(nil, x)))
}

// FirstTwo is the range of all keys whose first component is x and whose second is y.
func (f TripleFormat[A, B, C]) FirstTwo(x A, y B) core.KeyRange[Tuple3[A, B, C]] {
	return f.made(beginning(f.appendTwo(nil, x, y)))
}

// FirstPrefix is the range of all keys whose first component starts with x. Components that hold no
// strings or bytes have no prefixes; the scan then fails with [errors.ErrUnsupported].
func (f TripleFormat[A, B, C]) FirstPrefix(x A) core.KeyRange[Tuple3[A, B, C]] {
	return f.made(partPrefixOf(f.p.first, x))
}

// FirstBetween is the range of all keys whose first component is low or above, and below high.
// Where the first component is descending, low is the greater one.
func (f TripleFormat[A, B, C]) FirstBetween(low, high A) core.KeyRange[Tuple3[A, B, C]] {
	return f.made(partBetween(f.p.first, low, high).in(f.p.whole, 1))
}

// FirstIn is the range of all keys whose first component is in r, a range that the first
// component's format made.
func (f TripleFormat[A, B, C]) FirstIn(r core.KeyRange[A]) core.KeyRange[Tuple3[A, B, C]] {
	return f.made(spanOf(r, f.p.first.ID()).leading().in(f.p.whole, 1))
}

// SecondPrefix is the range of all keys whose first component is x and whose second starts with y,
// if the second has prefixes.
func (f TripleFormat[A, B, C]) SecondPrefix(x A, y B) core.KeyRange[Tuple3[A, B, C]] {
	return f.made(partPrefixOf(f.p.rest.p.first, y).behind(f.appendFirst(nil, x)))
}

// SecondBetween is the range of all keys whose first component is x and whose second is low or
// above, and below high.
func (f TripleFormat[A, B, C]) SecondBetween(x A, low, high B) core.KeyRange[Tuple3[A, B, C]] {
	return f.made(partBetween(f.p.rest.p.first, low, high).in(f.p.whole, 2).behind(f.appendFirst(nil, x)))
}

// SecondIn is the range of all keys whose first component is x and whose second is in r, a range
// that the second component's format made.
func (f TripleFormat[A, B, C]) SecondIn(x A, r core.KeyRange[B]) core.KeyRange[Tuple3[A, B, C]] {
	return f.made(spanOf(r, f.p.rest.p.first.ID()).leading().in(f.p.whole,
		2).behind(f.appendFirst(nil, x)))
}

// ThirdBetween is the range of all keys that begin with x and y and whose third component is low or
// above, and below high.
func (f TripleFormat[A, B, C]) ThirdBetween(x A, y B, low, high C) core.KeyRange[Tuple3[A, B, C]] {
	return f.made(between(f.p.rest.p.second, low, high).in(f.p.whole, 3).behind(f.appendTwo(nil, x, y)))
}

// ThirdIn is the range of all keys that begin with x and y and whose third component is in r, a
// range that the third component's format made.
func (f TripleFormat[A, B, C]) ThirdIn(
	x A, y B, r core.KeyRange[C],
) core.KeyRange[Tuple3[A, B, C]] {
	return f.made(spanOf(r, f.p.rest.p.second.ID()).in(f.p.whole, 3).behind(f.appendTwo(nil, x, y)))
}

// Prefix is the range of all keys whose first two components are those of k and whose third starts
// with that of k. A third component that holds no strings or bytes has no prefixes; the scan then
// fails with [errors.ErrUnsupported].
func (f TripleFormat[A, B, C]) Prefix(k Tuple3[A, B, C]) core.KeyRange[Tuple3[A, B, C]] {
	return f.made(prefixOf(f.p.rest.p.second, k.Third).behind(f.appendTwo(nil, k.First, k.Second)))
}

func (f TripleFormat[A, B, C]) made(s span) core.KeyRange[Tuple3[A, B, C]] {
	return made[Tuple3[A, B, C]](f.ID(), f.Ordered(), s)
}

func (f TripleFormat[A, B, C]) appendFirst(dst []byte, x A) ([]byte, error) {
	dst, err := f.p.first.AppendPart(dst, x)
	if err != nil {
		return nil, f.p.whole.component(1, err)
	}
	return dst, nil
}

func (f TripleFormat[A, B, C]) appendTwo(dst []byte, x A, y B) ([]byte, error) {
	dst, err := f.appendFirst(dst, x)
	if err != nil {
		return nil, err
	}
	return f.p.rest.appendFirst(dst, y)
}
