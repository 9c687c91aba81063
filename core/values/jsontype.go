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

// checkJSON returns an error if encoding/json would silently lose something of a T. own says
// whether methods of T, or of its parts, encode or decode.
func checkJSON[T any]() (own bool, err error) {
	t := reflect.TypeFor[T]()
	c := jsonTypes{seen: map[jsonPlace]bool{}}
	if err := c.check(t, t.String(), true); err != nil {
		return true, fmt.Errorf("json cannot store %v: %w", t, err)
	}
	return c.own, nil
}

// checkJSONDynamic is for the types of values in interfaces.
func checkJSONDynamic(t reflect.Type) error {
	c := jsonTypes{dynamic: true, seen: map[jsonPlace]bool{}}
	if err := c.check(t, t.String(), false); err != nil {
		return fmt.Errorf("a value in an interface would be lost: %w", err)
	}
	return nil
}

// jsonTypes looks for what encoding/json would silently lose if values of a type were stored.
// Since types may be recursive, it remembers those that it has checked, or is checking.
type jsonTypes struct {
	// dynamic is for the content of an interface: it is read as another type anyway, but all of
	// it must be stored.
	dynamic bool
	seen    map[jsonPlace]bool
	own     bool // whether methods of the types were found that may not be each other's opposite
}

// jsonPlace is a type, and whether its values have an address there.
type jsonPlace struct {
	t         reflect.Type
	addressed bool
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

// check returns an error if values of t would not be read back as they were written. path leads
// to t. addressed says whether the values have an address there: values in a map or an
// interface have none, and then encoding/json does not see methods of the pointer.
func (c *jsonTypes) check(t reflect.Type, path string, addressed bool) error {
	chain := map[reflect.Type]bool{}
	for t.Kind() == reflect.Pointer {
		if chain[t] {
			return fmt.Errorf("%s is of type %v: %w", path, t, errNothingInside)
		}
		chain[t] = true
		t, addressed = t.Elem(), true
	}
	place := jsonPlace{t, addressed}
	if c.seen[place] {
		return nil
	}
	c.seen[place] = true
	itself, err := c.methods(t, addressed)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if itself {
		return nil
	}
	switch t.Kind() {
	case reflect.Struct:
		return c.fields(t, path, addressed)
	case reflect.Slice:
		return c.check(t.Elem(), path+"[]", true)
	case reflect.Array:
		return c.check(t.Elem(), path+"[]", addressed)
	case reflect.Map:
		return c.pairs(t, path)
	case reflect.Interface:
		if t.NumMethod() > 0 && !c.dynamic {
			return fmt.Errorf("%s is of type %v: an interface with methods can be written, and "+
				"not read again", path, t)
		}
	case reflect.Complex64, reflect.Complex128, reflect.Chan, reflect.Func, reflect.UnsafePointer:
		return fmt.Errorf("%s is of type %v, which JSON cannot represent", path, t)
	}
	return nil
}

// pairs checks a map, whose keys must be text. In interfaces encoding/json itself refuses other
// keys.
func (c *jsonTypes) pairs(t reflect.Type, path string) error {
	key := t.Key()
	text := key.Kind() != reflect.Interface && key.Kind() != reflect.Pointer &&
		key.Implements(typeTextOut) && reflect.PointerTo(key).Implements(typeTextIn)
	plain := key.Kind() == reflect.String ||
		key.Kind() >= reflect.Int && key.Kind() <= reflect.Uintptr
	half := key.Implements(typeTextOut) || reflect.PointerTo(key).Implements(typeTextIn)
	if !c.dynamic && !text && (!plain || half) {
		return fmt.Errorf("the keys of the map %s are of type %v, which cannot be written as "+
			"text and read again", path, key)
	}
	c.own = c.own || text
	return c.check(t.Elem(), path+"[]", false)
}

// methods reports whether a type encodes itself, and returns an error if it does so wrongly.
func (c *jsonTypes) methods(t reflect.Type, addressed bool) (itself bool, err error) {
	if t.Kind() == reflect.Interface {
		return false, nil
	}
	if !addressed {
		if err := unseen(t); err != nil {
			return true, err
		}
	}
	if jsonKnown[t] {
		return true, nil
	}
	for _, m := range []jsonMethods{
		{typeJSONOut, typeJSONIn, "MarshalJSON", "UnmarshalJSON", jsonOut, jsonIn},
		{typeTextOut, typeTextIn, "MarshalText", "UnmarshalText", textOut, textIn},
	} {
		if itself, err := c.pair(t, m); itself || err != nil {
			return true, err
		}
	}
	return false, nil
}

// unseen returns an error if only the pointer to a type has a method. Without an address,
// encoding/json stores such a value as what it is made of, but reads it with the method.
func unseen(t reflect.Type) error {
	p := reflect.PointerTo(t)
	var name string
	switch {
	case t.Implements(typeJSONOut):
	case p.Implements(typeJSONOut):
		name = "MarshalJSON"
	case p.Implements(typeTextOut) && !t.Implements(typeTextOut):
		name = "MarshalText"
	}
	if name == "" {
		return nil
	}
	return fmt.Errorf("%v has %s by its address alone, and values in maps and interfaces have "+
		"none; store pointers to it", t, name)
}

// pair reports whether a type is encoded by one of two methods.
func (c *jsonTypes) pair(t reflect.Type, m jsonMethods) (itself bool, err error) {
	p := reflect.PointerTo(t)
	out, in := p.Implements(m.out), p.Implements(m.in)
	c.own = c.own || out || in
	if out && !in && !c.dynamic {
		return true, fmt.Errorf("%v has %s and no %s, so that what it writes may not be read again",
			t, m.outName, m.inName)
	}
	if out {
		if err := alone(t, m.out, m.outName, m.outOf); err != nil {
			return true, err
		}
	}
	if in && !c.dynamic {
		if err := alone(t, m.in, m.inName, m.inOf); err != nil {
			return true, err
		}
	}
	return out, nil
}

// jsonMethods holds two methods, each of which must undo the other.
type jsonMethods struct {
	out, in         reflect.Type
	outName, inName string
	outOf, inOf     func(reflect.Type) (reflect.Method, bool)
}

// Each method is looked up by a constant name, so that the linker can drop methods that nothing
// uses.
func jsonOut(t reflect.Type) (reflect.Method, bool) { return t.MethodByName("MarshalJSON") }
func jsonIn(t reflect.Type) (reflect.Method, bool)  { return t.MethodByName("UnmarshalJSON") }
func textOut(t reflect.Type) (reflect.Method, bool) { return t.MethodByName("MarshalText") }
func textIn(t reflect.Type) (reflect.Method, bool)  { return t.MethodByName("UnmarshalText") }

// alone returns an error if a struct has a method from a type that it embeds, and has other
// fields, which would be lost. If it embeds a pointer, everything would be lost, since the
// pointer is nil when the struct is read.
func alone(
	t, has reflect.Type, name string, method func(reflect.Type) (reflect.Method, bool),
) error {
	if t.Kind() != reflect.Struct || !promoted(t, method) {
		return nil
	}
	from, found := embedded(t, has)
	if !found {
		return nil
	}
	if k := from.Type.Kind(); k == reflect.Pointer || k == reflect.Interface {
		return fmt.Errorf("%v has %s from its embedded field %s, which is nil when it is read; "+
			"give that field a name", t, name, from.Name)
	}
	for f := range t.Fields() {
		if f.Name != "_" && f.Name != from.Name && f.Type.Size() > 0 && f.Tag.Get("json") != "-" {
			return fmt.Errorf("%v has %s from its embedded field %s, which knows nothing of %s; "+
				"give the embedded field a name",
				t, name, from.Name, f.Name)
		}
	}
	return alone(from.Type, has, name, method)
}

// embedded returns the first embedded field of a struct that has the methods of an interface.
func embedded(t, has reflect.Type) (reflect.StructField, bool) {
	for f := range t.Fields() {
		ft := f.Type
		if ft.Kind() != reflect.Pointer && ft.Kind() != reflect.Interface {
			ft = reflect.PointerTo(ft)
		}
		if f.Anonymous && ft.Implements(has) {
			return f, true
		}
	}
	return reflect.StructField{}, false
}

// promoted reports whether the compiler made a method to call that of an embedded field.
// Reflection does not tell, but code that the compiler makes comes from no source file. A
// method from a source file may be inlined into others, and others into it, so promoted checks
// each of its instructions.
func promoted(t reflect.Type, method func(reflect.Type) (reflect.Method, bool)) bool {
	own, ok := method(t)
	if !ok { // a method of the pointer: the compiler makes one for every method of the struct itself
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

func (c *jsonTypes) fields(t reflect.Type, path string, addressed bool) error {
	l := jsonLayoutOf(t)
	if l.lost != nil {
		return fmt.Errorf("%s is of type %v: %w", path, t, l.lost)
	}
	if len(l.fields) == 0 && holdsSomething(t) {
		return fmt.Errorf("%s is of type %v, of which nothing is stored: it has no exported "+
			"fields, and does not encode itself", path, t)
	}
	for _, f := range l.fields {
		if err := c.check(f.typ, path+"."+f.path, addressed || f.pointed); err != nil {
			return err
		}
	}
	return nil
}
