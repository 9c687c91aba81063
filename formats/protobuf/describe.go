// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package protobuf

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// schemaOf returns the schema of a message, or an error if its values could not be stored and read
// again.
func schemaOf(root protoreflect.MessageDescriptor) (*schema, error) {
	s := &schema{root: string(root.FullName()), types: make(map[string]*definition)}
	if err := s.addMessage(root); err != nil {
		return nil, err
	}
	return s, nil
}

// names returns the names of all types, in order.
func (s *schema) names() []string { return slices.Sorted(maps.Keys(s.types)) }

func (s *schema) addMessage(m protoreflect.MessageDescriptor) error {
	name := string(m.FullName())
	if s.types[name] != nil {
		return nil
	}
	if err := storable(m); err != nil {
		return fmt.Errorf("message %s: %w", name, err)
	}
	d := &definition{name: name}
	s.types[name] = d
	for i := range m.Fields().Len() {
		f, err := s.field(m.Fields().Get(i))
		if err != nil {
			return err
		}
		d.fields = append(d.fields, f)
	}
	slices.SortFunc(d.fields, func(a, b field) int { return cmp.Compare(a.number, b.number) })
	return nil
}

var (
	errExtensible = errors.New("it has extension ranges, and what programs store there is not in " +
		"its descriptor, " +
		"so that it could be read as something else: use a field, or a google.protobuf.Any, in " +
		"place of extensions")
	errMessageSet = errors.New("it is a MessageSet, which the library cannot store: use a " +
		"google.protobuf.Any")
	errUnresolved = errors.New("its descriptor is not linked into the program: import the " +
		"package that was generated for it")
)

// storable returns an error if messages of this type could not be stored and read again.
func storable(m protoreflect.MessageDescriptor) error {
	switch set, ok := m.(interface{ IsMessageSet() bool }); {
	case m.IsPlaceholder():
		return errUnresolved
	case ok && set.IsMessageSet():
		return errMessageSet
	case m.ExtensionRanges().Len() > 0:
		return errExtensible
	}
	return nil
}

func (s *schema) field(fd protoreflect.FieldDescriptor) (field, error) {
	f := field{name: string(fd.Name()), number: fd.Number(), packed: fd.IsPacked()}
	switch {
	case fd.IsMap():
		f.label = mapped
		key, err := s.typ(fd.MapKey())
		if err != nil {
			return field{}, err
		}
		f.key = key
		f.typ, err = s.typ(fd.MapValue())
		return f, err
	case fd.IsList():
		f.label = repeated
	case fd.Cardinality() == protoreflect.Required:
		f.label = required
	default:
		f.implicit = !fd.HasPresence()
	}
	if o := fd.ContainingOneof(); o != nil && !o.IsSynthetic() {
		f.oneof = string(o.Name())
	}
	var err error
	f.typ, err = s.typ(fd)
	return f, err
}

// typ returns the type of one value of a field, and adds the types that it refers to.
func (s *schema) typ(fd protoreflect.FieldDescriptor) (fieldType, error) {
	t := fieldType{kind: fd.Kind()}
	switch t.kind {
	case protoreflect.MessageKind, protoreflect.GroupKind:
		t.def = string(fd.Message().FullName())
		return t, s.addMessage(fd.Message())
	case protoreflect.EnumKind:
		t.def = string(fd.Enum().FullName())
		return t, s.addEnum(fd.Enum())
	case protoreflect.StringKind:
		t.unchecked = !checksUTF8(fd)
	default:
	}
	return t, nil
}

// checksUTF8 reports whether the library refuses strings in a field that are not UTF-8. It uses
// a method that the library's descriptors have for this purpose.
func checksUTF8(fd protoreflect.FieldDescriptor) bool {
	if d, ok := fd.(interface{ EnforceUTF8() bool }); ok {
		return d.EnforceUTF8()
	}
	return fd.ParentFile().Syntax() == protoreflect.Proto3
}

func (s *schema) addEnum(e protoreflect.EnumDescriptor) error {
	name := string(e.FullName())
	if s.types[name] != nil {
		return nil
	}
	if e.IsPlaceholder() {
		return fmt.Errorf("enum %s: %w", name, errUnresolved)
	}
	d := &definition{name: name, enum: true, closed: e.IsClosed()}
	for i := range e.Values().Len() {
		v := e.Values().Get(i)
		d.values = append(d.values, value{string(v.Name()), v.Number()})
	}
	sortValues(d.values)
	s.types[name] = d
	return nil
}
