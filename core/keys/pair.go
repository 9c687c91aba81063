// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package keys

import (
	"unsafe"

	"github.com/guardkv/guardkv/core"
)

// Tuple is a key of two components. It sorts by the first, then by the second.
type Tuple[A, B any] struct {
	First  A // sorts before everything else
	Second B // sorts among keys with the same First
}

// PairFormat is the format of keys of two components. [Pair] makes it.
type PairFormat[A, B any] struct{ p *pair[A, B] }

// pair holds what a PairFormat refers to, so that a format fits in a register.
type pair[A, B any] struct {
	first        Part[A]
	second       Part[B]
	whole        whole
	alone, inner plain // the steps of Append and AppendPart; may be nil
}

var (
	_ Part[Tuple[string, int]]          = PairFormat[string, int]{}
	_ Owner                             = PairFormat[string, int]{}
	_ core.KeyChecker                   = PairFormat[string, int]{}
	_ core.Prefixer[Tuple[string, int]] = PairFormat[string, int]{}
	_ PartPrefixer[Tuple[string, int]]  = PairFormat[string, int]{}
)

// Pair is the format of keys of two components, each of which may itself be composite.
func Pair[A, B any](first Part[A], second Part[B]) PairFormat[A, B] {
	need("Pair", "first", first)
	need("Pair", "second", second)
	return newPair(first, second, whole{id: composite("pair", first.ID(), second.ID())})
}

func newPair[A, B any](first Part[A], second Part[B], w whole) PairFormat[A, B] {
	f := PairFormat[A, B]{&pair[A, B]{first: first, second: second, whole: w}}
	f.p.alone, f.p.inner = f.steps(0, true), f.steps(0, false)
	return f
}

// Key returns the key of two components.
func (f PairFormat[A, B]) Key(first A, second B) Tuple[A, B] { return Tuple[A, B]{first, second} }

// ID is pair(first,second).
func (f PairFormat[A, B]) ID() string { return f.p.whole.id }

// Ordered is true if both components are ordered, as all formats of this package are.
func (f PairFormat[A, B]) Ordered() bool { return f.p.first.Ordered() && f.p.second.Ordered() }

// Owned implements [Owner].
func (f PairFormat[A, B]) Owned() bool { return isOwned(f.p.first) && isOwned(f.p.second) }

// CheckKey returns why a component cannot be a key, if it knows.
func (f PairFormat[A, B]) CheckKey() error {
	if err := checkPart(f.p.first); err != nil {
		return f.p.whole.component(1, err)
	}
	return f.p.whole.component(2, checkPart(f.p.second))
}

// Append appends the first component as a part and the second as it would stand alone. The
// arguments may be reused when the call returns.
func (f PairFormat[A, B]) Append(dst []byte, k Tuple[A, B]) ([]byte, error) {
	if f.p.alone != nil {
		return f.p.alone.append(dst, unsafe.Pointer(&k)), nil
	}
	dst, err := f.appendFirst(dst, k.First)
	if err != nil {
		return nil, err
	}
	if dst, err = f.p.second.Append(dst, k.Second); err != nil {
		return nil, f.p.whole.component(2, err)
	}
	return dst, nil
}

// AppendPart appends both components as parts. The arguments may be reused when the call returns.
func (f PairFormat[A, B]) AppendPart(dst []byte, k Tuple[A, B]) ([]byte, error) {
	if f.p.inner != nil {
		return f.p.inner.append(dst, unsafe.Pointer(&k)), nil
	}
	dst, err := f.appendFirst(dst, k.First)
	if err != nil {
		return nil, err
	}
	if dst, err = f.p.second.AppendPart(dst, k.Second); err != nil {
		return nil, f.p.whole.component(2, err)
	}
	return dst, nil
}

// AppendPartPrefix appends the first component, and the bytes that the second begins with.
func (f PairFormat[A, B]) AppendPartPrefix(dst []byte, k Tuple[A, B]) ([]byte, error) {
	dst, err := f.appendFirst(dst, k.First)
	if err != nil {
		return nil, err
	}
	return appendPartPrefix(dst, f.p.second, k.Second)
}

