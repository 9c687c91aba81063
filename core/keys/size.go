// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package keys

import "github.com/guardkv/guardkv/core"

// Formats whose keys may be long tell the least length of an encoding before they make it, and
// so do composites of them: see [core.KeySizer]. [Map] does not, because what it stores is not
// known before the key is mapped.
var (
	_ core.KeySizer[string]                         = stringPart[string]{}
	_ core.KeySizer[[]byte]                         = bytesPart[[]byte]{}
	_ core.KeySizer[string]                         = DescFormat[string]{}
	_ core.KeySizer[Null[string]]                   = OptionalFormat[string]{}
	_ core.KeySizer[Tuple[string, int]]             = PairFormat[string, int]{}
	_ core.KeySizer[Tuple3[string, int, bool]]      = TripleFormat[string, int, bool]{}
	_ core.KeySizer[Tuple4[string, int, bool, int]] = QuadFormat[string, int, bool, int]{}
)

// sizeOf returns the function that tells the least length of an encoding of p, or nil if
// nothing is known.
func sizeOf[K any](p Part[K]) func(K) int {
	if s, ok := p.(core.KeySizer[K]); ok {
		return s.KeySize()
	}
	return nil
}

// sizeIn returns a function that applies size to the component that part returns, or nil if
// size is nil.
func sizeIn[K, P any](size func(P) int, part func(K) P) func(K) int {
	if size == nil {
		return nil
	}
	return func(k K) int { return size(part(k)) } // by value, or the key would be put on the heap
}

// sum returns a function that adds the known sizes, or nil if none is known.
func sum[K any](sizes ...func(K) int) func(K) int {
	known := sizes[:0]
	for _, size := range sizes {
		if size != nil {
			known = append(known, size)
		}
	}
	switch len(known) {
	case 0:
		return nil
	case 1:
		return known[0]
	}
	return func(k K) (n int) {
		for _, size := range known {
			n += size(k)
		}
		return n
	}
}

// KeySize implements [core.KeySizer].
func (stringPart[T]) KeySize() func(T) int { return func(k T) int { return len(k) } }

// KeySize implements [core.KeySizer].
func (bytesPart[T]) KeySize() func(T) int { return func(k T) int { return len(k) } }

// KeySize implements [core.KeySizer].
func (f DescFormat[K]) KeySize() func(K) int { return sizeOf(f.part) }

// KeySize implements [core.KeySizer].
func (f OptionalFormat[T]) KeySize() func(Null[T]) int {
	size := sizeOf(f.part)
	if size == nil {
		return nil
	}
	return func(k Null[T]) int {
		if !k.Valid {
			return 0
		}
		return size(k.V)
	}
}

// KeySize implements [core.KeySizer].
func (f PairFormat[A, B]) KeySize() func(Tuple[A, B]) int {
	type key = Tuple[A, B]
	return sum(
		sizeIn(sizeOf(f.p.first), func(k key) A { return k.First }),
		sizeIn(sizeOf(f.p.second), func(k key) B { return k.Second }),
	)
}

// KeySize implements [core.KeySizer].
func (f TripleFormat[A, B, C]) KeySize() func(Tuple3[A, B, C]) int {
	type key = Tuple3[A, B, C]
	return sum(
		sizeIn(sizeOf(f.p.first), func(k key) A { return k.First }),
		sizeIn(sizeOf(f.p.rest.p.first), func(k key) B { return k.Second }),
		sizeIn(sizeOf(f.p.rest.p.second), func(k key) C { return k.Third }),
	)
}

// KeySize implements [core.KeySizer].
func (f QuadFormat[A, B, C, D]) KeySize() func(Tuple4[A, B, C, D]) int {
	type key = Tuple4[A, B, C, D]
	return sum(
		sizeIn(sizeOf(f.p.first), func(k key) A { return k.First }),
		sizeIn(sizeOf(f.p.rest.p.first), func(k key) B { return k.Second }),
		sizeIn(sizeOf(f.p.rest.p.rest.p.first), func(k key) C { return k.Third }),
		sizeIn(sizeOf(f.p.rest.p.rest.p.second), func(k key) D { return k.Fourth }),
	)
}
