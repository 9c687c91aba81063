// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"slices"
	"unsafe"
)

// OptionalText writes a string that may be absent.
func OptionalText[S ~string](e *Encoder, at int, s *S) {
	if s == nil || !e.room(len(*s), 1) {
		return
	}
	e.refer(at, len(*s))
	e.b = append(e.b, *s...)
}

// Texts writes strings: first all references, then the bytes that they refer to.
func Texts[S ~string](e *Encoder, at int, s []S) {
	if s == nil || !e.room(len(s), 8) {
		return
	}
	size := 8 * len(s)
	for _, text := range s {
		if len(text) > e.most-size { // so that size never overflows an int
			e.tooLarge()
			return
		}
		size += len(text)
	}
	if !e.room(size, 1) {
		return
	}
	e.refer(at, len(s))
	ref := len(e.b)
	b := slices.Grow(e.b, size)[:ref+size]
	next := ref + 8*len(s)
	for _, text := range s {
		var to uint64 // nowhere: the memory may hold what was there before
		if n := len(text); n > 0 {
			to = uint64(next-e.base) | uint64(n)<<32
			next += copy(b[next:], text)
		}
		le.PutUint64(b[ref:ref+8], to)
		ref += 8
	}
	e.b = b
}

// PutNumbers writes numbers.
func PutNumbers[T Number](e *Encoder, at int, s []T) {
	size := int(sizeOf[T]())
	if s == nil || !e.room(len(s), size) {
		return
	}
	e.refer(at, len(s))
	if raw, ok := rawBytes(s); ok {
		e.b = append(e.b, raw...)
		return
	}
	for _, v := range s {
		e.b = appendNumber(e.b, v)
	}
}

// PutBools writes bools.
func PutBools[T ~bool](e *Encoder, at int, s []T) {
	place, ok := e.Slots(at, s == nil, len(s), 1)
	for i := range s {
		if ok && bool(s[i]) {
			e.b[place+i] = 1
		}
	}
}

func appendNumber[T Number](b []byte, v T) []byte {
	switch p := unsafe.Pointer(&v); unsafe.Sizeof(v) {
	case 1:
		return append(b, *(*uint8)(p))
	case 2:
		return le.AppendUint16(b, *(*uint16)(p))
	case 4:
		if sizeOf[T]() == 8 { // an int of a machine with 32 bits
			return le.AppendUint64(b, uint64(int64(v)))
		}
		return le.AppendUint32(b, *(*uint32)(p))
	default:
		return le.AppendUint64(b, *(*uint64)(p))
	}
}
