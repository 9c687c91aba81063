// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package cbor

import (
	"encoding"
	"errors"
	"fmt"
	"math/big"
	"reflect"
	"time"

	"github.com/fxamacker/cbor/v2"
)

// valueTypes looks for what would silently be lost if values of a type were stored. Since types
// may be recursive, it remembers those that it has checked, or is checking.
type valueTypes struct {
	text bool // WithText
	// dynamic is for the content of an interface: it is read as another type anyway, but all of
	// it must be stored.
	dynamic bool
	seen    map[reflect.Type]bool
	own     bool // whether methods of the types were found that may not be each other's opposite
}

var interfaces = map[method]reflect.Type{
	marshalCBOR:     reflect.TypeFor[cbor.Marshaler](),
	unmarshalCBOR:   reflect.TypeFor[cbor.Unmarshaler](),
	marshalBinary:   reflect.TypeFor[encoding.BinaryMarshaler](),
	unmarshalBinary: reflect.TypeFor[encoding.BinaryUnmarshaler](),
	marshalText:     reflect.TypeFor[encoding.TextMarshaler](),
	unmarshalText:   reflect.TypeFor[encoding.TextUnmarshaler](),
}

// known holds types that the library encodes, or whose methods are known to be right.
var known = map[reflect.Type]bool{
	reflect.TypeFor[time.Time]():        true,
	reflect.TypeFor[big.Int]():          true,
	reflect.TypeFor[cbor.Tag]():         true,
	reflect.TypeFor[cbor.RawTag]():      true,
	reflect.TypeFor[cbor.RawMessage]():  true,
	reflect.TypeFor[cbor.ByteString]():  true,
	reflect.TypeFor[cbor.SimpleValue](): true,
}

// check returns an error if values of t would not be read back as they were written. path leads
// to t.
func (c *valueTypes) check(t reflect.Type, path string) error {
	base, ends := behindPointers(t)
	switch {
	case !ends:
		return fmt.Errorf("%s is of type %v: %w", path, t, errPointsToItself)
	case known[base] || c.seen[base]:
		return nil
	}
	c.seen[base] = true
	itself, err := c.methods(base)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if itself {
		return nil
	}
	switch kind := base.Kind(); kind {
	case reflect.Struct:
		return c.fields(base, path)
	case reflect.Slice, reflect.Array:
		return c.check(base.Elem(), path+"[]")
	case reflect.Map:
		if err := c.key(base.Key(), path); err != nil {
			return err
		}
		return c.check(base.Elem(), path+"[]")
	case reflect.Interface:
		if base.NumMethod() > 0 && !c.dynamic {
			return fmt.Errorf("%s is of type %v: an interface with methods can be written, and "+
				"not read again", path, base)
		}
	case reflect.Complex64, reflect.Complex128, reflect.Chan, reflect.Func, reflect.UnsafePointer, reflect.Uintptr:
		return fmt.Errorf("%s is of type %v, for which CBOR has nothing", path, base)
	}
	return nil
}

// behindPointers returns what a type points to, through any number of pointers, or false if
// they never end.
func behindPointers(t reflect.Type) (reflect.Type, bool) {
	slow, move := t, false
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
		if move {
			slow = slow.Elem()
		}
		move = !move
		if t == slow && t.Kind() == reflect.Pointer {
			return nil, false
		}
	}
	return t, true
}

// methods reports whether a type encodes itself, and returns an error if it does so wrongly.
func (c *valueTypes) methods(t reflect.Type) (itself bool, err error) {
	if t.Kind() == reflect.Interface {
		return false, nil
	}
	out, in := c.marshaler(t), c.unmarshaler(t)
	if out == noMethod && in == noMethod {
		return false, nil
	}
	c.own = true
	if err := c.promoted(t, out); err != nil {
		return true, err
	}
	switch opposite := out + 1; {
	case c.dynamic:
		return out != noMethod, nil
	case out == noMethod:
		return false, c.promoted(t, in)
	case !opposite.in(t):
		return true, fmt.Errorf("%v has %v and no %v, so that what it writes may not be read again",
			t, out, opposite)
	default:
		f, promoted := promotedFrom(t, opposite)
		if promoted && !isPromoted(t, out) {
			return true, fmt.Errorf("%v has %v, and %v only from its embedded field %s",
				t, out, opposite, f.Name)
		}
		return true, nil
	}
}

// promoted returns an error if a method of t is that of one of its parts, and t has other
// parts.
func (c *valueTypes) promoted(t reflect.Type, m method) error {
	f, promoted := promotedFrom(t, m)
	if !promoted {
		return nil
	}
	if err := aloneIn(t, f, m.String()); err != nil {
		return err
	}
	return c.promoted(f.Type, m)
}

// marshaler returns the method by which the library encodes a type.
func (c *valueTypes) marshaler(t reflect.Type) method {
	switch {
	case marshalCBOR.in(t):
		return marshalCBOR
	case marshalBinary.in(t):
		return marshalBinary
	case c.text && marshalText.in(t):
		return marshalText
	}
	return noMethod
}

// unmarshaler returns a method by which the library decodes a type from any bytes.
func (c *valueTypes) unmarshaler(t reflect.Type) method {
	switch {
	case unmarshalCBOR.in(t):
		return unmarshalCBOR
	case unmarshalBinary.in(t) && t.Kind() == reflect.Slice:
		return unmarshalBinary
	case c.text && unmarshalText.in(t) && t.Kind() == reflect.String:
		return unmarshalText
	}
	return noMethod
}

func (c *valueTypes) fields(t reflect.Type, path string) error {
	l := layoutOf(t)
	if l.lost != nil {
		return fmt.Errorf("%s is of type %v: %w", path, t, l.lost)
	}
	if len(l.fields) == 0 && holdsSomething(t) {
		return fmt.Errorf("%s is of type %v, of which nothing is stored%s", path, t, c.cure(t))
	}
	for _, f := range l.fields {
		if err := c.check(f.typ, join(path, f.path)); err != nil {
			return err
		}
	}
	return nil
}

func (c *valueTypes) cure(t reflect.Type) string {
	if !c.text && marshalText.in(t) && unmarshalText.in(t) {
		return "; it encodes itself as text: use WithText, in a new table"
	}
	return ": it has no exported fields, and does not encode itself"
}

// key is for the keys of a map. A pointer is refused, since reading it makes a new pointer,
// which is not a key of any map.
func (c *valueTypes) key(t reflect.Type, path string) error {
	if t.Kind() == reflect.Pointer && !c.dynamic {
		return fmt.Errorf("the keys of the map %s are of type %v: pointers are others when they "+
			"are read", path, t)
	}
	return c.check(t, path+"[key]")
}

// checkValueType returns an error if values of type T would not be read back as they were
// written. own says whether methods of their own encode them.
func checkValueType[T any](l limits) (own bool, err error) {
	t := reflect.TypeFor[T]()
	c := valueTypes{text: l.text, seen: map[reflect.Type]bool{}}
	if err := c.check(t, t.String()); err != nil {
		return c.own, fmt.Errorf("cbor cannot store %v: %w", t, err)
	}
	return c.own, nil
}

var errDynamic = errors.New("a value in an interface would be lost")

// checkDynamic is for the types of values in interfaces.
func checkDynamic(t reflect.Type, text bool) error {
	c := valueTypes{text: text, dynamic: true, seen: map[reflect.Type]bool{}}
	if err := c.check(t, t.String()); err != nil {
		return fmt.Errorf("%w: %w", errDynamic, err)
	}
	return nil
}
