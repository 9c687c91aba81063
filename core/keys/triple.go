// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package keys

import "github.com/guardkv/guardkv/core"

// Tuple3 is a key of three components. It sorts by the first, then by the second, then by the third.
type Tuple3[A, B, C any] struct {
	First  A // sorts before everything else
	Second B // sorts among keys with the same First
	Third  C // sorts among keys with the same First and Second
}

// TripleFormat is the format of keys of three components. [Triple] makes it.
type TripleFormat[A, B, C any] struct {
	first  Part[A]
	second Part[B]
	third  Part[C]
}

var (
	_ Part[Tuple3[string, int, bool]]          = TripleFormat[string, int, bool]{}
	_ Owner                                    = TripleFormat[string, int, bool]{}
	_ core.Prefixer[Tuple3[string, int, bool]] = TripleFormat[string, int, bool]{}
)

// Triple is the format of keys of three components, any of which may be composite itself.
func Triple[A, B, C any](first Part[A], second Part[B], third Part[C]) TripleFormat[A, B, C] {
	need("Triple", "first", first)
	need("Triple", "second", second)
	need("Triple", "third", third)
	return TripleFormat[A, B, C]{first, second, third}
}

// Key returns the key of three components.
func (f TripleFormat[A, B, C]) Key(first A, second B, third C) Tuple3[A, B, C] {
	return Tuple3[A, B, C]{first, second, third}
}

// ID is triple(first,second,third).
func (f TripleFormat[A, B, C]) ID() string {
	return "triple(" + f.first.ID() + "," + f.second.ID() + "," + f.third.ID() + ")"
}

// Ordered is true if all components are ordered, as all of this package are.
func (f TripleFormat[A, B, C]) Ordered() bool {
	return f.first.Ordered() && f.second.Ordered() && f.third.Ordered()
}

// Owned implements [Owner].
func (f TripleFormat[A, B, C]) Owned() bool {
	return isOwned(f.first) && isOwned(f.second) && isOwned(f.third)
}

// Append appends the first two components as parts and the third as it would stand alone. The arguments may be
// reused when the call returns.
func (f TripleFormat[A, B, C]) Append(dst []byte, k Tuple3[A, B, C]) ([]byte, error) {
	dst, err := f.appendTwo(dst, k.First, k.Second)
	if err != nil {
		return nil, err
	}
	if dst, err = f.third.Append(dst, k.Third); err != nil {
		return nil, inComponent(3, f.ID(), err)
	}
	return dst, nil
}

// AppendPart appends all components as parts. The arguments may be reused when the call returns.
func (f TripleFormat[A, B, C]) AppendPart(dst []byte, k Tuple3[A, B, C]) ([]byte, error) {
	dst, err := f.appendTwo(dst, k.First, k.Second)
	if err != nil {
		return nil, err
	}
	if dst, err = f.third.AppendPart(dst, k.Third); err != nil {
		return nil, inComponent(3, f.ID(), err)
	}
	return dst, nil
}

// Decode decodes what Append appended, and nothing else. The key refers to b only if a component is a view.
func (f TripleFormat[A, B, C]) Decode(b []byte) (k Tuple3[A, B, C], err error) {
	first, second, b, err := f.takeTwo(b)
	if err != nil {
		return k, err
	}
	third, err := f.third.Decode(b)
	if err != nil {
		return k, inComponent(3, f.ID(), err)
	}
	return Tuple3[A, B, C]{first, second, third}, nil
}

// TakePart takes what AppendPart appended, and nothing else. The key refers to b only if a component is a view.
func (f TripleFormat[A, B, C]) TakePart(b []byte) (k Tuple3[A, B, C], rest []byte, err error) {
	first, second, b, err := f.takeTwo(b)
	if err != nil {
		return k, nil, err
	}
	third, rest, err := f.third.TakePart(b)
	if err != nil {
		return k, nil, inComponent(3, f.ID(), err)
	}
	return Tuple3[A, B, C]{first, second, third}, rest, nil
}

// First is the range of all keys whose first component is x.
func (f TripleFormat[A, B, C]) First(x A) core.KeyRange[Tuple3[A, B, C]] {
	return prefixRange[Tuple3[A, B, C]](f.appendFirst(nil, x))
}

// FirstTwo is the range of all keys whose first component is x and whose second is y.
func (f TripleFormat[A, B, C]) FirstTwo(x A, y B) core.KeyRange[Tuple3[A, B, C]] {
	return prefixRange[Tuple3[A, B, C]](f.appendTwo(nil, x, y))
}

// FirstPrefix is the range of all keys whose first component starts with x. Components other than strings and bytes
// have no prefixes; the scan then fails with [errors.ErrUnsupported].
func (f TripleFormat[A, B, C]) FirstPrefix(x A) core.KeyRange[Tuple3[A, B, C]] {
	return prefixRange[Tuple3[A, B, C]](appendPartPrefix(nil, f.first, x))
}

// FirstBetween is the range of all keys whose first component is low or above, and below high. Where the first
// component is descending, low is the greater one.
func (f TripleFormat[A, B, C]) FirstBetween(low, high A) core.KeyRange[Tuple3[A, B, C]] {
	return rangeBetween[Tuple3[A, B, C]](low, high, f.appendFirst)
}

// Prefix is the range of all keys whose first two components are those of k and whose third starts with that of k. A
// third component other than strings and bytes has no prefixes; the scan then fails with [errors.ErrUnsupported].
func (f TripleFormat[A, B, C]) Prefix(k Tuple3[A, B, C]) core.KeyRange[Tuple3[A, B, C]] {
	head, err := f.appendTwo(nil, k.First, k.Second)
	return lastPrefix[Tuple3[A, B, C]](head, err, f.third, k.Third)
}

func (f TripleFormat[A, B, C]) appendFirst(dst []byte, x A) ([]byte, error) {
	dst, err := f.first.AppendPart(dst, x)
	if err != nil {
		return nil, inComponent(1, f.ID(), err)
	}
	return dst, nil
}

func (f TripleFormat[A, B, C]) appendTwo(dst []byte, x A, y B) ([]byte, error) {
	dst, err := f.appendFirst(dst, x)
	if err != nil {
		return nil, err
	}
	if dst, err = f.second.AppendPart(dst, y); err != nil {
		return nil, inComponent(2, f.ID(), err)
	}
	return dst, nil
}

func (f TripleFormat[A, B, C]) takeTwo(b []byte) (x A, y B, rest []byte, err error) {
	if x, b, err = f.first.TakePart(b); err != nil {
		return x, y, nil, inComponent(1, f.ID(), err)
	}
	if y, b, err = f.second.TakePart(b); err != nil {
		return x, y, nil, inComponent(2, f.ID(), err)
	}
	return x, y, b, nil
}
