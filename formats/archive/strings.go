// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"iter"
	"unsafe"
)

// Strings is a slice of strings that is read in place.
type Strings struct{ l List }

// StringsOf returns the strings that a field refers to.
func StringsOf(r Record, off uint32) Strings { return Strings{r.Slots(off, 8)} }

// IsNil reports whether the slice was nil.
func (s Strings) IsNil() bool { return s.l.IsNil() }

// Len returns the number of strings.
func (s Strings) Len() int { return s.l.Len() }

// At returns the string at index i, without a copy. It panics if there is none.
func (s Strings) At(i int) string {
	if uint(i) >= uint(s.l.n) {
		panic(outOfRange{i, s.l.n})
	}
	b := spanOf(s.l.b, le.Uint64(s.l.b[s.l.at+uint32(i)*8:]))
	return unsafe.String(unsafe.SliceData(b), len(b))
}

// All yields the strings.
func (s Strings) All() iter.Seq2[int, string] { return All(s.Len(), s.At) }

// ByteSlices is a slice of byte slices that is read in place.
type ByteSlices struct{ l List }

// ByteSlicesOf returns the byte slices that a field refers to.
func ByteSlicesOf(r Record, off uint32) ByteSlices { return ByteSlices{r.Slots(off, 8)} }

// IsNil reports whether the slice was nil.
func (s ByteSlices) IsNil() bool { return s.l.IsNil() }

// Len returns the number of byte slices.
func (s ByteSlices) Len() int { return s.l.Len() }

// At returns the bytes at index i, without a copy. It panics if there are none.
func (s ByteSlices) At(i int) []byte { return s.l.Record(i).Bytes(0) }

// All yields the byte slices.
func (s ByteSlices) All() iter.Seq2[int, []byte] { return All(s.Len(), s.At) }
