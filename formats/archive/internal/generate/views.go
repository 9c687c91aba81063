// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package generate

import (
	"fmt"
	"slices"

	"github.com/guardkv/guardkv/formats/archive/internal/schema"
)

// structView writes the view of a struct.
func (e *emitter) structView(t *structType) {
	if !e.declare(t.view, "the struct "+t.name) {
		return
	}
	e.printf("// %s reads a %s in place. What it returns is valid as long as the view is.\n",
		t.view, t.code)
	e.printf("type %s struct{ r archive.Record }\n\n", t.view)
	for _, f := range t.fields {
		e.printf("// %s reads the field %s.\n", f.accessor, f.name)
		e.printf("func (v %s) %s() %s { return %s }\n\n",
			t.view, f.accessor, e.viewOf(f.typ), e.read(f.typ, "v.r", at(f.at)))
	}
	e.printf("// Value returns a copy that lives forever.\n")
	if t.counted() {
		e.printf("func (v %s) Value() %s {\n\tc := v.r.Copy()\n\treturn v.value(&c)\n}\n\n",
			t.view, t.code)
		e.printf("func (v %s) value(c *archive.Copy) %s {\n\tc.Struct(v.r)\n", t.view, t.code)
	} else {
		e.printf("func (v %s) Value() %s {\n", t.view, t.code)
	}
	e.printf("\treturn %s{\n", t.code)
	for _, f := range t.fields {
		e.printf("\t\t%s: %s,\n", f.name, e.value(f.typ, "v."+f.accessor+"()"))
	}
	e.printf("\t}\n}\n\n")
	if t.root {
		e.codec(t)
	}
}

func (e *emitter) codec(t *structType) {
	e.printf("// Archive returns what archive.New needs.\n")
	e.printf("func (%s) Archive() archive.Codec[%s, %s] {\n", t.view, t.code, t.view)
	e.printf("\treturn archive.Codec[%s, %s]{\n", t.code, t.view)
	e.printf("\t\tType: %q, Schema: %s, Size: %d, Encode: %s, Value: %s.Value,\n",
		t.name, e.constant, t.def.Size(), t.encode, t.view)
	if binaries := e.binaries(t); len(binaries) > 0 {
		e.printf("\t\tBinary: map[string]func([]byte) error{\n")
		for _, b := range binaries {
			e.printf("\t\t\t%q: archive.Decodes[%s],\n", b.schema.Name, b.code)
		}
		e.printf("\t\t},\n")
	}
	e.printf("\t}\n}\n\n")
}

// binaries returns the types that a struct reaches and that encode themselves.
func (e *emitter) binaries(root *structType) (all []*typ) {
	seen := make(map[string]bool)
	var visit func(t *typ)
	visitStruct := func(s *structType) {
		if seen[s.name] {
			return
		}
		seen[s.name] = true
		for _, f := range s.fields {
			visit(f.typ)
		}
	}
	visit = func(t *typ) {
		switch {
		case t.kind() == schema.Binary:
			if name := "binary " + t.schema.Name; !seen[name] {
				seen[name] = true
				all = append(all, t)
			}
		case t.oneof != nil:
			for _, m := range t.oneof.members {
				visitStruct(m.def)
			}
		case t.elem != nil:
			visit(t.elem)
		case t.def != nil:
			visitStruct(t.def)
		}
		if t.def != nil {
			visitStruct(t.def)
		}
	}
	visitStruct(root)
	return all
}

