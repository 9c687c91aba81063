// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// committed are the packages of this module whose generated files are committed, with their types.
var committed = map[string]string{
	"../../internal/kinds":            "Everything,Node,Filing",
	"../../internal/generations/gen1": "Person",
	"../../internal/generations/gen2": "Person",
	"../../internal/generations/gen3": "Person",
	"../../internal/keyed":            "Key,Float,Slice,Pointer,Left,Addr,Deep",
}

// What is committed is what this generator writes, byte for byte: a change of the generator is
// a change of these files.
func TestCommitted(t *testing.T) {
	for dir, types := range committed {
		if err := run([]string{"-check", "-dir", dir, "-type", types}, io.Discard); err != nil {
			t.Error(err)
		}
	}
}

// Whatever is changed in a generated file, or in the types, -check finds it, and writes nothing.
func TestCheckFindsChanges(t *testing.T) {
	t.Setenv("GOWORK", "off")
	dir := t.TempDir()
	source := "package zoo\n\ntype Animal struct {\n\tName string\n\tLegs int16\n}\n"
	for name, content := range map[string]string{
		"go.mod": "module example.org/zoo\n\ngo 1.26\n",
		"zoo.go": source,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	check := func() error {
		return run([]string{"-check", "-dir", dir, "-type", "Animal"}, io.Discard)
	}
	if err := check(); err == nil || !strings.Contains(err.Error(), "go generate") {
		t.Errorf("nothing is generated: error %v", err)
	}
	if err := run([]string{"-dir", dir, "-type", "Animal"}, io.Discard); err != nil {
		t.Fatal(err)
	}
	if err := check(); err != nil {
		t.Errorf("everything is up to date: error %v", err)
	}
	for _, m := range []struct{ file, old, now string }{
		{"archive_gen.go", "v.r.Uint16(8)", "v.r.Uint16(7)"},
		{"archive_gen.go", "Size: 10", "Size: 11"},
		{"archive_gen.go", `\t8 Legs int16`, `\t8 -Legs int16`},
		{"archive_gen.go", "e.Text(at, x.Name)", ""},
		{"archive_gen.go", "// Legs reads", "// Legs  reads"},
		{"archive_gen_test.go", "func Fuzz", "func fuzz"},
		{"zoo.go", "Legs int16", "Legs int16\n\tTail bool"},
		{"zoo.go", "\tLegs int16\n", ""},
		// changes nothing that is archived
		{"zoo.go", "type Animal", "type Kind uint8\n\ntype Animal"},
	} {
		path := filepath.Join(dir, m.file)
		before, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		changed := strings.Replace(string(before), m.old, m.now, 1)
		if changed == string(before) {
			t.Fatalf("%s has no %q", m.file, m.old)
		}
		if err := os.WriteFile(path, []byte(changed), 0o644); err != nil {
			t.Fatal(err)
		}
		err = check()
		if harmless := strings.Contains(m.now, "Kind"); (err == nil) != harmless {
			t.Errorf("%q for %q in %s: error %v", m.now, m.old, m.file, err)
		}
		if after, _ := os.ReadFile(path); string(after) != changed {
			t.Errorf("-check wrote %s", m.file)
		}
		if err := os.WriteFile(path, before, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestArguments(t *testing.T) {
	for _, args := range [][]string{
		{},
		{"-type", ""},
		{"-type", "A", "extra"},
		{"-unknown"},
		{"-type", "A", "-dir", t.TempDir()},
	} {
		if err := run(args, io.Discard); err == nil {
			t.Errorf("%q is accepted", args)
		}
	}
}
