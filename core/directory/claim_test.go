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
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/directory"
)

// What is no storage is named as such, never locked, and left as it was.
func TestForeign(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	must(t, os.WriteFile(at("file"), []byte("text"), 0o600))
	must(t, os.WriteFile(at("empty file"), nil, 0o600))
	must(t, os.MkdirAll(at("directory/with/something"), 0o700))
	must(t, os.Symlink(at("nowhere"), at("link to nothing")))
	for name, mark := range map[string]string{
		"empty mark": "", "strange mark": "a mark",
		"long mark": strings.Repeat("x", 2<<20),
	} {
		must(t, os.Mkdir(at(name), 0o700))
		must(t, os.WriteFile(filepath.Join(at(name), "guardkv.mark"), []byte(mark), 0o600))
	}
	must(t, os.MkdirAll(at("mark is a directory/guardkv.mark"), 0o700))
	d := toys
	d.Lock = func(dir string, _ bool) (_ io.Closer, _ error) {
		t.Errorf("%s was locked", dir)
		return nil, core.ErrLocked
	}
	before := names(t, at("x"))
	for _, name := range strings.Split(strings.ReplaceAll("file,empty file,directory,link to nothing,empty mark,strange mark,long mark,mark is a directory", ",", "\x00"), "\x00") {
		c := claim(t, d, at(name), false)
		if mark, err := c.Mark(); mark != nil || !errors.Is(err, core.ErrNotStorage) {
			t.Errorf("%s: mark %q, %v", name, mark, err)
		}
		_, err := c.Open(t.Context(), core.EngineOptions{Mark: testMark})
		for what, err := range map[string]error{
			"open": err, "rename": c.Rename(at("to")),
			"remove": c.Remove(),
		} {
			if !errors.Is(err, core.ErrNotStorage) {
				t.Errorf("%s of %s: %v", what, name, err)
			}
		}
	}
	if after := names(t, at("x")); after != before {
		t.Errorf("%s became %s", before, after)
	}
}

func TestNothing(t *testing.T) {
	path := testPath(t)
	for range 2 { // absent, then an empty directory
		for _, readOnly := range []bool{false, true} {
			c := claim(t, toys, path, readOnly)
			if mark, err := c.Mark(); mark != nil || err != nil {
				t.Errorf("mark %q, %v", mark, err)
			}
			if err := errors.Join(c.Rename(path+".x"), c.Remove()); !errors.Is(err,
				fs.ErrNotExist) {
				t.Error(err)
			}
			if _, err := c.Open(t.Context(), core.EngineOptions{}); readOnly && !errors.Is(err,
				fs.ErrNotExist) {
				t.Error("opening nothing to read it:", err)
			} else if !readOnly {
				must(t, err)
				must(t, os.RemoveAll(path))
			}
		}
		must(t, os.Mkdir(path, 0o700))
	}
}

