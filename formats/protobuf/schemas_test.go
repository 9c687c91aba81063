// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package protobuf_test

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/formats/protobuf"
)

// parse returns the message p.M of a file in a small part of the language, by line:
//
//	proto2                          the syntax; proto3 if it is not said
//	message M                       begins a message, and ends what is before it
//	repeated int32 numbers = 3      a field of it; optional and required too
//	map<string, Other> others = 4   a map
//	oneof o: string a = 5           a field in a oneof
//	enum E: A = 0, B = 1            an enum
//
// Types that are written with a capital letter are messages, those with E in front are enums,
// and a field whose line ends in "unpacked", "packed" or "group" is so.
func parse(t *testing.T, lines string) protoreflect.MessageDescriptor {
	t.Helper()
	file := &descriptorpb.FileDescriptorProto{
		Name:    proto.String("p.proto"),
		Package: proto.String("p"), Syntax: proto.String("proto3"),
	}
	var m *descriptorpb.DescriptorProto
	for line := range strings.Lines(lines) {
		line = strings.TrimSpace(line)
		word, rest, _ := strings.Cut(line, " ")
		switch word {
		case "":
		case "proto2":
			file.Syntax = proto.String("proto2")
		case "message":
			m = &descriptorpb.DescriptorProto{Name: proto.String(rest)}
			file.MessageType = append(file.MessageType, m)
		case "enum":
			file.EnumType = append(file.EnumType, parseEnum(t, rest))
		default:
			parseField(t, m, line)
		}
	}
	f, err := protodesc.NewFile(file, nil)
	if err != nil {
		t.Fatalf("%v in\n%s", err, lines)
	}
	return f.Messages().ByName("M")
}

func parseEnum(t *testing.T, text string) *descriptorpb.EnumDescriptorProto {
	name, values, _ := strings.Cut(text, ":")
	e := &descriptorpb.EnumDescriptorProto{Name: proto.String(name)}
	seen := map[string]bool{}
	for v := range strings.SplitSeq(values, ",") {
		name, number, _ := strings.Cut(v, "=")
		number = strings.TrimSpace(number)
		e.Value = append(e.Value,
			unmarshalText(t, "name: '"+strings.TrimSpace(name)+"' number: "+number,
				&descriptorpb.EnumValueDescriptorProto{}))
		if seen[number] {
			e.Options = &descriptorpb.EnumOptions{AllowAlias: proto.Bool(true)}
		}
		seen[number] = true
	}
	return e
}

func unmarshalText[M proto.Message](t *testing.T, text string, m M) M {
	if err := prototext.Unmarshal([]byte(text), m); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return m
}

func parseField(t *testing.T, m *descriptorpb.DescriptorProto, line string) {
	text, oneof := line, ""
	if rest, ok := strings.CutPrefix(line, "oneof "); ok {
		oneof, text, _ = strings.Cut(rest, ": ")
	}
	label := descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL
	for word, l := range map[string]descriptorpb.FieldDescriptorProto_Label{
		"repeated ": 3,
		"required ": 2, "optional ": 1,
	} {
		if rest, ok := strings.CutPrefix(text, word); ok {
			text, label = rest, l
		}
	}
	if inside, ok := strings.CutPrefix(text, "map<"); ok {
		types, rest, _ := strings.Cut(inside, "> ")
		key, value, _ := strings.Cut(types, ", ")
		name := strings.Fields(rest)[0]
		entry := strings.ToUpper(name[:1]) + name[1:] + "Entry"
		e := &descriptorpb.DescriptorProto{
			Name:    proto.String(entry),
			Options: &descriptorpb.MessageOptions{MapEntry: proto.Bool(true)},
		}
		parseField(t, e, key+" key = 1")
		parseField(t, e, value+" value = 2")
		m.NestedType = append(m.NestedType, e)
		text, label = m.GetName()+"."+entry+" "+rest,
			descriptorpb.FieldDescriptorProto_LABEL_REPEATED
	}
	words := strings.Fields(text) // type name = number and what else
	f := unmarshalText(t, "name: '"+words[1]+"' number: "+words[3],
		&descriptorpb.FieldDescriptorProto{})
	f.Label = label.Enum()
	setType(f, words[0])
	switch words[len(words)-1] {
	case "packed":
		f.Options = &descriptorpb.FieldOptions{Packed: proto.Bool(true)}
	case "unpacked":
		f.Options = &descriptorpb.FieldOptions{Packed: proto.Bool(false)}
	case "group":
		f.Type = descriptorpb.FieldDescriptorProto_TYPE_GROUP.Enum()
		f.TypeName = proto.String(".p." + m.GetName() + "." + words[0])
		m.NestedType = append(m.NestedType,
			&descriptorpb.DescriptorProto{Name: proto.String(words[0])})
	}
	if oneof != "" {
		if n := len(m.OneofDecl); n == 0 || m.OneofDecl[n-1].GetName() != oneof {
			m.OneofDecl = append(m.OneofDecl,
				&descriptorpb.OneofDescriptorProto{Name: proto.String(oneof)})
		}
		f.OneofIndex = proto.Int32(int32(len(m.OneofDecl) - 1))
	}
	m.Field = append(m.Field, f)
}

func setType(f *descriptorpb.FieldDescriptorProto, typ string) {
	if n, ok := descriptorpb.FieldDescriptorProto_Type_value["TYPE_"+strings.ToUpper(typ)]; ok &&
		typ == strings.ToLower(typ) {
		f.Type = descriptorpb.FieldDescriptorProto_Type(n).Enum()
		return
	}
	typ, isEnum := strings.CutPrefix(typ, "enum:") // those whose names begin with E are without it
	f.Type, f.TypeName = descriptorpb.FieldDescriptorProto_TYPE_MESSAGE.Enum(),
		proto.String(".p."+typ)
	if isEnum || strings.HasPrefix(typ, "E") {
		f.Type = descriptorpb.FieldDescriptorProto_TYPE_ENUM.Enum()
	}
}

// bind binds the format of a schema to what is stored, nil for a new table.
func bind(
	t *testing.T, schema string, stored []byte, opts ...protobuf.Option,
) (meta []byte, err error) {
	t.Helper()
	_, meta, err = core.PowersOf(protobuf.Dynamic(parse(t, schema), opts...)).Bind(stored)
	return meta, err
}

// message returns a message with what the text says.
func message(t *testing.T, d protoreflect.MessageDescriptor, text string) *dynamicpb.Message {
	t.Helper()
	return unmarshalText(t, text, dynamicpb.NewMessage(d))
}
