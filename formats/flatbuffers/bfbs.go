// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package flatbuffers

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	flatbuffers "github.com/google/flatbuffers/go"
)

// readSchema reads all of a compiled schema. Its root is the root_type, or "" if it has none.
func readSchema(bfbs []byte) (*schema, error) {
	r, err := openSchema(bfbs)
	if err != nil {
		return nil, err
	}
	s := &schema{identifier: r.root.text(schemaIdentifier), types: make(map[string]*definition)}
	if t, ok := r.root.sub(schemaRoot); ok {
		s.root = t.text(objectName)
	}
	for i, o := range r.objects {
		if err := s.add(r.object(o, r.objectNames[i])); err != nil {
			return nil, err
		}
	}
	for _, e := range r.enums {
		if err := s.add(r.enum(e)); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s *schema) add(d *definition, err error) error {
	if err != nil {
		return err
	}
	if s.types[d.name] != nil {
		return fmt.Errorf("there are two types %s", d.name)
	}
	s.types[d.name] = d
	return nil
}

// schemaReader reads a compiled schema that was verified.
type schemaReader struct {
	root           record
	objects, enums []record
	objectNames    []string // by their index in types
	enumNames      []string
	tables         map[string]bool
}

var errNoSchema = errors.New("it is not a compiled schema; make one with: flatc --binary " +
	"--schema --bfbs-builtins")

func openSchema(bfbs []byte) (*schemaReader, error) {
	p, err := reflectionProgram()
	if err != nil {
		return nil, err
	}
	at, err := p.verify(bfbs, defaultLimits, false)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNoSchema, err)
	}
	root := record{flatbuffers.Table{Bytes: bfbs[:len(bfbs):len(bfbs)], Pos: at}}
	r := &schemaReader{
		root: root, objects: root.list(schemaObjects), enums: root.list(schemaEnums),
		tables: make(map[string]bool),
	}
	for _, o := range r.objects {
		name := o.text(objectName)
		r.objectNames = append(r.objectNames, name)
		r.tables[name] = !o.flag(objectIsStruct)
	}
	for _, e := range r.enums {
		r.enumNames = append(r.enumNames, e.text(enumName))
	}
	return r, nil
}

func (r *schemaReader) object(o record, name string) (*definition, error) {
	d := &definition{kind: tableDef, name: name}
	if o.flag(objectIsStruct) {
		d.kind = structDef
		d.size, d.align = uint32(o.int32(objectSize, 0)), uint32(o.int32(objectAlign, 0))
	}
	for _, f := range o.list(objectFields) {
		read, err := r.field(f, d)
		if err != nil {
			return nil, fmt.Errorf("%s.%s: %w", name, f.text(fieldName), err)
		}
		d.fields = append(d.fields, read)
	}
	slices.SortStableFunc(d.fields, func(a, b field) int { return cmp.Compare(a.offset, b.offset) })
	return d, nil
}

func (r *schemaReader) field(f record, in *definition) (field, error) {
	typ, err := r.typ(f, fieldTypeOf)
	if err != nil {
		return field{}, err
	}
	read := field{
		name: f.text(fieldName), typ: typ, offset: uint16(f.int16(fieldOffset)),
		deprecated: f.flag(fieldDeprecated),
		// A deprecated field is no longer written.
		required: f.flag(fieldRequired) && !f.flag(fieldDeprecated),
	}
	if f.flag(fieldIsOffset64) {
		return field{}, fmt.Errorf("%w: it has a 64-bit offset", errNoAccessor)
	}
	if in.kind == tableDef {
		read.initial = initial(f, typ.base)
	}
	if read.typ.nested, err = r.nested(f, typ, in.name); err != nil {
		return field{}, err
	}
	return read, nil
}

// initial returns the default of a field as text.
func initial(f record, base baseType) string {
	switch {
	case base.size() == 0:
		return ""
	case f.flag(fieldOptional):
		return "null"
	case base == floatType || base == doubleType:
		return nonzero(strconv.FormatFloat(f.float64(fieldDefaultReal), 'g', -1, 64))
	}
	return nonzero(strconv.FormatInt(f.int64(fieldDefault), 10))
}

func nonzero(number string) string {
	if number == "0" {
		return ""
	}
	return number
}