// oneofView writes the view of an interface.
func (e *emitter) oneofView(o *oneofType) {
	kind := o.name + "Kind"
	if !e.declare(o.view, "the interface "+o.name) || !e.declare(kind, "the kinds of "+o.name) {
		return
	}
	e.printf("// %s says what a %s is.\n", kind, o.name)
	e.printf("type %s uint16\n\n", kind)
	e.printf("// The kinds of %s. 0 is nil, or what a newer program knows.\nconst (\n", o.name)
	for _, m := range o.members {
		name := kind + exported(m.def.nameInCode())
		e.declare(name, "a kind of "+o.name)
		e.printf("\t%s %s = %d\n", name, kind, m.tag)
	}
	e.printf(")\n\n// %s reads a %s in place.\n", o.view, o.name)
	e.printf("type %s struct{ o archive.Oneof }\n\n", o.view)
	e.printf("// Kind returns which of the types it is.\n")
	e.printf("func (v %s) Kind() %s {\n\tswitch k := %s(v.o.Tag); k {\n", o.view, kind, kind)
	if len(o.members) > 0 {
		e.printf("\tcase ")
		for i, m := range o.members {
			if i > 0 {
				e.printf(", ")
			}
			e.printf("%s%s", kind, exported(m.def.nameInCode()))
		}
		e.printf(":\n\t\treturn k\n")
	}
	e.printf("\t}\n\treturn 0\n}\n\n")
	for _, m := range o.members {
		name := exported(m.def.nameInCode())
		method := name
		if name == "Kind" || name == "Value" {
			method += "Member"
		}
		e.printf("// %s returns it as a %s, and whether it is one.\n", method, m.def.code)
		e.printf("func (v %s) %s() (%s, bool) {\n", o.view, method, m.def.view)
		e.printf("\tif v.Kind() != %s%s {\n\t\treturn %s{}, false\n\t}\n\treturn %s{v.o.Record}, true\n}\n\n", kind, name, m.def.view, m.def.view)
	}
	e.printf("// Value returns a copy that lives forever; nil of what only a newer program knows.\n")
	e.printf("func (v %s) Value() %s {\n\tc := v.o.Record.Copy()\n\treturn v.value(&c)\n}\n\n",
		o.view, o.code)
	e.printf("func (v %s) value(c *archive.Copy) %s {\n\tc.Struct(v.o.Record)\n\tswitch v.Kind() {\n",
		o.view, o.code)
	for _, m := range o.members {
		e.printf("\tcase %s%s:\n", kind, exported(m.def.nameInCode()))
		if m.pointer {
			e.printf("\t\tx := %s{v.o.Record}.%s\n\t\treturn &x\n", m.def.view, m.def.valueCall())
			continue
		}
		e.printf("\t\treturn %s{v.o.Record}.%s\n", m.def.view, m.def.valueCall())
	}
	e.printf("\t}\n\treturn nil\n}\n\n")
}

// counted reports whether copies of the struct are counted, because it contains itself or
// refers to something that may be long.
func (t *structType) counted() bool { return t.countedIn(make(map[*structType]bool)) }

func (t *structType) countedIn(above map[*structType]bool) bool {
	if above[t] {
		return true
	}
	above[t] = true
	defer delete(above, t)
	return slices.ContainsFunc(t.fields, func(f *field) bool { return f.typ.countedIn(above) })
}

func (t *typ) countedIn(above map[*structType]bool) bool {
	switch t.kind() {
	case schema.String, schema.Bytes, schema.Slice, schema.Map, schema.Oneof:
		return true
	case schema.Struct, schema.Fixed, schema.Pointer:
		return t.structType().countedIn(above)
	case schema.Optional, schema.Array:
		return t.elem.countedIn(above)
	}
	return false
}

// structType returns the struct that a value is, or points to.
func (t *typ) structType() *structType {
	if t.def == nil {
		return t.elem.def
	}
	return t.def
}

// valueCall returns the call of the method that copies a view.
func (t *structType) valueCall() string {
	if t.counted() {
		return "value(c)"
	}
	return "Value()"
}

// nameInCode returns the form of the struct's name that other names are made of.
func (t *structType) nameInCode() string { return t.view[:len(t.view)-len("View")] }

// viewOf returns the type that an accessor of t returns.
func (e *emitter) viewOf(t *typ) string {
	switch t.kind() {
	case schema.Bytes:
		return "[]byte"
	case schema.Optional, schema.Pointer:
		return "archive.Null[" + e.viewOf(t.elem) + "]"
	case schema.Struct, schema.Fixed:
		return t.def.view
	case schema.Oneof:
		return t.oneof.view
	case schema.Slice:
		return e.listOf(t)
	case schema.Map:
		name := t.baseName()
		if e.declare(name, t.plain) {
			e.later = append(e.later, func() { e.mapView(name, t) })
		}
		return name
	case schema.Array:
		if t.owned() {
			return t.code
		}
		return fmt.Sprintf("[%d]%s", t.schema.Len, e.viewOf(t.elem))
	}
	return t.code
}

