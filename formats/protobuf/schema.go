// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package protobuf

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// schema describes the messages of one table: the root and all types that can be reached from
// it. It has everything that decides the meaning of bytes, but not which file or syntax says
// so.
type schema struct {
	root  string
	types map[string]*definition // by their full names
}

// definition is one type of a schema: a message or an enum.
type definition struct {
	name   string
	enum   bool
	closed bool    // whether an enum has no other values
	fields []field // of a message, in the order of their numbers
	// of an enum: the first one declared, then the others in the order of inOrder
	values []value
}

// field is a field of a message.
type field struct {
	name   string
	number protoreflect.FieldNumber
	label  label
	key    fieldType // of a map
	typ    fieldType // of a map: of its values
	oneof  string    // the oneof that it belongs to; "" if none

	// Rows do not depend on the rest: every program reads what the others write.

	packed   bool // how numbers of a list are written
	implicit bool // whether zero is written as nothing
}

// label says how many values a field has.
type label uint8

const (
	singular label = iota
	required
	repeated
	mapped
)

// fieldType is the type of a value.
type fieldType struct {
	kind      protoreflect.Kind
	def       string // the message or enum; "" if it is neither
	unchecked bool   // whether a string may not be UTF-8
}

func (t fieldType) String() string {
	switch {
	case t.kind == protoreflect.GroupKind:
		return t.def + " (delimited)"
	case t.kind == protoreflect.EnumKind:
		return "enum " + t.def
	case t.def != "":
		return t.def
	case t.unchecked:
		return "string (of any bytes)"
	}
	return t.kind.String()
}

// declaration returns everything that rows depend on, as text like that of a .proto file.
func (f field) declaration() string {
	var b strings.Builder
	switch f.label {
	case singular:
	case required:
		b.WriteString("required ")
	case repeated:
		b.WriteString("repeated ")
	case mapped:
		fmt.Fprintf(&b, "map<%v, %v> %s = %d", f.key, f.typ, f.name, f.number)
		return b.String()
	}
	fmt.Fprintf(&b, "%v %s = %d", f.typ, f.name, f.number)
	if f.oneof != "" {
		b.WriteString(" (in oneof " + f.oneof + ")")
	}
	return b.String()
}

// value is a name of an enum. Two names may have one number.
type value struct {
	name   string
	number protoreflect.EnumNumber
}

func (v value) String() string { return fmt.Sprintf("%s = %d", v.name, v.number) }

// inOrder is the order of all values except the first.
func inOrder(a, b value) int {
	return cmp.Or(cmp.Compare(a.number, b.number), cmp.Compare(a.name, b.name))
}

// sortValues leaves the first value where it is: a field of a closed enum that was never set
// has this value.
func sortValues(values []value) {
	if len(values) > 1 {
		slices.SortFunc(values[1:], inOrder)
	}
}

// enumKind returns the name for the kind of an enum, which says what happens to numbers that it
// does not have.
func (d *definition) enumKind() string {
	if d.closed {
		return "closed enum"
	}
	return "open enum"
}

func (d *definition) what() string {
	if d.enum {
		return "enum"
	}
	return "message"
}

// String returns the schema as text like that of a .proto file.
func (s *schema) String() string {
	var b strings.Builder
	s.types[s.root].describe(&b)
	for _, name := range s.names() {
		if name != s.root {
			b.WriteByte('\n')
			s.types[name].describe(&b)
		}
	}
	return b.String()
}

func (d *definition) describe(b *strings.Builder) {
	what := d.what()
	if d.enum {
		what = d.enumKind()
	}
	fmt.Fprintf(b, "%s %s {", what, d.name)
	for _, f := range d.fields {
		fmt.Fprintf(b, "\n  %s", f.declaration())
	}
	for _, v := range d.values {
		fmt.Fprintf(b, "\n  %v", v)
	}
	b.WriteString("\n}")
}
