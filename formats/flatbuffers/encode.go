// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package flatbuffers

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"

	"github.com/guardkv/guardkv/core"
)

// A table remembers the schema of its rows in this compact form. A schema has one encoding.
//
//	schema     = magic identifier root definitions
//	definition = kind name (size align if it is a struct) fields values
//	field      = name (offset if it is in a struct) flags initial type
//	value      = name number (type if it is in a union)
//	type       = base (element if it is a vector or array) (length if it is an array) def nested
//
// Definitions are in the order of their names. def and nested are positions of definitions,
// counted from 1; 0 means none. Strings and lists begin with their length; all numbers are
// varints.
const magic = "FBS\x01" // the last byte is the version

const flagRequired = 1

// encode returns the schema in its stored form.
func (s *schema) encode() []byte {
	e := encoding{b: []byte(magic), positions: make(map[string]int)}
	e.text(s.identifier)
	e.text(s.root)
	names := slices.Sorted(maps.Keys(s.types))
	for i, name := range names {
		e.positions[name] = i + 1
	}
	e.number(uint64(len(names)))
	for _, name := range names {
		e.definition(s.types[name])
	}
	return e.b
}

type encoding struct {
	b         []byte
	positions map[string]int
}

func (e *encoding) number(n uint64) { e.b = binary.AppendUvarint(e.b, n) }

func (e *encoding) text(s string) {
	e.number(uint64(len(s)))
	e.b = append(e.b, s...)
}

func (e *encoding) definition(d *definition) {
	e.number(uint64(d.kind))
	e.text(d.name)
	if d.kind == structDef {
		e.number(uint64(d.size))
		e.number(uint64(d.align))
	}
	e.number(uint64(len(d.fields)))
	for _, f := range d.fields {
		e.field(f, d.kind)
	}
	e.number(uint64(len(d.values)))
	for _, v := range d.values {
		e.text(v.name)
		e.b = binary.AppendVarint(e.b, v.number)
		if d.kind == unionDef {
			e.typ(v.typ)
		}
	}
}

func (e *encoding) field(f field, in defKind) {
	e.text(f.name)
	if in == structDef {
		e.number(uint64(f.offset))
	}
	var flags uint64
	if f.required {
		flags |= flagRequired
	}
	e.number(flags)
	e.text(f.initial)
	e.typ(f.typ)
}

func (e *encoding) typ(t fieldType) {
	e.number(uint64(t.base))
	if t.base == vectorType || t.base == arrayType {
		e.number(uint64(t.element))
	}
	if t.base == arrayType {
		e.number(uint64(t.length))
	}
	e.number(uint64(e.positions[t.def]))
	e.number(uint64(e.positions[t.nested]))
}

// decodeSchema is the inverse of encode.
func decodeSchema(b []byte) (*schema, error) {
	rest, ok := bytes.CutPrefix(b, []byte(magic))
	if !ok && bytes.HasPrefix(b, []byte(magic[:len(magic)-1])) && len(b) >= len(magic) {
		return nil,
			fmt.Errorf("flatbuffers: %w: the table's schema is stored in version %d of its "+
				"encoding, and this program knows version %d",
				core.ErrFormatMismatch, b[len(magic)-1], magic[len(magic)-1])
	}
	if !ok {
		return nil, fmt.Errorf("flatbuffers: %w: what is stored as the table's schema is none",
			core.ErrCorrupt)
	}
	d := decoding{b: rest}
	s := d.schema()
	if d.bad || string(s.encode()) != string(b) {
		return nil, fmt.Errorf("flatbuffers: %w: the stored schema of the table is damaged",
			core.ErrCorrupt)
	}
	return s, nil
}

// decoding reads an encoding from its start. After a mistake it is bad, and reads only zeros.
type decoding struct {
	b   []byte
	bad bool
	// References are positions in the list of definitions, which is not yet known when they are
	// read.
	refs []reference
}

type reference struct {
	name     *string
	position uint64
}

func (d *decoding) schema() *schema {
	s := &schema{identifier: d.text(), root: d.text(), types: make(map[string]*definition)}
	names := []string{""}
	for range d.count() {
		def := d.definition()
		if names = append(names, def.name); d.bad || s.types[def.name] != nil {
			d.bad = true
			return s
		}
		s.types[def.name] = def
	}
	for _, r := range d.refs {
		if r.position >= uint64(len(names)) {
			d.bad = true
			return s
		}
		*r.name = names[r.position]
	}
	d.bad = d.bad || len(d.b) > 0
	return s
}

func (d *decoding) number(most uint64) uint64 {
	n, size := binary.Uvarint(d.b)
	if size <= 0 || n > most {
		d.bad, d.b = true, nil
		return 0
	}
	d.b = d.b[size:]
	return n
}

func (d *decoding) signed() int64 {
	n, size := binary.Varint(d.b)
	if size <= 0 {
		d.bad, d.b = true, nil
		return 0
	}
	d.b = d.b[size:]
	return n
}

// count reads the length of a list whose elements take at least one byte each.
func (d *decoding) count() int { return int(d.number(uint64(len(d.b)))) }

func (d *decoding) text() string {
	n := d.number(uint64(len(d.b)))
	if n > uint64(len(d.b)) { // the number itself took some bytes
		d.bad, d.b = true, nil
		return ""
	}
	s := string(d.b[:n])
	d.b = d.b[n:]
	return s
}

func (d *decoding) definition() *definition {
	def := &definition{kind: defKind(d.number(uint64(unionDef))), name: d.text()}
	if def.kind == structDef {
		def.size, def.align = uint32(d.number(1<<31)), uint32(d.number(1<<31))
	}
	def.fields = make([]field, d.count())
	for i := range def.fields {
		if d.bad || i > maxSlots {
			d.bad = true
			break
		}
		d.field(&def.fields[i], i, def.kind)
	}
	def.values = make([]value, d.count())
	for i := range def.values {
		if d.bad {
			break
		}
		v := &def.values[i]
		v.name, v.number = d.text(), d.signed()
		if def.kind == unionDef {
			d.typ(&v.typ)
		}
	}
	d.bad = d.bad || !slices.IsSortedFunc(def.values, inOrder)
	return def
}

func (d *decoding) field(f *field, i int, in defKind) {
	f.name, f.offset = d.text(), uint16(2*i+4)
	if in == structDef {
		f.offset = uint16(d.number(1<<16 - 1))
	}
	f.required = d.number(flagRequired) != 0
	f.initial = d.text()
	d.typ(&f.typ)
}

func (d *decoding) typ(t *fieldType) {
	t.base = baseType(d.number(255))
	if t.base == vectorType || t.base == arrayType {
		t.element = baseType(d.number(255))
	}
	if t.base == arrayType {
		t.length = uint16(d.number(1<<16 - 1))
	}
	d.refs = append(d.refs, reference{&t.def, d.number(1 << 31)},
		reference{&t.nested, d.number(1 << 31)})
}
