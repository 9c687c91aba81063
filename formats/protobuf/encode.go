// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package protobuf

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/guardkv/guardkv/core"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
)

// A table remembers the schema of its rows as the magic, the length of the root's full name as
// a varint, that name, and a FileDescriptorSet of one file, which has no package. In this file
// each package is a message around its types, so that full names stay the same, whichever files
// the types come from and however they refer to each other. The file expresses with features
// what other files express with their syntax.
const magic = "PBD\x01" // the last byte is the version

const (
	fileName = "guardkv.proto"
	edition  = descriptorpb.Edition_EDITION_2023
)

// encode returns the schema in its stored form.
func (s *schema) encode() ([]byte, error) {
	file := s.file()
	if _, err := protodesc.NewFile(file, nil); err != nil {
		return nil, err
	}
	b := protowire.AppendString([]byte(magic), s.root)
	return proto.MarshalOptions{Deterministic: true}.MarshalAppend(b,
		&descriptorpb.FileDescriptorSet{
			File: []*descriptorpb.FileDescriptorProto{file},
		})
}

// decodeSchema is the inverse of encode.
func decodeSchema(b []byte) (*schema, error) {
	root, err := decodeRoot(b)
	if err != nil {
		return nil, err
	}
	s, err := schemaOf(root)
	if err != nil {
		return nil, damaged(err)
	}
	return s, nil
}

func damaged(err error) error {
	return fmt.Errorf("protobuf: %w: the stored descriptor of the table is damaged: %w",
		core.ErrCorrupt, err)
}

// decodeRoot returns the message type of a table's rows, with the fields of all programs that
// have opened the table.
func decodeRoot(b []byte) (protoreflect.MessageDescriptor, error) {
	rest, ok := bytes.CutPrefix(b, []byte(magic))
	if !ok && bytes.HasPrefix(b, []byte(magic[:len(magic)-1])) && len(b) >= len(magic) {
		return nil,
			fmt.Errorf("protobuf: %w: the table's descriptor is stored in version %d of its "+
				"encoding, and this program knows version %d",
				core.ErrFormatMismatch, b[len(magic)-1], magic[len(magic)-1])
	}
	if !ok {
		return nil, fmt.Errorf("protobuf: %w: what is stored as the table's descriptor is none",
			core.ErrCorrupt)
	}
	name, n := protowire.ConsumeString(rest)
	if n < 0 {
		return nil, damaged(protowire.ParseError(n))
	}
	file, err := decodeFile(rest[n:])
	if err != nil {
		return nil, damaged(err)
	}
	root := messageNamed(file, name)
	if root == nil {
		return nil, damaged(fmt.Errorf("it has no message %q", name))
	}
	return root, nil
}

var errForeign = errors.New("it is not one that this package has made")

// decodeFile trusts nothing: some editions make the library end the process.
func decodeFile(b []byte) (protoreflect.FileDescriptor, error) {
	if err := fileEstimator.check(b, defaultLimits); err != nil {
		return nil, err
	}
	var set descriptorpb.FileDescriptorSet
	if err := (proto.UnmarshalOptions{RecursionLimit: defaultLimits.nesting}).Unmarshal(b,
		&set); err != nil {
		return nil, err
	}
	if len(set.GetFile()) != 1 {
		return nil, errForeign
	}
	file := set.GetFile()[0]
	if file.GetName() != fileName || file.GetEdition() != edition ||
		file.GetSyntax() != "editions" ||
		file.GetPackage() != "" || len(file.GetDependency()) > 0 || file.GetOptions() != nil {
		return nil, errForeign
	}
	return protodesc.NewFile(file, nil)
}

var fileEstimator = newEstimator((*descriptorpb.FileDescriptorSet)(nil).ProtoReflect().Type())

// messageNamed finds a message by its full name. It returns nil if there is none.
func messageNamed(file protoreflect.FileDescriptor, name string) protoreflect.MessageDescriptor {
	var found protoreflect.MessageDescriptor
	messages := file.Messages()
	for _, part := range strings.Split(name, ".") {
		if messages == nil {
			return nil
		}
		if found = messages.ByName(protoreflect.Name(part)); found == nil {
			return nil
		}
		messages = found.Messages()
	}
	return found
}

// file returns the schema as a file.
func (s *schema) file() *descriptorpb.FileDescriptorProto {
	tree := &scope{inside: make(map[string]*scope)}
	for _, name := range s.names() {
		at := tree
		for _, part := range strings.Split(name, ".") {
			at = at.sub(part)
		}
		at.definition = s.types[name]
	}
	file := &descriptorpb.FileDescriptorProto{
		Name: proto.String(fileName), Syntax: proto.String("editions"), Edition: edition.Enum(),
	}
	file.MessageType, file.EnumType = tree.declare()
	return file
}

// scope is a package, message or enum, and what is declared in it.
type scope struct {
	definition *definition // nil for a package
	inside     map[string]*scope
}

func (c *scope) sub(name string) *scope {
	if c.inside[name] == nil {
		c.inside[name] = &scope{inside: make(map[string]*scope)}
	}
	return c.inside[name]
}

// declare returns the declarations in the scope, in the order of their names.
func (c *scope) declare() (messages []*descriptorpb.DescriptorProto, enums []*descriptorpb.EnumDescriptorProto) {
	for _, name := range sortedNames(c.inside) {
		in := c.inside[name]
		if in.definition != nil && in.definition.enum {
			enums = append(enums, in.definition.declareEnum(name))
			continue
		}
		m := &descriptorpb.DescriptorProto{Name: proto.String(name)}
		m.NestedType, m.EnumType = in.declare()
		if in.definition != nil {
			in.definition.declareFields(m)
		}
		messages = append(messages, m)
	}
	return messages, enums
}

