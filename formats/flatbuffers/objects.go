// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package flatbuffers

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"unsafe"

	"github.com/guardkv/guardkv/core"
)

// objects checks values before generated code packs them, for faults that the code does not
// notice: a nil in a vector of structs shifts everything that was packed before, and a value
// that contains itself overflows the stack, which ends the process. For faults that generated
// code or the verifier notice, objects searches afterwards, to name the part.
type objects struct {
	schema *schema
	depth  int             // the most levels of nested tables
	early  map[string]bool // by definition: it may hold faults to be found before packing
	root   *objectPlan
	before bool // values are checked before they are packed, because the root is early

	mu    sync.Mutex
	plans map[objectKey]*objectPlan
}

type objectKey struct {
	def string
	t   reflect.Type
}

// objectPlan is an object type, and says where its values may hold others.
type objectPlan struct {
	table bool // else a struct
	parts []objectPart
	early []objectPart // those of parts that are
}

type objectPart struct {
	index  int
	name   string
	def    *definition
	plan   *objectPlan // nil for a union
	many   bool        // a vector or array
	early  bool
	needed bool // part of a struct, in which no part may be missing
}

func newObjects(s *schema, t reflect.Type, depth int) *objects {
	o := &objects{
		schema: s, depth: depth, early: make(map[string]bool),
		plans: make(map[objectKey]*objectPlan),
	}
	o.before = o.isEarly(s.root)
	o.root = o.plan(s.types[s.root], t)
	return o
}

// isEarly fills o.early. A definition that is being checked counts as early, since it leads to
// itself.
func (o *objects) isEarly(def string) bool {
	d := o.schema.types[def]
	if d == nil || d.kind == structDef || d.kind == enumDef {
		return false
	}
	if known, ok := o.early[def]; ok {
		return known
	}
	o.early[def] = true
	early := false
	for _, f := range d.fields {
		early = o.isEarlyField(f.typ) || early
	}
	for _, v := range d.values {
		early = o.isEarly(v.typ.def) || early
	}
	o.early[def] = early
	return early
}

func (o *objects) isEarlyField(t fieldType) bool {
	d := o.schema.types[t.def]
	return d != nil && (t.base == vectorType && d.kind == structDef || o.isEarly(t.def))
}

// planFor is plan for values in unions, whose types are not known in advance.
func (o *objects) planFor(d *definition, t reflect.Type) *objectPlan {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.plan(d, t)
}

func (o *objects) plan(d *definition, t reflect.Type) *objectPlan {
	key := objectKey{d.name, t}
	if made := o.plans[key]; made != nil {
		return made
	}
	made := &objectPlan{table: d.kind == tableDef}
	o.plans[key] = made
	if t.Kind() != reflect.Struct {
		return made
	}
	for goField := range t.Fields() {
		i := slices.IndexFunc(d.fields, func(f field) bool {
			return alike(f.name,
				goField.Name) && f.typ.base != unionTypeType && f.typ.element != unionTypeType
		})
		if i < 0 {
			continue
		}
		if part, ok := o.part(d.fields[i], goField); ok {
			part.needed = d.kind == structDef
			made.parts = append(made.parts, part)
			if part.early {
				made.early = append(made.early, part)
			}
		}
	}
	return made
}

// part returns what a field holds; ok is false if that is neither a table, a struct nor a union.
func (o *objects) part(f field, goField reflect.StructField) (p objectPart, ok bool) {
	t := goField.Type
	p = objectPart{
		index: goField.Index[0], name: goField.Name, def: o.schema.types[f.typ.def],
		early: o.isEarlyField(f.typ),
	}
	if p.def == nil || p.def.kind == enumDef {
		return p, false
	}
	if t.Kind() == reflect.Slice || t.Kind() == reflect.Array {
		p.many, t = true, t.Elem()
	}
	if t.Kind() != reflect.Pointer || t.Elem().Kind() != reflect.Struct {
		return p, false
	}
	if p.def.kind != unionDef {
		p.plan = o.plan(p.def, t.Elem())
	}
	return p, true
}

// objectLook is one check of a value. all is set for a value that could not be packed.
type objectLook struct {
	*objects
	all   bool
	depth int
}

