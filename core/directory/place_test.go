// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package directory_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/directory"
)

// inFolder makes a storage "db" in a new folder, and returns the folder.
func inFolder(t *testing.T, mark string) string {
	t.Helper()
	dir := t.TempDir()
	e := open(t, filepath.Join(dir, "db"))
	must(t, e.SetMark(t.Context(), []byte(mark)))
	must(t, e.Close())
	return dir
}

// markAt returns the mark of the storage at path, which nobody has open.
func markAt(t *testing.T, path string) string {
	t.Helper()
	c := claim(t, toys, path, false)
	defer c.Release()
	mark, err := c.Mark()
	must(t, err)
	return string(mark)
}

// A storage that was opened by a relative path was looked up again with every write of its mark
// and its witness: after a change of the working directory it wrote them into another storage, and
// destroyed it.
func TestChdir(t *testing.T) {
	one, two := inFolder(t, "one"), inFolder(t, "two")
	t.Chdir(one)
	e := open(t, "db")
	c := claim(t, toys, "other", false)
	t.Chdir(two)
	must(t, e.place.Check())
	must(t, e.write())
	must(t, e.SetMark(t.Context(), []byte("one again")))
	must(t, e.Close())
	if got := markAt(t, filepath.Join(two, "db")); got != "two" {
		t.Errorf("the other storage has mark %q", got)
	}
	if got := markAt(t, filepath.Join(one, "db")); got != "one again" {
		t.Errorf("the storage has mark %q", got)
	}
	created, err := c.Open(t.Context(), core.EngineOptions{Mark: testMark})
	must(t, err)
	must(t, created.Close())
	if got := names(t, filepath.Join(one, "x")); got != "db other" {
		t.Error("there is", got)
	}
	c = claim(t, toys, "db", false)
	t.Chdir(one)
	must(t, c.Rename("db.aside"))
	if got := names(t, filepath.Join(two, "x")); got != "db.aside" {
		t.Error("there is", got)
	}
	c = claim(t, toys, "db", false)
	t.Chdir(two)
	must(t, os.Mkdir("db", 0o700))
	must(t, c.Remove())
	if got := names(t, filepath.Join(one, "x")) + "; " + names(t,
		filepath.Join(two, "x")); got != "other; db db.aside" {
		t.Error("there is", got)
	}
}

// What a program calls "current" leads to another release tomorrow. The storage that it has
// open stays the one it opened.
func TestSwitchedLink(t *testing.T) {
	dir := t.TempDir()
	link := filepath.Join(dir, "current")
	one, two := inFolder(t, "one"), inFolder(t, "two")
	for _, c := range []struct{ name, path, one, two string }{
		{"a folder", filepath.Join(link, "db"), one, two},
		{"the storage", link, filepath.Join(one, "db"), filepath.Join(two, "db")},
	} {
		must(t, os.Symlink(c.one, link))
		e := open(t, c.path)
		must(t, os.Remove(link))
		must(t, os.Symlink(c.two, link))
		must(t, e.place.Check())
		must(t, e.SetMark(t.Context(), []byte("one")))
		must(t, e.Close())
		if got := markAt(t, filepath.Join(two, "db")); got != "two" {
			t.Errorf("%s: the other storage has mark %q", c.name, got)
		}
		must(t, os.Remove(link))
	}
}

// A storage that is not where it was is not written to any more, and what is there now is left
// alone.
func TestMoved(t *testing.T) {
	for name, meddle := range map[string]func(path string) error{
		"moved":   func(path string) error { return os.Rename(path, path+".moved") },
		"removed": func(path string) error { return os.RemoveAll(path) },
		"another storage": func(path string) error {
			return errors.Join(os.Rename(path, path+".moved"), os.Rename(path+".other", path))
		},
		"an empty directory": func(path string) error {
			return errors.Join(os.Rename(path, path+".moved"), os.Mkdir(path, 0o700))
		},
		"a file": func(path string) error {
			return errors.Join(os.Rename(path, path+".moved"), os.WriteFile(path, nil, 0o600))
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := testPath(t)
			e := open(t, path+".other")
			must(t, e.SetMark(t.Context(), []byte("the other")))
			must(t, e.Close())
			must(t, open(t, path).Close())
			c := claim(t, toys, path, false)
			must(t, meddle(path))
			before := names(t, path)
			_, err := c.Open(t.Context(), core.EngineOptions{Mark: testMark})
			for what, err := range map[string]error{
				"open":   err,
				"rename": c.Rename(path + ".aside"), "remove": c.Remove(),
			} {
				isLost(t, what, err)
			}
			if after := names(t, path); after != before {
				t.Errorf("%s became %s", before, after)
			}
		})
		t.Run(name+" while it is open", func(t *testing.T) {
			path := testPath(t)
			e := open(t, path+".other")
			must(t, e.SetMark(t.Context(), []byte("the other")))
			must(t, e.Close())
			e = open(t, path)
			must(t, e.place.Check())
			must(t, meddle(path))
			isLost(t, "check", e.place.Check())
			isLost(t, "set mark", e.SetMark(t.Context(), []byte("x")))
			isLost(t, "record", e.tally.Record())
			isLost(t, "close", e.Close())
			if name == "another storage" {
				if got := markAt(t, path); got != "the other" {
					t.Errorf("the other storage has mark %q", got)
				}
			}
			if name != "removed" {
				if got := markAt(t, path+".moved"); got != string(testMark) {
					t.Errorf("the storage has mark %q", got)
				}
			}
		})
	}
}

func isLost(t *testing.T, what string, err error) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), "any more") || errors.Is(err,
		core.ErrNotStorage) || errors.Is(err, core.ErrConflict) {
		t.Errorf("%s: %v", what, err)
	}
}

// The lock of a driver says which directory it is on. One that went and came back while it was
// being locked is not taken for the one that is locked.
func TestLockOnAnother(t *testing.T) {
	path := testPath(t)
	must(t, open(t, path).Close())
	must(t, open(t, path+".other").Close())
	d := toys
	swap := func() {
		must(t, os.Rename(path, path+".x"))
		must(t, os.Rename(path+".other", path))
		must(t, os.Rename(path+".x", path+".other"))
	}
	d.Lock = func(dir string, readOnly bool) (c io.Closer, err error) {
		swap()
		defer swap()
		return lockToy(dir, readOnly)
	}
	if _, err := directory.Claim(t.Context(), path, false, d); !errors.Is(err, core.ErrLocked) {
		t.Error(err)
	}
}

func TestResolve(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	must(t, err)
	t.Chdir(dir)
	must(t, os.MkdirAll("real/sub", 0o700))
	must(t, os.Symlink("real", "link"))
	for path, want := range map[string]string{
		"db":                    "db",
		"./real/../db":          "db",
		"link/db":               "real/db",
		"link/sub/db":           "real/sub/db",
		"link":                  "link",
		"missing/db":            "missing/db",
		filepath.Join(dir, "x"): "x",
	} {
		if got, err := directory.Resolve(path); err != nil || got != filepath.Join(dir, want) {
			t.Errorf("%s leads to %s, %v; want %s", path, got, err, want)
		}
	}
}

// A folder that is missing is named, and not a temporary file in it.
func TestMissingFolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "missing", "db")
	_, err := tryOpen(t, toys, path)
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(),
		"the folder "+filepath.Dir(path)+" is missing") {
		t.Error(err)
	}
}

func TestCancelledClaim(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := directory.Claim(ctx, testPath(t), false, toys); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
