// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package flatbuffers

import (
	"cmp"
	"fmt"
	"strings"
)

// schema describes the records of one table: the root and all types that can be reached from
// it.
type schema struct {
	root       string
	identifier string // of records; "" if they have none
	types      map[string]*definition
}

// definition is one named type of a schema.
type definition struct {
	kind        defKind
	name        string
	size, align uint32  // of a struct
	fields      []field // of a table or struct, in the order of their offsets
	values      []value // of an enum or union, in the order of inOrder
}

// twice returns a name that two fields or values have, or "" if there is none.
func (d *definition) twice() string {
	seen := make(map[string]bool)
	for _, f := range d.fields {
		if seen[f.name] {
			return f.name
		}
		seen[f.name] = true
	}
	for _, v := range d.values {
		if seen[v.name] {
			return v.name
		}
		seen[v.name] = true
	}
	return ""
}

type defKind uint8

const (
	tableDef defKind = iota
	structDef
	enumDef
	unionDef
)

func (k defKind) String() string {
	return [...]string{"table", "struct", "enum", "union"}[k]
}

// field is a field of a table or struct.
type field struct {
	name       string
	offset     uint16 // in the vtable; in a struct: from its start
	typ        fieldType
	initial    string // the default of a scalar, as text; "" is zero
	required   bool
	deprecated bool // generated code has no accessor for it
}

// slot returns the number of a table's field.
func (f field) slot() int { return int(f.offset)/2 - 2 }

// declaration returns everything that rows depend on. Two fields may stand for each other if
// their declarations are the same.
func (f field) declaration() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s:%v", f.name, f.typ)
	if f.initial != "" {
		b.WriteString(" = " + f.initial)
	}
	if f.required {
		b.WriteString(" (required)")
	}
	return b.String()
}

// fieldType is the type of a field or of a member of a union.
type fieldType struct {
	base    baseType
	element baseType // of a vector or array
	length  uint16   // of an array
	def     string   // the definition that base or element refers to; "" if none
	nested  string   // the table whose nested records lie in the vector; "" if none
}

func (t fieldType) String() string {
	switch {
	case t.nested != "":
		return fmt.Sprintf("[%v] (nested_flatbuffer: %s)", t.element, t.nested)
	case t.base == vectorType:
		return "[" + named(t.element, t.def) + "]"
	case t.base == arrayType:
		return fmt.Sprintf("[%s:%d]", named(t.element, t.def), t.length)
	}
	return named(t.base, t.def)
}

func named(b baseType, def string) string {
	switch {
	case def == "":
		return b.String()
	case b == objectType:
		return def
	}
	return fmt.Sprintf("%s (%v)", def, b)
}

// value is a value of an enum or a member of a union.
type value struct {
	name   string
	number int64
	typ    fieldType // of a member
}

// inOrder orders values by their numbers. Two names may have the same number.
func inOrder(a, b value) int {
	return cmp.Or(cmp.Compare(a.number, b.number), cmp.Compare(a.name, b.name))
}

func (v value) declaration() string {
	if v.typ == (fieldType{}) {
		return fmt.Sprintf("%s = %d", v.name, v.number)
	}
	return fmt.Sprintf("%s:%v = %d", v.name, v.typ, v.number)
}

// baseType is numbered as in compiled schemas.
type baseType uint8

const (
	noType baseType = iota
	unionTypeType
	boolType
	byteType
	ubyteType
	shortType
	ushortType
	intType
	uintType
	longType
	ulongType
	floatType
	doubleType
	stringType
	vectorType
	objectType // a table or struct
	unionType
	arrayType
	vector64Type
)

var baseNames = [...]string{
	"none", "union type", "bool", "byte", "ubyte", "short", "ushort", "int", "uint", "long",
	"ulong", "float", "double",
	"string", "vector", "object", "union", "array", "vector64",
}

func (b baseType) String() string {
	if int(b) < len(baseNames) {
		return baseNames[b]
	}
	return fmt.Sprintf("type %d", uint8(b))
}

// size returns the size and alignment of a scalar, or 0 for other types.
func (b baseType) size() uint32 {
	switch b {
	case unionTypeType, boolType, byteType, ubyteType:
		return 1
	case shortType, ushortType:
		return 2
	case intType, uintType, floatType:
		return 4
	case longType, ulongType, doubleType:
		return 8
	}
	return 0
}

// of returns the part of the schema that can be reached from a table.
func (s *schema) of(root string) *schema {
	part := &schema{root: root, types: make(map[string]*definition)}
	if s.root == root {
		part.identifier = s.identifier
	}
	part.take(s, root)
	return part
}

func (s *schema) take(from *schema, name string) {
	d := from.types[name]
	if d == nil || s.types[name] != nil {
		return
	}
	s.types[name] = d
	for _, f := range d.fields {
		s.take(from, f.typ.def)
		s.take(from, f.typ.nested)
	}
	for _, v := range d.values {
		s.take(from, v.typ.def)
	}
}