// A storage is claimed by one writer or by several readers, through whatever name.
func TestLock(t *testing.T) {
	path := testPath(t)
	e := open(t, path)
	must(t, os.Symlink(path, path+".link"))
	for _, name := range []string{path, path + ".link"} {
		if _, err := directory.Claim(t.Context(), name, true, toys); !errors.Is(err,
			core.ErrLocked) {
			t.Error("claimed beside a writer:", err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := directory.Claim(ctx, path, true, toys); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	must(t, e.Close())
	a, b := claim(t, toys, path, true), claim(t, toys, path+".link", true)
	if _, err := directory.Claim(t.Context(), path, false, toys); !errors.Is(err, core.ErrLocked) {
		t.Error("claimed beside readers:", err)
	}
	if err := a.Rename(path + ".x"); !errors.Is(err, core.ErrReadOnly) {
		t.Error("a reader renames:", err)
	}
	if err := b.Remove(); !errors.Is(err, core.ErrReadOnly) {
		t.Error("a reader removes:", err)
	}
}

// The directory that was waited for was set aside meanwhile, and another one is in its place:
// that one is claimed.
func TestReplacedWhileLocking(t *testing.T) {
	path := testPath(t)
	must(t, open(t, path).Close())
	d := toys
	d.LockTimeout = time.Minute
	first := true
	d.Lock = func(dir string, readOnly bool) (c io.Closer, err error) {
		l, err := lockToy(dir, readOnly)
		if first {
			first = false
			must(t, os.Rename(path, path+".aside"))
			e, err := tryOpen(t, toys, path)
			must(t, err)
			must(t, e.SetMark(t.Context(), []byte("the new one")))
			must(t, e.Close())
		}
		return l, err
	}
	c := claim(t, d, path, false)
	if mark, err := c.Mark(); string(mark) != "the new one" || err != nil {
		t.Errorf("mark %q, %v", mark, err)
	}
	claim(t, toys, path+".aside", false) // is not locked
}

// Somebody else creates, in the middle of a creation, a storage, a file, or something in the
// directory.
func TestCreatedMeanwhile(t *testing.T) {
	for name, meddle := range map[string]func(path string) error{
		"storage": func(path string) error { e := open(t, path); return e.Close() },
		"file":    func(path string) error { return os.WriteFile(path, nil, 0o600) },
		"directory": func(path string) error {
			return os.MkdirAll(filepath.Join(path, "x"), 0o700)
		},
	} {
		path := testPath(t)
		d := toys
		d.Create = func(p directory.Place, row []byte) error {
			must(t, createToy(p, row))
			return meddle(path)
		}
		if _, err := tryOpen(t, d, path); !errors.Is(err, core.ErrConflict) {
			t.Errorf("%s: %v", name, err)
		}
		if got := names(t, path); got != "db" {
			t.Errorf("%s: there is %s", name, got)
		}
	}
}

// A storage that somebody else replaced right after it was created is not taken for the one
// that was created.
func TestReplacedAfterCreation(t *testing.T) {
	path := testPath(t)
	d := toys
	d.LockTimeout = time.Minute
	replaced := false
	d.Lock = func(dir string, readOnly bool) (c io.Closer, err error) {
		if dir == path && !replaced {
			replaced = true
			must(t, os.RemoveAll(path))
			e := open(t, path)
			must(t, e.SetMark(t.Context(), []byte("another")))
			must(t, e.Close())
		}
		return lockToy(dir, readOnly)
	}
	if _, err := tryOpen(t, d, path); !errors.Is(err, core.ErrConflict) {
		t.Error(err)
	}
	claim(t, toys, path, false) // is not locked
}

// A creation that fails leaves nothing, and one that was killed leaves what the next one
// removes. What is being built stays.
func TestLeftovers(t *testing.T) {
	path := testPath(t)
	d := toys
	broken := errors.New("broken")
	d.Create = func(directory.Place, []byte) error { return broken }
	if _, err := tryOpen(t, d, path); !errors.Is(err, broken) {
		t.Error(err)
	}
	if got := names(t, path); got != "" {
		t.Error("there is", got)
	}
	dead, alive := path+".guardkv-tmp-00000000000dead1", path+".guardkv-tmp-0123456789abcdef"
	others := path + ".guardkv-tmp-notes" // is a user's
	must(t, os.Mkdir(others, 0o700))
	must(t, os.MkdirAll(filepath.Join(dead, "half"), 0o700))
	must(t, os.MkdirAll(path+".replaced-1.guardkv-tmp-0000000000000001", 0o700)) // of a removal
	must(t, os.Mkdir(alive, 0o700))
	lock, err := lockToy(alive, false)
	must(t, err)
	defer lock.Close()
	if list, err := directory.List(path); len(list) != 1 || list[0] != others || err != nil {
		t.Errorf("list %q, %v", list, err)
	}
	must(t, open(t, path).Close())
	if got := names(t, path); got != "db "+filepath.Base(alive)+" "+filepath.Base(others) {
		t.Error("there is", got)
	}
}

func TestRenameRemoveList(t *testing.T) {
	path := testPath(t)
	must(t, open(t, path).Close())
	c := claim(t, toys, path, false)
	must(t, os.MkdirAll(path+".taken/something", 0o700))
	if err := c.Rename(path + ".taken"); !errors.Is(err, fs.ErrExist) {
		t.Error("renaming to a name that is taken:", err)
	}
	must(t, c.Rename(path+".old-1"))
	if mark, err := c.Mark(); mark != nil || err != nil {
		t.Errorf("the old place has mark %q, %v", mark, err)
	}
	e, err := c.Open(t.Context(), core.EngineOptions{Mark: []byte("second")})
	must(t, err)
	must(t, e.Close())
	must(t, os.WriteFile(path+".old-0", nil, 0o600))
	list, err := directory.List(path + ".old-")
	if want := []string{path + ".old-1"}; err != nil || !slices.Equal(list, want) {
		t.Errorf("list %q, %v, want %q", list, err, want)
	}
	c = claim(t, toys, path+".old-1", false)
	if mark, err := c.Mark(); err != nil || string(mark) != string(testMark) {
		t.Errorf("the new place has mark %q, %v", mark, err)
	}
	must(t, c.Remove())
	if mark, err := c.Mark(); mark != nil || err != nil {
		t.Errorf("a removed storage has mark %q, %v", mark, err)
	}
	if got := names(t, path); got != "db db.old-0 db.taken" {
		t.Error("there is", got)
	}
	if list, err := directory.List(filepath.Join(path, "no", "such")); len(list) > 0 || err != nil {
		t.Error("a list of a folder that is not there:", list, err)
	}
}

// Through a link the storage is created, renamed and removed, and not just the link.
func TestLink(t *testing.T) {
	path := testPath(t)
	target := path + ".target"
	must(t, os.Mkdir(target, 0o700))
	must(t, os.Symlink(target, path))
	must(t, open(t, path).Close())
	if _, err := os.Stat(filepath.Join(target, "guardkv.mark")); err != nil {
		t.Error(err)
	}
	c := claim(t, toys, path, false)
	must(t, c.Remove())
	if got := names(t, path); got != "" {
		t.Error("there is", got)
	}
}

func TestMark(t *testing.T) {
	path := testPath(t)
	e := open(t, path)
	for _, mark := range []string{"x", "two\nlines", strings.Repeat("long", 1000), ""} {
		must(t, e.SetMark(t.Context(), []byte(mark)))
	}
	must(t, e.Close())
	c := claim(t, toys, path, false)
	if mark, err := c.Mark(); string(mark) != "" || mark == nil || err != nil {
		t.Errorf("mark %q, %v", mark, err)
	}
	must(t, c.Release())
	must(t, c.Release())
	must(t, open(t, path).Close()) // the storage is the same
}
