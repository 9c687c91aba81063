// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package values

import (
	"encoding/json"
	"fmt"
	"math/big"
	"math/bits"
	"reflect"
	"strings"
	"time"
)

// jsonSteps says where in the values of a type there may be something to find.
type jsonSteps struct {
	needed   bool
	flat     int // how many levels, in it or below, have nothing to be found
	elem     *jsonSteps
	leads    []int // to the part of a struct that encodes all of it
	fields   []jsonStep
	textKeys bool // whether the keys of a map are made text by a method
	leaf     func(*jsonWalk, reflect.Value, jsonDepth) error
	err      error // why values of this type cannot be stored
}

type jsonStep struct {
	index []int
	to    *jsonSteps
}

// jsonPlanner makes steps. A type is open while its steps are being made, so meeting an open
// type means that it contains itself.
type jsonPlanner struct {
	dynamic bool // for the content of an interface
	made    map[reflect.Type]*jsonSteps
	open    map[reflect.Type]bool
}

func newJSONPlanner(dynamic bool) jsonPlanner {
	return jsonPlanner{dynamic, map[reflect.Type]*jsonSteps{}, map[reflect.Type]bool{}}
}

func (p jsonPlanner) plan(t reflect.Type) *jsonSteps {
	if s := p.made[t]; s != nil {
		s.needed = s.needed || p.open[t]
		return s
	}
	s := &jsonSteps{}
	p.made[t], p.open[t] = s, true
	defer delete(p.open, t)
	if p.itself(s, t) {
		return s
	}
	switch kind := t.Kind(); kind {
	case reflect.Interface:
		s.needed = true
	case reflect.Pointer:
		s.elem = p.plan(t.Elem())
		s.needed, s.flat = s.needed || s.elem.needed, s.elem.flat
	case reflect.Map, reflect.Slice, reflect.Array:
		s.elem = p.plan(t.Elem())
		s.textKeys = kind == reflect.Map && t.Key().Kind() != reflect.String &&
			t.Key().Implements(typeTextOut)
		s.needed = s.needed || s.elem.needed || s.textKeys
		s.flat = below(s, s.elem)
	case reflect.Struct:
		p.fields(s, t)
	}
	if !s.needed && t.Kind() != reflect.Pointer && s.container(t) {
		s.flat++ // itself
	}
	return s
}

func (s *jsonSteps) container(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Map, reflect.Slice, reflect.Array, reflect.Struct:
		return s.leaf == nil && s.leads == nil
	}
	return false
}

// below returns how many levels below s are not gone through, if it has part.
func below(s, part *jsonSteps) int {
	if part.needed {
		return s.flat
	}
	return max(s.flat, part.flat)
}

// itself makes steps for a type that encodes itself, or is a number in an interface.
func (p jsonPlanner) itself(s *jsonSteps, t reflect.Type) bool {
	own := encodesItself(t)
	switch {
	case t == reflect.TypeFor[time.Time]():
		s.leaf = seeTime
	case t == reflect.TypeFor[json.RawMessage]() && !p.dynamic:
		s.leaf = seeRaw
	case own && p.leads(s, t), own && !p.dynamic:
	case t == reflect.TypeFor[big.Int]():
		s.leaf = seeBig
	case own && reflect.PointerTo(t).Implements(typeJSONOut): // text is always read again
		s.leaf = seeOpaque
	case own, !p.dynamic:
	case t == reflect.TypeFor[json.Number]():
		s.leaf = seeNumber
	case t.Kind() == reflect.Int || t.Kind() == reflect.Int64:
		s.leaf = seeInt
	case t.Kind() == reflect.Uint || t.Kind() == reflect.Uint64 || t.Kind() == reflect.Uintptr:
		s.leaf = seeUint
	}
	s.needed = s.needed || s.leaf != nil
	return own || s.leaf != nil
}

func encodesItself(t reflect.Type) bool {
	if t.Kind() == reflect.Interface || t.Kind() == reflect.Pointer {
		return false
	}
	p := reflect.PointerTo(t)
	return p.Implements(typeJSONOut) || p.Implements(typeTextOut)
}

// leads handles a struct that is encoded by a part of it.
func (p jsonPlanner) leads(s *jsonSteps, t reflect.Type) bool {
	if t.Kind() != reflect.Struct {
		return false
	}
	has, method := typeJSONOut, jsonOut
	if !reflect.PointerTo(t).Implements(has) {
		has, method = typeTextOut, textOut
	}
	f, found := embedded(t, has)
	if !found || f.Type.Kind() != reflect.Struct ||
		!f.IsExported() && f.Type == reflect.TypeFor[time.Time]() || !promoted(t, method) {
		return false
	}
	s.leads, s.elem = f.Index, p.plan(f.Type)
	s.needed = s.elem.needed
	return true
}

// fields leaves out fields that lead to nothing. A field that leads back to an open type is
// kept.
func (p jsonPlanner) fields(s *jsonSteps, t reflect.Type) {
	for _, f := range jsonLayoutOf(t).fields {
		to := p.plan(f.typ)
		s.flat = below(s, to)
		if to.needed {
			s.fields = append(s.fields, jsonStep{f.index, to})
			s.needed = true
		}
	}
}

// exact returns an error unless a float64 holds the number exactly.
func exact(n uint64, v reflect.Value) error {
	if bits.Len64(n)-bits.TrailingZeros64(n) > float64Bits {
		return fmt.Errorf("the number %v is %w", v, errNotExact)
	}
	return nil
}

// float64Bits is how many bits of a number a float64 keeps.
const float64Bits = 53

// exactText is for numbers of any size. A fraction counts as the float64 that is nearest to it.
func exactText(s string) error {
	n, ok := new(big.Int).SetString(s, 10)
	if ok && !strings.ContainsAny(s, ".eE") && n.BitLen()-int(n.TrailingZeroBits()) > float64Bits {
		return fmt.Errorf("the number %s is %w", s, errNotExact)
	}
	return nil
}
