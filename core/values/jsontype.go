// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package values

import (
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"reflect"
	"runtime"
	"time"
)

// checkJSON returns why encoding/json would lose something of a T without an error. deep says whether a T may be nested
// more deeply than its type is.
func checkJSON[T any]() (deep bool, err error) {
	t := reflect.TypeFor[T]()
	c := jsonTypes{seen: map[reflect.Type]bool{}}
	if err := c.check(t, t.String()); err != nil {
		return true, fmt.Errorf("json cannot store %v: %w", t, err)
	}
	return c.deep, nil
}

// jsonTypes looks for what encoding/json would lose without an error if values of a type were stored. It knows types
// that were looked at, or are being looked at: they may be recursive.
type jsonTypes struct {
	seen map[reflect.Type]bool
	deep bool // whether a value may be nested more deeply than its type is
}

var (
	typeTextOut = reflect.TypeFor[encoding.TextMarshaler]()
	typeTextIn  = reflect.TypeFor[encoding.TextUnmarshaler]()
	typeJSONOut = reflect.TypeFor[json.Marshaler]()
	typeJSONIn  = reflect.TypeFor[json.Unmarshaler]()
)

// jsonKnown are types whose methods are known to be right.
var jsonKnown = map[reflect.Type]bool{
	reflect.TypeFor[time.Time]():       true,
	reflect.TypeFor[big.Int]():         true,
	reflect.TypeFor[json.RawMessage](): true,
}

var errNothingInside = errors.New("a pointer that leads to nothing but itself")

// check returns why values of t would not be read as they were written. path leads to t.
func (c *jsonTypes) check(t reflect.Type, path string) error {
	chain := map[reflect.Type]bool{}
	for t.Kind() == reflect.Pointer {
		if chain[t] {
			return fmt.Errorf("%s is of type %v: %w", path, t, errNothingInside)
		}
		chain[t] = true
		t = t.Elem()
	}
	if done, met := c.seen[t]; met {
		c.deep = c.deep || !done
		return nil
	}
	if jsonKnown[t] {
		return nil
	}
	c.seen[t] = false
	defer func() { c.seen[t] = true }()
	itself, err := c.methods(t)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if itself {
		return nil
	}
	switch t.Kind() {
	case reflect.Struct:
		return c.fields(t, path)
	case reflect.Slice, reflect.Array:
		return c.check(t.Elem(), path+"[]")
	case reflect.Map:
		return c.pairs(t, path)
	case reflect.Interface:
		c.deep = true
		if t.NumMethod() > 0 {
			return fmt.Errorf("%s is of type %v: an interface with methods can be written, and not read again", path, t)
		}
	case reflect.Complex64, reflect.Complex128, reflect.Chan, reflect.Func, reflect.UnsafePointer:
		return fmt.Errorf("%s is of type %v, for which JSON has nothing", path, t)
	}
	return nil
}

// pairs: the keys of objects are text.
func (c *jsonTypes) pairs(t reflect.Type, path string) error {
	key := t.Key()
	text := key.Kind() != reflect.Interface && key.Kind() != reflect.Pointer &&
		key.Implements(typeTextOut) && reflect.PointerTo(key).Implements(typeTextIn)
	plain := key.Kind() == reflect.String || key.Kind() >= reflect.Int && key.Kind() <= reflect.Uintptr
	half := key.Implements(typeTextOut) || reflect.PointerTo(key).Implements(typeTextIn)
	if !text && (!plain || half) {
		return fmt.Errorf("the keys of the map %s are of type %v, which cannot be written as text and read again", path, key)
	}
	return c.check(t.Elem(), path+"[]")
}

