// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package gob_test

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/guardkv/guardkv/core"
)

// The same for values that hold interfaces, and so bring descriptions of types.
func TestHostileDynamicRecords(t *testing.T) {
	if testing.Short() {
		t.Skip("one goroutine reads hundreds of large records")
	}
	attack[some](t, dynamicRecords()...)
	attack[any](t, fill([]byte{1, 0, 0}, anyInt...), fill([]byte{1, 0}, 0))
}

// An array that is its own element has no zero. Looking for one overflowed the stack, which
// ends the process: a row of thirty bytes was enough.
func TestArraysWithoutEnd(t *testing.T) {
	f, _ := bind[some](t, nil)
	for _, descriptions := range [][]byte{
		described(arrayType(1, 66)),
		described(arrayType(1, 67), arrayType(2, 66)),
	} {
		if v, err := f.View(inSome(descriptions, "no end", 66, []byte{0, 1, 0})); !errors.Is(err,
			core.ErrCorrupt) {
			t.Errorf("%x is read as %v, error %v", descriptions, v, err)
		}
	}
}

var anyInt = slices.Concat([]byte{3}, []byte("int"), []byte{4, 2, 0, 2})

// inSome is a some whose X holds the bytes, of a type of this name and number, behind these
// descriptions.
func inSome(descriptions []byte, name string, id int, value []byte) []byte {
	head := slices.Concat([]byte{1}, descriptions, []byte{1, byte(len(name))},
		[]byte(name), signed(id))
	return slices.Concat(head, long(len(value)), value, []byte{0})
}

// signed is a small positive number as gob encodes it when there could be negative ones.
func signed(n int) []byte { return number(2 * n) }

// long is a length that is encoded in as many bytes, whatever it is.
func long(n int) []byte { return []byte{0xfd, byte(n >> 16), byte(n >> 8), byte(n)} }

func dynamicRecords() (all [][]byte) {
	none := []byte{0}
	sliceOfAny := described(sliceType(8))
	const room = hostileSize - 100
	all = append(all,
		// slices of interfaces that hold next to nothing
		inSome(sliceOfAny, "[]interface {}",
			66, slices.Concat([]byte{0}, long(room/8), bytes.Repeat(anyInt, room/8))),
		inSome(sliceOfAny, "[]interface {}",
			66, slices.Concat([]byte{0}, long(room), make([]byte, room))),
		// interfaces in interfaces
		inSome(sliceOfAny, "[]interface {}", 66, deep(20_000)),
		// elements that take much more than they were stored in
		inSome(described(sliceType(67), structType("A", 68), arrayType(64, 2)), "[]gob_test.wide",
			66, slices.Concat([]byte{0}, long(room), make([]byte, room))),
		inSome(none, "int", 2, slices.Concat([]byte{0}, make([]byte, room))),
	)
	// descriptions that are endless, or that take endless time
	for _, n := range []int{4095, 4096, 10_000} {
		var chain, fork, fields [][]byte
		for i := range n {
			chain = append(chain, sliceType(67+i))
			fork = append(fork, mapType(67+i, 67+i))
			fields = append(fields, structType("A", 67+i, "B", 67+i))
		}
		for _, types := range [][][]byte{chain, fork, fields} {
			all = append(all, inSome(described(append(types, sliceType(2))...),
				"github.com/guardkv/guardkv/formats/gob_test.point", 66, []byte{0}))
		}
	}
	for _, parts := range []int{1000, 2000, 4000} {
		var names []any
		for i := range parts {
			names = append(names,
				"F"+string(rune('a'+i%26))+string(rune('a'+i/26%26))+string(rune('a'+i/676)), 67)
		}
		types := [][]byte{structType(names...)}
		for i := range 4090 - parts {
			types = append(types, sliceType(68+i))
		}
		types = append(types, sliceType(2))
		all = append(all, inSome(described(types...),
			"github.com/guardkv/guardkv/formats/gob_test.point", 66, []byte{0}))
	}
	return all
}

// deep is []any{[]any{...}}.
func deep(levels int) []byte {
	inner := []byte{0, 0}
	for range levels {
		inner = slices.Concat([]byte{0, 1, 14}, []byte("[]interface {}"), signed(66),
			long(len(inner)), inner)
		if len(inner) > hostileSize/2 {
			break
		}
	}
	return inner
}

// described are the descriptions of types that are numbered from 66 on: some is 65.
func described(types ...[]byte) []byte {
	all := number(len(types))
	for i, t := range types {
		m := slices.Concat(negative(66+i), t)
		all = append(append(all, number(len(m))...), m...)
	}
	return all
}

func negative(n int) []byte { return number(2*(n-1) + 1) }

func sliceType(elem int) []byte { return slices.Concat([]byte{2, 2}, signed(elem), []byte{0, 0}) }

func arrayType(length, elem int) []byte {
	return slices.Concat([]byte{1, 2}, signed(elem), []byte{1}, signed(length), []byte{0, 0})
}

func mapType(key, elem int) []byte {
	return slices.Concat([]byte{4, 2}, signed(key), []byte{1}, signed(elem), []byte{0, 0})
}

// structType takes names and numbers in turn.
func structType(fields ...any) []byte {
	var b bytes.Buffer
	b.Write([]byte{3, 2})
	b.Write(number(len(fields) / 2))
	for i := 0; i < len(fields); i += 2 {
		name := fields[i].(string)
		b.WriteByte(1)
		b.Write(number(len(name)))
		b.WriteString(name)
		b.WriteByte(1)
		b.Write(signed(fields[i+1].(int)))
		b.WriteByte(0)
	}
	b.Write([]byte{0, 0})
	return b.Bytes()
}