// owned reports whether what an accessor returns is the value itself, and refers to nothing.
func (t *typ) owned() bool {
	switch t.kind() {
	case schema.Array:
		return t.elem.owned()
	case schema.Binary:
		return true
	}
	return t.kind().Scalar()
}

// baseName returns the name of a list or map, whatever name its Go type has.
func (t *typ) baseName() string {
	switch t.kind() {
	case schema.Slice:
		return exported(t.elem.name) + "List"
	case schema.Map:
		return exported(t.key.name) + exported(t.elem.name) + "Map"
	case schema.Array:
		return arrayName(t.elem, t.schema.Len)
	}
	return t.name
}

// listOf returns the type of the view of a slice.
func (e *emitter) listOf(t *typ) string {
	switch k := t.elem.kind(); {
	case k == schema.Bool && t.elem.code == "bool":
		return "archive.Bools"
	case k == schema.Time && t.elem.code == "time.Time":
		return "archive.Times"
	case k == schema.String:
		return "archive.Strings"
	case k == schema.Bytes && t.elem.code == "[]byte":
		return "archive.ByteSlices"
	case t.elem.number():
		return "archive.Numbers[" + t.elem.code + "]"
	}
	name := t.baseName()
	if e.declare(name, t.plain) {
		e.later = append(e.later, func() { e.listView(name, t) })
	}
	return name
}

// read returns the expression for the view of a value at an offset of a record.
func (e *emitter) read(t *typ, r string, p place) string {
	switch k := t.kind(); k {
	case schema.Bool, schema.Float32, schema.Float64, schema.Complex64, schema.Complex128, schema.Time:
		method := exported(t.plain)
		if k == schema.Time {
			method = "Time"
		}
		return t.converted(fmt.Sprintf("%s.%s(%v)", r, method, p))
	case schema.String:
		return t.converted(fmt.Sprintf("%s.Text(%v)", r, p))
	case schema.Bytes:
		return fmt.Sprintf("%s.Bytes(%v)", r, p)
	case schema.Binary:
		return fmt.Sprintf("archive.Decode[%s](%s.Bytes(%v))", t.code, r, p)
	case schema.Optional:
		if t.elem.kind().Scalar() {
			return fmt.Sprintf("archive.Some(%s.Bool(%v), %s)", r, p, e.read(t.elem, r, p.plus(1)))
		}
		return fmt.Sprintf("archive.Some(%s.Has(%v), %s)", r, p, e.read(t.elem, r, p))
	case schema.Struct:
		return fmt.Sprintf("%s{%s.Struct(%v)}", t.def.view, r, p)
	case schema.Pointer:
		return fmt.Sprintf("archive.Some(%s.Has(%v), %s{%s.Struct(%v)})", r, p, t.def.view, r, p)
	case schema.Fixed:
		return fmt.Sprintf("%s{%s.Fixed(%v, %d)}", t.def.view, r, p, e.size(t))
	case schema.Oneof:
		return fmt.Sprintf("%s{%s.Oneof(%v)}", t.oneof.view, r, p)
	case schema.Slice:
		return e.readSlice(t, r, p)
	case schema.Map:
		return fmt.Sprintf("%s{%s.Slots(%v, %d)}", e.viewOf(t), r, p, e.size(t.key)+e.size(t.elem))
	case schema.Array:
		return e.readArray(t, r, p)
	}
	bits := fmt.Sprintf("%s.Uint%d(%v)", r, 8*e.size(t), p)
	if t.code == fmt.Sprintf("uint%d", 8*e.size(t)) {
		return bits
	}
	return t.code + "(" + bits + ")"
}

func (e *emitter) readSlice(t *typ, r string, p place) string {
	switch view := e.listOf(t); view {
	case "archive.Bools", "archive.Times", "archive.Strings", "archive.ByteSlices":
		return fmt.Sprintf("%sOf(%s, %v)", view, r, p)
	default:
		switch {
		case t.elem.number():
			return fmt.Sprintf("archive.NumbersOf[%s](%s, %v)", t.elem.code, r, p)
		case t.elem.kind() == schema.Struct:
			return fmt.Sprintf("%s{%s.Structs(%v)}", view, r, p)
		}
		return fmt.Sprintf("%s{%s.Slots(%v, %d)}", view, r, p, e.size(t.elem))
	}
}

