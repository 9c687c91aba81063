// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package cbor

import (
	"encoding"
	"math/big"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/fxamacker/cbor/v2"
)

// plan says what decoding into one Go type costs: see estimate.
type plan struct {
	base   reflect.Type // what is behind all pointers
	form   form
	room   int64 // bytes that one takes where it is kept: in a struct, a slice, a map
	boxes  int64 // bytes that one takes elsewhere, behind pointers
	binary bool  // a byte string is for a method of the type
	key    *plan
	elem   *plan

	// Of structs:
	names   map[string]*plan
	numbers map[int64]*plan
	order   []*plan // with the option toarray
}

// form is how the library decodes a type.
type form int

const (
	formPlain  form = iota // by its kind
	formAny                // into whatever the bytes say
	formItself             // by a method that is given all bytes of it
	formTime
	formBigInt
)

// planner makes plans. Types may be recursive.
type planner map[reflect.Type]*plan

func (p planner) plan(t reflect.Type) *plan {
	if made := p[t]; made != nil {
		return made
	}
	made := &plan{room: int64(t.Size())}
	p[t] = made // before its parts, which may lead back to it
	base := t
	for base.Kind() == reflect.Pointer {
		base = base.Elem()
		made.boxes += boxCost + int64(base.Size())
	}
	made.base, made.form = base, formOf(base)
	made.binary = reflect.PointerTo(base).Implements(reflect.TypeFor[encoding.BinaryUnmarshaler]())
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
	case base.Kind() != reflect.Interface && reflect.PointerTo(base).Implements(reflect.TypeFor[cbor.Unmarshaler]()):
		return formItself
	}
	return formPlain
}

// planned is a field of a struct, or of a struct embedded in it.
type planned struct {
	name      string
	number    bool // whether the name is one
	index     []int
	tagged    bool
	typ       reflect.Type
	ambiguous bool
}

// planFields knows fields by what the library knows them by. Bytes that hold no field of an embedded pointer are charged
// for it nevertheless.
func (p planner) planFields(made *plan, t reflect.Type) {
	made.names, made.numbers = map[string]*plan{}, map[int64]*plan{}
	fields, embedded := fieldsOf(t)
	made.boxes += embedded
	special, _ := t.FieldByName("_")
	toArray := strings.Contains(special.Tag.Get("cbor"), "array") // toarray or toindefarray
	for _, f := range fields {
		part := p.plan(f.typ)
		number, err := strconv.ParseInt(f.name, 10, 64)
		switch {
		case toArray:
			made.order = append(made.order, part)
		case f.number && err == nil:
			made.numbers[number] = part
		case !f.number:
			made.names[f.name] = part
		}
	}
}

// fieldsOf returns the fields of a struct that are stored, in their order, and the size of what embedded pointers lead
// to. Of two with one name, the one that is embedded less deeply counts, then the one with a tag, otherwise neither.
func fieldsOf(t reflect.Type) (fields []planned, embedded int64) {
	type nested struct {
		t     reflect.Type
		index []int
	}
	seen := map[reflect.Type]bool{}
	for level := []nested{{t, nil}}; len(level) > 0; {
		var deeper []nested
		for _, s := range level {
			twice := slices.ContainsFunc(level, func(o nested) bool { return o.t == s.t && !slices.Equal(o.index, s.index) })
			if seen[s.t] || twice {
				continue
			}
			seen[s.t] = true
			for f := range s.t.Fields() {
				index := append(slices.Clip(s.index), f.Index...)
				field, base, ok := plannedField(f, index)
				switch {
				case ok && base != nil:
					deeper = append(deeper, nested{base, index})
					if f.Type.Kind() == reflect.Pointer {
						embedded += boxCost + int64(base.Size())
					}
				case ok:
					fields = addField(fields, field)
				}
			}
		}
		level = deeper
	}
	fields = slices.DeleteFunc(fields, func(f planned) bool { return f.ambiguous })
	slices.SortFunc(fields, func(a, b planned) int { return slices.Compare(a.index, b.index) })
	return fields, embedded
}

// plannedField returns a field that is stored, or the struct whose fields are.
func plannedField(f reflect.StructField, index []int) (field planned, embedded reflect.Type, ok bool) {
	base := f.Type
	for base.Kind() == reflect.Pointer {
		base = base.Elem()
	}
	tag := f.Tag.Get("cbor")
	if tag == "" {
		tag = f.Tag.Get("json")
	}
	name, options, _ := strings.Cut(tag, ",")
	inside := f.Anonymous && base.Kind() == reflect.Struct
	switch {
	case tag == "-" || !f.IsExported() && !inside:
		return planned{}, nil, false
	case inside && name == "":
		return planned{}, base, true
	case name == "":
		name = f.Name
	}
	number := slices.Contains(strings.Split(options, ","), "keyasint")
	if n, err := strconv.Atoi(name); number && err == nil {
		name = strconv.Itoa(n)
	}
	return planned{name: name, number: number, index: index, tagged: tag != "", typ: f.Type}, nil, true
}

func addField(fields []planned, f planned) []planned {
	at := slices.IndexFunc(fields, func(o planned) bool { return o.name == f.name && o.number == f.number })
	switch {
	case at < 0:
		return append(fields, f)
	case len(fields[at].index) < len(f.index) || fields[at].tagged && !f.tagged:
	case f.tagged && !fields[at].tagged:
		fields[at] = f
	default:
		fields[at].ambiguous = true
	}
	return fields
}

// worst is the most that an item may cost for each of its bytes, or more.
func (p planner) worst() int64 {
	var most int64
	for _, made := range p {
		cost := otherCost + made.room + made.boxes
		if made.key != nil {
			cost += made.mapCost(1)
		}
		most = max(most, cost)
	}
	return most
}

// mapCost is what a map of n pairs takes: it is made of groups of eight, is never full, and holds what is big elsewhere.
func (p *plan) mapCost(n int64) int64 {
	pair := slot(p.key.room) + slot(p.elem.room) + 1
	if n == 0 {
		return 2 * boxCost
	}
	return 2*boxCost + p.key.room + p.elem.room + max(8*pair, 5*n*pair/2) + n*(aside(p.key.room)+aside(p.elem.room))
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