// Decode decodes what Append appended, and nothing else. The key refers to b only if a component is
// a view.
func (f PairFormat[A, B]) Decode(b []byte) (k Tuple[A, B], err error) {
	first, b, err := f.p.first.TakePart(b)
	if err != nil {
		return k, f.p.whole.component(1, err)
	}
	second, err := f.p.second.Decode(b)
	if err != nil {
		return k, f.p.whole.component(2, err)
	}
	return Tuple[A, B]{first, second}, nil
}

// TakePart takes what AppendPart appended, and nothing else. The key refers to b only if a
// component is a view.
func (f PairFormat[A, B]) TakePart(b []byte) (k Tuple[A, B], rest []byte, err error) {
	first, b, err := f.p.first.TakePart(b)
	if err != nil {
		return k, nil, f.p.whole.component(1, err)
	}
	second, rest, err := f.p.second.TakePart(b)
	if err != nil {
		return k, nil, f.p.whole.component(2, err)
	}
	return Tuple[A, B]{first, second}, rest, nil
}

// First is the range of all keys whose first component is x.
func (f PairFormat[A, B]) First(x A) core.KeyRange[Tuple[A, B]] {
	return f.made(beginning(f.appendFirst(nil, x)))
}

// FirstPrefix is the range of all keys whose first component starts with x. Components that hold no
// strings or bytes have no prefixes; the scan then fails with [errors.ErrUnsupported].
func (f PairFormat[A, B]) FirstPrefix(x A) core.KeyRange[Tuple[A, B]] {
	return f.made(partPrefixOf(f.p.first, x))
}

// FirstBetween is the range of all keys whose first component is low or above, and below high.
// Where the first component is descending, low is the greater one.
func (f PairFormat[A, B]) FirstBetween(low, high A) core.KeyRange[Tuple[A, B]] {
	return f.made(partBetween(f.p.first, low, high).in(f.p.whole, 1))
}

// FirstIn is the range of all keys whose first component is in r, a range that the first
// component's format made.
func (f PairFormat[A, B]) FirstIn(r core.KeyRange[A]) core.KeyRange[Tuple[A, B]] {
	return f.made(spanOf(r, f.p.first.ID()).leading().in(f.p.whole, 1))
}

// SecondBetween is the range of all keys whose first component is x and whose second is low or
// above, and below high.
func (f PairFormat[A, B]) SecondBetween(x A, low, high B) core.KeyRange[Tuple[A, B]] {
	return f.made(between(f.p.second, low, high).in(f.p.whole, 2).behind(f.appendFirst(nil, x)))
}

// SecondIn is the range of all keys whose first component is x and whose second is in r, a range
// that the second component's format made. If that format is a pair, r may be its First.
func (f PairFormat[A, B]) SecondIn(x A, r core.KeyRange[B]) core.KeyRange[Tuple[A, B]] {
	return f.made(spanOf(r, f.p.second.ID()).in(f.p.whole, 2).behind(f.appendFirst(nil, x)))
}

// Prefix is the range of all keys whose first component is that of k and whose second starts with
// that of k. A second component that holds no strings or bytes has no prefixes; the scan then fails
// with [errors.ErrUnsupported].
func (f PairFormat[A, B]) Prefix(k Tuple[A, B]) core.KeyRange[Tuple[A, B]] {
	return f.made(prefixOf(f.p.second, k.Second).behind(f.appendFirst(nil, k.First)))
}

func (f PairFormat[A, B]) made(s span) core.KeyRange[Tuple[A, B]] {
	return made[Tuple[A, B]](f.ID(), f.Ordered(), s)
}

func (f PairFormat[A, B]) appendFirst(dst []byte, x A) ([]byte, error) {
	dst, err := f.p.first.AppendPart(dst, x)
	if err != nil {
		return nil, f.p.whole.component(1, err)
	}
	return dst, nil
}
