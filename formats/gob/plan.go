// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package gob

import (
	"fmt"
	"math"
	"reflect"
	"strconv"

	"github.com/guardkv/guardkv/core"
)

// A table may hold rows from a time when T had other fields. This file compares a stored
// description with T as it is now, and makes a plan for reading: where each stored field goes,
// and how much memory that takes. If a stored type cannot be read into T, there is no plan, but
// an error that names the part.

// plan says how values of one stored type are read into one Go type, and what that costs. A
// walk follows it.
type plan struct {
	id     typeID       // of a type of gob's own; 0 for others
	form   form         // of the others
	goType reflect.Type // nil if the value has no place to go, as that of a field that was removed
	path   string       // names the part in errors
	bits   int          // of a number that is read into less than gob stores, 0 for others
	room   uint64       // bytes that one takes where it is kept: in a struct, a slice, a map
	boxes  uint64       // bytes that one takes elsewhere, behind pointers
	key    *plan
	elem   *plan
	length uint64
	fields []*plan
}

// A value behind a pointer, an element that has parts, and a row of a map take more memory and
// time than their content. These are that many bytes.
const (
	boxCost = 40
	mapCost = 64
)

// inMessages is how many bytes of a description are shown.
const inMessages = 200

// planner makes the plans for the types of a description.
type planner struct {
	types *description
	plans map[pairing]*plan
}

type pairing struct {
	id typeID
	t  reflect.Type
}

// newPlan returns the plan to read the description's root into type t. It returns
// ErrFormatMismatch, with the part and both types, if a stored type does not fit.
func newPlan(d *description, t reflect.Type) (*plan, error) {
	p := planner{types: d, plans: map[pairing]*plan{}}
	return p.whole(t.String(), d.root, t)
}

// whole is plan for a value that stands alone, since gob does not read a struct of which it
// knows no field.
func (p *planner) whole(path string, id typeID, t reflect.Type) (*plan, error) {
	made, err := p.plan(path, id, t)
	if err != nil {
		return nil, err
	}
	if made.goType != nil && made.isStruct() && len(made.fields) > 0 && !made.reaches() {
		base, _ := indirect(t)
		if base.NumField() > 0 {
			return nil,
				fmt.Errorf("%w: no field of what is stored as %s, %s, is in %v; keep one of "+
					"them, or store it elsewhere",
					core.ErrFormatMismatch, path, p.types.describe(id, inMessages), t)
		}
	}
	return made, nil
}

func (p *plan) isStruct() bool { return p.id == 0 && p.form == formStruct }

// reaches reports whether any field of a struct has a place in the Go type.
func (p *plan) reaches() bool {
	for _, f := range p.fields {
		if f.goType != nil {
			return true
		}
	}
	return false
}

// plan returns the plan for the part that path names. t is nil if the part has no place in the
// Go type.
func (p *planner) plan(path string, id typeID, t reflect.Type) (*plan, error) {
	at := pairing{id, t}
	if made := p.plans[at]; made != nil {
		return made, nil
	}
	made := &plan{goType: t, path: path}
	p.plans[at] = made // before its parts, which may lead back to it
	base := t
	if t != nil {
		made.room = uint64(t.Size())
		for base.Kind() == reflect.Pointer {
			base = base.Elem()
			made.boxes += boxCost + uint64(base.Size())
		}
		if !p.fits(id, t, base) {
			return nil,
				fmt.Errorf("%w: %s is stored as %s, and is %v now; give it another name, or open "+
					"another table",
					core.ErrFormatMismatch, path, p.types.describe(id, inMessages), t)
		}
		made.bits = narrower(id, base)
	}
	if id <= idInterface {
		made.id = id
		return made, nil
	}
	return made, p.planParts(made, path, p.types.types[id], base)
}

func (p *planner) planParts(made *plan, path string, w *wireType, base reflect.Type) (err error) {
	made.form, made.length = w.form, w.length
	part := func(of func(reflect.Type) reflect.Type) reflect.Type {
		if base == nil {
			return nil
		}
		return of(base)
	}
	switch w.form {
	case formStruct:
		return p.planFields(made, path, w, base)
	case formMap:
		if made.key, err = p.plan(path+"'s key", w.key, part(reflect.Type.Key)); err != nil {
			return err
		}
		fallthrough
	case formArray, formSlice:
		made.elem, err = p.plan(path+"[]", w.elem, part(reflect.Type.Elem))
	}
	return err
}

