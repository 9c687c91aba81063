// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package protobuf_test

import (
	"bytes"
	"errors"
	"runtime"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/formats/protobuf"
	"github.com/guardkv/guardkv/formats/protobuf/internal/testpb"
)

// bombs are small inputs of which the library makes much: structs for messages of no bytes,
// places in maps and lists.
func bombs() map[string][]byte {
	empty := protoField(9, nil)
	var entries []byte
	for i := range uint64(1 << 18) {
		entries = append(entries, protoField(11, protowire.AppendVarint([]byte{8}, i))...)
	}
	nested := empty
	for len(nested) < 1<<20 {
		nested = protoField(9, bytes.Repeat(nested, 3))
	}
	return map[string][]byte{
		"empty messages":         bytes.Repeat(empty, 1<<20),
		"entries of a map":       entries,
		"empty messages, nested": nested,
		"empty messages behind a field of the wrong type": slices.Concat([]byte{0x0d, 0, 0, 0, 0},
			bytes.Repeat(empty, 1<<20)),
		"empty messages before a cut": append(bytes.Repeat(empty, 1<<20), 0x4a,
			5),
	}
}

func protoField(n protowire.Number, contents []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(nil, n, protowire.BytesType), contents)
}

// A megabyte of empty messages became 200 megabytes of structs: a row that was damaged, or came
// from somebody who means harm, took the process down.
func TestMemoryIsBounded(t *testing.T) {
	f := protobuf.New[*testpb.Wide]()
	for name, b := range bombs() {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := f.View(b)
			runtime.ReadMemStats(&after)
			if !errors.Is(err, core.ErrCorrupt) || !strings.Contains(err.Error(), "WithMaxMemory") {
				t.Errorf("error %v, want ErrCorrupt that names WithMaxMemory", err)
			}
			if grown := after.TotalAlloc - before.TotalAlloc; grown > 1<<20 {
				t.Errorf("%d bytes of memory were taken for %d", grown, len(b))
			}
		})
	}
}

// What is estimated is not less than half of what is allocated, whatever the fields are. So a
// limit of so many bytes keeps to twice of that, and a message that passes with a limit never
// takes more.
func TestEstimates(t *testing.T) {
	for name, b := range map[string][]byte{
		"messages": bytes.Repeat([]byte{0x4a, 0}, 4000),
		"strings":  bytes.Repeat([]byte{0x4a, 3, 0x0a, 1, 'x'}, 3000),
		"packed": append(protowire.AppendVarint([]byte{0x52}, 40000),
			bytes.Repeat([]byte{1}, 40000)...),
		"numbers": bytes.Repeat([]byte{0x50, 1}, 20000),
		"entries": bombs()["entries of a map"][:40000],
		"unknown": bytes.Repeat([]byte{0xf8, 1, 1}, 20000),
	} {
		t.Run(name, func(t *testing.T) {
			limit := int64(64 << 10)
			for ; limit < 1<<30; limit *= 2 {
				if _, err := protobuf.New[*testpb.Wide](protobuf.WithMaxMemory(limit)).View(b); err == nil || !strings.Contains(err.Error(), "WithMaxMemory") {
					break
				}
			}
			f := protobuf.New[*testpb.Wide](protobuf.WithMaxMemory(limit))
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, _ = f.View(b)
			runtime.ReadMemStats(&after)
			if grown := int64(after.TotalAlloc - before.TotalAlloc); grown > 2*max(limit,
				32*int64(len(b))) {
				t.Errorf("%d bytes were allocated with a limit of %d, for %d", grown, limit, len(b))
			}
		})
	}
}

