// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package formattest

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"unsafe"
)

// fingerprint shows all memory that can be reached from v, unexported fields and the spare
// capacity of slices included, so that two fingerprints differ if anything was changed in
// between.
func fingerprint(v any) string {
	f := fingerprints{seen: map[visit]bool{}}
	f.write(reflect.ValueOf(v))
	return f.text.String()
}

type fingerprints struct {
	text strings.Builder
	seen map[visit]bool
}

func (f *fingerprints) write(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		fmt.Fprintf(&f.text, "*%x", v.Pointer())
		if !v.IsNil() && f.first(v.UnsafePointer(), v.Type()) {
			f.write(v.Elem())
		}
	case reflect.Slice:
		fmt.Fprintf(&f.text, "[%x %d %d", v.Pointer(), v.Len(), v.Cap())
		if v.Cap() > 0 && f.first(v.UnsafePointer(), reflect.ArrayOf(v.Cap(), v.Type().Elem())) {
			f.elements(v.Slice(0, v.Cap()))
		}
	case reflect.Array:
		f.elements(v)
	case reflect.Struct:
		for i := range v.NumField() {
			f.write(v.Field(i))
		}
	case reflect.Map:
		f.rows(v)
	case reflect.Interface:
		fmt.Fprintf(&f.text, "%v:", v.IsNil())
		if !v.IsNil() {
			f.text.WriteString(v.Elem().Type().String())
			f.write(v.Elem())
		}
	case reflect.String:
		fmt.Fprintf(&f.text, "%q", v.String())
	case reflect.Func, reflect.Chan, reflect.UnsafePointer:
		fmt.Fprintf(&f.text, "%x", v.Pointer())
	default:
		fmt.Fprintf(&f.text, "%v,", v)
	}
}

func (f *fingerprints) elements(v reflect.Value) {
	for i := range v.Len() {
		f.write(v.Index(i))
	}
}

// rows writes the rows of a map, which come in any order.
func (f *fingerprints) rows(v reflect.Value) {
	fmt.Fprintf(&f.text, "map%x", v.Pointer())
	if v.IsNil() || !f.first(v.UnsafePointer(), v.Type()) {
		return
	}
	var rows []string
	for i := v.MapRange(); i.Next(); {
		// what rows share is in each, whichever is the first
		row := fingerprints{seen: maps.Clone(f.seen)}
		row.write(i.Key())
		row.text.WriteString("=")
		row.write(i.Value())
		rows = append(rows, row.text.String())
	}
	slices.Sort(rows)
	f.text.WriteString(strings.Join(rows, ";"))
}

// first reports whether this memory is met for the first time: values may be cyclic.
func (f *fingerprints) first(at unsafe.Pointer, t reflect.Type) bool {
	met := f.seen[visit{at, t}]
	f.seen[visit{at, t}] = true
	return !met
}
