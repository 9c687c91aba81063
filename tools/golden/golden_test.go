// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package golden

import (
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/memory"
	"github.com/guardkv/guardkv/tools/modules"
)

// stored returns the golden storages: paths such as testdata/v0.1.0/bbolt-cbor.
func stored(t *testing.T) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("testdata", "v*", "*"))
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

// copied copies a golden storage to a folder where it may be written to.
func copied(t *testing.T, path string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), filepath.Base(path))
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.IsDir() {
		err = os.CopyFS(to, os.DirFS(path))
	} else {
		var data []byte
		if data, err = os.ReadFile(path); err == nil {
			err = os.WriteFile(to, data, 0o600)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return to
}

func littleEndian() bool { return binary.NativeEndian.Uint16([]byte{1, 0}) == 1 }

// Users open what older versions wrote. The test does so twice, because what this version leaves
// behind must be readable too.
func TestEveryGoldenStorageIsRead(t *testing.T) {
	for _, path := range stored(t) {
		t.Run(strings.TrimPrefix(path, "testdata"), func(t *testing.T) {
			if !littleEndian() && strings.HasPrefix(filepath.Base(path), "bbolt") {
				t.Skip("bbolt keeps numbers in the byte order of the machine that wrote the file")
			}
			work := copied(t, path)
			for range 2 {
				if err := Read(t.Context(), work, filepath.Base(path)); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

func TestEveryKindHasAGoldenStorage(t *testing.T) {
	have := map[string]bool{}
	for _, path := range stored(t) {
		have[filepath.Base(path)] = true
	}
	for _, k := range kinds {
		if !have[k.name] {
			t.Errorf("no golden storage of %s: run go tool mage golden", k.name)
		}
	}
}

// Filling a second time must leave everything as it is, or golden storages would follow the
// code that they test.
func TestFillNeverOverwrites(t *testing.T) {
	dir := t.TempDir()
	for _, k := range kinds {
		if err := os.WriteFile(filepath.Join(dir, k.name), []byte("old"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	missing := filepath.Join(dir, "bbolt-json")
	if err := os.Remove(missing); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := Fill(t.Context(), dir, &out); err != nil {
		t.Fatal(err)
	}
	if got, want := out.String(), "written: "+missing+"\n"; got != want {
		t.Errorf("Fill says %q, want %q", got, want)
	}
	for _, k := range kinds {
		text, err := os.ReadFile(filepath.Join(dir, k.name))
		if err != nil || (string(text) == "old") == (k.name == "bbolt-json") {
			t.Errorf("%s is %q, %v", k.name, text[:min(9, len(text))], err)
		}
	}
	if err := Read(t.Context(), missing, "bbolt-json"); err != nil {
		t.Error(err)
	}
}

// Every format, a new one too, gets the same rows. Each must be able to write and to compare them.
func TestEveryFormatKeepsTheSameRows(t *testing.T) {
	for _, f := range modules.Formats {
		t.Run(f.Name, func(t *testing.T) {
			s, err := core.Open(t.Context(), "golden", memory.New())
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			rows := formatTable{f}
			if err := errors.Join(rows.write(t.Context(), s), rows.compare(t.Context(), s)); err != nil {
				t.Fatal(err)
			}
			chars, err := f.Open(t.Context(), s, rows.name())
			if err != nil {
				t.Fatal(err)
			}
			if err := chars.Put(t.Context(), 0, modules.Char{Lower: 1}); err != nil {
				t.Fatal(err)
			}
			if err := rows.compare(t.Context(), s); err == nil {
				t.Error("another row is not seen")
			}
		})
	}
}

// The comparison must see what differs: another value, a missing row, a row too many, a table
// too many.
func TestReadFindsDifferences(t *testing.T) {
	tests := []struct {
		name   string
		change func(t *core.Table[string, string, string]) error
	}{
		{"value", func(tb *core.Table[string, string, string]) error {
			return tb.Put(t.Context(), "b", "other")
		}},
		{"row too many", func(tb *core.Table[string, string, string]) error {
			return tb.Put(t.Context(), "c", "more")
		}},
		{"row missing", func(tb *core.Table[string, string, string]) error {
			_, err := tb.Delete(t.Context(), "ab")
			return err
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			k, err := kindNamed("bbolt-keys")
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(t.TempDir(), k.name)
			if err := k.make(t.Context(), path); err != nil {
				t.Fatal(err)
			}
			if err := Read(t.Context(), path, k.name); err != nil {
				t.Fatal(err)
			}
			s, err := k.open(t.Context(), path)
			if err != nil {
				t.Fatal(err)
			}
			tables := k.tables()
			last := tables[len(tables)-1].(rows[string, string, string])
			tb, err := last.open(t.Context(), s)
			if err != nil {
				t.Fatal(err)
			}
			if err := test.change(tb); err != nil {
				t.Fatal(err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			if err := Read(t.Context(), path, k.name); err == nil {
				t.Error("the difference was not found")
			}
		})
	}
}
