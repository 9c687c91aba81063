// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package formattest

import (
	"reflect"
	"testing"
	"unsafe"
)

func TestRefersTo(t *testing.T) {
	b, other := []byte("some bytes"), "some bytes"
	type node struct {
		next *node
		any  any
	}
	loop := &node{}
	loop.next = loop
	inner := unsafe.String(&b[3], 2)
	cases := []struct {
		name string
		v    any
		want bool
	}{
		{"the bytes", b, true},
		{"their end", b[9:], true},
		{"nothing behind their end", b[10:], false},
		{"a copy", []byte(other), false},
		{"a string", inner, true},
		{"another string", other, false},
		{"an empty string", "", false},
		{"a pointer", &b[4], true},
		{"an unsafe pointer", unsafe.Pointer(&b[4]), true},
		{"a number", uintptr(unsafe.Pointer(&b[4])), false},
		{"a field", struct{ s string }{inner}, true},
		{"an element", []string{other, inner}, true},
		{"an element of an array", [2]string{other, inner}, true},
		{"a map's key", map[string]int{inner: 1}, true},
		{"a map's value", map[int]string{1: inner}, true},
		{"a cycle", loop, false},
		{"a long way", &node{next: &node{any: []any{1, map[int]*string{1: &inner}}}}, true},
		{"a function", func() {}, true},
		{"no function", (func())(nil), false},
		{"nothing", (*node)(nil), false},
	}
	for _, c := range cases {
		if got := refersTo(reflect.ValueOf(c.v), b); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}
