// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package protobuf

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/guardkv/guardkv/core"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/dynamicpb"
)

// Explain is the [core.Explainer] of tables in this format. Values are shown in the JSON of
// protocol buffers, with field names as in the .proto file: integers of 64 bits are strings,
// and the types of [google.golang.org/protobuf/types/known] have their own forms. A
// google.protobuf.Any is shown as the name of its type and its bytes. Fields that no program
// has told the table about are not shown.
//
// If a message has no such form, such as a time in the year 10000 or a string that is not
// UTF-8, the whole row is shown without these forms, and strings that may hold any bytes are
// shown as bytes.
func Explain(t core.TableInfo) (core.Explanation, error) {
	root, err := Descriptor(t)
	if err != nil {
		return core.Explanation{}, err
	}
	s, err := schemaOf(root)
	if err != nil {
		return core.Explanation{}, damaged(err)
	}
	var shown [2]*shower
	for i, form := range []*schema{s.withoutAny(), s.plain()} {
		if shown[i], err = newShower(form); err != nil {
			return core.Explanation{}, damaged(err)
		}
	}
	return core.Explanation{
		Schema: s.String(),
		AppendJSON: func(dst, _, value []byte) ([]byte, error) {
			b, err := shown[0].appendJSON(dst, value)
			if errors.Is(err, errNoForm) {
				b, err = shown[1].appendJSON(dst, value)
			}
			if err != nil {
				return nil, fmt.Errorf("protobuf of %s: %w", s.root, err)
			}
			return b, nil
		},
	}, nil
}

// Descriptor returns the descriptor of the messages of a table, which knows the fields of all
// programs that have opened it. It is for [Dynamic], and for tools that read messages without
// generated code. Names, numbers and types are those of the programs. Defaults, comments and
// options are not kept, and the file of the descriptor holds all types that the message needs.
//
// For a table of another format the error is [errors.ErrUnsupported].
func Descriptor(t core.TableInfo) (protoreflect.MessageDescriptor, error) {
	if t.ValueFormat != id {
		return nil,
			fmt.Errorf("protobuf: the values of the table %.100q are in the format %.100q: %w",
				t.Name, t.ValueFormat, errors.ErrUnsupported)
	}
	return decodeRoot(t.Meta)
}

// shownLimits is above the limits of New, because messages without a Go type take more, and
// options may have raised the limits.
var shownLimits = limits{nesting: 4000, memory: 64 << 20, perByte: 512}

// shower shows the messages of one type.
type shower struct {
	typ      protoreflect.MessageType
	estimate *estimator
	marshal  protojson.MarshalOptions
}

func newShower(s *schema) (*shower, error) {
	file, err := protodesc.NewFile(s.file(), nil)
	if err != nil {
		return nil, err
	}
	root := messageNamed(file, s.root)
	if root == nil {
		return nil, errForeign
	}
	typ := dynamicpb.NewMessageType(root)
	return &shower{
		typ: typ, estimate: newEstimator(typ),
		marshal: protojson.MarshalOptions{
			UseProtoNames: true, AllowPartial: true,
			Resolver: new(protoregistry.Types),
		},
	}, nil
}

// errNoForm is the error for a message that cannot be shown although its bytes are valid.
var errNoForm = errors.New("it has no form in JSON")

func (s *shower) appendJSON(dst, value []byte) ([]byte, error) {
	if err := s.estimate.check(value, shownLimits); err != nil {
		return nil, fmt.Errorf("%w: %w", core.ErrCorrupt, err)
	}
	m := s.typ.New().Interface()
	o := proto.UnmarshalOptions{
		Merge: true, AllowPartial: true,
		RecursionLimit: shownLimits.nesting,
	}
	if err := s.estimate.unmarshal(o, value, m); err != nil {
		return nil, fmt.Errorf("%w: %w", core.ErrCorrupt, err)
	}
	text, err := s.marshal.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNoForm, err)
	}
	b := bytes.NewBuffer(dst)
	// the library adds spaces that differ between programs
	if err := json.Compact(b, text); err != nil {
		return nil, fmt.Errorf("%w: %w", errNoForm, err)
	}
	return b.Bytes(), nil
}

const wellKnown = "google.protobuf"

// withoutAny hides google.protobuf.Any from the library, which cannot show it without the type
// of its content.
func (s *schema) withoutAny() *schema { return s.hide(wellKnown + ".Any") }

// plain hides all types that the library has forms for, and turns strings that may not be UTF-8
// into bytes. Encoded messages mean the same.
func (s *schema) plain() *schema {
	var known []string
	for name := range s.types {
		if namespace(name) == wellKnown {
			known = append(known, name)
		}
	}
	hidden := s.hide(known...)
	for _, name := range hidden.names() {
		d := hidden.types[name]
		for i := range d.fields {
			if entry := d.fields[i].plain(name); entry != nil {
				hidden.types[entry.name] = entry
			}
		}
	}
	return hidden
}

// hide returns a copy in which these types have names that the library does not know.
func (s *schema) hide(names ...string) *schema {
	now := &schema{root: s.root, types: make(map[string]*definition)}
	r := make(renames)
	for _, name := range names {
		r[name] = name + "_"
	}
	now.root = r.typ(s.root)
	for _, d := range s.types {
		d = r.definition(d)
		now.types[d.name] = d
	}
	return now
}

// plain changes f, a field of a message, so that it can be shown whatever it holds. A map whose
// keys may be any bytes becomes a list of entries, which have a type of their own.
func (f *field) plain(in string) (entry *definition) {
	f.typ = f.typ.plain()
	if !f.key.unchecked {
		return nil
	}
	entry = &definition{name: in + "." + entryName(f.name), fields: []field{
		{name: "key", number: 1, typ: f.key.plain()}, {name: "value", number: 2, typ: f.typ},
	}}
	f.label, f.key, f.typ = repeated, fieldType{}, fieldType{
		kind: protoreflect.MessageKind,
		def:  entry.name,
	}
	return entry
}

func (t fieldType) plain() fieldType {
	if t.unchecked {
		return fieldType{kind: protoreflect.BytesKind}
	}
	return t
}
