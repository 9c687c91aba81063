// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package gob

import (
	"encoding/gob"
	"errors"
	"maps"
	"reflect"
	"slices"
	"sync"
)

// Values that hold interfaces are stored as the number of descriptions, the descriptions, each
// a counted message, and the value. The descriptions are of the types that are in the
// interfaces but not in T. Their numbers continue those of T, in the order in which they are
// met.

// appendDynamic appends such a value.
func (b *bound[T]) appendDynamic(dst []byte, v T) ([]byte, error) {
	if err := b.encoders.check(&v); err != nil {
		return nil, err
	}
	sent, err := sendDynamic(v)
	if err != nil {
		return nil, err
	}
	var d description
	root, rest, err := sent.read(&d)
	if err != nil {
		return nil, err
	}
	d.root = root
	if err := d.check(maxWork); err != nil {
		return nil, err
	}
	n := newNumbering(&d)
	n.number(root)
	own := len(n.to.types)
	r := renumbering{reader{b: rest}, n}
	payload := r.alone(nil, root)
	if r.bad || len(r.b) > 0 {
		return nil, errMalformed
	}
	dst = appendUint(dst, uint64(len(n.to.types)-own))
	return append(append(dst, n.to.messagesFrom(own)...), payload...), nil
}

// sendDynamic returns what a gob encoder sends for v: descriptions, and then one message with
// the value. Left to itself, gob would put descriptions in the middle of the value.
func sendDynamic[T any](v T) (messages, error) {
	inside := typesInside{found: map[reflect.Type]bool{}, dynamic: map[reflect.Type]bool{}}
	if err := inside.collect(reflect.ValueOf(&v).Elem()); err != nil {
		return messages{}, err
	}
	sent := messages{withoutValues: true}
	e := gob.NewEncoder(&sent)
	for t := range inside.found {
		// see describeTo
		if err := e.EncodeValue(reflect.MakeMap(reflect.MapOf(reflect.TypeFor[bool](),
			t))); err != nil {
			return messages{}, err
		}
	}
	sent.withoutValues = false
	return sent, encode(e, &v)
}

// typesInside collects the types that a value's interfaces hold.
type typesInside struct {
	found   map[reflect.Type]bool
	dynamic map[reflect.Type]bool // whether a type that was looked at leads to interfaces
}

