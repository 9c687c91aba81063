// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package flatbuffers

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"

	flatbuffers "github.com/google/flatbuffers/go"
)

// The schema and the generated code come from two runs of flatc, and perhaps only one of them
// was repeated after a change. Then records would be verified by one schema and read by
// another. So this file compares names, types and places in both, for all types that the code
// leads to. (It does not lead to the members of unions.)

// find returns the part of the schema that belongs to an accessor type.
func (s *schema) find(view reflect.Type) (*schema, error) {
	var names []string
	for name, d := range s.types {
		if d.kind == tableDef && alike(lastPart(name), view.Name()) {
			names = append(names, name)
		}
	}
	names = closest(names, view.PkgPath())
	if slices.Contains(names, s.root) {
		names = []string{s.root}
	}
	switch {
	case len(names) == 0:
		return nil, fmt.Errorf("it has 0 tables of this name; those that it has are %s", s.tables())
	case len(names) > 1:
		return nil, fmt.Errorf("it has %d tables of this name: %q", len(names), names)
	}
	return s.of(names[0]), nil
}

// tables lists the tables of the schema, shortened if there are many.
func (s *schema) tables() string {
	const most = 20
	var names []string
	for name, d := range s.types {
		if d.kind == tableDef {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	if n := len(names) - most; n > 0 {
		return fmt.Sprintf("%q and %d more", names[:most], n)
	}
	return fmt.Sprintf("%q", names)
}

// closest returns those of several names whose namespaces agree best with a package's path,
// since the folders of generated packages are named after the namespaces.
func closest(names []string, folder string) []string {
	slices.Sort(names)
	var best []string
	most := math.MinInt
	for _, name := range names {
		if n := closeness(namespace(name), folder); n > most {
			best, most = []string{name}, n
		} else if n == most {
			best = append(best, name)
		}
	}
	return best
}

// closeness counts the parts of a namespace that match the last folders. Parts that do not
// match count against it, but weigh less.
func closeness(space, folder string) int {
	parts, folders := strings.Split(space, "."), strings.Split(folder, "/")
	if space == "" {
		return 0
	}
	slices.Reverse(parts)
	slices.Reverse(folders)
	same := 0
	for same < len(parts) && same < len(folders) && parts[same] == folders[same] {
		same++
	}
	const heavy = 1000
	return heavy*same - (len(parts) - same)
}

func lastPart(name string) string { return name[strings.LastIndexByte(name, '.')+1:] }

// alike compares a name in a schema with a name in Go. Versions of flatc differ in how they
// join the words.
func alike(name, goName string) bool { return plain(name) == plain(goName) }

func plain(name string) string { return strings.ToLower(strings.ReplaceAll(name, "_", "")) }

// fitsView returns an error unless a type is the accessor of the root table, and the object
// type that it unpacks to, if there is one, is that of the root table.
func (s *schema) fitsView(view reflect.Type) error {
	if view.Kind() != reflect.Struct || view.NumField() != 1 ||
		view.Field(0).Type != reflect.TypeFor[flatbuffers.Table]() {
		return fmt.Errorf("%v is not the accessor of a table", view)
	}
	root := s.types[s.root]
	g := generated{schema: s, seen: make(map[string]bool)}
	if err := g.view(root, reflect.PointerTo(view)); err != nil {
		return err
	}
	unpack, ok := reflect.PointerTo(view).MethodByName("UnPack")
	if !ok || unpack.Type.NumOut() != 1 {
		return nil
	}
	g.seen = make(map[string]bool)
	return g.inner(field{typ: fieldType{def: s.root}}, unpack.Type.Out(0))
}

// generated compares generated types, each once, with a schema.
type generated struct {
	schema *schema
	seen   map[string]bool
}

func differ(d *definition, f field, what string, t reflect.Type) error {
	return fmt.Errorf("it has the field %s.%s, and %s %v; run flatc again for both the code and "+
		"the schema",
		d.name, f.declaration(), what, t)
}

// view looks for the accessor of every field. A type may have other methods.
func (g *generated) view(d *definition, view reflect.Type) error {
	if g.seen[d.name] {
		return nil
	}
	g.seen[d.name] = true
	// two names may differ only in what plain leaves out
	methods := make(map[string][]reflect.Method)
	for i := range view.NumMethod() {
		m := view.Method(i)
		methods[plain(m.Name)] = append(methods[plain(m.Name)], m)
	}
	for _, f := range d.fields {
		if f.deprecated {
			continue
		}
		all := methods[plain(f.name)]
		if len(all) == 0 {
			return differ(d, f, "there is no such method of", view)
		}
		all = slices.DeleteFunc(slices.Clone(all),
			func(m reflect.Method) bool { return !g.returns(f, m.Type) })
		if len(all) == 0 {
			return differ(d, f, "the type is another in", view)
		}
		lookAt := all
		if f.typ.base == vectorType {
			lookAt = methods[plain(f.name+"Length")]
		}
		if !slices.ContainsFunc(lookAt,
			func(m reflect.Method) bool { return g.reads(d, f, view, m) }) {
			return differ(d, f, "it has another place in", view)
		}
		if err := g.innerView(f, all[0].Type); err != nil {
			return err
		}
	}
	return nil
}

// reads reports whether an accessor reads the field where the schema has it.
func (g *generated) reads(d *definition, f field, view reflect.Type, m reflect.Method) bool {
	switch {
	case f.typ.base == arrayType:
		return true // it takes an index, and has no length
	case d.kind == structDef:
		return uint32(f.offset) < d.size && readsOffset(view, m, int(f.offset), d.size)
	}
	return readsSlot(view, m, f.slot())
}

// innerView continues with the table or struct that an accessor returns.
func (g *generated) innerView(f field, m reflect.Type) error {
	inner := g.schema.types[f.typ.def]
	if inner == nil || inner.fields == nil || m.NumIn() < 2 || m.In(1).Kind() != reflect.Pointer {
		return nil
	}
	return g.view(inner, m.In(1))
}

// returns reports whether the accessor of a field returns the scalar type of the field, if it has
// one.
func (g *generated) returns(f field, m reflect.Type) bool {
	if m.NumOut() != 1 {
		return false
	}
	out := m.Out(0)
	if f.initial == "null" && out.Kind() == reflect.Pointer {
		out = out.Elem()
	}
	switch f.typ.base {
	case vectorType:
		return m.NumIn() > 1 && (f.typ.element.size() == 0 || out.Kind() == f.typ.element.kind())
	case arrayType:
		return true
	case stringType:
		return out == reflect.TypeFor[[]byte]()
	case objectType:
		return m.NumIn() == 2 && out == m.In(1)
	case unionType:
		return m.NumIn() == 2 && m.In(1) == reflect.TypeFor[*flatbuffers.Table]()
	}
	return out.Kind() == f.typ.base.kind()
}

// object looks for the Go field of every field in the schema, and the other way around: a field
// that only Go has would be packed but never verified.
func (g *generated) object(d *definition, object reflect.Type) error {
	if g.seen[d.name] {
		return nil
	}
	g.seen[d.name] = true
	fields := make(map[string]field)
	for _, f := range d.fields {
		if !f.deprecated && f.typ.base != unionTypeType && f.typ.element != unionTypeType {
			fields[plain(f.name)] = f
		}
	}
	for i := range object.NumField() {
		goField := object.Field(i)
		f, ok := fields[plain(goField.Name)]
		if !ok {
			return fmt.Errorf("it has no field for %v.%s; run flatc again for both the code and "+
				"the schema", object, goField.Name)
		}
		if err := g.inner(f, goField.Type); err != nil {
			return err
		}
	}
	for _, f := range d.fields {
		if _, ok := fields[plain(f.name)]; ok && !hasField(object, f.name) {
			return differ(d, f, "there is none in", object)
		}
	}
	return nil
}

func hasField(object reflect.Type, name string) bool {
	_, ok := object.FieldByNameFunc(func(goName string) bool { return alike(name, goName) })
	return ok
}

// inner continues with the tables and structs in a field.
func (g *generated) inner(f field, t reflect.Type) error {
	d := g.schema.types[f.typ.def]
	for t.Kind() == reflect.Slice || t.Kind() == reflect.Pointer || t.Kind() == reflect.Array {
		t = t.Elem()
	}
	if d == nil || d.fields == nil || t.Kind() != reflect.Struct {
		return nil
	}
	return g.object(d, t)
}

// kind returns the Go kind of a scalar.
func (b baseType) kind() reflect.Kind {
	switch b {
	case boolType:
		return reflect.Bool
	case byteType:
		return reflect.Int8
	case ubyteType, unionTypeType:
		return reflect.Uint8
	case shortType:
		return reflect.Int16
	case ushortType:
		return reflect.Uint16
	case intType:
		return reflect.Int32
	case uintType:
		return reflect.Uint32
	case longType:
		return reflect.Int64
	case ulongType:
		return reflect.Uint64
	case floatType:
		return reflect.Float32
	case doubleType:
		return reflect.Float64
	}
	return reflect.Invalid
}
