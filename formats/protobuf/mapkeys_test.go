// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package protobuf_test

import (
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/formats/protobuf"
	"github.com/guardkv/guardkv/formats/protobuf/internal/testpb"
)

// The library panicked when it decoded an entry with a field of the key's number and another
// type behind the key, unless the program had generated code for the message.
func TestMapKeyOfAnotherType(t *testing.T) {
	const (
		key      = "\x0a\x01k" // field 1, a string
		other    = "\x08\x05"  // field 1, a number
		overlong = "\x88\x00\x05"
		group    = "\x0b\x08\x01\x0c" // field 1, a group with a number in it
		value    = "\x10\x07"         // field 2, a number
	)
	read := withoutCode(t)
	for _, test := range []struct {
		name, entry string
		want        map[string]int64
	}{
		{"behind the key", key + other, map[string]int64{"k": 0}},
		{"before the key", other + key, map[string]int64{"k": 0}},
		{"behind the value", key + value + other, map[string]int64{"k": 7}},
		{"between them", key + other + value, map[string]int64{"k": 7}},
		{"alone", other + value, map[string]int64{"": 7}},
		{"with a tag of two bytes", key + overlong + value, map[string]int64{"k": 7}},
		{"a group", key + group + value, map[string]int64{"k": 7}},
		{"several keys", "\x0a\x01j" + other + key + other + value, map[string]int64{"k": 7}},
	} {
		const counts, parent, friends = 25, 31, 33
		row := protoField(counts, []byte(test.entry))
		for name, row := range map[string][]byte{
			"":            row,
			"in messages": protoField(parent, protoField(parent, row)),
			"in a map": protoField(friends, append(protoField(2, row),
				"\x0a\x01f"+other...)),
		} {
			t.Run(test.name+name, func(t *testing.T) {
				before := string(row)
				animal := read(t, row)
				for animal.Parent != nil {
					animal = animal.Parent
				}
				if f := animal.Friends["f"]; f != nil {
					animal = f
				}
				want := &testpb.Animal{Counts: test.want}
				if !proto.Equal(animal, want) {
					t.Errorf("read %v, want %v", animal, want)
				}
				if string(row) != before {
					t.Errorf("View changed the bytes it was given to %x", row)
				}
			})
		}
	}
}

// withoutCode returns a function that reads a row with generated code, without it, and as JSON,
// and compares.
func withoutCode(t testing.TB) func(t *testing.T, row []byte) *testpb.Animal {
	t.Helper()
	const memory = 1 << 40 // messages without generated code take more
	f := protobuf.New[*testpb.Animal](protobuf.WithMaxMemory(memory))
	d := (*testpb.Animal)(nil).ProtoReflect().Descriptor()
	dynamic := protobuf.Dynamic(d, protobuf.WithMaxMemory(memory))
	_, meta, err := core.PowersOf(f).Bind(nil)
	if err != nil {
		t.Fatal(err)
	}
	e, err := protobuf.Explain(core.TableInfo{ValueFormat: f.ID(), Meta: meta})
	if err != nil {
		t.Fatal(err)
	}
	return func(t *testing.T, row []byte) *testpb.Animal {
		t.Helper()
		want, wantErr := f.View(row)
		got, err := dynamic.View(row)
		if (err == nil) != (wantErr == nil) {
			t.Fatalf("%x: error %v, with generated code %v", row, err, wantErr)
		}
		if err == nil && !sameKnown(t, got, want) {
			t.Fatalf("%x: read %v, with generated code %v", row, got, want)
		}
		if _, err := e.AppendJSON(nil, nil, row); (err == nil) != (wantErr == nil) {
			t.Fatalf("%x: error %v when shown, %v when read", row, err, wantErr)
		}
		return want
	}
}

// sameKnown compares messages without their unknown fields, whose tags generated code shortens.
func sameKnown(t *testing.T, got, want proto.Message) bool {
	t.Helper()
	var known [2]testpb.Animal
	for i, m := range []proto.Message{got, want} {
		b, err := proto.Marshal(m)
		if err == nil {
			err = proto.UnmarshalOptions{DiscardUnknown: true}.Unmarshal(b, &known[i])
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return proto.Equal(&known[0], &known[1])
}

// FuzzDynamic looks for bytes that differ when they are read without generated code.
func FuzzDynamic(f *testing.F) {
	for _, a := range animals() {
		b, err := protobuf.New[*testpb.Animal]().Append(nil, a)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	read := withoutCode(f)
	f.Fuzz(func(t *testing.T, row []byte) {
		if len(row) < 1<<12 { // Explain has its own limits
			read(t, row)
		}
	})
}
