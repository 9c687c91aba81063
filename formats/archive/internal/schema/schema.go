// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

// Package schema describes archived types: where their fields lie, and what they were before.
// The generator makes schemas from Go types, tables remember them, and verifiers are compiled
// from them.
package schema

import (
	"slices"
	"strconv"
	"strings"
)

// MaxFixed is the most bytes that the fixed part of a struct may have: its size is stored in 16
// bits.
const MaxFixed = 1<<16 - 1

// Schema is a set of definitions. The schema of a table has a root, the type of its records,
// and all that the root reaches.
type Schema struct {
	Root string
	Defs []*Def // in the order of their names
}

// Def is a struct, or the set of types that an interface may hold.
type Def struct {
	Name   string
	Was    []string // former names
	Oneof  bool
	Sizes  []int   // of the fixed part of a struct, of all its generations, ascending
	Fields []Field // of a struct in the order of their offsets, of a oneof in that of their tags
}

// Size returns the size of a struct's fixed part today.
func (d *Def) Size() int {
	if len(d.Sizes) == 0 {
		return 0
	}
	return d.Sizes[len(d.Sizes)-1]
}

// State says which programs have a field. A field is never forgotten, so its place is not used
// again.
type State byte

// The states of a field.
const (
	Live     State = iota // all programs have it
	Removed               // no program has it any more
	Returned              // removed from some: rows of today's size may be without it
)

// Field is a field of a struct, or a member of a oneof.
type Field struct {
	At    int // offset or tag
	Name  string
	Type  *Type // nil in a oneof: Name is that of a struct
	Was   []string
	State State
}

// Called reports whether the field has the name, or had it.
func (f *Field) Called(name string) bool { return f.Name == name || slices.Contains(f.Was, name) }

// Declaration returns the field as a line of a schema, without its place.
func (f *Field) Declaration() string {
	if f.Type == nil {
		return f.Name
	}
	return f.Name + " " + f.Type.String()
}

// Def returns a definition, or nil if there is none.
func (s *Schema) Def(name string) *Def {
	i, ok := slices.BinarySearchFunc(s.Defs, name,
		func(d *Def, name string) int { return strings.Compare(d.Name, name) })
	if !ok {
		return nil
	}
	return s.Defs[i]
}

// Add adds a definition that the schema does not have yet.
func (s *Schema) Add(d *Def) {
	i, _ := slices.BinarySearchFunc(s.Defs, d.Name,
		func(d *Def, name string) int { return strings.Compare(d.Name, name) })
	s.Defs = slices.Insert(s.Defs, i, d)
}

// Of returns the part of the schema that can be reached from a struct.
func (s *Schema) Of(root string) *Schema {
	part := &Schema{Root: root}
	part.take(s, root)
	return part
}

func (s *Schema) take(from *Schema, name string) {
	d := from.Def(name)
	if d == nil || s.Def(name) != nil {
		return
	}
	s.Add(d)
	for i := range d.Fields {
		if d.Oneof {
			s.take(from, d.Fields[i].Name)
			continue
		}
		d.Fields[i].Type.Walk(func(t *Type) {
			if t.Refers() {
				s.take(from, t.Name)
			}
		})
	}
}

// String returns the schema as it is stored. [Parse] reads it.
func (s *Schema) String() string {
	b := []byte(header)
	if s.Root != "" {
		b = append(append(b, ' '), s.Root...)
	}
	b = append(b, '\n')
	for _, d := range s.Defs {
		b = d.appendTo(b)
	}
	return string(b)
}

const header = "archive/1"

func (d *Def) appendTo(b []byte) []byte {
	if d.Oneof {
		b = append(append(b, "oneof "...), d.Name...)
	} else {
		b = append(append(b, "struct "...), d.Name...)
	}
	for _, n := range d.Sizes {
		b = strconv.AppendInt(append(b, ' '), int64(n), 10)
	}
	b = append(appendWas(b, d.Was), '\n')
	for i := range d.Fields {
		b = d.Fields[i].appendTo(b)
	}
	return b
}

func (f *Field) appendTo(b []byte) []byte {
	b = append(strconv.AppendInt(append(b, '\t'), int64(f.At), 10), ' ')
	switch f.State {
	case Removed:
		b = append(b, '-')
	case Returned:
		b = append(b, '~')
	case Live:
	}
	return append(appendWas(append(b, f.Declaration()...), f.Was), '\n')
}

func appendWas(b []byte, names []string) []byte {
	for _, name := range names {
		b = append(append(b, " was="...), name...)
	}
	return b
}
