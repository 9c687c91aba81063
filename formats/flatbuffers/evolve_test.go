// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package flatbuffers

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/guardkv/guardkv/core"
)

// evolution returns a schema of testdata/evolution, where the compiled ones were made with
//
//	flatc --binary --schema --bfbs-builtins *.fbs
func evolution(t *testing.T, name string) *schema {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "evolution", name+".bfbs"))
	if err != nil {
		t.Fatal(err)
	}
	s, err := readSchema(b)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return s.of(s.root)
}

// open does what opening a table does that was last opened with stored.
func open(stored []byte, now *schema, r renames) ([]byte, error) {
	f := format[[]byte, struct{}]{schema: now, options: options{limits: defaultLimits, renames: r}}
	_, meta, err := f.Bind(stored)
	return meta, err
}

// These programs can share a table with base, whoever comes first. What is stored in the end is
// the same, and each of them can open the table again.
func TestCompatible(t *testing.T) {
	base := evolution(t, "base")
	for _, name := range []string{
		"base", "added_field", "deprecated_field", "added_enum_value", "added_union_member",
		"added_in_inner", "removed_field", "next", "other_order",
	} {
		other := evolution(t, name)
		var ends []string
		for _, programs := range [][]*schema{{base, other}, {other, base}} {
			meta := programs[0].encode()
			for _, p := range slices.Concat(programs[1:], programs) {
				var err error
				if meta, err = open(meta, p, nil); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
			ends = append(ends, string(meta))
		}
		if ends[0] != ends[1] {
			t.Errorf("%s: the order of programs decides what is stored: %q and %q",
				name, ends[0], ends[1])
		}
		if name == "other_order" && string(other.encode()) != string(base.encode()) {
			t.Errorf("%s: the same schema is stored differently", name)
		}
	}
}

// These programs cannot, whoever comes first. The error says what differs, and how on both sides.
func TestIncompatible(t *testing.T) {
	base := evolution(t, "base")
	for _, c := range []struct {
		name string
		says []string // when base is stored
	}{
		{"changed_type", []string{"zoo.Animal.legs", "legs:short = 4", "legs:int = 4"}},
		{"changed_element", []string{"zoo.Animal.tags", "[string]", "[ubyte]"}},
		{
			"changed_enum_type",
			[]string{"zoo.Animal.color", "zoo.Color (byte)", "zoo.Color (ubyte)"},
		},
		{"changed_default", []string{"zoo.Animal.legs", "legs:short = 4", "legs:short = 2"}},
		{"changed_real_default", []string{"zoo.Animal.weight", "= 1.5", "= 2.5"}},
		{"changed_optional", []string{"zoo.Animal.maybe", "`maybe:int = null`", "`maybe:int`"}},
		{"moved_id", []string{"zoo.Animal.path", "(id: 5)", "(id: 4)"}},
		{"inserted_field", []string{"zoo.Animal.legs", "(id: 1)", "(id: 2)"}},
		{"reused_id", []string{"zoo.Animal (id: 12)", "maybe:int", "other:int", "Renamed"}},
		{
			"changed_struct",
			[]string{"struct zoo.Point", "y:float (offset 4)", "y:double (offset 8)"},
		},
		{"grown_struct", []string{"struct zoo.Point", "no more fields", "z:float (offset 8)"}},
		{"aligned_struct", []string{"struct zoo.Point", "aligned to 4", "aligned to 8"}},
		{
			"became_required",
			[]string{"zoo.Animal.tags", "`tags:[string]`", "`tags:[string] (required)`"},
		},
		{
			"became_optional",
			[]string{"zoo.Animal.name", "`name:string (required)`", "`name:string`"},
		},
		{
			"added_required",
			[]string{"zoo.Animal.must", "absent", "must:string (required)", "do not have it"},
		},
		{"moved_enum_value", []string{"enum zoo.Color", "Blue = 2", "Blue = 1"}},
		{"reused_enum_value", []string{"enum zoo.Color", "Blue = 2", "Black = 2", "Renamed"}},
		{
			"moved_union_member",
			[]string{"union zoo.Thing", "Place:zoo.Place = 2", "Place:zoo.Place = 1"},
		},
		{
			"changed_union_member",
			[]string{"union zoo.Thing", "Place:zoo.Place = 2", "Place:zoo.Animal = 2"},
		},
		{"changed_nested", []string{
			"zoo.Animal.inner", "nested_flatbuffer: zoo.Note",
			"nested_flatbuffer: zoo.Place",
		}},
		{
			"dropped_nested",
			[]string{"zoo.Animal.inner", "nested_flatbuffer: zoo.Note", "`inner:[ubyte]`"},
		},
		{"table_for_struct", []string{"zoo.Point", "`struct`", "`table`"}},
		{"added_identifier", []string{"file identifier", `""`, `"ZOO1"`}},
		{"renamed_root", []string{"zoo.Animal", "zoo.Beast"}},
		{"renamed_namespace", []string{"zoo.Animal", "park.Animal"}},
	} {
		other := evolution(t, c.name)
		_, err := open(base.encode(), other, nil)
		wantMismatch(t, c.name, err, c.says)
		_, err = open(other.encode(), base, nil)
		wantMismatch(t, c.name+", the other way around", err, []string{" is stored as `"})
	}
}

func wantMismatch(t *testing.T, name string, err error, says []string) {
	t.Helper()
	if !errors.Is(err, core.ErrFormatMismatch) {
		t.Errorf("%s: error %v", name, err)
		return
	}
	for _, s := range says {
		if !strings.Contains(err.Error(), s) {
			t.Errorf("%s: the error does not say %q: %v", name, s, err)
		}
	}
}

// What is stored of a struct may be damaged where nothing else shows it.
func TestStructOfAnotherSize(t *testing.T) {
	a, b := verifySchema(), verifySchema()
	b.types["Point"].size = 24
	_, err := open(a.encode(), b, nil)
	wantMismatch(t, "size", err, []string{"struct Point", "16 bytes", "24 bytes"})
}

// A field was removed, by one release, and its place given to another field, by the next. Rows
// of the first release hold what the third would read as something else.
func TestRemovedAndReused(t *testing.T) {
	meta := evolution(t, "base").encode()
	meta, err := open(meta, evolution(t, "removed_field"), nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = open(meta, evolution(t, "removed_then_reused"), nil)
	wantMismatch(t, "reused", err, []string{"zoo.Animal (id: 12)", "maybe:int", "last:string"})
}

func TestRenamed(t *testing.T) {
	base, now := evolution(t, "base"), evolution(t, "renamed")
	var o options
	for _, r := range [][2]string{
		{"zoo.Animal", "zoo.Beast"},
		{"zoo.Animal.legs", "limbs"},
		{"zoo.Animal.thing", "stuff"},
		{"zoo.Thing", "zoo.Stuff"},
		{"zoo.Color.Red", "Crimson"},
		{"zoo.Point", "zoo.Spot"},
	} {
		Renamed(r[0], r[1])(&o)
	}
	if _, err := open(base.encode(), now, nil); !errors.Is(err, core.ErrFormatMismatch) {
		t.Errorf("without Renamed: error %v", err)
	}
	meta, err := open(base.encode(), now, o.renames)
	if err != nil {
		t.Fatal(err)
	}
	if string(meta) != string(now.encode()) {
		t.Errorf("the table remembers %q, want %q", meta, now.encode())
	}
	for _, r := range []renames{nil, o.renames} {
		if _, err := open(meta, now, r); err != nil {
			t.Errorf("opened again: %v", err)
		}
	}
	if _, err := open(meta, base, nil); !errors.Is(err, core.ErrFormatMismatch) {
		t.Errorf("with the old names: error %v", err)
	}
	_, err = open(base.encode(), now, renames{"zoo.Animal": "zoo.Note"})
	wantMismatch(t, "a name for two types", err, []string{"zoo.Note"})
}

// What is stored is what decides: it must be read as it was written, and nothing else may be
// taken for it.
func TestStoredSchema(t *testing.T) {
	s := evolution(t, "base")
	b := s.encode()
	const most = 600
	if len(b) > most {
		t.Errorf("a schema of 13 fields takes %d bytes, want %d", len(b), most)
	}
	got, err := decodeSchema(b)
	if err != nil {
		t.Fatal(err)
	}
	if string(got.encode()) != string(b) {
		t.Errorf("%q became %q", b, got.encode())
	}
	if err := checkSame(s, got); err != nil {
		t.Error(err)
	}
	for i := range b {
		if _, err := decodeSchema(b[:i]); !errors.Is(err, core.ErrCorrupt) {
			t.Errorf("the first %d of %d bytes: error %v", i, len(b), err)
		}
	}
	for _, junk := range []string{"", "FBS", "FBT\x01", string(b) + "\x00", "FBS\x01\x00\x00\xff\xff\xff\xff\x0f", "FBS\x01\x00\x00\x01\x09"} {
		if _, err := decodeSchema([]byte(junk)); !errors.Is(err, core.ErrCorrupt) {
			t.Errorf("%q: error %v", junk, err)
		}
	}
}

// A table of the future is not damaged.
func TestStoredVersion(t *testing.T) {
	_, err := decodeSchema([]byte("FBS\x02anything"))
	if !errors.Is(err, core.ErrFormatMismatch) || !strings.Contains(err.Error(), "version 2") || !strings.Contains(err.Error(), "version 1") {
		t.Errorf("error %v", err)
	}
}

func checkSame(a, b *schema) error {
	_, err := a.merge(b)
	return err
}

func FuzzStoredSchema(f *testing.F) {
	base, err := os.ReadFile(filepath.Join("testdata", "evolution", "base.bfbs"))
	if err != nil {
		f.Fatal(err)
	}
	s, err := readSchema(base)
	if err != nil {
		f.Fatal(err)
	}
	s = s.of(s.root)
	f.Add(s.encode())
	f.Add(verifySchema().encode())
	f.Add(reflection().encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		stored, err := decodeSchema(b)
		if err != nil {
			return
		}
		if string(stored.encode()) != string(b) {
			t.Fatalf("%q is read as %q", b, stored.encode())
		}
		if _, err := open(b, s, nil); err == nil {
			_, _ = open(b, s, renames{"zoo.Animal": "zoo.Beast", "zoo.Animal.legs": "limbs"})
		}
		p, err := stored.compile()
		if err != nil {
			return
		}
		_, _ = p.verify(image{slots{aText: 4, child: 8}, words{52: 4, 56: 3, 60: "abc"}, 64}.bytes(), defaultLimits, true)
		if again, err := open(b, stored, nil); err != nil || string(again) != string(b) {
			t.Fatalf("%q merged with itself is %q, error %v", b, again, err)
		}
	})
}
