// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package directory

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/guardkv/guardkv/core"
)

// syncs makes fsync tell what was made durable, or fail.
func syncs(t *testing.T, fail func(name string) error) *[]string {
	var all []string
	t.Cleanup(func() { fsync = (*os.File).Sync })
	fsync = func(f *os.File) error {
		name := filepath.Base(f.Name())
		if i, err := f.Stat(); err == nil && i.IsDir() {
			name = "names"
		}
		all = append(all, name)
		return fail(name)
	}
	return &all
}

var syncDriver = Driver{
	Lock: Flock,
	Create: func(p Place, _ []byte) error {
		return os.WriteFile(filepath.Join(p.Dir, "rows"), nil, 0o600)
	},
	Open: func(context.Context, Place, core.EngineOptions) (core.Engine, error) {
		return nil, io.EOF
	},
}

func create(t *testing.T, path string) error {
	t.Helper()
	c, err := Claim(t.Context(), path, false, syncDriver)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Release()
	if _, err := c.Open(t.Context(), core.EngineOptions{Mark: []byte("m")}); err != io.EOF {
		return err
	}
	return nil
}

// Everything is made durable in its order: a file before it has its name, its name, and the
// storage's.
func TestSyncs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db")
	ok := func(string) error { return nil }
	all := syncs(t, ok)
	step := func(what, want string, err error) {
		t.Helper()
		if got := strings.Join(*all, " "); err != nil || got != want {
			t.Errorf("%s makes durable %q, want %q: %v", what, got, want, err)
		}
		*all = nil
	}
	step("a creation", "guardkv.mark.new names names", create(t, path))
	c, err := Claim(t.Context(), path, false, syncDriver)
	if err != nil {
		t.Fatal(err)
	}
	step("a mark", "guardkv.mark.new names", c.(*claim).place.SetMark([]byte("n")))
	step("a rename", "names", c.Rename(path+".aside"))
	c, err = Claim(t.Context(), path+".aside", false, syncDriver)
	if err != nil {
		t.Fatal(err)
	}
	step("a removal", "names", c.Remove())
}

// When a new name could not be made durable, creating, moving and removing failed although they
// had been done.
func TestSyncsThatFail(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "db")
	if err := create(t, path); err != nil {
		t.Fatal(err)
	}
	failure := errors.New("of the disk")
	syncs(t, func(name string) error {
		if name == "names" {
			return failure
		}
		return nil
	})
	if err := create(t, path+"2"); !errors.Is(err, failure) {
		t.Error("creating:", err)
	}
	c, err := Claim(t.Context(), path, false, syncDriver)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Rename(path + ".aside"); !errors.Is(err, failure) {
		t.Error("moving:", err)
	}
	if err := c.Remove(); !errors.Is(err, failure) {
		t.Error("removing:", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Name() != "db" && !strings.HasPrefix(e.Name(), "db2.guardkv-tmp-") {
			t.Error("there is", e.Name())
		}
	}
	if mark, err := c.Mark(); string(mark) != "m" || err != nil {
		t.Errorf("mark %q, %v", mark, err)
	}
	if err := c.Release(); err != nil {
		t.Error(err)
	}
}