func sortedNames(m map[string]*scope) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func (d *definition) declareEnum(name string) *descriptorpb.EnumDescriptorProto {
	e := &descriptorpb.EnumDescriptorProto{Name: proto.String(name)}
	seen := make(map[protoreflect.EnumNumber]bool)
	var options descriptorpb.EnumOptions
	for _, v := range d.values {
		e.Value = append(e.Value, &descriptorpb.EnumValueDescriptorProto{
			Name: proto.String(v.name), Number: proto.Int32(int32(v.number)),
		})
		if seen[v.number] {
			options.AllowAlias, e.Options = proto.Bool(true), &options
		}
		seen[v.number] = true
	}
	if d.closed {
		options.Features, e.Options = &descriptorpb.FeatureSet{EnumType: descriptorpb.FeatureSet_CLOSED.Enum()}, &options
	}
	return e
}

// declareFields adds the fields to a message. Those of a oneof are side by side.
func (d *definition) declareFields(m *descriptorpb.DescriptorProto) {
	byOneof := make(map[string][]field)
	var oneofs []string
	for _, f := range d.fields {
		if f.oneof != "" && byOneof[f.oneof] == nil {
			oneofs = append(oneofs, f.oneof)
		}
		byOneof[f.oneof] = append(byOneof[f.oneof], f)
	}
	slices.Sort(oneofs)
	for _, f := range byOneof[""] {
		m.Field = append(m.Field, f.declare(d.name, m))
	}
	for i, name := range oneofs {
		m.OneofDecl = append(m.OneofDecl,
			&descriptorpb.OneofDescriptorProto{Name: proto.String(name)})
		for _, f := range byOneof[name] {
			declared := f.declare(d.name, m)
			declared.OneofIndex = proto.Int32(int32(i))
			m.Field = append(m.Field, declared)
		}
	}
}

// declare returns the field. The entries of a map are a type inside the message m, whose full
// name is in.
func (f field) declare(
	in string, m *descriptorpb.DescriptorProto,
) *descriptorpb.FieldDescriptorProto {
	p := f.typ.declare(f.name, f.number)
	switch f.label {
	case singular, required:
		features := &descriptorpb.FeatureSet{}
		if f.label == required {
			features.FieldPresence = descriptorpb.FeatureSet_LEGACY_REQUIRED.Enum()
		} else if f.implicit {
			features.FieldPresence = descriptorpb.FeatureSet_IMPLICIT.Enum()
		}
		addFeatures(p, features)
	case repeated:
		p.Label = descriptorpb.FieldDescriptorProto_LABEL_REPEATED.Enum()
		if !f.packed && f.typ.packable() {
			addFeatures(p,
				&descriptorpb.FeatureSet{RepeatedFieldEncoding: descriptorpb.FeatureSet_EXPANDED.Enum()})
		}
	case mapped:
		entry := entryName(f.name)
		m.NestedType = append(m.NestedType, &descriptorpb.DescriptorProto{
			Name: proto.String(entry),
			Field: []*descriptorpb.FieldDescriptorProto{
				f.key.declare("key", 1),
				f.typ.declare("value", 2),
			},
			Options: &descriptorpb.MessageOptions{MapEntry: proto.Bool(true)},
		})
		p = fieldType{
			kind: protoreflect.MessageKind,
			def:  in + "." + entry,
		}.declare(f.name, f.number)
		p.Label = descriptorpb.FieldDescriptorProto_LABEL_REPEATED.Enum()
	}
	return p
}

func (t fieldType) packable() bool {
	switch t.kind {
	case protoreflect.StringKind, protoreflect.BytesKind, protoreflect.MessageKind, protoreflect.GroupKind:
		return false
	}
	return true
}

// declare returns a field with one value of this type.
func (t fieldType) declare(
	name string, number protoreflect.FieldNumber,
) *descriptorpb.FieldDescriptorProto {
	kind, features := t.kind, &descriptorpb.FeatureSet{}
	if kind == protoreflect.GroupKind {
		kind, features.MessageEncoding = protoreflect.MessageKind,
			descriptorpb.FeatureSet_DELIMITED.Enum()
	}
	if t.unchecked {
		features.Utf8Validation = descriptorpb.FeatureSet_NONE.Enum()
	}
	p := &descriptorpb.FieldDescriptorProto{
		Name: proto.String(name), Number: proto.Int32(int32(number)),
		Label: descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum(),
		Type:  descriptorpb.FieldDescriptorProto_Type(kind).Enum(),
	}
	if t.def != "" {
		p.TypeName = proto.String("." + t.def)
	}
	addFeatures(p, features)
	return p
}

// addFeatures leaves out features that say nothing.
func addFeatures(p *descriptorpb.FieldDescriptorProto, features *descriptorpb.FeatureSet) {
	if proto.Size(features) == 0 {
		return
	}
	if p.Options == nil {
		p.Options = &descriptorpb.FieldOptions{Features: &descriptorpb.FeatureSet{}}
	}
	proto.Merge(p.Options.Features, features)
}

// entryName returns the name that a map's entries have by the rules of the language.
func entryName(field string) string {
	var b []byte
	upper := true
	for _, c := range []byte(field) {
		switch {
		case c == '_':
			upper = true
			continue
		case upper && 'a' <= c && c <= 'z':
			c -= 'a' - 'A'
		}
		upper = false
		b = append(b, c)
	}
	return string(b) + "Entry"
}