// needed reports whether values are checked before they are packed.
func (o *objects) needed() bool { return o != nil && o.before }

// check returns an error that names the part that cannot be packed. Without objects it knows
// nothing about values.
func (o *objects) check(v reflect.Value, all bool) error {
	if o == nil || !all && !o.needed() {
		return nil
	}
	l := objectLook{objects: o, all: all}
	if path, err := l.object(o.root, v); err != nil {
		return fmt.Errorf("%v%s %w", v.Type(), path, err)
	}
	return nil
}

func (l *objectLook) object(p *objectPlan, v reflect.Value) (path string, err error) {
	if p.table {
		if l.depth++; l.depth > l.objects.depth {
			return "",
				fmt.Errorf("lies deeper than %d tables in each other: %w; if it does not contain "+
					"itself, "+
					"use WithMaxDepth wherever the table is opened", l.objects.depth, core.ErrTooLarge)
		}
	}
	parts := p.early
	if l.all {
		parts = p.parts
	}
	for i := range parts {
		part := &parts[i]
		f := v.Field(part.index)
		if part.many {
			path, err = l.elements(part, f)
		} else if !f.IsNil() {
			path, err = l.one(part, f)
		} else if part.needed {
			err = errNilPart
		}
		if err != nil {
			return around(part.name, path), err // the check is over
		}
	}
	if p.table {
		l.depth--
	}
	return "", nil
}

// around puts a field before a path, unless the path is already long, since values may contain
// themselves.
func around(name, path string) string {
	const most = 160
	switch {
	case strings.Contains(path, "..."):
		return path[strings.Index(path, "..."):]
	case len(path) > most:
		return "..." + path
	}
	return "." + name + path
}

var (
	errNilPart    = errors.New("is nil, and a struct has all of its parts: put one of zeros")
	errNilElement = errors.New("is nil, and an element of a vector cannot be: leave it out, or " +
		"put an empty one")
	errNoValue = errors.New("has a type, and nil as its value: put a value, or the type NONE")
)

func (l *objectLook) elements(part *objectPart, v reflect.Value) (path string, err error) {
	if i := firstNil(v); i >= 0 {
		return fmt.Sprintf("[%d]", i), errNilElement
	}
	if !l.all && part.def.kind == structDef {
		return "", nil
	}
	for i := range v.Len() {
		if path, err = l.one(part, v.Index(i)); err != nil {
			return fmt.Sprintf("[%d]%s", i, path), err
		}
	}
	return "", nil
}

// firstNil returns the index of the first nil in a slice or array of pointers, or -1 if there is
// none.
func firstNil(v reflect.Value) int {
	if v.Kind() == reflect.Slice {
		return slices.Index(unsafe.Slice((*unsafe.Pointer)(v.UnsafePointer()), v.Len()), nil)
	}
	for i := range v.Len() {
		if v.Index(i).IsNil() {
			return i
		}
	}
	return -1
}

// one checks what a pointer points to.
func (l *objectLook) one(part *objectPart, v reflect.Value) (path string, err error) {
	if part.def.kind == unionDef {
		return l.union(part, v.Elem())
	}
	return l.object(part.plan, v.Elem())
}

// union checks the value of a union, which in generated code is a number and an interface.
func (l *objectLook) union(part *objectPart, u reflect.Value) (path string, err error) {
	typ, content := u.FieldByName("Type"), u.FieldByName("Value")
	if !typ.IsValid() || !typ.CanUint() || content.Kind() != reflect.Interface || typ.Uint() == 0 {
		return "", nil
	}
	i := slices.IndexFunc(part.def.values,
		func(v value) bool { return v.number == int64(typ.Uint()) })
	if i < 0 {
		return "", nil
	}
	if content.IsNil() || content.Elem().Kind() == reflect.Pointer && content.Elem().IsNil() {
		return "", errNoValue
	}
	d, held := l.schema.types[part.def.values[i].typ.def], content.Elem()
	if d == nil || held.Kind() != reflect.Pointer || held.Elem().Kind() != reflect.Struct {
		return "", nil
	}
	path, err = l.object(l.planFor(d, held.Elem().Type()), held.Elem())
	return ".Value" + path, err
}
