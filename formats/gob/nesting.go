// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package gob

import (
	"reflect"
	"sync"
)

// nesting finds values that are nested too deeply before gob sees them. Gob descends into a
// value as far as it goes, a value that contains itself has no end, and a stack overflow ends
// the process.
type nesting struct{ types sync.Map } // of *nest, by the reflect.Type of what is in interfaces

// nest is a type whose values may be nested without end, and says where. Other types have no
// nest, so that checking their values costs nothing.
type nest struct {
	kind      reflect.Kind
	key, elem *nest
	fields    []nestField
}

type nestField struct {
	index int
	nest  *nest
}

// of returns the nest of a type, or nil if it has none.
func (n *nesting) of(t reflect.Type) *nest {
	if known, ok := n.types.Load(t); ok {
		return known.(*nest)
	}
	m := nestMaker{endless: map[reflect.Type]bool{}, made: map[reflect.Type]*nest{}}
	made := m.make(t)
	n.types.Store(t, made)
	return made
}

// check returns an error if v is nested too deeply. depth is how many levels are around it.
func (n *nesting) check(v reflect.Value, p *nest, depth int) error {
	if p == nil {
		return nil
	}
	for v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return nil
		}
		v = v.Elem()
	}
	if depth++; depth > maxDepth {
		return errTooDeep
	}
	switch p.kind {
	case reflect.Interface:
		if v.IsNil() {
			return nil
		}
		return n.check(v.Elem(), n.of(v.Elem().Type()), depth)
	case reflect.Struct:
		for _, f := range p.fields {
			if err := n.check(v.Field(f.index), f.nest, depth); err != nil {
				return err
			}
		}
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			if err := n.check(v.Index(i), p.elem, depth); err != nil {
				return err
			}
		}
	case reflect.Map:
		return n.checkRows(v, p, depth)
	}
	return nil
}

func (n *nesting) checkRows(v reflect.Value, p *nest, depth int) error {
	for i := v.MapRange(); i.Next(); {
		if err := n.check(i.Key(), p.key, depth); err != nil {
			return err
		}
		if err := n.check(i.Value(), p.elem, depth); err != nil {
			return err
		}
	}
	return nil
}

// nestMaker makes the nests of a type and of all that it leads to.
type nestMaker struct {
	// set to true while a type is checked, which is the result if it leads back to itself
	endless map[reflect.Type]bool
	made    map[reflect.Type]*nest
}

// isEndless reports whether values of a type may be nested without end, because it leads back
// to a type that is being checked, or to an interface, which may hold anything.
func (m *nestMaker) isEndless(t reflect.Type) bool {
	t, ok := indirect(t)
	if !ok {
		return false // it cannot be stored
	}
	if known, ok := m.endless[t]; ok {
		return known
	}
	m.endless[t] = true
	endless := t.Kind() == reflect.Interface
	for _, part := range partsOf(t) {
		endless = m.isEndless(part) || endless
	}
	m.endless[t] = endless
	return endless
}

// partsOf returns the types of the parts that gob descends into.
func partsOf(t reflect.Type) []reflect.Type {
	if encodesItself(t) != 0 {
		return nil
	}
	switch t.Kind() {
	case reflect.Slice, reflect.Array:
		return []reflect.Type{t.Elem()}
	case reflect.Map:
		return []reflect.Type{t.Key(), t.Elem()}
	case reflect.Struct:
		var all []reflect.Type
		for f := range t.Fields() {
			if f.IsExported() {
				all = append(all, f.Type)
			}
		}
		return all
	}
	return nil
}

func (m *nestMaker) make(t reflect.Type) *nest {
	t, _ = indirect(t)
	if !m.isEndless(t) {
		return nil
	}
	if made := m.made[t]; made != nil {
		return made
	}
	made := &nest{kind: t.Kind()}
	m.made[t] = made // before its parts, which may lead back to it
	switch made.kind {
	case reflect.Slice, reflect.Array:
		made.elem = m.make(t.Elem())
	case reflect.Map:
		made.key, made.elem = m.make(t.Key()), m.make(t.Elem())
	case reflect.Struct:
		for f := range t.Fields() {
			if !f.IsExported() {
				continue
			}
			if part := m.make(f.Type); part != nil {
				made.fields = append(made.fields, nestField{f.Index[0], part})
			}
		}
	}
	return made
}
