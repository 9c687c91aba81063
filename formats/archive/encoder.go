// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"fmt"

	"github.com/guardkv/guardkv/core"
)

// Encoder writes one record. Generated code calls its methods with the places of fields, in the
// order of their offsets, and what the fields refer to is appended in that order. After an
// error nothing more is appended.
type Encoder struct {
	b     []byte
	base  int // where the record begins in b
	most  int // bytes of a record
	depth int
	err   error
}

func (e *Encoder) begin(dst []byte, most, size int) (at int) {
	*e = Encoder{b: dst, base: len(dst), most: most, depth: 1}
	at, ok := e.grow(prefix + size)
	if ok {
		le.PutUint16(e.b[at:], uint16(size))
	}
	return at + prefix
}

// Fail makes the record fail with an error. The first one counts.
func (e *Encoder) Fail(err error) {
	if e.err == nil {
		e.err = err
	}
}

// room reports whether n more elements of a size fit into the record.
func (e *Encoder) room(n, size int) bool {
	if e.err != nil {
		return false
	}
	if n > (e.most-(len(e.b)-e.base))/size {
		e.tooLarge()
		return false
	}
	return true
}

func (e *Encoder) tooLarge() {
	e.Fail(fmt.Errorf("%w: a record has at most %d bytes", core.ErrTooLarge, e.most))
}

// grow appends zeros, and returns where they begin.
func (e *Encoder) grow(n int) (at int, ok bool) {
	at = len(e.b)
	if !e.room(n, 1) {
		return at, false
	}
	e.b = append(e.b, make([]byte, n)...)
	return at, true
}

// deeper counts a level of nested structs, which Leave ends.
func (e *Encoder) deeper() {
	if e.depth++; e.depth > maxDepth {
		e.Fail(fmt.Errorf("%w: structs are nested more than %d deep; does the value contain itself?", core.ErrTooLarge, maxDepth))
	}
}

// Leave ends a struct or a slice of structs that was begun.
func (e *Encoder) Leave() { e.depth-- }

// refer writes a reference to what is appended next.
func (e *Encoder) refer(at, n int) {
	le.PutUint64(e.b[at:], uint64(uint32(len(e.b)-e.base))|uint64(n)<<32)
}

// Fixed returns the bytes at a place. They are valid until something is appended.
func (e *Encoder) Fixed(at, size int) []byte { return e.b[at : at+size : at+size] }

// Text writes a string.
func (e *Encoder) Text(at int, s string) {
	start := len(e.b)
	if len(s) == 0 || e.err != nil {
		return
	}
	if len(s) > e.most-(start-e.base) {
		e.tooLarge()
		return
	}
	le.PutUint64(e.b[at:], uint64(uint32(start-e.base))|uint64(len(s))<<32)
	e.b = append(e.b, s...)
}

// Bytes writes bytes.
func (e *Encoder) Bytes(at int, s []byte) {
	if s == nil || !e.room(len(s), 1) {
		return
	}
	e.refer(at, len(s))
	e.b = append(e.b, s...)
}

// Struct begins a struct that a field refers to, and returns the place of its fixed part.
func (e *Encoder) Struct(at, size int) (place int, ok bool) {
	e.deeper()
	start, ok := e.grow(prefix + size)
	if !ok {
		return 0, false
	}
	le.PutUint32(e.b[at:], uint32(start-e.base))
	le.PutUint16(e.b[start:], uint16(size))
	return start + prefix, true
}

// Oneof begins a struct of one of several types.
func (e *Encoder) Oneof(at int, tag uint16, size int) (place int, ok bool) {
	if place, ok = e.Struct(at+2, size); ok {
		le.PutUint16(e.b[at:], tag)
	}
	return place, ok
}

// Structs begins n structs that a field refers to, and returns the place of the first.
func (e *Encoder) Structs(at int, isNil bool, n, size int) (place int, ok bool) {
	if n == 0 {
		e.depth++ // Leave takes it back: nothing lies deeper
		if !isNil && e.room(0, 1) {
			e.refer(at, 0)
		}
		return 0, false
	}
	e.deeper()
	if !e.room(n, size) {
		return 0, false
	}
	e.refer(at, n)
	place, ok = e.grow(prefix + n*size)
	if ok {
		le.PutUint16(e.b[place:], uint16(size))
	}
	return place + prefix, ok
}

// Slots begins n elements of a size that a field refers to, and returns the place of the first.
func (e *Encoder) Slots(at int, isNil bool, n, size int) (place int, ok bool) {
	if isNil || !e.room(n, size) {
		return 0, false
	}
	e.refer(at, n)
	return e.grow(n * size)
}

// NotOneof makes the record fail because the type of a value is none of those that its
// interface may hold.
func (e *Encoder) NotOneof(name string, v any) {
	e.Fail(fmt.Errorf("%T is not one of the types, or is a nil pointer, that %s may hold: name it in //archive:oneof", v, name))
}