func (p *planner) planFields(made *plan, path string, w *wireType, base reflect.Type) error {
	made.fields = make([]*plan, len(w.fields))
	for i, f := range w.fields {
		t, err := fieldType(base, f.name)
		if err == nil {
			made.fields[i], err = p.plan(path+"."+f.name, f.id, t)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// fieldType returns the type of the field that gob stores a value in, or nil if there is none.
func fieldType(t reflect.Type, name string) (reflect.Type, error) {
	if t == nil {
		return nil, nil
	}
	f, ok := t.FieldByName(name)
	if !ok || !f.IsExported() {
		return nil, nil
	}
	for n := range len(f.Index) - 1 { // gob does not allocate what an embedded pointer points to
		if around := t.FieldByIndex(f.Index[:n+1]); around.Type.Kind() == reflect.Pointer {
			return nil,
				fmt.Errorf("%w: %v.%s is stored, and is behind the embedded pointer %s now; "+
					"embed the struct itself",
					core.ErrFormatMismatch, t, name, around.Name)
		}
	}
	return f.Type, nil
}

// fits reports whether gob reads the stored type into t, which is base or points to it. The
// parts are checked later.
func (p *planner) fits(id typeID, t, base reflect.Type) bool {
	w := p.types.types[id] // nil for gob's own
	if m := decodesItself(t); m != 0 {
		return w != nil && w.form == m.form()
	}
	switch k := base.Kind(); k {
	case reflect.Bool:
		return id == idBool
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return id == idInt
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return id == idUint
	case reflect.Float32, reflect.Float64:
		return id == idFloat
	case reflect.Complex64, reflect.Complex128:
		return id == idComplex
	case reflect.String:
		return id == idString
	case reflect.Interface:
		return id == idInterface
	case reflect.Slice:
		if base.Elem().Kind() == reflect.Uint8 {
			return id == idBytes
		}
		return w != nil && w.form == formSlice
	case reflect.Array:
		return w != nil && w.form == formArray && w.length == uint64(base.Len())
	case reflect.Map:
		return w != nil && w.form == formMap
	case reflect.Struct:
		return w != nil && w.form == formStruct
	}
	return false
}

// narrower returns the size of a type if gob's numbers may be too big for it, otherwise 0.
func narrower(id typeID, base reflect.Type) int {
	full := 64
	switch id {
	case idInt, idUint, idFloat:
	case idComplex:
		full = 128
	default:
		return 0
	}
	if base.Bits() == full {
		return 0
	}
	return base.Bits() * 64 / full
}

// holds reports whether the number that gob stores as x fits into the type that it is read into.
func (p *plan) holds(x uint64) bool {
	switch p.id {
	case idInt:
		i, unused := signed(x), 64-p.bits
		return i<<unused>>unused == i
	case idUint:
		return x>>p.bits == 0
	}
	size := math.Abs(float(x))
	return size <= math.MaxFloat32 || math.IsInf(size, 1) || math.IsNaN(size)
}

// show returns the number that gob stores as x.
func (p *plan) show(x uint64) string {
	switch p.id {
	case idInt:
		return strconv.FormatInt(signed(x), 10)
	case idUint:
		return strconv.FormatUint(x, 10)
	}
	return strconv.FormatFloat(float(x), 'g', -1, 64)
}

// sliceCost returns what n elements take at least while they are read: gob grows slices of more
// than 10 MiB step by step.
func (p *plan) sliceCost(n uint64) uint64 {
	cost := product(n, p.elem.room)
	if cost > 10<<20 {
		cost = product(cost, 5)
	}
	return cost
}

// mapCost returns what a map of n rows takes. A map is never full.
func (p *plan) mapCost(n uint64) uint64 {
	return product(n, mapCost+5*(p.key.room+p.elem.room)/2)
}

// product multiplies, and never overflows into something small.
func product(a, b uint64) uint64 {
	if b != 0 && a > math.MaxInt64/b {
		return math.MaxInt64
	}
	return a * b
}
