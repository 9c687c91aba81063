// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package testfb

import (
	"fmt"
	"reflect"
	"strings"
	"unsafe"

	flatbuffers "github.com/google/flatbuffers/go"
)

// Walk calls every accessor of a record, those of all tables and structs in it included, with
// every index that there is. It returns how many it called. It panics if an accessor does, or
// returns bytes that are not inside record.
func Walk(accessor any, record []byte) int {
	w := walker{record: record}
	w.all(reflect.ValueOf(accessor))
	return w.calls
}

type walker struct {
	record []byte
	calls  int
}

var (
	tablePointer = reflect.TypeFor[*flatbuffers.Table]()
	intType      = reflect.TypeFor[int]()
)

// all calls the methods of a pointer to an accessor.
func (w *walker) all(v reflect.Value) {
	for i := range v.NumMethod() {
		name, m := v.Type().Method(i).Name, v.Method(i)
		if isHelper(name) {
			continue
		}
		switch t := m.Type(); {
		case t.NumIn() == 0:
			w.result(name, w.call(m))
		case t.NumIn() == 1 && t.In(0) == intType:
			for j := range length(v, name) {
				w.result(name, w.call(m, reflect.ValueOf(j)))
			}
		case t.NumIn() == 1 && t.In(0) == tablePointer:
			w.union(v, name, m)
		case t.NumIn() == 1:
			w.inner(w.call(m, reflect.Zero(t.In(0))))
		case t.NumIn() == 2 && t.In(1) == intType:
			for j := range length(v, name) {
				inner := reflect.New(t.In(0).Elem())
				w.call(m, inner, reflect.ValueOf(j))
				w.inner(inner)
			}
		default:
			panic("unknown kind of accessor: " + name)
		}
	}
}

func isHelper(name string) bool {
	return name == "Init" || name == "Table" || strings.HasPrefix(name,
		"UnPack") || strings.HasPrefix(name, "Mutate")
}

func length(v reflect.Value, name string) int {
	return int(v.MethodByName(name + "Length").Call(nil)[0].Int())
}

func (w *walker) call(m reflect.Value, args ...reflect.Value) reflect.Value {
	w.calls++
	return m.Call(args)[0]
}

func (w *walker) inner(v reflect.Value) {
	if !v.IsNil() {
		w.all(v)
	}
}

// result looks at what an accessor returned.
func (w *walker) result(name string, v reflect.Value) {
	if v.Kind() != reflect.Slice || v.Len() == 0 {
		return
	}
	b := v.Bytes()
	start := uintptr(unsafe.Pointer(unsafe.SliceData(b))) - uintptr(unsafe.Pointer(unsafe.SliceData(w.record)))
	if start > uintptr(len(w.record)) || start+uintptr(len(b)) > uintptr(len(w.record)) {
		panic(fmt.Sprintf("%s returned %d bytes from byte %d of %d",
			name, len(b), int(start), len(w.record)))
	}
	if name == "InnerBytes" {
		nested := b[:len(b):len(b)]
		w.all(reflect.ValueOf(GetRootAsNote(nested, 0)))
	}
}

// union follows the members of Thing: only the type's own code knows what they are.
func (w *walker) union(v reflect.Value, name string, m reflect.Value) {
	var t flatbuffers.Table
	if !w.call(m, reflect.ValueOf(&t)).Bool() {
		return
	}
	member, ok := map[Thing]flatbuffers.FlatBuffer{
		ThingNote: new(Note), ThingPlace: new(Place), ThingAnimal: new(Animal),
	}[v.MethodByName(name + "Type").Call(nil)[0].Interface().(Thing)]
	if ok {
		member.Init(t.Bytes, t.Pos)
		w.all(reflect.ValueOf(member))
	}
}