func (e *emitter) readArray(t *typ, r string, p place) string {
	if t.elem.kind() == schema.Uint8 && t.elem.code == "uint8" || t.elem.code == "byte" {
		return fmt.Sprintf("%s(%s.Array(%v, %d))", t.code, r, p, t.schema.Len)
	}
	view := e.viewOf(t)
	name := "read" + exported(t.name)
	if e.declare(name, "reading "+t.code) {
		e.later = append(e.later, func() {
			e.printf("func %s(r archive.Record, at uint32) (a %s) {\n\tfor i := range a {\n",
				name, view)
			e.printf("\t\ta[i] = %s\n\t}\n\treturn a\n}\n\n",
				e.read(t.elem, "r", place{"at", 0}.element("uint32(i)", e.size(t.elem))))
		})
	}
	return fmt.Sprintf("%s(%s, %v)", name, r, p)
}

// value returns the expression that copies what an accessor returned, so that it lives forever.
func (e *emitter) value(t *typ, expr string) string {
	switch t.kind() {
	case schema.String:
		return t.converted("c.Text(" + t.asPlain(expr) + ")")
	case schema.Bytes:
		return fmt.Sprintf("archive.CopyBytes[%s](c, %s)", t.code, expr)
	case schema.Optional:
		if t.elem.owned() {
			return "archive.Ptr(" + expr + ")"
		}
		return fmt.Sprintf("archive.PtrOf(%s, func(s %s) %s { return %s })",
			expr, t.elem.code, t.elem.code, e.value(t.elem, "s"))
	case schema.Pointer:
		if s := t.structType(); s.counted() {
			return fmt.Sprintf("archive.PtrOf(%s, func(v %s) %s { return v.value(c) })",
				expr, s.view, s.code)
		}
		return fmt.Sprintf("archive.PtrOf(%s, %s.Value)", expr, t.def.view)
	case schema.Struct, schema.Fixed:
		return expr + "." + t.def.valueCall()
	case schema.Oneof, schema.Map:
		return expr + ".value(c)"
	case schema.Slice:
		return e.sliceValue(t, expr)
	case schema.Array:
		if t.owned() {
			return expr
		}
		return e.arrayValue(t, expr)
	}
	return expr
}

func (e *emitter) sliceValue(t *typ, expr string) string {
	view := e.listOf(t)
	switch {
	case t.elem.number():
		return fmt.Sprintf("archive.NumberValues[%s](c, %s)", t.code, expr)
	case view == "archive.Strings":
		return fmt.Sprintf("archive.TextValues[%s](c, %s)", t.code, expr)
	case view == "archive.Bools" || view == "archive.Times" || view == "archive.ByteSlices":
		return fmt.Sprintf("archive.Values[%s](c, %s, func(l %s, i int) %s { return %s })",
			t.code, expr, view, t.elem.code, e.value(t.elem, "l.At(i)"))
	}
	return expr + ".value(c)"
}

func (e *emitter) arrayValue(t *typ, expr string) string {
	view := e.viewOf(t)
	name := "value" + exported(t.name)
	declared, passed := "", ""
	if t.countedIn(make(map[*structType]bool)) {
		declared, passed = "c *archive.Copy, ", "c, "
	}
	if e.declare(name, "copying "+t.code) {
		e.later = append(e.later, func() {
			e.printf("func %s(%sv %s) (a %s) {\n", name, declared, view, t.code)
			e.printf("\tfor i := range a {\n\t\ta[i] = %s\n\t}\n\treturn a\n}\n\n",
				e.value(t.elem, "v[i]"))
		})
	}
	return fmt.Sprintf("%s(%s%s)", name, passed, expr)
}

