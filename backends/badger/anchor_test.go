// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package badger

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/directory"
)

// plain hides the descriptor of a lock, so that badger is given a path that can come to lead
// elsewhere, as on systems other than Linux.
type plain struct{ io.Closer }

func openPlain(t *testing.T, path string) *engine {
	t.Helper()
	d := small.driver()
	d.Lock = func(dir string, readOnly bool) (io.Closer, error) {
		l, err := lock(dir, readOnly)
		if err != nil {
			return nil, err
		}
		return plain{l}, nil
	}
	c, err := directory.Claim(context.Background(), path, false, d)
	if err != nil {
		t.Fatal(err)
	}
	e, err := c.Open(context.Background(), testOptions())
	if err != nil {
		t.Fatal(errors.Join(err, c.Release()))
	}
	return e.(*engine)
}

// contents returns what is in the files of a directory.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		all[e.Name()] = string(b)
	}
	return all
}

const anchorRows = 1000

// other makes a storage of its own at path and closes it.
func other(t *testing.T, path string) {
	t.Helper()
	e := open(t, small, path)
	apply(t, e, rows(5*anchorRows, 6*anchorRows, 100)...)
	closeEngine(t, e)
}

// wantAnchored wants the rows that were written before the storage was moved, and nothing else.
func wantAnchored(t *testing.T, e *engine) {
	t.Helper()
	all, err := dump(e)
	if err != nil || len(all) != anchorRows {
		t.Fatalf("%d rows of %d, %v", len(all), anchorRows, err)
	}
	v, r, err := e.Get(t.Context(), rowKey(7))
	if err != nil || !bytes.Equal(v, rowValue(7, 4000)) {
		t.Fatalf("Get: %v", err)
	}
	r.Release()
}

// An open storage was moved, and another one put in its place. badger went on by the path: it
// wrote the tables of one into the directory of the other and deleted logs there, while Apply,
// Compact and Close returned nil; both were corrupt. Where nothing was in its place, or the files
// had no name any more, acknowledged writes were never found again.
func TestMovedWhileOpen(t *testing.T) {
	for name, openAt := range map[string]func(t *testing.T, path string) *engine{
		"anchored": func(t *testing.T, path string) *engine { return open(t, small, path) },
		"plain":    openPlain,
	} {
		for _, replaced := range []bool{false, true} {
			t.Run(name+map[bool]string{true: ", replaced"}[replaced], func(t *testing.T) {
				t.Parallel()
				testMoved(t, openAt, replaced)
			})
		}
	}
}

func testMoved(t *testing.T, openAt func(t *testing.T, path string) *engine, replaced bool) {
	path := fastPath(t)
	moved, another := path+"-moved", path+"-another"
	other(t, another)
	e := openAt(t, path)
	apply(t, e, rows(0, anchorRows, 4000)...)
	if err := os.Rename(path, moved); err != nil {
		closeEngine(t, e)
		t.Skip("an open directory cannot be moved here:", err)
	}
	if replaced {
		if err := os.Rename(another, path); err != nil {
			t.Fatal(err)
		}
		another = path
	}
	before := contents(t, another)
	refusesWrites(t, e)
	wantAnchored(t, e)
	err := soon(t, "Close", e.Close)
	if err == nil || errors.Is(err, core.ErrCorrupt) || !strings.Contains(err.Error(), path) {
		t.Errorf("Close: %v", err)
	}
	if !maps.Equal(contents(t, another), before) {
		t.Error("the other storage was changed")
	}
	if !e.anchor.holds { // it is closed when it is back
		if _, err := tryOpen(Backend{LockTimeout: time.Millisecond}, moved, false,
			testOptions()); !errors.Is(err, core.ErrLocked) {
			t.Fatalf("opened where badger is open: %v", err)
		}
		if replaced {
			os.Rename(path, path+"-away")
		}
		if err := os.Rename(moved, path); err != nil {
			t.Fatal(err)
		}
		moved = path
	}
	e = reopen(t, moved)
	wantAnchored(t, e)
	apply(t, e, rows(0, 10, 100)...)
	closeEngine(t, e)
}

// refusesWrites wants that nothing can be written, with an error that is about the path, again
// and again.
func refusesWrites(t *testing.T, e *engine) {
	t.Helper()
	for range 2 {
		for what, do := range map[string]func() error{
			"Apply": func() error {
				return e.Apply(t.Context(),
					core.Batch{Writes: rows(anchorRows, anchorRows+10, 100)})
			},
			"many rows": func() error {
				return e.Apply(t.Context(),
					core.Batch{Writes: rows(anchorRows, anchorRows+2*bulk, 100)})
			},
			"long value": func() error {
				return e.Apply(t.Context(),
					core.Batch{Writes: rows(anchorRows, anchorRows+1, inlineBelow)})
			},
			"Compact": func() error { return e.Compact(t.Context()) },
			"SetMark": func() error { return e.SetMark(t.Context(), testMark) },
		} {
			err := soon(t, what, do)
			if err == nil || errors.Is(err, core.ErrCorrupt) || !strings.Contains(err.Error(),
				e.place.Dir) {
				t.Errorf("%s: %v", what, err)
			}
		}
	}
}

