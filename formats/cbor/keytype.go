// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package cbor

import (
	"fmt"
	"math/big"
	"reflect"
	"strings"
	"time"
)

// checkKeyType returns an error if two different keys of type K could have one encoding, or a
// key could have none.
func checkKeyType[K any](l limits) error {
	c := keyTypes{text: l.text, seen: map[reflect.Type]bool{}}
	err := c.check(reflect.TypeFor[K]())
	if err == nil {
		_, err = checkValueType[K](l)
	}
	if err != nil {
		return fmt.Errorf("cbor: %v cannot be a key: %w", reflect.TypeFor[K](), err)
	}
	return nil
}

// keyTypes checks types. Since they may be recursive, it remembers those that it has checked,
// or is checking.
type keyTypes struct {
	text bool // WithText
	seen map[reflect.Type]bool
}

func (c keyTypes) check(t reflect.Type) error {
	if c.seen[t] || c.encodesItself(t) {
		return nil
	}
	c.seen[t] = true
	switch k := t.Kind(); k {
	case reflect.Struct:
		return c.fields(t)
	case reflect.Pointer:
		return c.pointer(t)
	case reflect.Slice, reflect.Array:
		return c.check(t.Elem())
	case reflect.Map:
		if err := c.check(t.Key()); err != nil {
			return err
		}
		return c.check(t.Elem())
	case reflect.Interface:
		return fmt.Errorf("%v is an interface, and CBOR does not keep which Go type was in it", t)
	case reflect.String, reflect.Bool, reflect.Float32, reflect.Float64:
		return nil
	default:
		if k >= reflect.Int && k <= reflect.Uint64 {
			return nil
		}
		return fmt.Errorf("CBOR has nothing for %v", t)
	}
}

// encodesItself reports whether the parts of t need no check, because nothing can be known
// about its encoding, or everything is.
func (c keyTypes) encodesItself(t reflect.Type) bool {
	if t == reflect.TypeFor[time.Time]() || t == reflect.TypeFor[big.Int]() {
		return true
	}
	if t.Kind() == reflect.Interface || t.Kind() == reflect.Pointer {
		return false
	}
	types := valueTypes{text: c.text}
	return types.marshaler(t) != noMethod
}

// pointer checks what t points to. A nil pointer is stored as null, so nothing that t points to
// may be stored as null.
func (c keyTypes) pointer(t reflect.Type) error {
	if e := t.Elem(); e.Kind() == reflect.Pointer || e == reflect.TypeFor[time.Time]() {
		return fmt.Errorf("%v has two values that are stored as null", t)
	}
	return c.check(t.Elem())
}

func (c keyTypes) fields(t reflect.Type) error {
	names := map[string]bool{}
	for f := range t.Fields() {
		if f.Name == "_" {
			continue // two structs that differ in it are equal
		}
		name, err := fieldName(f)
		if err == nil && names[name] {
			err = fmt.Errorf("shares its name, %s, with another, so that neither is stored", name)
		}
		if err != nil {
			return fmt.Errorf("the field %v.%s %w", t, f.Name, err)
		}
		names[name] = true
		if err := c.check(f.Type); err != nil {
			return fmt.Errorf("field %v.%s: %w", t, f.Name, err)
		}
	}
	return nil
}

// fieldName returns the name or number under which a field is stored, or an error if it is not
// always stored.
func fieldName(f reflect.StructField) (string, error) {
	tag := f.Tag.Get("cbor")
	if tag == "" {
		tag = f.Tag.Get("json")
	}
	name, options, _ := strings.Cut(tag, ",")
	if name == "" {
		name = f.Name
	}
	options = "," + options + ","
	switch {
	case f.Anonymous:
		return "", fmt.Errorf("is embedded; give it a name")
	case !f.IsExported():
		return "", fmt.Errorf("is unexported, so that it is not stored")
	case tag == "-":
		return "", fmt.Errorf("is not stored")
	case strings.Contains(options, ",omitempty,"), strings.Contains(options, ",omitzero,"):
		return "", fmt.Errorf("is left out when it is empty, which can mean more than one value")
	case strings.Contains(options, ",keyasint,"):
		name = "the number " + name
	}
	return name, nil
}
