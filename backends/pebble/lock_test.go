// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package pebble

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/backendtest"
)

var impatient = Backend{LockTimeout: 30 * time.Millisecond}

// lockChild tries to open a storage, to write or to read, and as somebody would who uses pebble
// by hand.
func lockChild(args []string) error {
	for _, readOnly := range []bool{false, true} {
		e, err := tryOpen(impatient, args[0], readOnly, testOptions())
		switch {
		case err == nil:
			fmt.Printf("readOnly=%v:open ", readOnly)
			e.Close()
		case errors.Is(err, core.ErrLocked):
			fmt.Printf("readOnly=%v:locked ", readOnly)
		default:
			return err
		}
	}
	l, err := pebble.LockDirectory(args[0], vfs.Default)
	if err != nil {
		fmt.Print("pebble:locked")
		return nil
	}
	fmt.Print("pebble:open")
	return l.Close()
}

// The lock holds against other processes and other names of the directory, also for those who
// use pebble by hand; readers share it.
func TestLock(t *testing.T) {
	if !canShareLock {
		t.Skip("the lock cannot be shared here")
	}
	path := testPath(t)
	link := path + ".link"
	e := open(t, Backend{}, path)
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	elsewhere := func() string {
		out, err := backendtest.Child(t.Context(), "lock", path).CombinedOutput()
		if err != nil {
			t.Errorf("%v: %s", err, out)
		}
		return string(out)
	}
	t.Chdir(filepath.Dir(path))
	for _, name := range []string{path, link, filepath.Base(path), "./" + filepath.Base(link)} {
		for _, readOnly := range []bool{false, true} {
			if _, err := impatient.Claim(context.Background(), name, readOnly); !errors.Is(err,
				core.ErrLocked) {
				t.Errorf("claiming %s beside a writer: %v", name, err)
			}
		}
	}
	if got, want := elsewhere(), "readOnly=false:locked readOnly=true:locked pebble:locked"; got != want {
		t.Errorf("beside a writer: %s", got)
	}
	closeEngine(t, e)
	reader, err := tryOpen(Backend{}, link, true, testOptions())
	if err != nil {
		t.Fatal(err)
	}
	if got, want := elsewhere(), "readOnly=false:locked readOnly=true:open pebble:locked"; got != want {
		t.Errorf("beside a reader: %s", got)
	}
	closeEngine(t, reader)
	if got := elsewhere(); strings.Contains(got, "locked") {
		t.Errorf("beside nobody: %s", got)
	}
}

// A reader needs no right to write, and changes nothing, also after a crash.
func TestReadOnly(t *testing.T) {
	path := testPath(t)
	e := open(t, Backend{}, path)
	apply(t, e, rows(0, 1000, 100)...)
	if err := os.CopyFS(path+".crashed", os.DirFS(path)); err != nil {
		t.Fatal(err)
	}
	closeEngine(t, e)
	for _, path := range []string{path, path + ".crashed"} {
		before := files(t, path)
		r, err := tryOpen(Backend{}, path, true, testOptions())
		if err != nil {
			t.Fatal(err)
		}
		if all, err := dump(r); err != nil || len(all) != 1000 {
			t.Errorf("%d rows: %v", len(all), err)
		}
		for name, err := range map[string]error{
			"apply":   r.Apply(t.Context(), core.Batch{Writes: rows(0, 1, 1)}),
			"mark":    r.SetMark(t.Context(), nil),
			"compact": r.Compact(t.Context()),
		} {
			if !errors.Is(err, core.ErrReadOnly) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if err := r.Check(t.Context()); err != nil {
			t.Error(err)
		}
		closeEngine(t, r)
		if after := files(t, path); after != before {
			t.Errorf("a reader changed\n%s\nto\n%s", before, after)
		}
	}
}

// files returns the names and sizes of all files in a directory.
func files(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var s strings.Builder
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(&s, e.Name(), info.Size(), info.ModTime())
	}
	return s.String()
}
