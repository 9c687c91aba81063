// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package pebble

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/guardkv/guardkv/core"
)

// What becomes of the directory of an open storage.
var moves = []struct {
	name string
	move func(t *testing.T, path, other string)
}{
	{"moved", func(t *testing.T, path, _ string) { rename(t, path, path+".moved") }},
	{"another in its place", func(t *testing.T, path, other string) {
		rename(t, path, path+".moved")
		rename(t, other, path)
	}},
	{"a folder above it moved", func(t *testing.T, path, other string) {
		dir := filepath.Dir(path)
		rename(t, dir, dir+".moved")
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		rename(t, other, path)
	}},
	{"removed", func(t *testing.T, path, _ string) {
		if err := os.RemoveAll(path); err != nil {
			t.Fatal(err)
		}
	}},
}

func rename(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

// Pebble knows its directory by its path. Where another storage had come to that path it wrote
// its tables and lists among those of the other, removed those of the other, and said that all
// was well: both were lost. Now whatever would be written is refused, what is there is not
// touched, and what can be read without opening a file is read.
func TestDirectoryMovesAway(t *testing.T) {
	for _, m := range moves {
		t.Run(m.name, func(t *testing.T) {
			root := t.TempDir()
			path, other := filepath.Join(root, "folder", "db"), filepath.Join(root, "other")
			if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil {
				t.Fatal(err)
			}
			e := open(t, Backend{}, other)
			apply(t, e, rows(5000, 6000, 100)...)
			closeEngine(t, e)
			e = open(t, Backend{}, path)
			apply(t, e, rows(0, 100, 100)...)
			m.move(t, path, other)
			var before string
			if _, err := os.Stat(path); err == nil {
				before = files(t, path)
			}
			_, sizeErr := e.Size()
			for name, err := range map[string]error{
				"small write": e.Apply(t.Context(), core.Batch{Writes: rows(0, 1, 10)}),
				"large write": e.Apply(t.Context(), core.Batch{Writes: rows(0, 1, bulk)}),
				"compact":     e.Compact(t.Context()),
				"mark":        e.SetMark(t.Context(), testMark),
				"check":       e.Check(t.Context()),
				"size":        sizeErr,
			} {
				if err == nil {
					t.Errorf("%s: no error", name)
				}
			}
			if value, r, err := e.Get(t.Context(),
				rowKey(7)); err != nil || string(value) != string(rowValue(7, 100)) {
				t.Errorf("read on: %x, %v", value, err)
			} else {
				r.Release()
			}
			e.health.unlessStopped(e.db.Flush) // as pebble does by itself
			if err := e.Close(); err == nil {
				t.Error("close: no error")
			}
			if before != "" && files(t, path) != before {
				t.Errorf("what is there was\n%s\nand is\n%s", before, files(t, path))
			}
			if before != "" {
				o := open(t, Backend{}, path)
				if all, err := dump(o); err != nil || len(all) != 1000 {
					t.Errorf("the other has %d rows: %v", len(all), err)
				}
				closeEngine(t, o)
			}
		})
	}
}

// A storage that was opened by a relative path stays what it is when the program goes elsewhere.
func TestChangeOfDirectory(t *testing.T) {
	one, two := t.TempDir(), t.TempDir()
	t.Chdir(two)
	other := open(t, Backend{}, "db")
	apply(t, other, rows(5000, 6000, 100)...)
	defer closeEngine(t, other)
	t.Chdir(one)
	e := open(t, Backend{}, "db")
	apply(t, e, rows(0, 1000, 100)...)
	t.Chdir(two)
	apply(t, e, rows(1000, 2000, 100)...)
	apply(t, e, core.Write{Key: rowKey(2000), Value: make([]byte, bulk)})
	if err := e.Compact(t.Context()); err != nil {
		t.Error(err)
	}
	if err := e.SetMark(t.Context(), testMark); err != nil {
		t.Error(err)
	}
	closeEngine(t, e)
	e = open(t, Backend{}, filepath.Join(one, "db"))
	defer closeEngine(t, e)
	if all, err := dump(e); err != nil || len(all) != 2001 {
		t.Errorf("%d rows: %v", len(all), err)
	}
	if all, err := dump(other); err != nil || len(all) != 1000 {
		t.Errorf("the other has %d rows: %v", len(all), err)
	}
}
