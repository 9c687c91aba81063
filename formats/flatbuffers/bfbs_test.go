// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package flatbuffers

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	flatbuffers "github.com/google/flatbuffers/go"
	"github.com/guardkv/guardkv/formats/flatbuffers/internal/testfb"
)

func TestReadSchema(t *testing.T) {
	s := zooSchema(t)
	if s.root != "testfb.Animal" || s.identifier != "" || len(s.types) != 8 {
		t.Errorf("root %q, identifier %q, %d types", s.root, s.identifier, len(s.types))
	}
	for _, c := range []struct{ typ, field, want string }{
		{"testfb.Animal", "name", "name:string (required)"},
		{"testfb.Animal", "legs", "legs:short = 4"},
		{"testfb.Animal", "color", "color:testfb.Color (byte) = 5"},
		{"testfb.Animal", "traits", "traits:testfb.Trait (ulong)"},
		{"testfb.Animal", "tame", "tame:bool = 1"},
		{"testfb.Animal", "colors", "colors:[testfb.Color (byte)]"},
		{"testfb.Animal", "spans", "spans:[testfb.Span]"},
		{"testfb.Animal", "herd", "herd:[testfb.Animal]"},
		{"testfb.Animal", "thing_type", "thing_type:testfb.Thing (union type)"},
		{"testfb.Animal", "thing", "thing:testfb.Thing (union)"},
		{"testfb.Animal", "inner", "inner:[ubyte] (nested_flatbuffer: testfb.Note)"},
		{"testfb.Animal", "f64", "f64:double = 1.5"},
		{"testfb.Animal", "maybe", "maybe:int = null"},
		{"testfb.Span", "to", "to:testfb.Point"},
	} {
		f, ok := s.types[c.typ].field(c.field)
		if !ok || f.declaration() != c.want {
			t.Errorf("%s.%s is %q, want %q", c.typ, c.field, f.declaration(), c.want)
		}
	}
	span := s.types["testfb.Span"]
	if span.size != 32 || span.align != 16 || span.fields[1].offset != 16 {
		t.Errorf("Span has %d bytes, aligned to %d, and %+v", span.size, span.align, span.fields)
	}
	if v := s.types["testfb.Trait"].values[2]; v.name != "Huge" || v.number != 1<<40 {
		t.Errorf("Trait has %+v", v)
	}
	if old, _ := s.types["testfb.Animal"].field("old"); !old.deprecated {
		t.Error("old is not deprecated")
	}
}

// compiled is a schema of one table T with one field, put together without flatc, which refuses
// to make what is tested.
type compiled struct {
	identifier       string
	base, element    int8
	index            int32
	offset           uint16
	offset64         bool
	nested           string
	twice, isStruct  bool
	size, align      int32
	recordIdentifier string
}

func (c compiled) bytes() []byte {
	b := flatbuffers.NewBuilder(256)
	name, field, key, value, id := b.CreateString("T"), b.CreateString("f"),
		b.CreateString("nested_flatbuffer"), b.CreateString(c.nested), b.CreateString(c.recordIdentifier)
	vector := func(all ...flatbuffers.UOffsetT) flatbuffers.UOffsetT {
		return b.CreateVectorOfTables(all)
	}
	b.StartObject(2)
	b.PrependUOffsetTSlot(attributeKey, key, 0)
	b.PrependUOffsetTSlot(attributeValue, value, 0)
	var attributes flatbuffers.UOffsetT
	if attribute := b.EndObject(); c.nested != "" {
		attributes = vector(attribute)
	}
	b.StartObject(4)
	b.PrependInt8Slot(typeBase, c.base, 0)
	b.PrependInt8Slot(typeElement, c.element, 0)
	b.PrependInt32Slot(typeIndex, c.index, -1)
	typ := b.EndObject()
	b.StartObject(14)
	b.PrependUOffsetTSlot(fieldName, field, 0)
	b.PrependUOffsetTSlot(fieldTypeOf, typ, 0)
	b.PrependUint16Slot(fieldOffset, c.offset, 0)
	b.PrependUOffsetTSlot(fieldAttributes, attributes, 0)
	b.PrependBoolSlot(fieldIsOffset64, c.offset64, false)
	fields := vector(b.EndObject())
	b.StartObject(5)
	b.PrependUOffsetTSlot(objectName, name, 0)
	b.PrependUOffsetTSlot(objectFields, fields, 0)
	b.PrependBoolSlot(objectIsStruct, c.isStruct, false)
	b.PrependInt32Slot(objectAlign, c.align, 0)
	b.PrependInt32Slot(objectSize, c.size, 0)
	object := b.EndObject()
	objects := vector(object)
	if c.twice {
		objects = vector(object, object)
	}
	enums := vector()
	b.StartObject(5)
	b.PrependUOffsetTSlot(schemaObjects, objects, 0)
	b.PrependUOffsetTSlot(schemaEnums, enums, 0)
	b.PrependUOffsetTSlot(schemaIdentifier, id, 0)
	b.PrependUOffsetTSlot(schemaRoot, object, 0)
	b.FinishWithFileIdentifier(b.EndObject(), []byte(c.identifier))
	return b.FinishedBytes()
}

