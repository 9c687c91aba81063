// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"encoding/binary"
	"iter"
	"reflect"
	"unsafe"
)

// Integer is any type of whole numbers, enums and durations included.
type Integer interface {
	~int8 | ~int16 | ~int32 | ~int64 | ~int | ~uint8 | ~uint16 | ~uint32 | ~uint64 | ~uint
}

// Number is any type of numbers.
type Number interface {
	Integer | ~float32 | ~float64
}

// Numbers is a slice of numbers that is read in place.
type Numbers[T Number] struct{ l List }

// NumbersOf returns the numbers that a field refers to.
func NumbersOf[T Number](r Record, off uint32) Numbers[T] {
	return Numbers[T]{r.Slots(off, uint32(sizeOf[T]()))}
}

// sizeOf returns how many bytes of a record a number takes: an int has 64 bits on all machines.
func sizeOf[T Number]() uintptr {
	var v T
	if narrow && isWord[T]() {
		return 8
	}
	return unsafe.Sizeof(v)
}

// isWord reports whether the size of T depends on the machine, which only matters where a word
// has 32 bits.
func isWord[T Number]() bool {
	k := reflect.TypeFor[T]().Kind()
	return k == reflect.Int || k == reflect.Uint
}

// IsNil reports whether the slice was nil.
func (s Numbers[T]) IsNil() bool { return s.l.IsNil() }

// Len returns the number of numbers.
func (s Numbers[T]) Len() int { return s.l.Len() }

// At returns the number at index i. It panics if there is none.
func (s Numbers[T]) At(i int) T {
	if uint(i) >= uint(s.l.n) {
		panic(outOfRange{i, s.l.n})
	}
	return number[T](s.l.b[s.l.at+uint32(i)*uint32(sizeOf[T]()):])
}

func number[T Number](b []byte) T {
	switch sizeOf[T]() {
	case 1:
		v := b[0]
		return *(*T)(unsafe.Pointer(&v))
	case 2:
		v := le.Uint16(b)
		return *(*T)(unsafe.Pointer(&v))
	case 4:
		v := le.Uint32(b)
		return *(*T)(unsafe.Pointer(&v))
	}
	v := le.Uint64(b)
	if narrow && isWord[T]() {
		w := uint(v)
		return *(*T)(unsafe.Pointer(&w))
	}
	return *(*T)(unsafe.Pointer(&v))
}

// All yields the numbers.
func (s Numbers[T]) All() iter.Seq2[int, T] {
	return func(yield func(int, T) bool) {
		for i := range s.Len() {
			if !yield(i, s.At(i)) {
				return
			}
		}
	}
}

// Value returns a copy.
func (s Numbers[T]) Value() []T {
	if s.IsNil() {
		return nil
	}
	v := make([]T, s.Len())
	if raw, ok := rawBytes(v); ok {
		copy(raw, s.l.b[s.l.at:])
		return v
	}
	for i := range v {
		v[i] = s.At(i)
	}
	return v
}

// rawBytes returns the memory of numbers, if a record has the same bytes.
func rawBytes[S ~[]T, T Number](s S) ([]byte, bool) {
	if !littleEndian || narrow && isWord[T]() {
		return nil, false
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(s))), len(s)*int(sizeOf[T]())), true
}

var littleEndian = binary.NativeEndian.Uint16([]byte{1, 0}) == 1
