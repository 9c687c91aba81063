// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package cbor

import (
	"math/big"
	"reflect"
	"strconv"
	"time"

	"github.com/fxamacker/cbor/v2"
)

// plan says what decoding into one Go type costs: see estimate.
type plan struct {
	base   reflect.Type // what all pointers lead to
	form   form
	room   int64 // bytes that one takes where it is kept: in a struct, a slice, a map
	boxes  int64 // bytes that one takes elsewhere, behind pointers
	binary bool  // a byte string is for a method of the type
	text   bool  // and so is text
	key    *plan
	elem   *plan

	// Of structs:
	names   map[string]*plan
	numbers map[int64]*plan
	order   []*plan // with the option toarray
}

// form says how the library decodes a type.
type form int

const (
	formPlain  form = iota // by its kind
	formAny                // into whatever the bytes say
	formItself             // by a method that is given all bytes of it
	formTime
	formBigInt
)

// planner makes plans. Types may be recursive.
type planner struct {
	made map[reflect.Type]*plan
	text bool // WithText
}

func (p planner) plan(t reflect.Type) *plan {
	if made := p.made[t]; made != nil {
		return made
	}
	made := &plan{room: int64(t.Size())}
	p.made[t] = made // before its parts, which may lead back to it
	base := t
	for base.Kind() == reflect.Pointer { // which ends: see pointsToItself
		base = base.Elem()
		made.boxes += boxCost + int64(base.Size())
	}
	made.base, made.form = base, formOf(base)
	made.binary = unmarshalBinary.in(base)
	made.text = p.text && unmarshalText.in(base)
	if made.form != formPlain {
		return made
	}
	switch base.Kind() {
	case reflect.Map:
		made.key = p.plan(base.Key())
		fallthrough
	case reflect.Slice, reflect.Array:
		made.elem = p.plan(base.Elem())
	case reflect.Struct:
		p.planFields(made, base)
	}
	return made
}

func formOf(base reflect.Type) form {
	switch base {
	case reflect.TypeFor[time.Time]():
		return formTime
	case reflect.TypeFor[big.Int]():
		return formBigInt
	case reflect.TypeFor[cbor.Tag]():
		return formAny
	}
	switch {
	case base.Kind() == reflect.Interface && base.NumMethod() == 0:
		return formAny
	case base.Kind() != reflect.Interface && unmarshalCBOR.in(base):
		return formItself
	}
	return formPlain
}

// planFields chooses fields as the library does. The cost of an embedded pointer is charged
// even if the bytes hold none of its fields.
func (p planner) planFields(made *plan, t reflect.Type) {
	made.names, made.numbers = map[string]*plan{}, map[int64]*plan{}
	l := layoutOf(t)
	made.boxes += l.embedded
	for _, f := range l.fields {
		part := p.plan(f.typ)
		number, err := strconv.ParseInt(f.name, 10, 64)
		switch {
		case l.inOrder:
			made.order = append(made.order, part)
		case f.number && err == nil:
			made.numbers[number] = part
		case !f.number:
			made.names[f.name] = part
		}
	}
}

// worst returns at least the most that an item may cost for each of its bytes.
func (p planner) worst() int64 {
	var most int64
	for _, made := range p.made {
		cost := otherCost + made.room + made.boxes
		if made.key != nil {
			cost += made.mapCost(1)
		}
		most = max(most, cost)
	}
	return most
}

// mapCost returns what a map of n pairs takes. A map is made of groups of eight, is never full,
// and keeps big parts elsewhere.
func (p *plan) mapCost(n int64) int64 {
	pair := slot(p.key.room) + slot(p.elem.room) + 1
	if n == 0 {
		return 2 * boxCost
	}
	return 2*boxCost + p.key.room + p.elem.room + max(8*pair,
		5*n*pair/2) + n*(aside(p.key.room)+aside(p.elem.room))
}

const mostInSlot = 128

func slot(size int64) int64 {
	if size > mostInSlot {
		return 8
	}
	return size
}

func aside(size int64) int64 {
	if size > mostInSlot {
		return size
	}
	return 0
}
