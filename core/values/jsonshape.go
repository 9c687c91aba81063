// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package values

import (
	"encoding/json"
	"fmt"
	"math/big"
	"reflect"
	"time"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/shape"
)

// JSONOption tells [JSON] what it cannot know about a type that changed. It does not change the
// encoding.
type JSONOption func(*jsonOptions)

type jsonOptions struct{ removed, retyped []string }

// WithRemoved says that fields were removed, so that [JSON] does not ask whether new fields of
// the same types are the old ones renamed. Give the path of each, in stored names: "phone",
// "address.street", "friends[].name". What rows hold of these fields is ignored, and stays
// until the row is put again. The option may stay in the program, and may name fields that
// never existed.
func WithRemoved(fields ...string) JSONOption {
	return func(o *jsonOptions) { o.removed = append(o.removed, fields...) }
}

// WithRetyped says that fields changed their types on purpose, because this program can read
// what is stored of them. Reading a row that it cannot read returns an error. Fields are named
// as in [WithRemoved].
func WithRetyped(fields ...string) JSONOption {
	return func(o *jsonOptions) { o.retyped = append(o.retyped, fields...) }
}

// Bind compares T with the types that opened the table before, and records it with the table.
// The format itself does not change, since values contain the names of their fields.
func (f *jsonFormat[T]) Bind(stored []byte) (core.ValueFormat[T, T], []byte, error) {
	if f.unfit != nil {
		return nil, nil, f.unfit
	}
	t := reflect.TypeFor[T]()
	s := jsonShapes{made: map[reflect.Type]*shape.Type{}}
	meta, err := shape.Bind(stored, s.of(t), shape.Options{
		Removed: f.options.removed, Retyped: f.options.retyped, FoldCase: true,
		Keep: func(name string) string { return fmt.Sprintf("with the tag `json:%q`", name) },
	})
	if err != nil {
		return nil, nil, fmt.Errorf("json of %v: %w", t, err)
	}
	return f, meta, nil
}

// jsonShapes makes the shapes of types, which may be recursive.
type jsonShapes struct{ made map[reflect.Type]*shape.Type }

func (s jsonShapes) of(t reflect.Type) *shape.Type {
	for t.Kind() == reflect.Pointer { // which ends: the type was checked
		t = t.Elem()
	}
	if made := s.made[t]; made != nil {
		return made
	}
	made := &shape.Type{}
	s.made[t] = made // before its parts, which may lead back to it
	if t.PkgPath() != "" {
		made.Name = t.String()
	}
	switch {
	case t == reflect.TypeFor[time.Time]():
		made.Kind = shape.Time
	case t == reflect.TypeFor[big.Int]():
		made.Kind = shape.Int
	case t == reflect.TypeFor[json.Number](), encodesItself(t):
		made.Kind = shape.Any
	default:
		s.kind(made, t)
	}
	return made
}

func (s jsonShapes) kind(made *shape.Type, t reflect.Type) {
	switch kind := t.Kind(); kind {
	case reflect.Bool:
		made.Kind = shape.Bool
	case reflect.String:
		made.Kind = shape.String
	case reflect.Float32, reflect.Float64:
		made.Kind = shape.Float
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 && !encodesItself(t.Elem()) {
			made.Kind = shape.Bytes
			return
		}
		made.Kind, made.Elem = shape.List, s.of(t.Elem())
	case reflect.Array:
		made.Kind, made.Len, made.Elem = shape.Array, t.Len(), s.of(t.Elem())
	case reflect.Map:
		made.Kind, made.Key, made.Elem = shape.Map, s.key(t.Key()), s.of(t.Elem())
	case reflect.Struct:
		made.Kind = shape.Struct
		for _, f := range jsonLayoutOf(t).fields {
			field := shape.Field{Name: f.name, Go: f.path, Type: s.of(f.typ)}
			if f.quoted && field.Type.Kind != shape.Any {
				field.Type = &shape.Type{Kind: shape.String}
			}
			made.Fields = append(made.Fields, field)
		}
	default:
		if kind >= reflect.Int && kind <= reflect.Uintptr {
			made.Kind = shape.Int
		}
	}
}

// key returns the shape of a map's key. Keys of objects are text, made by a method if they have
// one.
func (s jsonShapes) key(t reflect.Type) *shape.Type {
	if t.Implements(typeTextOut) {
		return &shape.Type{Kind: shape.Any}
	}
	made := &shape.Type{Kind: shape.Int}
	if t.Kind() == reflect.String {
		made.Kind = shape.String
	}
	return made
}
