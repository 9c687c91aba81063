// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package gob

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// typeID names a type within a description. The low IDs are gob's own.
type typeID int64

const (
	idBool typeID = 1 + iota
	idInt
	idUint
	idFloat
	idBytes
	idString
	idComplex
	idInterface

	firstID     typeID = 64 // lower ones are gob's own
	canonicalID typeID = 65 // the first number of the canonical form
)

// form is what kind of type a wireType describes. The order is gob's.
type form uint8

const (
	formArray form = iota
	formSlice
	formStruct
	formMap
	formGobEncoder      // the types that encode themselves, and by which method
	formBinaryMarshaler //
	formTextMarshaler   // gob knows this form but does not use it
)

// wireType describes one type that is not gob's own.
type wireType struct {
	form      form
	key, elem typeID
	length    uint64 // of an array
	fields    []wireField
}

type wireField struct {
	name string
	id   typeID
}

// The most types and fields that a description may have, and the most work that it may cause,
// if it is stored with the table and if it is in a value.
const (
	maxParts      = 1 << 16
	maxValueParts = 1 << 12
	maxWork       = 1 << 20
	maxValueWork  = 1 << 14
)

// description is what gob sends about a type before the first value: the types that it is made
// of, by number.
//
// Gob numbers the types of a process in the order of their first use. In the canonical form
// they are numbered from 65 on, in the order in which they are met from the root, and have no
// names, so it depends only on what is stored.
type description struct {
	root  typeID
	types map[typeID]*wireType
	parts int // how many types and fields there are
}

var (
	errDescription  = errors.New("the description of a type is damaged")
	errTooManyTypes = errors.New("the description of a type is too long")
)

// add reads the description of one type. There may be at most that many types and fields.
func (d *description) add(id typeID, r *reader, most int) error {
	t := readWireType(r)
	if r.bad || len(r.b) > 0 || t == nil || id < firstID || d.types[id] != nil {
		return errDescription
	}
	if d.parts += 1 + len(t.fields); d.parts > most {
		return errTooManyTypes
	}
	if d.types == nil {
		d.types = map[typeID]*wireType{}
	}
	d.types[id] = t
	return nil
}

// readWireType reads what gob's documentation calls a wireType. It returns nil unless it finds
// exactly one type.
func readWireType(r *reader) *wireType {
	var t *wireType
	r.fields(func(field int) {
		if t != nil || field > int(formTextMarshaler) {
			r.fail()
			return
		}
		t = &wireType{form: form(field)}
		r.fields(func(field int) { t.readPart(r, field) })
	})
	return t
}

// readPart reads one field of the description of a type. The first field is the type's name and
// number, which do not matter.
func (t *wireType) readPart(r *reader, field int) {
	switch {
	case field == 0:
		r.fields(func(field int) {
			if field == 0 {
				r.counted()
			} else {
				r.int()
			}
		})
	case t.form == formStruct && field == 1:
		t.readFields(r)
	case t.form == formMap && field == 1:
		t.key = typeID(r.int())
	case t.form == formMap && field == 2, field == 1 && t.form <= formSlice:
		t.elem = typeID(r.int())
	case t.form == formArray && field == 2:
		if n := r.int(); n >= 0 {
			t.length = uint64(n)
			return
		}
		r.fail()
	default:
		r.fail()
	}
}

func (t *wireType) readFields(r *reader) {
	n := r.uint()
	if n > maxParts || n > uint64(len(r.b)) {
		r.fail()
		return
	}
	names := make(map[string]bool, n)
	for range n {
		var f wireField
		r.fields(func(field int) {
			if field == 0 {
				f.name = string(r.counted())
			} else {
				f.id = typeID(r.int())
			}
		})
		if f.name == "" || names[f.name] {
			r.fail()
		}
		if r.bad {
			return
		}
		names[f.name] = true
		t.fields = append(t.fields, f)
	}
}

// check returns an error if a reference leads to a type that is not described, or if the types
// would cause gob too much work.
func (d *description) check(work int) error {
	known := func(id typeID) bool { return id >= idBool && id <= idInterface || d.types[id] != nil }
	ok := known(d.root)
	for _, t := range d.types {
		t.eachReference(func(id *typeID) { ok = ok && known(*id) })
	}
	if !ok {
		return errDescription
	}
	if !d.workWithin(work) {
		return errTooManyTypes
	}
	return nil
}

// workWithin adds up what gob has to do when nothing of a value has a place to go: for each
// field of a struct it goes through all types up to the next structs, without remembering what
// it found.
func (d *description) workWithin(most int) bool {
	steps := map[typeID]int{}
	var from func(id typeID) int
	from = func(id typeID) int {
		t := d.types[id]
		if t == nil || t.form == formStruct {
			return 1
		}
		n, known := steps[id]
		if !known {
			steps[id] = 1 // for types that lead back to themselves
			n = 1
			t.eachReference(func(id *typeID) { n = min(n+from(*id), most+1) })
			steps[id] = n
		}
		return n
	}
	total := 0
	for _, t := range d.types {
		for _, f := range t.fields {
			total = min(total+from(f.id), most+1)
		}
	}
	return total <= most
}

