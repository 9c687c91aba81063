// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package flatbuffers

import (
	"encoding/binary"
	"math"
	"reflect"

	flatbuffers "github.com/google/flatbuffers/go"
)

// Only the code of an accessor says where it reads. So this file calls it on an empty table,
// and on a table that has only the field in question. If the results differ, that is the field
// it reads.

// patterns holds the first bytes of the field in question. For a scalar, one of the two is not
// the default; as an offset, 8 leads to a vector or string of one element.
var patterns = []uint64{8, 0}

const probeSize = 64

// readsSlot reports whether the accessor m of a table reads the field of a slot.
func readsSlot(view reflect.Type, m reflect.Method, slot int) bool {
	nothing := look(view, m, probe(-1, 0))
	for _, p := range patterns {
		if look(view, m, probe(slot, p)) != nothing {
			return true
		}
	}
	return false
}

// probe returns a table with one field, which begins with the pattern, or an empty table if
// slot is negative.
func probe(slot int, pattern uint64) flatbuffers.Table {
	vtable := 4 + 2*(slot+1)
	at := (vtable + 7) / 8 * 8
	b := make([]byte, at+probeSize)
	binary.LittleEndian.PutUint16(b, uint16(vtable))
	binary.LittleEndian.PutUint16(b[2:], 16)
	if slot >= 0 {
		binary.LittleEndian.PutUint16(b[vtable-2:], 8)
	}
	binary.LittleEndian.PutUint32(b[at:], uint32(at))
	binary.LittleEndian.PutUint64(b[at+8:], pattern)
	b[at+16] = 1 // the length of a vector, with an element of zeros
	return flatbuffers.Table{Bytes: b, Pos: flatbuffers.UOffsetT(at)}
}

// readsOffset reports whether the accessor m of a struct reads at an offset.
func readsOffset(view reflect.Type, m reflect.Method, offset int, size uint32) bool {
	zeros, ones := make([]byte, size), make([]byte, size)
	ones[offset] = 1
	nothing, something := look(view, m, flatbuffers.Table{Bytes: zeros}), look(view, m,
		flatbuffers.Table{Bytes: ones})
	return nothing != something || something == seen{
		at:    flatbuffers.UOffsetT(offset),
		there: true, inner: true,
	}
}

// seen is what an accessor returned.
type seen struct {
	there  bool
	inner  bool // whether it is an accessor,
	at     flatbuffers.UOffsetT
	scalar uint64
}

// look calls an accessor. If it panics, it counts as seeing nothing: generated code does not panic
// on these tables.
func look(view reflect.Type, m reflect.Method, t flatbuffers.Table) (s seen) {
	defer func() {
		if recover() != nil {
			s = seen{}
		}
	}()
	v := reflect.New(view.Elem())
	v.MethodByName("Init").Call([]reflect.Value{reflect.ValueOf(t.Bytes), reflect.ValueOf(t.Pos)})
	args := []reflect.Value{v}
	if m.Type.NumIn() == 2 {
		args = append(args, reflect.Zero(m.Type.In(1)))
		// of a union, the only accessor that needs a table
		if m.Type.In(1) == reflect.TypeFor[*flatbuffers.Table]() {
			args[1] = reflect.New(m.Type.In(1).Elem())
		}
	}
	return describe(m.Func.Call(args)[0])
}

func describe(v reflect.Value) seen {
	switch {
	case v.Kind() == reflect.Slice:
		return seen{there: !v.IsNil()}
	case v.Kind() == reflect.Pointer && v.IsNil():
		return seen{}
	case v.Kind() == reflect.Pointer:
		s := seen{there: true}
		if table := v.MethodByName("Table"); table.IsValid() {
			s.inner, s.at = true, table.Call(nil)[0].Interface().(flatbuffers.Table).Pos
		}
		return s
	case v.CanInt():
		return seen{scalar: uint64(v.Int())}
	case v.CanUint():
		return seen{scalar: v.Uint()}
	case v.CanFloat():
		return seen{scalar: math.Float64bits(v.Float())} // a NaN is not equal to itself
	case v.Kind() == reflect.Bool:
		return seen{there: v.Bool()}
	}
	return seen{}
}