// build reads and compiles a schema.
func build(bfbs []byte) error {
	s, err := readSchema(bfbs)
	if err == nil {
		_, err = s.of(s.root).compile()
	}
	return err
}

func TestSchemaRefused(t *testing.T) {
	good := compiled{identifier: "BFBS", base: int8(intType), index: -1, offset: 4}
	if err := build(good.bytes()); err != nil {
		t.Fatalf("a good schema: %v", err)
	}
	for _, c := range []struct {
		name   string
		change func(c *compiled)
		says   string
	}{
		{
			"another identifier",
			func(c *compiled) { c.identifier = "MONS" }, "flatc --binary --schema --bfbs-builtins",
		},
		{
			"a 64-bit offset", func(c *compiled) { c.offset64 = true },
			"T.f: this type cannot be read in Go: it has a 64-bit offset",
		},
		{
			"a 64-bit vector", func(c *compiled) { c.base = int8(vector64Type) },
			"T.f: this type cannot be read in Go: vector64",
		},
		{"no type", func(c *compiled) { c.base = 0 }, "f: this type cannot be read in Go: none"},
		{"a type of the future", func(c *compiled) { c.base = 77 }, "type 77"},
		{"a negative type", func(c *compiled) { c.base = -1 }, "type 255"},
		{
			"an array in a table",
			func(c *compiled) { c.base, c.element = int8(arrayType), int8(intType) }, "array",
		},
		{
			"a vector of vectors",
			func(c *compiled) { c.base, c.element = int8(vectorType), int8(vectorType) }, "vector",
		},
		{"a vector of nothing", func(c *compiled) { c.base = int8(vectorType) }, "none"},
		{
			"an object that is not there",
			func(c *compiled) { c.base, c.index = int8(objectType), 1 }, "type number 1 of 1",
		},
		{
			"an object without a number",
			func(c *compiled) { c.base = int8(objectType) }, "type number -1 of 1",
		},
		{"an enum that is not there", func(c *compiled) { c.index = 0 }, "type number 0 of 0"},
		{
			"a union that is not there",
			func(c *compiled) { c.base = int8(unionType) }, "type number -1 of 0",
		},
		{"an offset in the vtable's head", func(c *compiled) { c.offset = 2 }, "offset 2"},
		{"an odd offset", func(c *compiled) { c.offset = 5 }, "offset 5"},
		{"an offset with a gap", func(c *compiled) { c.offset = 6 }, "offset 6"},
		{"two types of a name", func(c *compiled) { c.twice = true }, "two types T"},
		{"a struct for a root", func(c *compiled) { c.isStruct = true }, "no table T"},
		{"a nested record of no type", func(c *compiled) {
			c.base, c.element, c.nested = int8(vectorType), int8(ubyteType), "Nothing"
		}, "no table Nothing"},
		{"a nested record in no bytes", func(c *compiled) {
			c.base, c.element, c.nested = int8(vectorType), int8(intType), "T"
		}, "no table T that could be nested"},
		{
			"an identifier of 3 bytes",
			func(c *compiled) { c.recordIdentifier = "ABC" }, `"ABC" has 3 bytes`,
		},
	} {
		changed := good
		c.change(&changed)
		wantError(t, c.name, build(changed.bytes()), c.says)
	}
}

// A struct's size is believed when records are verified.
func TestStructSizes(t *testing.T) {
	for _, c := range []struct {
		size, align int32
		ok          bool
	}{
		{16, 8, true},
		{12, 4, true},
		{1, 1, true},
		{0, 1, false},
		{-8, 8, false},
		{8, 0, false},
		{12, 3, false},
		{12, 8, false},
		{1 << 20, 1 << 20, false},
	} {
		s := verifySchema()
		s.types["Point"] = &definition{
			kind: structDef, name: "Point",
			size: uint32(c.size), align: uint32(c.align),
		}
		if _, err := s.compile(); (err == nil) != c.ok {
			t.Errorf("size %d, alignment %d: error %v", c.size, c.align, err)
		}
	}
}

