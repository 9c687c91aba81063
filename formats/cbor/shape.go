// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package cbor

import (
	"fmt"
	"math/big"
	"reflect"
	"strconv"
	"time"

	"github.com/fxamacker/cbor/v2"
	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/shape"
)

// Bind compares T with the types that opened the table before, and records it with the table.
// The format does not change: values have the names or numbers of their fields in them.
func (f *format[T]) Bind(stored []byte) (core.ValueFormat[T, T], []byte, error) {
	if f.unfit != nil {
		return nil, nil, f.unfit
	}
	t := reflect.TypeFor[T]()
	s := shapes{text: f.limits.text, made: map[reflect.Type]*shape.Type{}}
	meta, err := shape.Bind(stored, s.of(t),
		shape.Options{Removed: f.removed, Retyped: f.retyped, Keep: keepName})
	if err != nil {
		return nil, nil, fmt.Errorf("cbor of %v: %w", t, err)
	}
	return f, meta, nil
}

// keepName says how a field is still stored as it was.
func keepName(name string) string {
	if _, err := strconv.Atoi(name); err == nil {
		return fmt.Sprintf("by its number with the tag `cbor:\"%s,keyasint\"`", name)
	}
	return fmt.Sprintf("with the tag `cbor:%q`", name)
}

// shapes makes the shapes of types, which may be recursive.
type shapes struct {
	text bool // WithText
	made map[reflect.Type]*shape.Type
}

func (s shapes) of(t reflect.Type) *shape.Type {
	base, ends := behindPointers(t)
	if !ends {
		return &shape.Type{}
	}
	if made := s.made[base]; made != nil {
		return made
	}
	made := &shape.Type{}
	s.made[base] = made // before its parts, which may lead back to it
	if base.PkgPath() != "" {
		made.Name = base.String()
	}
	if !s.known(made, base) {
		s.kind(made, base)
	}
	return made
}

// known is for types that are not stored as what they are made of.
func (s shapes) known(made *shape.Type, t reflect.Type) bool {
	methods := valueTypes{text: s.text}
	switch {
	case t == reflect.TypeFor[time.Time]():
		made.Kind = shape.Time
	case t == reflect.TypeFor[big.Int]():
		made.Kind = shape.Int
	case t == reflect.TypeFor[cbor.ByteString]():
		made.Kind = shape.Bytes
	case t.Kind() == reflect.Interface, known[t], methods.marshaler(t) != noMethod, methods.unmarshaler(t) != noMethod:
		made.Kind = shape.Any
	default:
		return false
	}
	return true
}

func (s shapes) kind(made *shape.Type, t reflect.Type) {
	switch kind := t.Kind(); kind {
	case reflect.Bool:
		made.Kind = shape.Bool
	case reflect.String:
		made.Kind = shape.String
	case reflect.Float32, reflect.Float64:
		made.Kind = shape.Float
	case reflect.Slice, reflect.Array:
		s.list(made, t)
	case reflect.Map:
		made.Kind, made.Key, made.Elem = shape.Map, s.of(t.Key()), s.of(t.Elem())
	case reflect.Struct:
		s.fields(made, t)
	default:
		if kind >= reflect.Int && kind <= reflect.Uint64 {
			made.Kind = shape.Int
		}
	}
}

func (s shapes) list(made *shape.Type, t reflect.Type) {
	fixed, ofBytes := t.Kind() == reflect.Array, t.Elem().Kind() == reflect.Uint8
	switch {
	case fixed && ofBytes:
		made.Kind, made.Len = shape.ByteArray, t.Len()
	case ofBytes:
		made.Kind = shape.Bytes
	case fixed:
		made.Kind, made.Len, made.Elem = shape.Array, t.Len(), s.of(t.Elem())
	default:
		made.Kind, made.Elem = shape.List, s.of(t.Elem())
	}
}

func (s shapes) fields(made *shape.Type, t reflect.Type) {
	l := layoutOf(t)
	made.Kind = shape.Struct
	if l.inOrder {
		made.Kind = shape.Tuple
	}
	for _, f := range l.fields {
		name := f.name
		if _, err := strconv.Atoi(name); err == nil && !f.number {
			name = strconv.Quote(name) // which is not the number
		}
		made.Fields = append(made.Fields, shape.Field{Name: name, Go: f.path, Type: s.of(f.typ)})
	}
}