// eachReference calls fn for every place where the type refers to another.
func (t *wireType) eachReference(fn func(id *typeID)) {
	switch t.form {
	case formMap:
		fn(&t.key)
		fn(&t.elem)
	case formArray, formSlice:
		fn(&t.elem)
	case formStruct:
		for i := range t.fields {
			fn(&t.fields[i].id)
		}
	}
}

// canonical returns the canonical form, without the types that cannot be reached from the root.
func (d *description) canonical() *description {
	n := newNumbering(d)
	n.to.root = n.number(d.root)
	return n.to
}

// numbering gives types new numbers, in the order in which they are asked for.
type numbering struct {
	from, to *description
	numbers  map[typeID]typeID
}

func newNumbering(from *description) *numbering {
	return &numbering{from, &description{types: map[typeID]*wireType{}}, map[typeID]typeID{}}
}

// number returns the new number of a type. If the type had none, all types that can be reached
// from it are numbered too.
func (n *numbering) number(id typeID) typeID {
	if id < firstID {
		return id
	}
	if have, ok := n.numbers[id]; ok {
		return have
	}
	var queue []typeID
	assign := func(id *typeID) {
		if *id < firstID {
			return
		}
		if _, ok := n.numbers[*id]; !ok {
			n.numbers[*id] = canonicalID + typeID(len(n.numbers))
			queue = append(queue, *id)
		}
		*id = n.numbers[*id]
	}
	first := id
	assign(&first)
	for i := 0; i < len(queue); i++ {
		t := *n.from.types[queue[i]]
		t.fields = slices.Clone(t.fields)
		t.eachReference(assign)
		n.to.types[n.numbers[queue[i]]] = &t
		n.to.parts += 1 + len(t.fields)
	}
	return first
}

// messages returns the messages from which a gob decoder learns the types of a canonical
// description.
func (d *description) messages() []byte { return d.messagesFrom(0) }

// messagesFrom is messages without those about the first types.
func (d *description) messagesFrom(first int) []byte {
	var all []byte
	for id := canonicalID + typeID(first); id < canonicalID+typeID(len(d.types)); id++ {
		all = appendCounted(all, d.types[id].appendTo(appendInt(nil, -int64(id))))
	}
	return all
}

// appendTo appends the type as a wireType without names, as readWireType reads it: a struct of
// the field for its form, which is a struct whose field 0 is left out.
func (t *wireType) appendTo(dst []byte) []byte {
	dst = append(dst, byte(t.form)+1)
	switch t.form {
	case formArray, formSlice:
		dst = appendInt(append(dst, 2), int64(t.elem))
		if t.length > 0 {
			dst = appendInt(append(dst, 1), int64(t.length))
		}
	case formMap:
		dst = appendInt(append(dst, 2), int64(t.key))
		dst = appendInt(append(dst, 1), int64(t.elem))
	case formStruct:
		dst = t.appendFields(dst)
	}
	return append(dst, 0, 0)
}

func (t *wireType) appendFields(dst []byte) []byte {
	if len(t.fields) == 0 {
		return dst
	}
	dst = appendUint(append(dst, 2), uint64(len(t.fields)))
	for _, f := range t.fields {
		dst = appendCounted(append(dst, 1), f.name)
		dst = append(appendInt(append(dst, 1), int64(f.id)), 0)
	}
	return dst
}

var builtinNames = [...]string{
	idBool: "bool", idInt: "int", idUint: "uint", idFloat: "float", idBytes: "bytes",
	idString:  "string",
	idComplex: "complex", idInterface: "interface",
}

// describe writes a type like Go source, without the names of types: ^1 is the type around it,
// ^2 the one around that. It cuts the text after most bytes, since a malicious description can
// be endless.
func (d *description) describe(id typeID, most int) string {
	w := describer{types: d.types, most: most}
	w.write(id)
	if w.text.Len() > most {
		return strings.ToValidUTF8(w.text.String()[:most], "") + "..."
	}
	return w.text.String()
}

type describer struct {
	types  map[typeID]*wireType
	text   strings.Builder
	most   int
	around []typeID
}

func (w *describer) write(id typeID) {
	if w.text.Len() > w.most {
		return
	}
	if id <= idInterface {
		w.text.WriteString(builtinNames[id])
		return
	}
	if i := slices.Index(w.around, id); i >= 0 {
		fmt.Fprintf(&w.text, "^%d", len(w.around)-i)
		return
	}
	w.around = append(w.around, id)
	w.writeParts(w.types[id])
	w.around = w.around[:len(w.around)-1]
}

func (w *describer) writeParts(t *wireType) {
	switch t.form {
	case formArray:
		fmt.Fprintf(&w.text, "[%d]", t.length)
		w.write(t.elem)
	case formSlice:
		w.text.WriteString("[]")
		w.write(t.elem)
	case formMap:
		w.text.WriteString("map[")
		w.write(t.key)
		w.text.WriteString("]")
		w.write(t.elem)
	case formStruct:
		separator := "struct{"
		for _, f := range t.fields {
			w.text.WriteString(separator + f.name + " ")
			w.write(f.id)
			separator = "; "
		}
		w.text.WriteString(strings.TrimPrefix(separator+"}", "; "))
	default:
		w.text.WriteString(ownNames[t.form])
	}
}

// ownNames holds the names for types that encode themselves.
var ownNames = map[form]string{
	formGobEncoder: "GobEncoder", formBinaryMarshaler: "BinaryMarshaler",
	formTextMarshaler: "TextMarshaler",
}
