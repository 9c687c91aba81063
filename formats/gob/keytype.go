// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package gob

import (
	"fmt"
	"reflect"
	"time"
)

// checkKeyType returns an error if two different keys of type t could have the same encoding,
// or equal keys different ones.
func checkKeyType(t reflect.Type) error {
	c := keyTypes{}
	if err := c.check(t); err != nil {
		return fmt.Errorf("gob: %v cannot be a key: %w", t, err)
	}
	return nil
}

// keyTypes holds the types that were checked, or are being checked, since types may be
// recursive.
type keyTypes map[reflect.Type]bool

func (c keyTypes) check(t reflect.Type) error {
	switch {
	case c[t]:
		return nil
	case t == reflect.TypeFor[time.Time]():
		return fmt.Errorf("%v is stored with its zone, so that one instant would be many keys; "+
			"keys.Time has one", t)
	case t.Kind() != reflect.Pointer && encodesItself(t) != 0:
		if f, ok := promotedFrom(t, methodUse{pair: encodesItself(t)}); ok {
			return c.check(f.Type)
		}
		return nil
	}
	c[t] = true
	switch t.Kind() {
	case reflect.Struct:
		return c.fields(t)
	case reflect.Slice, reflect.Array:
		return c.check(t.Elem())
	case reflect.Map:
		return fmt.Errorf("%v is a map, and gob encodes maps in any order", t)
	case reflect.Interface:
		return fmt.Errorf("%v is an interface, and what is in it can be encoded in many ways", t)
	case reflect.Pointer:
		return fmt.Errorf("%v is a pointer, and gob stores a nil one as it stores one to zero", t)
	case reflect.Float32, reflect.Float64, reflect.Complex64, reflect.Complex128:
		return fmt.Errorf("%v has a -0, which equals +0 and is stored differently; keys.Float64 "+
			"has one zero", t)
	}
	return nil // gob itself reports what it cannot store at all
}

func (c keyTypes) fields(t reflect.Type) error {
	for f := range t.Fields() {
		if f.Name == "_" {
			continue // two structs that differ in it are equal
		}
		if !f.IsExported() {
			return fmt.Errorf("the field %v.%s is unexported, so that it is not stored", t, f.Name)
		}
		if err := c.check(f.Type); err != nil {
			return fmt.Errorf("field %v.%s: %w", t, f.Name, err)
		}
	}
	return nil
}
