// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package formattest

import (
	"reflect"
	"unsafe"
)

// refersTo reports whether anything that can be reached from v points into b. Functions and
// channels may hide what they refer to, and count as doing so.
func refersTo(v reflect.Value, b []byte) bool {
	low := uintptr(unsafe.Pointer(unsafe.SliceData(b)))
	w := walk{low: low, high: low + uintptr(len(b)), seen: map[visit]bool{}}
	return w.reaches(v)
}

type walk struct {
	low, high uintptr
	seen      map[visit]bool
}

type visit struct {
	at  unsafe.Pointer
	typ reflect.Type
}

func (w walk) inside(p unsafe.Pointer) bool { return uintptr(p) >= w.low && uintptr(p) < w.high }

func (w walk) reaches(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.String:
		return v.Len() > 0 && w.inside(unsafe.Pointer(unsafe.StringData(v.String())))
	case reflect.Slice:
		return v.Cap() > 0 && w.inside(v.UnsafePointer()) || w.elements(v)
	case reflect.Array:
		return w.elements(v)
	case reflect.Struct:
		for i := range v.NumField() {
			if w.reaches(v.Field(i)) {
				return true
			}
		}
	case reflect.Map:
		for i := v.MapRange(); i.Next(); {
			if w.reaches(i.Key()) || w.reaches(i.Value()) {
				return true
			}
		}
	case reflect.Interface:
		return !v.IsNil() && w.reaches(v.Elem())
	case reflect.Pointer:
		return !v.IsNil() && (w.inside(v.UnsafePointer()) || w.first(v) && w.reaches(v.Elem()))
	case reflect.UnsafePointer:
		return w.inside(v.UnsafePointer())
	case reflect.Func, reflect.Chan:
		return !v.IsNil()
	}
	return false
}

func (w walk) elements(v reflect.Value) bool {
	for i := range v.Len() {
		if w.reaches(v.Index(i)) {
			return true
		}
	}
	return false
}

// first reports whether v, a pointer, is met for the first time: values may be cyclic.
func (w walk) first(v reflect.Value) bool {
	at := visit{v.UnsafePointer(), v.Type()}
	met := w.seen[at]
	w.seen[at] = true
	return !met
}
