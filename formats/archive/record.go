// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"math"
	"time"
	"unsafe"
)

// Record is a struct in an archived record, read where its bytes lie. Generated views are made
// of it; programs use the views. Its methods take the offset of a field in the struct. A field
// that the struct does not have, because a program without it wrote the record, is zero. On
// damaged records that were not verified the methods can panic, but they never show anything
// outside the record.
type Record struct {
	b    []byte // all of the record; it ends where its memory ends
	at   uint32 // of the fixed part
	size uint16
	// of nested structs; in a damaged record that was not verified, nesting could be endless
	depth uint16
}

func (r Record) has(off, size uint32) bool { return off+size <= uint32(r.size) }

// Uint8 reads a field of 8 bits.
func (r Record) Uint8(off uint32) uint8 {
	if uint32(r.size) < off+1 {
		return 0
	}
	return r.b[r.at+off]
}

// Uint16 reads a field of 16 bits.
func (r Record) Uint16(off uint32) uint16 {
	if uint32(r.size) < off+2 {
		return 0
	}
	return le.Uint16(r.b[r.at+off:])
}

// Uint32 reads a field of 32 bits.
func (r Record) Uint32(off uint32) uint32 {
	if uint32(r.size) < off+4 {
		return 0
	}
	return le.Uint32(r.b[r.at+off:])
}

// Uint64 reads a field of 64 bits.
func (r Record) Uint64(off uint32) uint64 {
	if uint32(r.size) < off+8 {
		return 0
	}
	return le.Uint64(r.b[r.at+off:])
}

// Bool reads a bool.
func (r Record) Bool(off uint32) bool { return r.Uint8(off) != 0 }

// Float32 reads a float32.
func (r Record) Float32(off uint32) float32 { return math.Float32frombits(r.Uint32(off)) }

// Float64 reads a float64.
func (r Record) Float64(off uint32) float64 { return math.Float64frombits(r.Uint64(off)) }

// Complex64 reads a complex64.
func (r Record) Complex64(off uint32) complex64 { return complex(r.Float32(off), r.Float32(off+4)) }

// Complex128 reads a complex128.
func (r Record) Complex128(off uint32) complex128 {
	return complex(r.Float64(off), r.Float64(off+8))
}

// yearOne is the Unix time of the zero [time.Time], so that zero bytes are the zero time.
const yearOne = -62135596800

// Time reads a time, which is in UTC.
func (r Record) Time(off uint32) time.Time {
	if uint32(r.size) < off+12 {
		return time.Time{}
	}
	b := r.b[r.at+off:]
	return time.Unix(int64(le.Uint64(b))+yearOne, int64(le.Uint32(b[8:]))).UTC()
}

// Text reads a string, without copying it.
func (r Record) Text(off uint32) string {
	if uint32(r.size) < off+8 {
		return ""
	}
	b := spanOf(r.b, le.Uint64(r.b[r.at+off:]))
	return unsafe.String(unsafe.SliceData(b), len(b))
}

// Bytes reads bytes, without copying them. They must not be modified.
func (r Record) Bytes(off uint32) []byte {
	ref := r.Uint64(off)
	if ref == 0 {
		return nil
	}
	return spanOf(r.b, ref)
}

// spanOf returns the bytes that a reference shows. Its lower half is their offset, its upper half
// their number.
func spanOf(b []byte, ref uint64) []byte {
	start := ref & math.MaxUint32
	end := start + ref>>32
	return b[start:end:end]
}

// Array reads an array of bytes in place.
func (r Record) Array(off, size uint32) []byte {
	if !r.has(off, size) {
		return zeros[:size:size]
	}
	return r.b[r.at+off : r.at+off+size : r.at+off+size]
}

var zeros [math.MaxUint16]byte // the content of absent arrays

// Has reports whether a reference refers to anything.
func (r Record) Has(off uint32) bool { return r.Uint32(off) != 0 }

// Struct reads a reference to a struct.
func (r Record) Struct(off uint32) Record { return r.follow(r.Uint32(off)) }

// follow returns the struct at an offset. It must lie after r, so that no struct contains
// itself.
func (r Record) follow(off uint32) Record {
	if off <= r.at || r.depth >= maxDepth {
		return Record{}
	}
	return Record{r.b, off + prefix, le.Uint16(r.b[off:]), r.depth + 1}
}

// Fixed reads a struct in place.
func (r Record) Fixed(off, size uint32) Record {
	if !r.has(off, size) {
		return Record{}
	}
	return Record{r.b, r.at + off, uint16(size), r.depth}
}

// Oneof reads a value whose type a tag tells.
func (r Record) Oneof(off uint32) Oneof {
	if !r.has(off, 6) {
		return Oneof{}
	}
	return Oneof{r.follow(r.Uint32(off + 2)), r.Uint16(off)}
}

// Oneof is a struct of one of several types. Tag is 0 for nil.
type Oneof struct {
	Record Record // of the value
	Tag    uint16 // of its type
}

// Slots reads a reference to elements of one size.
func (r Record) Slots(off, size uint32) List {
	ref := r.Uint64(off)
	at, n := ref&math.MaxUint32, ref>>32
	if at <= uint64(r.at) {
		return List{}
	}
	_ = r.b[at : at+n*uint64(size)]
	return List{r.b, uint32(at), uint32(n), uint16(size), r.depth}
}

// Structs reads a reference to structs.
func (r Record) Structs(off uint32) List {
	ref := r.Uint64(off)
	at, n := ref&math.MaxUint32, ref>>32
	if at <= uint64(r.at) || r.depth >= maxDepth {
		return List{}
	}
	if n == 0 {
		return List{b: r.b}
	}
	stride := le.Uint16(r.b[at:])
	at += prefix
	_ = r.b[at : at+n*uint64(stride)]
	return List{r.b, uint32(at), uint32(n), stride, r.depth + 1}
}