func (r *schemaReader) typ(owner record, at int) (fieldType, error) {
	t, ok := owner.sub(at)
	if !ok {
		return fieldType{}, nil
	}
	read := fieldType{base: baseType(t.int8(typeBase))}
	inner := read.base
	switch read.base {
	case vectorType, arrayType:
		read.element = baseType(t.int8(typeElement))
		inner = read.element
		if read.base == arrayType {
			read.length = uint16(t.int16(typeLength))
		}
	case vector64Type:
		return fieldType{}, fmt.Errorf("%w: vector64", errNoAccessor)
	}
	names := r.enumNames
	if inner == objectType {
		names = r.objectNames
	}
	switch i := t.int32(typeIndex, -1); {
	case i >= 0 && int(i) < len(names):
		read.def = names[i]
	case i >= 0 || inner == objectType || inner == unionType || inner == unionTypeType:
		return fieldType{}, fmt.Errorf("it refers to type number %d of %d", i, len(names))
	}
	return read, nil
}

// nested returns the table whose record a vector of bytes holds. The attribute has the name as
// it was written, so nested looks where the compiler looks: in the namespace of the table with
// the field, then in those around it.
func (r *schemaReader) nested(f record, t fieldType, in string) (string, error) {
	for _, a := range f.list(fieldAttributes) {
		if a.text(attributeKey) != "nested_flatbuffer" {
			continue
		}
		written := a.text(attributeValue)
		for space := in; ; {
			space = namespace(space)
			if name := strings.TrimPrefix(space+"."+written,
				"."); r.tables[name] && t.element == ubyteType {
				return name, nil
			}
			if space == "" {
				return "", fmt.Errorf("there is no table %s that could be nested", written)
			}
		}
	}
	return "", nil
}

// namespace returns a name without its last part.
func namespace(name string) string { return name[:max(strings.LastIndexByte(name, '.'), 0)] }

func (r *schemaReader) enum(e record) (*definition, error) {
	d := &definition{kind: enumDef, name: e.text(enumName)}
	if e.flag(enumIsUnion) {
		d.kind = unionDef
	}
	for _, v := range e.list(enumValues) {
		read := value{name: v.text(valueName), number: v.int64(valueNumber)}
		if d.kind == unionDef {
			typ, err := r.typ(v, valueUnionType)
			if err != nil {
				return nil, fmt.Errorf("%s.%s: %w", d.name, read.name, err)
			}
			read.typ = typ
		}
		d.values = append(d.values, read)
	}
	slices.SortFunc(d.values, inOrder)
	return d, nil
}

// record reads the fields of a table that was verified, by their slots.
type record struct{ t flatbuffers.Table }

func vtableOffset(slot int) flatbuffers.VOffsetT { return flatbuffers.VOffsetT(2*slot + 4) }

func (r record) flag(slot int) bool   { return r.t.GetBoolSlot(vtableOffset(slot), false) }
func (r record) int8(slot int) int8   { return r.t.GetInt8Slot(vtableOffset(slot), 0) }
func (r record) int16(slot int) int16 { return r.t.GetInt16Slot(vtableOffset(slot), 0) }
func (r record) int32(slot int, initial int32) int32 {
	return r.t.GetInt32Slot(vtableOffset(slot), initial)
}
func (r record) int64(slot int) int64     { return r.t.GetInt64Slot(vtableOffset(slot), 0) }
func (r record) float64(slot int) float64 { return r.t.GetFloat64Slot(vtableOffset(slot), 0) }
func (r record) at(slot int) (flatbuffers.UOffsetT, bool) {
	o := r.t.Offset(vtableOffset(slot))
	return flatbuffers.UOffsetT(o), o != 0
}

func (r record) text(slot int) string {
	if o, ok := r.at(slot); ok {
		return string(r.t.ByteVector(r.t.Pos + o))
	}
	return ""
}

func (r record) sub(slot int) (record, bool) {
	o, ok := r.at(slot)
	if !ok {
		return record{}, false
	}
	return record{flatbuffers.Table{Bytes: r.t.Bytes, Pos: r.t.Indirect(r.t.Pos + o)}}, true
}

func (r record) list(slot int) []record {
	o, ok := r.at(slot)
	if !ok {
		return nil
	}
	all := make([]record, r.t.VectorLen(o))
	start := r.t.Vector(o)
	for i := range all {
		pos := start + flatbuffers.UOffsetT(i)*flatbuffers.SizeUOffsetT
		all[i] = record{flatbuffers.Table{Bytes: r.t.Bytes, Pos: r.t.Indirect(pos)}}
	}
	return all
}