// What could not be read again is not written.
func TestTooBigIsRefused(t *testing.T) {
	m := &testpb.Wide{}
	for range 1 << 19 {
		m.More = append(m.More, &testpb.Wide{})
	}
	if _, err := protobuf.New[*testpb.Wide]().Append(nil, m); !errors.Is(err,
		core.ErrTooLarge) || !strings.Contains(err.Error(), "WithMaxMemory") {
		t.Errorf("error %v, want ErrTooLarge that names WithMaxMemory", err)
	}
	f := protobuf.New[*testpb.Wide](protobuf.WithMaxMemory(1 << 30))
	b, err := f.Append(nil, m)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := f.View(b); err != nil || len(got.GetMore()) != 1<<19 {
		t.Errorf("%d messages, error %v", len(got.GetMore()), err)
	}
}

// nested returns an animal of so many levels: in a field, a list, a map, or all of them by turns.
func nested(levels int, way func(i int) int) *testpb.Animal {
	a := &testpb.Animal{Name: "innermost"}
	for i := 1; i < levels; i++ {
		switch way(i) {
		case 0:
			a = &testpb.Animal{Parent: a}
		case 1:
			a = &testpb.Animal{Children: []*testpb.Animal{a}}
		default:
			// an entry is a level
			a, i = &testpb.Animal{Friends: map[string]*testpb.Animal{"x": a}}, i+1
		}
	}
	return a
}

// What is written can be read, up to the last level; and what is nested more deeply is refused,
// by both.
func TestNesting(t *testing.T) {
	ways := map[string]func(int) int{
		"fields": func(int) int { return 0 }, "lists": func(int) int { return 1 },
		"maps": func(int) int { return 2 },
		"all":  func(i int) int { return i % 3 },
	}
	for name, way := range ways {
		f, deeper := protobuf.New[*testpb.Animal](protobuf.WithMaxNesting(21)),
			protobuf.New[*testpb.Animal](protobuf.WithMaxNesting(40))
		for levels := 15; levels < 30; levels++ {
			m := nested(levels, way)
			b, err := f.Append(nil, m)
			whole, errDeeper := deeper.Append(nil, m)
			if errDeeper != nil {
				t.Fatal(errDeeper)
			}
			_, readErr := f.View(whole)
			if (err == nil) != (readErr == nil) {
				t.Errorf("%s, %d levels: written with error %v, read with error %v",
					name, levels, err, readErr)
			}
			if err == nil {
				if got, err := f.View(b); err != nil || !proto.Equal(got, m) {
					t.Errorf("%s, %d levels: error %v", name, levels, err)
				}
			} else if !errors.Is(err, core.ErrTooLarge) ||
				!strings.Contains(err.Error(), "WithMaxNesting") || !errors.Is(readErr,
				core.ErrCorrupt) {
				t.Errorf("%s, %d levels: errors %v and %v", name, levels, err, readErr)
			}
			if want := levels <= 21; (err == nil) != want && name != "maps" && name != "all" {
				t.Errorf("%s, %d levels: error %v", name, levels, err)
			}
		}
	}
}

// The library follows a message that contains itself until the stack is full, which nothing can
// recover from.
func TestCycles(t *testing.T) {
	a, b, c := &testpb.Animal{}, &testpb.Animal{}, &testpb.Animal{}
	a.Parent, b.Children = a, []*testpb.Animal{{}, b}
	c.Friends = map[string]*testpb.Animal{"itself": c}
	for _, m := range []*testpb.Animal{a, b, c} {
		if _, err := protobuf.New[*testpb.Animal]().Append(nil, m); !errors.Is(err,
			core.ErrTooLarge) || !strings.Contains(err.Error(), "contains itself") {
			t.Errorf("error %v, want ErrTooLarge", err)
		}
	}
	r := &testpb.Record{Name: proto.String("x")}
	r.Next = r
	if _, err := protobuf.New[*testpb.Record]().Append(nil, r); !errors.Is(err, core.ErrTooLarge) {
		t.Errorf("error %v, want ErrTooLarge", err)
	}
}

