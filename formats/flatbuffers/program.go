// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package flatbuffers

import (
	"errors"
	"fmt"
	"math/bits"

	flatbuffers "github.com/google/flatbuffers/go"
)

// A schema is compiled into a program before records are read. It says for each table what to
// check in which slot of the vtable. The verifier, in verify.go, runs it on every record, and
// so looks up no names.

// program is a schema in the form by which records are checked. It does not change, and all
// verifiers share it.
type program struct {
	root       *tableCheck
	identifier string // 4 bytes at byte 4 of a record; "" if records have none
}

// tableCheck checks a table. fields[i] is the field in slot i of the vtable.
type tableCheck struct {
	name   string
	fields []fieldCheck
	// the least number of slots of a vtable: those up to the last required field
	slots int
}

type fieldCheck struct {
	name     string
	check    check
	required bool
	watched  bool   // its absence matters: it is required, or the type of a union
	size     uint64 // of a scalar or struct, or of an element of a vector of them
	mask     uint64 // its alignment - 1
	table    *tableCheck
	members  []memberCheck // of a union, by their numbers
}

// memberCheck checks a member of a union. It is checkUnknown for numbers that the union does
// not have.
type memberCheck struct {
	check check
	size  uint64
	mask  uint64
	table *tableCheck
}

// check is the kind of a check.
type check uint8

const (
	checkUnknown check = iota
	checkInline        // a scalar or struct in the table itself
	checkString
	checkVector  // of scalars or structs
	checkNested  // a vector of bytes that is a record of its own
	checkStrings // vectors of those
	checkTable
	checkTables
	checkUnionType // the field before a union
	checkUnion
	checkUnionTypes // the field before a vector of unions
	checkUnions
	checkStruct // as a member of a union, the only place where it is out of line
)

// maxStructAlign is far above what flatc allows.
const maxStructAlign = 1 << 15

// compile turns a schema into a program. It trusts nothing, since the schema may come from a
// damaged storage.
func (s *schema) compile() (*program, error) {
	if d := s.types[s.root]; d == nil || d.kind != tableDef {
		return nil, fmt.Errorf("the schema has no table %s", s.root)
	}
	if n := len(s.identifier); n != 0 && n != 4 {
		return nil, fmt.Errorf("the file identifier %q has %d bytes, not 4", s.identifier, n)
	}
	c := compiler{
		schema: s, tables: make(map[string]*tableCheck),
		unions: make(map[string][]memberCheck),
	}
	for name, d := range s.types { // all first, because they refer to each other
		if d.kind == tableDef {
			c.tables[name] = &tableCheck{name: name, fields: make([]fieldCheck, len(d.fields))}
		}
	}
	for name, d := range s.types {
		if err := c.definition(d); err != nil {
			return nil, fmt.Errorf("%v %s: %w", d.kind, name, err)
		}
	}
	return &program{root: c.tables[s.root], identifier: s.identifier}, nil
}

type compiler struct {
	schema *schema
	tables map[string]*tableCheck
	unions map[string][]memberCheck
}

func (c *compiler) definition(d *definition) error {
	if name := d.twice(); name != "" {
		return fmt.Errorf("it has two fields or values %s", name)
	}
	switch d.kind {
	case tableDef:
		return c.table(d)
	case structDef:
		if d.size == 0 || d.size > 1<<30 || bits.OnesCount32(d.align) != 1 ||
			d.align > maxStructAlign || d.size%d.align != 0 {
			return fmt.Errorf("a size of %d and an alignment of %d are impossible", d.size, d.align)
		}
	case unionDef:
		_, err := c.members(d)
		return err
	case enumDef:
	}
	return nil
}

func (c *compiler) table(d *definition) error {
	t := c.tables[d.name]
	for i, f := range d.fields {
		if f.slot() != i || f.offset%2 != 0 {
			return fmt.Errorf("field %s has the offset %d where %d is next",
				f.name, f.offset, 2*i+4)
		}
		checked, err := c.field(d, i)
		if err != nil {
			return fmt.Errorf("field %s: %w", f.name, err)
		}
		checked.name, checked.required = f.name, f.required
		checked.watched = f.required || checked.check == checkUnionType ||
			checked.check == checkUnionTypes
		t.fields[i] = checked
		if f.required {
			t.slots = i + 1
		}
	}
	return nil
}

func (c *compiler) field(d *definition, i int) (fieldCheck, error) {
	f := d.fields[i]
	switch t := f.typ; {
	case t.base == unionTypeType:
		return typeOfUnion(d, i, checkUnionType, fieldType{base: unionType, def: t.def})
	case t.base == vectorType && t.element == unionTypeType:
		return typeOfUnion(d, i, checkUnionTypes,
			fieldType{base: vectorType, element: unionType, def: t.def})
	case t.base == unionType, t.base == vectorType && t.element == unionType:
		return c.union(d, i)
	case t.base == vectorType:
		return c.vector(t)
	case t.base == stringType:
		return fieldCheck{check: checkString}, nil
	case t.base == objectType && c.tables[t.def] != nil:
		return fieldCheck{check: checkTable, table: c.tables[t.def]}, nil
	default:
		return c.inline(t.base, t.def, checkInline)
	}
}