func (c *typesInside) collect(v reflect.Value) error {
	if leads, err := c.leadsToMore(v.Type()); err != nil || !leads {
		return err
	}
	switch v.Kind() {
	case reflect.Interface:
		if v.IsNil() {
			return nil
		}
		c.found[v.Elem().Type()] = true
		return c.collect(v.Elem())
	case reflect.Pointer:
		if v.IsNil() {
			return nil
		}
		return c.collect(v.Elem())
	case reflect.Struct:
		for i := range v.NumField() {
			if !v.Type().Field(i).IsExported() {
				continue
			}
			if err := c.collect(v.Field(i)); err != nil {
				return err
			}
		}
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			if err := c.collect(v.Index(i)); err != nil {
				return err
			}
		}
	case reflect.Map:
		for i := v.MapRange(); i.Next(); {
			if err := errors.Join(c.collect(i.Key()), c.collect(i.Value())); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *typesInside) leadsToMore(t reflect.Type) (bool, error) {
	leads, known := c.dynamic[t]
	if known {
		return leads, nil
	}
	leads, err := surveyType(t)
	if err == nil {
		c.dynamic[t] = leads
	}
	return leads, err
}

// renumbering copies a value and changes the numbers of the types in its interfaces.
type renumbering struct {
	reader
	*numbering
}

func (r *renumbering) alone(dst []byte, id typeID) []byte {
	if t := r.from.types[id]; t == nil || t.form != formStruct {
		dst = appendUint(dst, r.uint())
	}
	return r.value(dst, id)
}

func (r *renumbering) value(dst []byte, id typeID) []byte {
	switch {
	case r.bad:
		return nil
	case id <= idFloat:
		return appendUint(dst, r.uint())
	case id == idComplex:
		return appendUint(appendUint(dst, r.uint()), r.uint())
	case id == idInterface:
		return r.inner(dst)
	case id < firstID:
		return appendCounted(dst, r.counted())
	}
	switch t := r.from.types[id]; t.form {
	case formStruct:
		return r.structure(dst, t)
	case formArray, formSlice, formMap:
		n := r.uint()
		dst = appendUint(dst, n)
		for ; n > 0 && !r.bad; n-- {
			if t.form == formMap {
				dst = r.value(dst, t.key)
			}
			dst = r.value(dst, t.elem)
		}
		return dst
	}
	return appendCounted(dst, r.counted())
}

func (r *renumbering) structure(dst []byte, t *wireType) []byte {
	for next := -1; ; {
		step := r.uint()
		dst = appendUint(dst, step)
		next += int(step)
		if step == 0 || r.bad {
			return dst
		}
		if next >= len(t.fields) {
			r.fail()
			return nil
		}
		dst = r.value(dst, t.fields[next].id)
	}
}

// inner copies the content of an interface: the name of its type, empty for nil, the number of
// its description, and its bytes.
func (r *renumbering) inner(dst []byte) []byte {
	name := r.counted()
	dst = appendCounted(dst, name)
	if len(name) == 0 {
		return dst
	}
	id := typeID(r.int())
	value := renumbering{reader{b: r.counted()}, r.numbering}
	if id >= firstID && r.from.types[id] == nil {
		r.fail()
		return nil
	}
	dst = appendInt(dst, int64(r.number(id)))
	b := value.alone(nil, id)
	if value.bad || len(value.b) > 0 {
		r.fail()
	}
	return appendCounted(dst, b)
}

// lookDynamic is look for a value that holds interfaces.
func (b *bound[T]) lookDynamic(e *epoch, w walk, body []byte) (found, error) {
	r := reader{b: body}
	d := e.types
	n := r.uint()
	if n > maxValueParts {
		return found{}, errTooManyTypes
	}
	if n > 0 {
		d = &description{d.root, maps.Clone(d.types), 0}
	}
	start := len(body) - len(r.b)
	for range n {
		message := reader{b: r.counted()}
		id := typeID(-message.int())
		if r.bad || message.bad || id != canonicalID+typeID(len(d.types)) {
			return found{}, errDescription
		}
		if err := d.add(id, &message, maxValueParts); err != nil {
			return found{}, err
		}
	}
	if n > 0 {
		if err := d.check(maxValueWork); err != nil {
			return found{}, err
		}
	}
	value := found{payload: r.b}
	if n > 0 {
		value.decoders = &decoders{
			root:     e.types.root,
			preamble: append(slices.Clip(e.decoders.preamble), body[start:len(body)-len(r.b)]...),
		}
	}
	w.b = r.b
	w.inner = &innerPlanner{
		planner{types: d, plans: map[pairing]*plan{}},
		&b.names,
		map[string]innerPlan{},
	}
	return value, w.whole(e.plan)
}

// innerPlanner makes the plans for the content of interfaces.
type innerPlanner struct {
	planner
	names *registered
	made  map[string]innerPlan // by name
}

type innerPlan struct {
	id   typeID
	plan *plan
}

func (p *innerPlanner) planFor(name []byte, id typeID) (*plan, error) {
	if m, ok := p.made[string(name)]; ok && m.id == id {
		return m.plan, nil
	}
	made, err := p.make(name, id)
	if err == nil {
		p.made[string(name)] = innerPlan{id, made}
	}
	return made, err
}

func (p *innerPlanner) make(name []byte, id typeID) (*plan, error) {
	w := p.types.types[id]
	if w == nil && (id < idBool || id >= idInterface) {
		return nil, errMalformed
	}
	if w != nil && w.form >= formGobEncoder {
		return &plan{form: w.form, room: opaqueRoom}, nil
	}
	t, err := p.names.find(string(name), id, p.types)
	if err != nil {
		return nil, err
	}
	return p.whole(string(name), id, t)
}

// opaqueRoom is the assumed size of a type that encodes itself, if it is in an interface.
const opaqueRoom = 256

// registered knows which types are registered under which names.
type registered struct{ types sync.Map }

// find returns the type that is registered under a name. Gob does not tell, but when it decodes
// a zero, it makes a value of that type.
func (r *registered) find(name string, id typeID, d *description) (reflect.Type, error) {
	if t, ok := r.types.Load(name); ok {
		return t.(reflect.Type), nil
	}
	c := d.forZero(id).canonical()
	zero, ok := c.appendZeroAlone(nil)
	if !ok {
		return nil, errMalformed
	}
	inner := appendInt(appendCounted([]byte{0}, name), int64(c.root))
	source := decoders{root: idInterface, preamble: c.messages()}
	var v any
	if err := source.decode(appendCounted(inner, zero), &v); err != nil {
		return nil, disagreement(name, err)
	}
	t := reflect.TypeOf(v)
	r.types.Store(name, t)
	return t, nil
}

// forZero returns the description of a type of which only a zero is wanted. The description of
// a struct needs no fields: without them gob makes the registered type whatever its fields are,
// and the plan finds those that do not fit.
func (d *description) forZero(id typeID) *description {
	if t := d.types[id]; t != nil && t.form == formStruct {
		return &description{root: id, types: map[typeID]*wireType{id: {form: formStruct}}}
	}
	of := *d
	of.root = id
	return &of
}

// appendZeroAlone appends the encoding of a zero of the root type, unless it would be long.
func (d *description) appendZeroAlone(dst []byte) ([]byte, bool) {
	if t := d.types[d.root]; t == nil || t.form != formStruct {
		dst = append(dst, 0)
	}
	return d.appendZero(dst, d.root)
}

func (d *description) appendZero(dst []byte, id typeID) ([]byte, bool) {
	const most = 1 << 16
	if id == idComplex {
		return append(dst, 0, 0), true
	}
	t := d.types[id]
	if t == nil || t.form != formArray {
		return append(dst, 0), len(dst) < most
	}
	dst = appendUint(dst, t.length)
	ok := len(dst) < most // an array of itself has no end
	for n := t.length; n > 0 && ok; n-- {
		dst, ok = d.appendZero(dst, t.elem)
	}
	return dst, ok
}