// A nil message was stored as an empty one, and read as that.
func TestNil(t *testing.T) {
	if _, err := protobuf.New[*testpb.Animal]().Append(nil,
		nil); err == nil || !strings.Contains(err.Error(), "nil message") {
		t.Errorf("error %v", err)
	}
	d := (*testpb.Animal)(nil).ProtoReflect().Descriptor()
	if _, err := protobuf.Dynamic(d).Append(nil, nil); err == nil || !strings.Contains(err.Error(),
		"nil message") {
		t.Errorf("error %v", err)
	}
	if _, err := protobuf.Dynamic(d).Append(nil,
		dynamicpb.NewMessage((*testpb.Food)(nil).ProtoReflect().Descriptor())); err == nil ||
		!strings.Contains(err.Error(), "another descriptor") {
		t.Errorf("error %v", err)
	}
}

func TestUnreadableIsRefused(t *testing.T) {
	if _, err := protobuf.New[*testpb.Animal]().Append(nil,
		&testpb.Animal{Name: "\xff"}); err == nil || !strings.Contains(err.Error(), "UTF-8") {
		t.Errorf("a string that is not UTF-8: error %v", err)
	}
	if _, err := protobuf.New[*testpb.Record]().Append(nil,
		&testpb.Record{}); err == nil || !strings.Contains(err.Error(), "legacy.Record.name") {
		t.Errorf("a required field that is not set: error %v", err)
	}
	for name, b := range map[string][]byte{
		"a required field is missing": {},
		"in a part":                   {0x0a, 0, 0x33, 0x34},
	} {
		if _, err := protobuf.New[*testpb.Record]().View(b); !errors.Is(err,
			core.ErrCorrupt) || !strings.Contains(err.Error(), "required") {
			t.Errorf("%s: error %v", name, err)
		}
	}
	for name, b := range map[string]string{
		"not UTF-8": "\x0a\x01\xff", "field number 0": "\x00\x00", "cut": "\x0a\x05a",
		"wire type 7": "\x0f", "group without end": "\xfb\x01", "end without group": "\x0c",
	} {
		if _, err := protobuf.New[*testpb.Animal]().View([]byte(b)); !errors.Is(err,
			core.ErrCorrupt) {
			t.Errorf("%s: error %v, want ErrCorrupt", name, err)
		}
	}
}

// messageSet is what an old compiler has made of such a message.
type messageSet struct{ protoreflect.MessageDescriptor }

func (messageSet) IsMessageSet() bool { return true }

// What cannot be compared, or not be read again, is refused before a table is made, by its name.
func TestRefusedTypes(t *testing.T) {
	check := func(name string, err error, says ...string) {
		t.Helper()
		for _, s := range says {
			if err == nil || !strings.Contains(err.Error(), s) {
				t.Errorf("%s: error %v does not say %q", name, err, s)
			}
		}
	}
	extensible := protobuf.New[*testpb.HoldsExtensible]()
	check("extensions", core.PowersOf(extensible).CheckValue(), "legacy.HoldsExtensible",
		"message legacy.Extensible", "extension ranges")
	_, err := extensible.Append(nil, &testpb.HoldsExtensible{})
	check("extensions, written", err, "extension ranges")
	_, err = extensible.View(nil)
	check("extensions, read", err, "extension ranges")
	_, _, err = core.PowersOf(extensible).Bind(nil)
	check("extensions, bound", err, "extension ranges")
	set := messageSet{(*testpb.Food)(nil).ProtoReflect().Descriptor()}
	check("MessageSet", core.PowersOf(protobuf.Dynamic(set)).CheckValue(), "zoo.Food", "MessageSet")
	check("interface", core.PowersOf(protobuf.New[proto.Message]()).CheckValue(), "ProtoMessage",
		"protoc-gen-go")
	check("no descriptor", core.PowersOf(protobuf.New[*dynamicpb.Message]()).CheckValue(),
		"dynamicpb.Message", "Dynamic")
}