// A storage that comes back to its path goes on, as nothing was written meanwhile.
func TestMovedAndBack(t *testing.T) {
	path := fastPath(t)
	e := open(t, small, path)
	apply(t, e, rows(0, anchorRows, 4000)...)
	if err := os.Rename(path, path+"-moved"); err != nil {
		closeEngine(t, e)
		t.Skip("an open directory cannot be moved here:", err)
	}
	refusesWrites(t, e)
	if err := os.Rename(path+"-moved", path); err != nil {
		t.Fatal(err)
	}
	apply(t, e, rows(0, anchorRows, 4000)...)
	compact(t, e)
	wantAnchored(t, e)
	closeEngine(t, e)
}

// A path is looked up once. A program that changed its directory, or a release link that was
// switched, led an open storage to another one of the same name.
func TestPathIsLookedUpOnce(t *testing.T) {
	dir := filepath.Dir(fastPath(t))
	for _, version := range []string{"one", "two"} {
		if err := os.Mkdir(filepath.Join(dir, version), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	other(t, filepath.Join(dir, "two", "db"))
	before := contents(t, filepath.Join(dir, "two", "db"))
	link := filepath.Join(dir, "current")
	if err := os.Symlink("one", link); err != nil {
		t.Skip("no links here:", err)
	}
	t.Chdir(filepath.Join(dir, "one"))
	for _, path := range []string{"db", filepath.Join(link, "db")} {
		e := open(t, small, path)
		apply(t, e, rows(0, anchorRows, 4000)...)
		t.Chdir(filepath.Join(dir, "two"))
		if err := errors.Join(os.Remove(link), os.Symlink("two", link)); err != nil {
			t.Fatal(err)
		}
		apply(t, e, rows(0, anchorRows, 4000)...)
		compact(t, e)
		wantAnchored(t, e)
		closeEngine(t, e)
		if err := errors.Join(os.Remove(link), os.Symlink("one", link)); err != nil {
			t.Fatal(err)
		}
		t.Chdir(filepath.Join(dir, "one"))
		e = open(t, small, path)
		wantAnchored(t, e)
		closeEngine(t, e)
	}
	if !maps.Equal(contents(t, filepath.Join(dir, "two", "db")), before) {
		t.Error("the other storage was changed")
	}
}

// What badger says names its files by the path that people know.
func TestAnchorIsNotNamed(t *testing.T) {
	a := anchor{dir: "/proc/self/fd/7", named: "/var/db", holds: true}
	cause := errors.New("open /proc/self/fd/7/MANIFEST: /proc/self/fd/77/MANIFEST, /proc/self/fd/7: no")
	err := a.err(cause)
	if want := "open /var/db/MANIFEST: /proc/self/fd/77/MANIFEST, /var/db: no"; err.Error() != want || !errors.Is(err, cause) {
		t.Errorf("%v, want %s", err, want)
	}
	if err := a.err(core.ErrReadOnly); err != core.ErrReadOnly {
		t.Errorf("an error that names nothing became %#v", err)
	}
	path := fastPath(t)
	e := open(t, small, path)
	apply(t, e, rows(0, anchorRows, 100)...)
	closeEngine(t, e)
	tables, err := filepath.Glob(filepath.Join(path, "*"+tableSuffix))
	if err != nil || len(tables) == 0 {
		t.Fatal(tables, err)
	}
	if err := os.Truncate(tables[0], 100); err != nil {
		t.Fatal(err)
	}
	if _, err := tryOpen(small, path, false, testOptions()); !errors.Is(err,
		core.ErrCorrupt) || !strings.Contains(err.Error(), tables[0]) {
		t.Errorf("%v, want one that names %s", err, tables[0])
	}
}

// panicking is a handler of a user's that panics whenever badger says something.
type panicking struct{}

func (panicking) Enabled(context.Context, slog.Level) bool  { return true }
func (panicking) Handle(context.Context, slog.Record) error { panic("a handler of the user's") }
func (p panicking) WithAttrs([]slog.Attr) slog.Handler      { return p }
func (p panicking) WithGroup(string) slog.Handler           { return p }

// A user's handler that panics was called on badger's goroutines, where a panic cannot be
// recovered: the process ended.
func TestHandlerPanics(t *testing.T) {
	path := fastPath(t)
	opts := testOptions()
	opts.Logger = slog.New(panicking{})
	for range 2 {
		e, err := tryOpen(small, path, false, opts)
		if err != nil {
			t.Fatal(err)
		}
		apply(t, e, rows(0, anchorRows, 4000)...)
		compact(t, e)
		wantAnchored(t, e)
		closeEngine(t, e)
		// of which opening warns
		if err := os.Truncate(filepath.Join(path, discardName), 100); err != nil {
			t.Fatal(err)
		}
	}
}
