// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package directory_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/directory"
)

// An empty directory was replaced by another one, with another mode and owner, which failed for
// the owner of a directory in a folder that he may not write to, such as the volume of a
// container.
func TestEmptyDirectoryStays(t *testing.T) {
	path := testPath(t)
	must(t, os.Mkdir(path, 0o750))
	before, err := os.Stat(path)
	must(t, err)
	must(t, os.Chmod(filepath.Dir(path), 0o500))
	t.Cleanup(func() { os.Chmod(filepath.Dir(path), 0o700) })
	for range 2 {
		must(t, open(t, path).Close())
		after, err := os.Stat(path)
		must(t, err)
		if !os.SameFile(before, after) || after.Mode() != before.Mode() {
			t.Errorf("the directory became another one, or its mode %v became %v",
				before.Mode(), after.Mode())
		}
	}
	if got := names(t, filepath.Join(path, "x")); got != "guardkv.mark guardkv.witness rows" {
		t.Error("there is", got)
	}
}

// What a kill leaves of a creation in an empty directory is no storage; the next opening
// removes or completes it. Files of somebody else are not touched.
func TestLeftoversInside(t *testing.T) {
	built := filepath.Join(t.TempDir(), "built")
	must(t, open(t, built).Close())
	put := func(path, name string) {
		must(t, os.MkdirAll(filepath.Dir(filepath.Join(path, name)), 0o700))
		content, err := os.ReadFile(filepath.Join(built, filepath.Base(name)))
		must(t, err)
		must(t, os.WriteFile(filepath.Join(path, name), content, 0o600))
	}
	for _, c := range []struct {
		name    string
		files   string
		foreign bool
	}{
		{"while it was built", "guardkv.creating/rows", false},
		{"before it was moved up", "guardkv.creating/rows guardkv.creating/guardkv.mark", false},
		{"while it was moved up", "rows guardkv.creating/guardkv.mark", false},
		{"at its very end", "rows guardkv.mark guardkv.creating/guardkv.witness", false},
		{
			"while it was built, beside files of others",
			"guardkv.witness guardkv.creating/rows", true,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := testPath(t)
			for _, name := range strings.Fields(c.files) {
				put(path, name)
			}
			e, err := tryOpen(t, toys, path)
			for errors.Is(err, core.ErrConflict) { // as core does
				e, err = tryOpen(t, toys, path)
			}
			if c.foreign {
				if !errors.Is(err, core.ErrNotStorage) {
					t.Error(err)
				}
				if _, err := os.Stat(filepath.Join(path, "guardkv.creating", "rows")); err != nil {
					t.Error(err)
				}
				return
			}
			must(t, err)
			must(t, e.Close())
			if got := names(t,
				filepath.Join(path, "x")); got != "guardkv.mark guardkv.witness rows" {
				t.Error("there is", got)
			}
		})
	}
}

// A storage that is moved to an empty directory goes into it.
func TestRenameIntoEmptyDirectory(t *testing.T) {
	path := testPath(t)
	must(t, open(t, path).Close())
	must(t, os.Mkdir(path+".to", 0o750))
	before, err := os.Stat(path + ".to")
	must(t, err)
	c := claim(t, toys, path, false)
	must(t, c.Rename(path+".to"))
	after, err := os.Stat(path + ".to")
	must(t, err)
	if !os.SameFile(before, after) || names(t, path) != "db.to" {
		t.Error("the directory became another one, or there is", names(t, path))
	}
	must(t, open(t, path+".to").Close())
}

// Names of more than 226 bytes could not be created, nor those of more than 219 set aside.
func TestLongNames(t *testing.T) {
	path := filepath.Join(t.TempDir(), strings.Repeat("n", 255))
	must(t, open(t, path).Close())
	c := claim(t, toys, path, false)
	must(t, c.Rename(directory.Beside(path, ".replaced-20060102T150405.000000000Z")))
	must(t, claim(t, toys, directory.Beside(path, ".replaced-20060102T150405.000000000Z"),
		false).Remove())
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) || names(t, path) != "" {
		t.Error("there is", names(t, path), err)
	}
}
