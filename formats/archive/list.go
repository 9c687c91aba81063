// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"fmt"
	"iter"
)

// List holds the elements of a slice, or the pairs of a map, where they lie in the record.
// Generated lists are made of it.
type List struct {
	b      []byte // the record; nil for a nil slice
	at, n  uint32
	stride uint16
	depth  uint16 // of its elements
}

// IsNil reports whether the slice or map was nil.
func (l List) IsNil() bool { return l.b == nil }

// Len returns the number of elements.
func (l List) Len() int { return int(l.n) }

// Record returns the element at index i. It panics if there is none.
func (l List) Record(i int) Record {
	if uint(i) >= uint(l.n) {
		panic(outOfRange{i, l.n})
	}
	return Record{l.b, l.at + uint32(i)*uint32(l.stride), l.stride, l.depth}
}

type outOfRange struct {
	i int
	n uint32
}

func (e outOfRange) Error() string {
	return fmt.Sprintf("archive: index out of range [%d] with length %d", e.i, e.n)
}

// All yields n elements and their indexes.
func All[T any](n int, at func(int) T) iter.Seq2[int, T] {
	return func(yield func(int, T) bool) {
		for i := range n {
			if !yield(i, at(i)) {
				return
			}
		}
	}
}

// Values copies the elements of a list into a slice, which is nil for a nil list.
func Values[S ~[]E, E any, L interface {
	IsNil() bool
	Len() int
}](c *Copy, l L, at func(l L, i int) E) S {
	if l.IsNil() {
		return nil
	}
	c.Elements(l.Len())
	s := make(S, l.Len())
	for i := range s {
		s[i] = at(l, i)
	}
	return s
}

// TextValues makes a slice of strings.
func TextValues[S ~[]E, E ~string](c *Copy, l Strings) S {
	return Values[S](c, l, func(l Strings, i int) E { return E(c.Text(l.At(i))) })
}

// NumberValues makes a slice of numbers.
func NumberValues[S ~[]E, E Number](c *Copy, l Numbers[E]) S {
	c.Elements(l.Len())
	return l.Value()
}