// The stored descriptor is damaged, or somebody means harm: the library ends the process for a
// file of an edition that it does not know if the file has the name of one of its own tests.
func TestForeignDescriptors(t *testing.T) {
	f := protobuf.New[*testpb.Food]()
	bind := core.PowersOf(f).Bind
	_, meta, err := bind(nil)
	if err != nil {
		t.Fatal(err)
	}
	head := "PBD\x01\x08zoo.Food"
	set := func(change func(f *descriptorpb.FileDescriptorProto)) string {
		var s descriptorpb.FileDescriptorSet
		if err := proto.Unmarshal(meta[len(head):], &s); err != nil {
			t.Fatal(err)
		}
		change(s.File[0])
		b, err := proto.Marshal(&s)
		if err != nil {
			t.Fatal(err)
		}
		return head + string(b)
	}
	for name, stored := range map[string]string{
		"nothing": "", "junk": "junk", "no set": head + "junk",
		"no file": head, "cut": string(meta[:len(meta)-3]),
		"other root": "PBD\x01\x08zoo.Fool" + string(meta[len(head):]),
		"deep root":  "PBD\x01\x0azoo.Food.x" + string(meta[len(head):]),
		"two files":  string(meta) + string(meta[len(head):]),
		"edition": set(func(f *descriptorpb.FileDescriptorProto) {
			f.Name, f.Edition = proto.String("cmd/protoc-gen-go/testdata/x.proto"),
				descriptorpb.Edition_EDITION_MAX.Enum()
		}),
		"old edition": set(func(f *descriptorpb.FileDescriptorProto) {
			f.Edition = descriptorpb.Edition_EDITION_LEGACY.Enum()
		}),
		"package": set(func(f *descriptorpb.FileDescriptorProto) {
			f.Package = proto.String("x")
		}),
		"no type": set(func(f *descriptorpb.FileDescriptorProto) {
			f.MessageType[0].NestedType[0].Field[0].TypeName = proto.String(".x.Y")
		}),
		"extensible": set(func(f *descriptorpb.FileDescriptorProto) {
			f.MessageType[0].NestedType[0].ExtensionRange = []*descriptorpb.DescriptorProto_ExtensionRange{{Start: proto.Int32(50), End: proto.Int32(60)}}
		}),
		"bomb": head + string(bytes.Repeat([]byte{0x0a, 0}, 1<<20)),
	} {
		if _, _, err := bind([]byte(stored)); !errors.Is(err, core.ErrCorrupt) {
			t.Errorf("%s: error %v, want ErrCorrupt", name, err)
		}
	}
	_, _, err = bind([]byte("PBD\x02 of a later version"))
	wantMismatch(t, err, "version 2")
}

// A string of proto2 may be any bytes, and one of proto3 must be UTF-8: the second can become
// the first, but not the other way round, after which rows could not be read.
func TestStringsOfAnyBytes(t *testing.T) {
	meta, err := bind(t, "proto2\nmessage M\n optional string a = 1",
		mustBind(t, "message M\n string a = 1"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = bind(t, "message M\n string a = 1", meta)
	wantMismatch(t, err, "`string (of any bytes) a = 1`", "does not fit")
}

// The library writes a nil inside of a message as an empty message, which is what it takes it
// for everywhere.
func TestNilInside(t *testing.T) {
	f := protobuf.New[*testpb.Animal]()
	b, err := f.Append(nil, &testpb.Animal{
		Food: []*testpb.Food{nil}, Meals: map[int32]*testpb.Food{1: nil},
		Home: &testpb.Animal_Pond_{},
	})
	if err != nil {
		t.Fatal(err)
	}
	got, err := f.View(b)
	want := &testpb.Animal{
		Food: []*testpb.Food{{}}, Meals: map[int32]*testpb.Food{1: {}},
		Home: &testpb.Animal_Pond_{Pond: &testpb.Animal_Pond{}},
	}
	if err != nil || !proto.Equal(got, want) {
		t.Errorf("%v, error %v; want %v", got, err, want)
	}
}
