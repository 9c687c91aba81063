// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package gob

import (
	"encoding/binary"
	"math"
	"math/bits"
)

// reader reads gob's basic encodings from arbitrary bytes. After the first wrong byte, bad is
// set and everything reads as zero.
type reader struct {
	b   []byte
	bad bool
}

// uint reads an unsigned integer: the integer itself if it is below 128, otherwise the negated
// number of its bytes, followed by them.
func (r *reader) uint() uint64 {
	if len(r.b) == 0 {
		return r.fail()
	}
	first := r.b[0]
	if first <= 0x7f {
		r.b = r.b[1:]
		return uint64(first)
	}
	n := -int(int8(first))
	if n > 8 || n >= len(r.b) {
		return r.fail()
	}
	var x uint64
	for _, c := range r.b[1 : 1+n] {
		x = x<<8 | uint64(c)
	}
	r.b = r.b[1+n:]
	return x
}

// int reads a signed integer: the lowest bit says whether the others are complemented.
func (r *reader) int() int64 {
	return signed(r.uint())
}

// signed returns the signed integer that is stored as u.
func signed(u uint64) int64 {
	if u&1 != 0 {
		return ^int64(u >> 1)
	}
	return int64(u >> 1)
}

// float returns the floating-point number that is stored as u, with its bytes reversed, so that
// round numbers are short.
func float(u uint64) float64 { return math.Float64frombits(bits.ReverseBytes64(u)) }

// counted reads a length and that many bytes.
func (r *reader) counted() []byte {
	n := r.uint()
	if n > uint64(len(r.b)) {
		r.fail()
		return nil
	}
	part := r.b[:n:n]
	r.b = r.b[n:]
	return part
}

// fields reads a struct: fn is called with the number of each field that is there, and reads it.
func (r *reader) fields(fn func(field int)) {
	for field := -1; ; {
		delta := r.uint()
		if r.bad || delta == 0 {
			return
		}
		if delta > maxParts {
			r.fail()
			return
		}
		field += int(delta)
		fn(field)
	}
}

// fail makes everything read as zero from now on.
func (r *reader) fail() uint64 {
	r.b, r.bad = nil, true
	return 0
}

// appendUint appends what reader.uint reads.
func appendUint(dst []byte, x uint64) []byte {
	if x <= 0x7f {
		return append(dst, byte(x))
	}
	var all [8]byte
	binary.BigEndian.PutUint64(all[:], x)
	zeros := 0
	for all[zeros] == 0 {
		zeros++
	}
	dst = append(dst, byte(zeros-8))
	return append(dst, all[zeros:]...)
}

// appendInt appends what reader.int reads.
func appendInt(dst []byte, i int64) []byte {
	if i < 0 {
		return appendUint(dst, uint64(^i)<<1|1)
	}
	return appendUint(dst, uint64(i)<<1)
}

// appendCounted appends what reader.counted reads.
func appendCounted[B string | []byte](dst []byte, b B) []byte {
	return append(appendUint(dst, uint64(len(b))), b...)
}