// inline is for types of a fixed size.
func (c *compiler) inline(base baseType, def string, kind check) (fieldCheck, error) {
	if n := uint64(base.size()); n != 0 {
		return fieldCheck{check: kind, size: n, mask: n - 1}, nil
	}
	if base != objectType {
		return fieldCheck{}, fmt.Errorf("%w: %v", errNoAccessor, base)
	}
	d := c.schema.types[def]
	if d == nil || d.kind != structDef {
		return fieldCheck{}, fmt.Errorf("there is no table or struct %s", def)
	}
	return fieldCheck{check: kind, size: uint64(d.size), mask: uint64(d.align) - 1}, nil
}

var errNoAccessor = errors.New("this type cannot be read in Go")

func (c *compiler) vector(t fieldType) (fieldCheck, error) {
	switch {
	case t.nested != "":
		if c.tables[t.nested] == nil || t.element != ubyteType {
			return fieldCheck{}, fmt.Errorf("there is no table %s that could be nested", t.nested)
		}
		return fieldCheck{check: checkNested, table: c.tables[t.nested]}, nil
	case t.element == stringType:
		return fieldCheck{check: checkStrings}, nil
	case t.element == objectType && c.tables[t.def] != nil:
		return fieldCheck{check: checkTables, table: c.tables[t.def]}, nil
	}
	return c.inline(t.element, t.def, checkVector)
}

// typeOfUnion is for the field that says which member the next field holds; that field must be
// the union.
func typeOfUnion(d *definition, i int, kind check, next fieldType) (fieldCheck, error) {
	if i+1 == len(d.fields) || d.fields[i+1].typ != next {
		return fieldCheck{}, fmt.Errorf("the field after the type of a union %s is not that union",
			next.def)
	}
	return fieldCheck{check: kind, size: 1}, nil
}

func (c *compiler) union(d *definition, i int) (fieldCheck, error) {
	f := d.fields[i]
	kind, before := checkUnion, fieldType{base: unionTypeType, def: f.typ.def}
	if f.typ.base == vectorType {
		kind, before = checkUnions, fieldType{
			base: vectorType, element: unionTypeType,
			def: f.typ.def,
		}
	}
	if i == 0 || d.fields[i-1].typ != before {
		return fieldCheck{}, fmt.Errorf("the field before the union %s is not its type", f.typ.def)
	}
	u := c.schema.types[f.typ.def]
	if u == nil || u.kind != unionDef {
		return fieldCheck{}, fmt.Errorf("there is no union %s", f.typ.def)
	}
	members, err := c.members(u)
	return fieldCheck{check: kind, members: members}, err
}

func (c *compiler) members(u *definition) ([]memberCheck, error) {
	if all := c.unions[u.name]; all != nil {
		return all, nil
	}
	var all []memberCheck
	for _, v := range u.values {
		if v.number < int64(len(all)) || v.number > 255 || v.number == 0 && v.typ.base != noType {
			return nil, fmt.Errorf("member %s has the number %d", v.name, v.number)
		}
		m, err := c.member(v.typ)
		if err != nil {
			return nil, fmt.Errorf("member %s: %w", v.name, err)
		}
		for int64(len(all)) < v.number {
			all = append(all, memberCheck{})
		}
		all = append(all, m)
	}
	c.unions[u.name] = all
	return all, nil
}

func (c *compiler) member(t fieldType) (memberCheck, error) {
	switch {
	case t.base == noType:
		return memberCheck{}, nil
	case t.base == stringType:
		return memberCheck{check: checkString}, nil
	case t.base == objectType && c.tables[t.def] != nil:
		return memberCheck{check: checkTable, table: c.tables[t.def]}, nil
	case t.base == objectType:
		f, err := c.inline(t.base, t.def, checkStruct)
		return memberCheck{check: f.check, size: f.size, mask: f.mask}, err
	}
	return memberCheck{}, fmt.Errorf("%w: a union of %v", errNoAccessor, t)
}

// verify returns the position of the root table of a record, if everything that can be reached
// from it is valid. strict refuses parts that the schema does not know.
func (p *program) verify(b []byte, l limits, strict bool) (flatbuffers.UOffsetT, error) {
	v := newVerifier(b, l, strict)
	pos, ok := v.record(p.root, p.identifier)
	if !ok {
		return 0, v.err()
	}
	return flatbuffers.UOffsetT(pos), nil
}
