// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package archivetest

import (
	"reflect"
	"strings"

	"github.com/guardkv/guardkv/formats/archive"
)

// Walk calls every accessor of a view, and of all views in it, with every index and every key
// that there is. It returns how many accessors it called. It does not walk very long lists to
// their end.
func Walk(view any) (calls int) {
	w := walker{left: 1 << 16}
	w.all(reflect.ValueOf(view))
	return w.calls
}

type walker struct {
	calls, left int
	sum         byte
}

var (
	inside = []reflect.Type{
		reflect.TypeFor[archive.Record](), reflect.TypeFor[archive.List](),
		reflect.TypeFor[archive.Oneof](),
	}
	ownPackage = reflect.TypeFor[archive.Record]().PkgPath()
)

// isView reports whether a type is a generated view, or one of the types that read in place.
func isView(t reflect.Type) bool {
	if t.Kind() != reflect.Struct {
		return false
	}
	if t.PkgPath() == ownPackage {
		return true
	}
	for _, r := range inside {
		if t.NumField() == 1 && t.Field(0).Type == r {
			return true
		}
	}
	return false
}

func (w *walker) call(m reflect.Value, args ...reflect.Value) []reflect.Value {
	w.calls++
	w.left--
	return m.Call(args)
}

// all calls the methods of a view.
func (w *walker) all(v reflect.Value) {
	for i := range v.NumMethod() {
		if w.left < 0 {
			return
		}
		name, m := v.Type().Method(i).Name, v.Method(i)
		switch {
		case name == "Archive":
		case name == "All" && m.Type().NumIn() == 0:
			// At walks the elements: twice would be far too often in trees
			for range w.call(m)[0].Seq2() {
				w.calls++
				if w.left--; w.left < 0 {
					return
				}
			}
		case name == "At" && m.Type().NumIn() == 1:
			for _, args := range w.elements(v, m) {
				for _, r := range args {
					w.result(r)
				}
			}
		case name == "Get" && m.Type().NumIn() == 1:
			w.get(v, m)
		case m.Type().NumIn() == 0:
			for _, r := range w.call(m) {
				w.result(r)
			}
		}
	}
}

// elements returns what At returns for each index.
func (w *walker) elements(v, at reflect.Value) (all [][]reflect.Value) {
	n := int(w.call(v.MethodByName("Len"))[0].Int())
	for i := range min(n, w.left) {
		all = append(all, w.call(at, reflect.ValueOf(i)))
	}
	return all
}

// get looks up every key of a map.
func (w *walker) get(v, get reflect.Value) {
	for _, pair := range w.elements(v, v.MethodByName("At")) {
		found := w.call(get, pair[0])
		if !found[1].Bool() {
			panic("a key of a map is not found in it: " + pair[0].String())
		}
	}
}

func (w *walker) result(v reflect.Value) {
	switch {
	case isView(v.Type()):
		if strings.HasPrefix(v.Type().Name(), "Null[") {
			if v.Field(1).Bool() { // what is absent may have a next one, which is absent too
				w.result(v.Field(0))
			}
			return
		}
		w.all(v)
	case v.Kind() == reflect.String:
		for _, b := range []byte(v.String()) {
			w.sum += b
		}
	case v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Uint8:
		for _, b := range v.Bytes() {
			w.sum += b
		}
	case v.Kind() == reflect.Array:
		for i := range v.Len() {
			w.result(v.Index(i))
		}
	}
}
