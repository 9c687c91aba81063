// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package cbor

import (
	"errors"
	"reflect"
	"sync"
	"time"

	"github.com/fxamacker/cbor/v2"
)

// walker goes through a value before it is encoded, wherever its type does not say what is
// there. The library recurses for each level, so a linked list of a million nodes, or one that
// ends in itself, would crash the process. And an interface may hold a type of which nothing is
// stored.
type walker struct {
	root  *steps
	text  bool
	depth int      // the most steps down
	types sync.Map // of reflect.Type to *steps, for what was found in interfaces
}

// steps says where in the values of a type there may be something to find.
type steps struct {
	needed bool
	elem   *steps
	key    *steps
	fields []step
	err    error // why values of the type cannot be stored
}

type step struct {
	index []int
	to    *steps
}

var typeAny = reflect.TypeFor[any]()

var errTooDeep = errors.New("it is nested too deeply, or contains itself")

func newWalker(t reflect.Type, l limits) *walker {
	// pointers and interfaces are not levels in CBOR
	w := &walker{text: l.text, depth: 8*l.nesting + 256}
	w.root = w.plan(t)
	if !w.root.needed {
		return nil
	}
	return w
}

func (w *walker) plan(t reflect.Type) *steps {
	p := stepPlanner{text: w.text, made: map[reflect.Type]*steps{}, open: map[reflect.Type]bool{}}
	return p.plan(t)
}

// stepPlanner makes steps. A type is open while its steps are being made, so meeting an open
// type means that it contains itself.
type stepPlanner struct {
	text bool
	made map[reflect.Type]*steps
	open map[reflect.Type]bool
}

func (p stepPlanner) plan(t reflect.Type) *steps {
	if s := p.made[t]; s != nil {
		s.needed = s.needed || p.open[t]
		return s
	}
	s := &steps{}
	p.made[t], p.open[t] = s, true
	defer delete(p.open, t)
	types := valueTypes{text: p.text}
	if known[t] && t != reflect.TypeFor[cbor.Tag]() || t.Kind() != reflect.Interface &&
		t.Kind() != reflect.Pointer && types.marshaler(t) != noMethod {
		return s
	}
	switch t.Kind() {
	case reflect.Interface:
		s.needed = true
	case reflect.Map:
		s.key = p.plan(t.Key())
		s.needed = s.key.needed
		fallthrough
	case reflect.Pointer, reflect.Slice, reflect.Array:
		s.elem = p.plan(t.Elem())
		s.needed = s.needed || s.elem.needed
	case reflect.Struct:
		p.fields(s, t)
	}
	return s
}

// fields leaves out fields that lead to nothing. A field that leads back to an open type is
// kept.
func (p stepPlanner) fields(s *steps, t reflect.Type) {
	for _, f := range layoutOf(t).fields {
		if to := p.plan(f.typ); to.needed {
			s.fields = append(s.fields, step{f.index, to})
			s.needed = true
		}
	}
}

// value returns an error if v should not be encoded.
func (w *walker) value(v reflect.Value) error { return w.walk(v, w.root, w.depth) }

func (w *walker) walk(v reflect.Value, s *steps, left int) error {
	if left < 0 {
		return errTooDeep
	}
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return nil
		}
		return w.walk(v.Elem(), s.elem, left-1)
	case reflect.Interface:
		if v.IsNil() {
			return nil
		}
		if v.CanAddr() && v.Type() == typeAny { // without an allocation
			return w.dynamic(*v.Addr().Interface().(*any), left-1)
		}
		return w.dynamic(v.Elem().Interface(), left-1)
	case reflect.Slice, reflect.Array:
		return w.list(v, s, left)
	case reflect.Map:
		return w.pairs(v, s, left)
	case reflect.Struct:
		return w.fields(v, s, left)
	}
	return nil
}

func (w *walker) list(v reflect.Value, s *steps, left int) error {
	for i := range v.Len() {
		if err := w.walk(v.Index(i), s.elem, left-1); err != nil {
			return err
		}
	}
	return nil
}

func (w *walker) pairs(v reflect.Value, s *steps, left int) error {
	for pairs := v.MapRange(); pairs.Next(); {
		if s.key.needed {
			if err := w.walk(pairs.Key(), s.key, left-1); err != nil {
				return err
			}
		}
		if s.elem.needed {
			if err := w.walk(pairs.Value(), s.elem, left-1); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *walker) fields(v reflect.Value, s *steps, left int) error {
	for _, f := range s.fields {
		part, there := v, true
		for _, i := range f.index {
			if part.Kind() == reflect.Pointer {
				if there = !part.IsNil(); !there {
					break
				}
				part = part.Elem()
			}
			part = part.Field(i)
		}
		if there {
			if err := w.walk(part, f.to, left-1); err != nil {
				return err
			}
		}
	}
	return nil
}

// dynamic checks the content of an interface.
func (w *walker) dynamic(v any, left int) error {
	if left < 0 {
		return errTooDeep
	}
	switch v := v.(type) {
	case nil, bool, string, []byte, float32, float64, int, int8, int16, int32, int64, uint, uint8, uint16, uint32, uint64, time.Time:
		return nil
	case []any:
		for _, e := range v {
			if err := w.dynamic(e, left-1); err != nil {
				return err
			}
		}
		return nil
	case map[string]any:
		for _, e := range v {
			if err := w.dynamic(e, left-1); err != nil {
				return err
			}
		}
		return nil
	case map[any]any:
		for k, e := range v {
			if err := errors.Join(w.dynamic(k, left-1), w.dynamic(e, left-1)); err != nil {
				return err
			}
		}
		return nil
	}
	s := w.typed(reflect.TypeOf(v))
	switch {
	case s.err != nil:
		return s.err
	case s.needed:
		return w.walk(reflect.ValueOf(v), s, left-1)
	}
	return nil
}

func (w *walker) typed(t reflect.Type) *steps {
	if s, ok := w.types.Load(t); ok {
		return s.(*steps)
	}
	made := &steps{err: checkDynamic(t, w.text)}
	if made.err == nil {
		made = w.plan(t)
	}
	s, _ := w.types.LoadOrStore(t, made)
	return s.(*steps)
}