func TestCompileRefused(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(s *schema)
	}{
		{"no type before it", func(s *schema) { s.types["R"].fields[uType].typ = typeOf("byte") }},
		{"the type of another union", func(s *schema) { s.types["R"].fields[uType].typ.def = "V" }},
		{
			"no union behind its type",
			func(s *schema) { s.types["R"].fields[u].typ = typeOf("int") },
		},
		{
			"no types before a vector",
			func(s *schema) { s.types["R"].fields[usType].typ = typeOf("[byte]") },
		},
		{
			"no vector behind its types",
			func(s *schema) { s.types["R"].fields[us].typ = typeOf("[int]") },
		},
		{"an enum", func(s *schema) { s.types["U"].kind = enumDef }},
		{"a negative number", func(s *schema) { s.types["U"].values[0].number = -1 }},
		{"a number above a byte", func(s *schema) { s.types["U"].values[3].number = 256 }},
		{"a number twice", func(s *schema) { s.types["U"].values[2].number = 1 }},
		{"a member with the number of NONE", func(s *schema) {
			s.types["U"].values = s.types["U"].values[1:]
			s.types["U"].values[0].number = 0
		}},
		{"a member of a scalar", func(s *schema) { s.types["U"].values[1].typ = typeOf("int") }},
		{
			"a nested record in integers",
			func(s *schema) { s.types["R"].fields[inner].typ.element = intType },
		},
		{"a nested struct", func(s *schema) { s.types["R"].fields[inner].typ.nested = "Point" }},
		{"two fields of a name", func(s *schema) { s.types["R"].fields[number].name = "text" }},
		{"two members of a name", func(s *schema) { s.types["U"].values[1].name = "text" }},
		{"no root", func(s *schema) { s.root = "Nothing" }},
		{
			"a member that is not there",
			func(s *schema) { s.types["U"].values[1].typ = typeOf("Nothing") },
		},
	} {
		s := verifySchema()
		c.change(s)
		if _, err := s.compile(); err == nil {
			t.Errorf("%s: no error", c.name)
		}
	}
}

func TestNotASchema(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("testdata", "evolution", "base.fbs"))
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range [][]byte{
		nil,
		{},
		[]byte("junk"), text, bytes.Repeat([]byte{0xff}, 1000),
		bomb(30, 2),
	} {
		if _, err := readSchema(b); !errors.Is(err, errNoSchema) {
			t.Errorf("%.20q: error %v", b, err)
		}
	}
	for n := range testfb.Schema {
		_ = build(testfb.Schema[:n:n]) // must not panic
	}
}

func TestSchemaMutations(t *testing.T) {
	n := 20_000
	if testing.Short() {
		n = 2000
	}
	r := rand.New(rand.NewPCG(3, 4))
	for range n {
		b := bytes.Clone(testfb.Schema)
		for range 1 + r.IntN(4) {
			b[r.IntN(len(b))] = byte(r.Uint32())
		}
		_ = build(b) // must not panic
	}
}

// The schema that a program compiles in is believed no more than a record is.
func FuzzSchema(f *testing.F) {
	f.Add(testfb.Schema)
	f.Add(compiled{identifier: "BFBS", base: int8(intType), index: -1, offset: 4}.bytes())
	f.Add(compiled{
		identifier: "BFBS", base: int8(vectorType), element: int8(ubyteType),
		nested: "T", index: -1, offset: 4,
	}.bytes())
	base, err := os.ReadFile(filepath.Join("testdata", "evolution", "base.bfbs"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(base)
	f.Fuzz(func(t *testing.T, b []byte) {
		all, err := readSchema(b)
		if err != nil {
			return
		}
		s := all.of(all.root)
		p, err := s.compile()
		if err != nil {
			return
		}
		meta := s.encode()
		again, err := decodeSchema(meta)
		if err != nil {
			t.Fatalf("it is stored as %q, which cannot be read: %v", meta, err)
		}
		if _, err := again.compile(); err != nil {
			t.Fatalf("what is stored of it cannot be compiled: %v", err)
		}
		merged, err := s.merge(again)
		if err != nil {
			t.Fatalf("it does not fit itself: %v", err)
		}
		if string(merged.encode()) != string(meta) {
			t.Fatalf("%q merged with itself is %q", meta, merged.encode())
		}
		_, _ = p.verify(b, defaultLimits, false)
	})
}