// listView writes the view of a slice.
func (e *emitter) listView(name string, t *typ) {
	view := e.viewOf(t.elem)
	e.printf("// %s reads a %s in place.\ntype %s struct{ l archive.List }\n\n",
		name, t.plain, name)
	e.listMethods(name)
	e.printf("// At returns an element. It panics if there is none of this index.\n")
	elem := e.read(t.elem, "s.l.Record(i)", at(0))
	if t.elem.kind() == schema.Struct { // it lies in the slice
		elem = view + "{s.l.Record(i)}"
	}
	e.printf("func (s %s) At(i int) %s { return %s }\n\n", name, view, elem)
	e.printf("// All yields the elements.\nfunc (s %s) All() iter.Seq2[int, %s] { return archive.All(s.Len(), s.At) }\n\n", name, view)
	e.printf("// Value returns a copy that lives forever.\n")
	e.printf("func (s %s) Value() %s {\n\tc := s.l.Copy()\n\treturn s.value(&c)\n}\n\n", name, t.plain)
	e.printf("func (s %s) value(c *archive.Copy) %s {\n", name, t.plain)
	e.printf("\treturn archive.Values[%s](c, s, func(s %s, i int) %s { return %s })\n}\n\n",
		t.plain, name, t.elem.code, e.value(t.elem, "s.At(i)"))
}

func (e *emitter) listMethods(name string) {
	e.printf("// IsNil reports whether it was nil.\nfunc (s %s) IsNil() bool { return s.l.IsNil() }\n\n", name)
	e.printf("// Len returns how many there are.\nfunc (s %s) Len() int { return s.l.Len() }\n\n",
		name)
}

// mapView writes the view of a map.
func (e *emitter) mapView(name string, t *typ) {
	view, keySize := e.viewOf(t.elem), e.size(t.key)
	key := e.viewOf(t.key)
	e.printf("// %s reads a %s in place. Its keys are in order.\ntype %s struct{ l archive.List }\n\n", name, t.plain, name)
	e.listMethods(name)
	e.printf("// At returns a key and its value. It panics if there is none of this index.\n")
	e.printf("func (s %s) At(i int) (%s, %s) {\n\tr := s.l.Record(i)\n", name, key, view)
	e.printf("\treturn %s, %s\n}\n\n", e.read(t.key, "r", at(0)), e.read(t.elem, "r", at(keySize)))
	e.printf("// Get returns the value of a key, and whether it is there.\n")
	e.printf("func (s %s) Get(key %s) (v %s, ok bool) {\n", name, key, view)
	e.printf("\tlow, high := 0, s.Len()\n\tfor low < high {\n\t\tmid := int(uint(low+high) / 2)\n\t\tr := s.l.Record(mid)\n")
	e.printf("\t\tk := %s\n\t\tswitch c := %s; {\n",
		e.read(t.key, "r", at(0)), e.compare(t.key, "k", "key"))
	e.printf("\t\tcase c < 0:\n\t\t\tlow = mid + 1\n\t\tcase c > 0:\n\t\t\thigh = mid\n\t\tdefault:\n\t\t\treturn %s, true\n\t\t}\n\t}\n\treturn v, false\n}\n\n",
		e.read(t.elem, "r", at(keySize)))
	e.printf("// All yields the keys in order, and their values.\n")
	e.printf("func (s %s) All() iter.Seq2[%s, %s] {\n", name, key, view)
	e.printf("\treturn func(yield func(%s, %s) bool) {\n\t\tfor i := range s.Len() {\n\t\t\tif !yield(s.At(i)) {\n\t\t\t\treturn\n\t\t\t}\n\t\t}\n\t}\n}\n\n", key, view)
	e.printf("// Value returns a copy that lives forever.\n")
	e.printf("func (s %s) Value() %s {\n\tc := s.l.Copy()\n\treturn s.value(&c)\n}\n\n", name, t.plain)
	e.printf("func (s %s) value(c *archive.Copy) %s {\n\tif s.IsNil() {\n\t\treturn nil\n\t}\n", name, t.plain)
	e.printf("\tc.Elements(s.Len())\n")
	e.printf("\tm := make(%s, s.Len())\n\tfor k, v := range s.All() {\n\t\tm[%s] = %s\n\t}\n\treturn m\n}\n\n",
		t.plain, e.value(t.key, "k"), e.value(t.elem, "v"))
}

// compare returns the expression that compares two keys.
func (e *emitter) compare(t *typ, a, b string) string {
	switch t.kind() {
	case schema.Bool:
		return fmt.Sprintf("archive.CompareBools(%s, %s)", a, b)
	case schema.Array:
		return fmt.Sprintf("archive.CompareArrays(%s[:], %s[:])", a, b)
	}
	return fmt.Sprintf("cmp.Compare(%s, %s)", a, b)
}