// methods reports whether a type encodes itself, and whether that is as it should be.
func (c *jsonTypes) methods(t reflect.Type) (itself bool, err error) {
	if t.Kind() == reflect.Interface {
		return false, nil
	}
	p := reflect.PointerTo(t)
	for _, m := range []jsonMethods{
		{typeJSONOut, typeJSONIn, "MarshalJSON", "UnmarshalJSON", jsonOut, jsonIn},
		{typeTextOut, typeTextIn, "MarshalText", "UnmarshalText", textOut, textIn},
	} {
		out, in := p.Implements(m.out), p.Implements(m.in)
		if out && !in {
			return true, fmt.Errorf("%v has %s and no %s, so that what it writes may not be read again", t, m.outName, m.inName)
		}
		if out {
			if err := alone(t, m.out, m.outName, m.outOf); err != nil {
				return true, err
			}
		}
		if in {
			if err := alone(t, m.in, m.inName, m.inOf); err != nil {
				return true, err
			}
		}
		if out {
			return true, nil
		}
	}
	return false, nil
}

// jsonMethods are two methods that are each other's opposite.
type jsonMethods struct {
	out, in         reflect.Type
	outName, inName string
	outOf, inOf     func(reflect.Type) (reflect.Method, bool)
}

// Each method is looked for by a constant: the linker then knows which methods of other types nobody needs.
func jsonOut(t reflect.Type) (reflect.Method, bool) { return t.MethodByName("MarshalJSON") }
func jsonIn(t reflect.Type) (reflect.Method, bool)  { return t.MethodByName("UnmarshalJSON") }
func textOut(t reflect.Type) (reflect.Method, bool) { return t.MethodByName("MarshalText") }
func textIn(t reflect.Type) (reflect.Method, bool)  { return t.MethodByName("UnmarshalText") }

// alone returns an error if a struct has a method from what it embeds, and has other fields: they would be lost. So
// would all if it embeds a pointer, which is nil when it is read.
func alone(t, has reflect.Type, name string, method func(reflect.Type) (reflect.Method, bool)) error {
	if t.Kind() != reflect.Struct || !promoted(t, method) {
		return nil
	}
	var from reflect.StructField
	for f := range t.Fields() {
		ft := f.Type
		if ft.Kind() != reflect.Pointer && ft.Kind() != reflect.Interface {
			ft = reflect.PointerTo(ft)
		}
		if f.Anonymous && ft.Implements(has) {
			from = f
			break
		}
	}
	if from.Type == nil {
		return nil
	}
	if k := from.Type.Kind(); k == reflect.Pointer || k == reflect.Interface {
		return fmt.Errorf("%v has %s from its embedded field %s, which is nil when it is read; give that field a name", t, name, from.Name)
	}
	for f := range t.Fields() {
		if f.Name != "_" && f.Name != from.Name && f.Type.Size() > 0 && f.Tag.Get("json") != "-" {
			return fmt.Errorf("%v has %s from its embedded field %s, which knows nothing of %s; give the embedded field a name",
				t, name, from.Name, f.Name)
		}
	}
	return alone(from.Type, has, name, method)
}

// promoted reports whether a method was made by the compiler, to call that of an embedded field. Reflection does not
// tell; but what the compiler makes comes from no file. A method that is written in one may have been compiled into
// others, and others into it, so each of its instructions is looked at.
func promoted(t reflect.Type, method func(reflect.Type) (reflect.Method, bool)) bool {
	own, ok := method(t)
	if !ok { // a method of the pointer: that one is made for every method of the struct itself
		if own, ok = method(reflect.PointerTo(t)); !ok {
			return false
		}
	}
	entry := own.Func.Pointer()
	for pc := entry; ; pc++ {
		f := runtime.FuncForPC(pc)
		if f == nil || f.Entry() != entry {
			return false
		}
		if file, _ := f.FileLine(pc); file == "<autogenerated>" {
			return true
		}
	}
}

func (c *jsonTypes) fields(t reflect.Type, path string) error {
	l := jsonLayoutOf(t)
	if l.lost != nil {
		return fmt.Errorf("%s is of type %v: %w", path, t, l.lost)
	}
	if len(l.fields) == 0 && holdsSomething(t) {
		return fmt.Errorf("%s is of type %v, of which nothing is stored: it has no exported fields, and does not encode itself", path, t)
	}
	for _, f := range l.fields {
		if err := c.check(f.typ, path+"."+f.path); err != nil {
			return err
		}
	}
	return nil
}
