// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package memory

import (
	"errors"
	"io/fs"
	"slices"
	"testing"

	"github.com/guardkv/guardkv/core"
)

// claimed claims a path that must be free.
func claimed(t *testing.T, b *Backend, path string, readOnly bool) core.Claim {
	t.Helper()
	c, err := b.Claim(t.Context(), path, readOnly)
	if err != nil {
		t.Fatalf("Claim(%q, read-only %v): %v", path, readOnly, err)
	}
	return c
}

// opened opens a path that must be free, with the path for a mark.
func opened(t *testing.T, b *Backend, path string) core.Engine {
	t.Helper()
	e, err := claimed(t, b, path, false).Open(t.Context(),
		core.EngineOptions{Mark: []byte("mark of " + path)})
	if err != nil {
		t.Fatalf("Open(%q): %v", path, err)
	}
	return e
}

// kept makes a storage with one row, whose value is the path, and closes it.
func kept(t *testing.T, b *Backend, paths ...string) {
	t.Helper()
	for _, path := range paths {
		e := opened(t, b, path)
		apply(t, e, core.Write{Key: []byte("k"), Value: []byte(path)})
		do(t, e.Close())
	}
}

// holds checks the mark and the row of a storage that kept made at the path made.
func holds(t *testing.T, b *Backend, path, made string) {
	t.Helper()
	c := claimed(t, b, path, true)
	if m, err := c.Mark(); string(m) != "mark of "+made || err != nil {
		t.Errorf("the mark at %q is %q, %v; want that of %q", path, m, err, made)
	}
	e, err := c.Open(t.Context(), core.EngineOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	if v, _, err := e.Get(t.Context(), []byte("k")); string(v) != made || err != nil {
		t.Errorf("the value at %q is %q, %v; want %q", path, v, err, made)
	}
}

func apply(t *testing.T, e core.Engine, writes ...core.Write) {
	t.Helper()
	do(t, e.Apply(t.Context(), core.Batch{Writes: writes}))
}

func do(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func listed(t *testing.T, b *Backend, prefix string, want ...string) {
	t.Helper()
	if got, err := b.List(t.Context(), prefix); !slices.Equal(got, want) || err != nil {
		t.Errorf("List(%q) = %q, %v; want %q", prefix, got, err, want)
	}
}

func TestZeroBackend(t *testing.T) {
	var b Backend
	listed(t, &b, "")
	kept(t, &b, "a")
	holds(t, &b, "a", "a")
}

func TestReopen(t *testing.T) {
	b, other := New(), New()
	paths := []string{"", "a", "./a", "a/b", "a/b/c", "\xff"}
	kept(t, b, paths...)
	kept(t, other, "z")
	for _, p := range paths {
		holds(t, b, p, p)
	}
	slices.Sort(paths)
	listed(t, b, "", paths...)
	listed(t, other, "", "z")
}

func TestList(t *testing.T) {
	b := New()
	kept(t, b, "db2", "db.replaced-2", "other", "db", "db.replaced-1")
	c := claimed(t, b, "db.claimed", false)
	defer c.Release()
	e := opened(t, b, "db.open")
	defer e.Close()
	listed(t, b, "db", "db", "db.open", "db.replaced-1", "db.replaced-2", "db2")
	listed(t, b, "db.replaced-", "db.replaced-1", "db.replaced-2")
	listed(t, b, "c")
}

func TestRename(t *testing.T) {
	b := New()
	kept(t, b, "a")
	c := claimed(t, b, "a", false)
	do(t, c.Rename("b"))
	if m, err := c.Mark(); m != nil || err != nil {
		t.Errorf("Mark after Rename = %q, %v", m, err)
	}
	listed(t, b, "", "b")
	holds(t, b, "b", "a") // the claim does not cover the new path
	e, err := c.Open(t.Context(), core.EngineOptions{Mark: []byte("new")})
	do(t, err)
	if v, _, err := e.Get(t.Context(), []byte("k")); !errors.Is(err, core.ErrNotFound) {
		t.Errorf("the storage that was created after Rename has %q, %v", v, err)
	}
	do(t, e.Close())
	listed(t, b, "", "a", "b")
}

// TestRenameRefused: a rename never takes a place from anybody, and a refused one changes nothing.
func TestRenameRefused(t *testing.T) {
	tests := []struct {
		name     string
		path, to string
		readOnly bool
		want     error
	}{
		{"nothing there", "absent", "free", false, fs.ErrNotExist},
		{"to a storage", "a", "b", false, fs.ErrExist},
		{"to itself", "a", "a", false, fs.ErrExist},
		{"to a storage that is open", "a", "open", false, fs.ErrExist},
		{"to a claimed path", "a", "claimed", false, core.ErrLocked},
		{"to a path claimed by a reader", "a", "read", false, core.ErrLocked},
		{"by a reader", "a", "free", true, core.ErrReadOnly},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			b := New()
			kept(t, b, "a", "b")
			defer opened(t, b, "open").Close()
			defer claimed(t, b, "claimed", false).Release()
			defer claimed(t, b, "read", true).Release()
			c := claimed(t, b, test.path, test.readOnly)
			if err := c.Rename(test.to); !errors.Is(err, test.want) {
				t.Errorf("Rename(%q) of %q gives %v; want %v", test.to, test.path, err, test.want)
			}
			do(t, c.Release())
			listed(t, b, "", "a", "b", "open")
			holds(t, b, "a", "a")
			holds(t, b, "b", "b")
		})
	}
}

func TestRemove(t *testing.T) {
	b := New()
	kept(t, b, "a")
	reader := claimed(t, b, "a", true)
	if err := reader.Remove(); !errors.Is(err, core.ErrReadOnly) {
		t.Errorf("Remove by a reader gives %v", err)
	}
	do(t, reader.Release())
	holds(t, b, "a", "a")

	c := claimed(t, b, "a", false)
	for range 2 { // that nothing is left to remove is no error
		do(t, c.Remove())
		if m, err := c.Mark(); m != nil || err != nil {
			t.Errorf("Mark after Remove = %q, %v", m, err)
		}
	}
	do(t, c.Release())
	listed(t, b, "")
}

// TestNothingIsLeftBehind: paths that are claimed and never created must not pile up.
func TestNothingIsLeftBehind(t *testing.T) {
	b := New()
	for _, readOnly := range []bool{false, true} {
		do(t, claimed(t, b, "absent", readOnly).Release())
	}
	kept(t, b, "renamed", "removed", "kept")
	c := claimed(t, b, "renamed", false)
	do(t, c.Rename("kept.too"))
	do(t, c.Release())
	c = claimed(t, b, "removed", false)
	do(t, c.Remove())
	do(t, c.Release())
	if len(b.places) != 2 {
		t.Errorf("the backend knows of %d paths; want kept and kept.too", len(b.places))
	}
}
