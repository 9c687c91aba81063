// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package bbolt

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/guardkv/guardkv/core"
)

// makeStorage makes a storage with n rows of which a compaction drops most.
func makeStorage(t *testing.T, path string, n int) {
	t.Helper()
	e := open(t, Backend{}, path)
	apply(t, e, rows(0, n, 100)...)
	closeEngine(t, e)
}

func countRows(t *testing.T, path string) int {
	t.Helper()
	e := open(t, Backend{}, path)
	defer closeEngine(t, e)
	all, err := dump(e)
	if err != nil {
		t.Fatal(err)
	}
	return len(all)
}

// A compaction looked its path up again. When the path led to another storage by then, which
// another program may have had open, it renamed the compacted file over that one.
func TestCompactWhenThePathLeadsElsewhere(t *testing.T) {
	if !lockIsShared {
		t.Skip("no compaction here")
	}
	for _, c := range []struct {
		name   string
		path   string // relative to the first folder
		change func(t *testing.T, one, two string)
		moved  bool // the storage itself is not where it was: nothing may be replaced
		back   string
	}{
		{"chdir", "db", func(t *testing.T, _, two string) { t.Chdir(two) }, false, "db"},
		{"a link to the file is switched", "link", func(t *testing.T, one, two string) {
			switchLink(t, filepath.Join(one, "link"), filepath.Join(two, "db"))
		}, false, "db"},
		{"a link to the folder is switched", "current/db", func(t *testing.T, one, two string) {
			switchLink(t, filepath.Join(one, "current"), two)
		}, false, "db"},
		{"another storage in its place", "db", func(t *testing.T, one, two string) {
			must(t, os.Rename(filepath.Join(one, "db"), filepath.Join(one, "moved")))
			must(t, os.Link(filepath.Join(two, "db"), filepath.Join(one, "db")))
		}, true, "moved"},
		{"another folder in its place", "db", func(t *testing.T, one, two string) {
			must(t, os.Rename(one, one+".moved"))
			must(t, os.Rename(two, one))
			must(t, os.Symlink(one, two))
		}, true, "../one.moved/db"},
	} {
		t.Run(c.name, func(t *testing.T) {
			root := t.TempDir()
			one, two := filepath.Join(root, "one"), filepath.Join(root, "two")
			must(t, os.Mkdir(one, 0o700))
			must(t, os.Mkdir(two, 0o700))
			makeStorage(t, filepath.Join(one, "db"), 3000)
			makeStorage(t, filepath.Join(two, "db"), 2000)
			must(t, os.Symlink(filepath.Join(one, "db"), filepath.Join(one, "link")))
			must(t, os.Symlink(one, filepath.Join(one, "current")))
			t.Chdir(one)
			e := open(t, Backend{}, c.path)
			apply(t, e, deletions(100, 3000)...)
			c.change(t, one, two)
			err := compact(t.Context(), e)
			switch {
			case c.moved && (err == nil ||
				!strings.Contains(err.Error(), c.path+" does not lead to")):
				t.Errorf("Compact = %v", err)
			case !c.moved && err != nil:
				t.Errorf("Compact = %v", err)
			}
			if _, r, err := e.Get(t.Context(), rowKey(1)); err != nil {
				t.Error("reads do not go on:", err)
			} else {
				r.Release()
			}
			apply(t, e, rows(5000, 5001, 100)...) // its file has a name
			closeEngine(t, e)
			if n := countRows(t, filepath.Join(two, "db")); n != 2000 {
				t.Errorf("the other storage has %d rows, want 2000", n)
			}
			if n := countRows(t, filepath.Join(one, c.back)); n != 101 {
				t.Errorf("the storage has %d rows, want 101", n)
			}
			for _, dir := range []string{one, two} {
				if left, _ := filepath.Glob(filepath.Join(dir,
					"*"+temporaryMark+"*")); len(left) > 0 {
					t.Error("files were left behind:", left)
				}
			}
		})
	}
}

func switchLink(t *testing.T, link, to string) {
	t.Helper()
	must(t, os.Remove(link))
	must(t, os.Symlink(to, link))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// A claim that is held while its file is moved away, and another takes its place, renamed or
// removed the other.
func TestClaimOfWhatWasMoved(t *testing.T) {
	if !lockIsShared {
		t.Skip("a file that is open cannot be moved here")
	}
	for name, use := range map[string]func(core.Claim, string) error{
		"Rename": func(c core.Claim, to string) error { return c.Rename(to) },
		"Remove": func(c core.Claim, _ string) error { return c.Remove() },
	} {
		path := testPath(t)
		makeStorage(t, path, 10)
		makeStorage(t, path+".other", 20)
		c := claimAt(t, path, false)
		must(t, os.Rename(path, path+".moved"))
		must(t, os.Rename(path+".other", path))
		if err := use(c, path+".to"); err == nil || !strings.Contains(err.Error(),
			"does not lead to") {
			t.Errorf("%s = %v", name, err)
		}
		must(t, c.Release())
		if n, m := countRows(t, path), countRows(t, path+".moved"); n != 20 || m != 10 {
			t.Errorf("%s: the storages have %d and %d rows, want 20 and 10", name, n, m)
		}
	}
}

// A claim of a relative path used it again after the working directory had changed.
func TestClaimIsOfOneFolder(t *testing.T) {
	one, two := t.TempDir(), t.TempDir()
	t.Chdir(one)
	makeStorage(t, "db", 10)
	c := claimAt(t, "db", false)
	t.Chdir(two)
	makeStorage(t, "db", 20)
	must(t, c.Rename("db.old"))
	e, err := c.Open(t.Context(), testOptions())
	must(t, err)
	must(t, e.Close())
	for path, want := range map[string]int{
		filepath.Join(one, "db.old"): 10,
		filepath.Join(one, "db"):     0,
		filepath.Join(two, "db"):     20,
	} {
		if n := countRows(t, path); n != want {
			t.Errorf("%s has %d rows, want %d", path, n, want)
		}
	}
}

// What is written to a file that was deleted is lost when it is closed. Put returned nil.
func TestWriteToADeletedFile(t *testing.T) {
	if !lockIsShared {
		t.Skip("a file that is open cannot be deleted here")
	}
	eachMode(t, func(t *testing.T, b Backend) {
		path := testPath(t)
		e := open(t, b, path)
		apply(t, e, rows(0, 10, 100)...)
		must(t, os.Remove(path))
		for name, err := range map[string]error{
			"Apply":   e.Apply(t.Context(), core.Batch{Writes: rows(10, 11, 100)}),
			"SetMark": e.SetMark(t.Context(), testMark),
			"Compact": compact(t.Context(), e),
		} {
			if err == nil {
				t.Errorf("%s of a deleted file is no error", name)
			}
		}
		if all, err := dump(e); len(all) != 10 || err != nil {
			t.Errorf("%d rows, want 10: %v", len(all), err)
		}
		if n, err := e.Size(); n == 0 || err != nil {
			t.Errorf("Size = %d, %v", n, err)
		}
		closeEngine(t, e)
		if entries, _ := os.ReadDir(filepath.Dir(path)); len(entries) > 0 {
			t.Error("there is", entries)
		}
	})
}

// Errors show the path as the user gave it, though it is resolved.
func TestErrorsShowTheGivenPath(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	must(t, os.Mkdir("empty", 0o700))
	makeStorage(t, "db", 1)
	held := open(t, Backend{}, "db")
	defer closeEngine(t, held)
	if os.Getuid() != 0 {
		must(t, os.WriteFile("secret", nil, 0))
	}
	for path, want := range map[string]error{
		"db": core.ErrLocked, "empty": core.ErrNotStorage,
		"no/db": fs.ErrNotExist,
	} {
		b := Backend{LockTimeout: 1}
		_, err := tryOpen(b, path, false, testOptions())
		if !errors.Is(err, want) || strings.Contains(err.Error(), dir) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// ".." behind a link leads to the parent of what the link leads to.
func TestParentOfALink(t *testing.T) {
	dir := t.TempDir()
	must(t, os.MkdirAll(filepath.Join(dir, "a", "b"), 0o700))
	must(t, os.Symlink(filepath.Join("a", "b"), filepath.Join(dir, "link")))
	t.Chdir(dir)
	makeStorage(t, filepath.FromSlash("link")+"/../db", 3)
	if n := countRows(t, filepath.Join(dir, "a", "db")); n != 3 {
		t.Errorf("%d rows, want 3", n)
	}
}

// After a folder that could not be synced, a storage had moved although the error said that it
// had not.
func TestRenameThatCannotBeSynced(t *testing.T) {
	path := testPath(t)
	makeStorage(t, path, 10)
	failure := errors.New("input/output error")
	b := Backend{folderSync: func(folder) error { return failure }}
	c, err := b.Claim(t.Context(), path, false)
	must(t, err)
	if err := c.Rename(path + ".old"); !errors.Is(err, failure) {
		t.Errorf("Rename = %v", err)
	}
	if mark, err := c.Mark(); string(mark) != string(testMark) || err != nil {
		t.Errorf("Mark = %q, %v", mark, err)
	}
	if _, err := (Backend{LockTimeout: 1}).Claim(t.Context(), path, false); !errors.Is(err,
		core.ErrLocked) {
		t.Errorf("the claim lost its lock: %v", err)
	}
	must(t, c.Release())
	if entries, _ := os.ReadDir(filepath.Dir(path)); len(entries) != 1 ||
		entries[0].Name() != "db" {
		t.Error("there is", entries)
	}
	if n := countRows(t, path); n != 10 {
		t.Errorf("%d rows, want 10", n)
	}
}

// A creation whose folder cannot be synced leaves nothing.
func TestCreateThatCannotBeSynced(t *testing.T) {
	path := testPath(t)
	failure := errors.New("input/output error")
	b := Backend{folderSync: func(folder) error { return failure }}
	if _, err := tryOpen(b, path, false, testOptions()); !errors.Is(err, failure) {
		t.Errorf("Open = %v", err)
	}
	if entries, _ := os.ReadDir(filepath.Dir(path)); len(entries) > 0 {
		t.Error("there is", entries)
	}
}

// A power loss after a compaction whose folder was not synced brings the old file back, without
// what was written to the new one. Nothing may be written until it is.
func TestCompactThatCannotBeSynced(t *testing.T) {
	if !lockIsShared {
		t.Skip("no compaction here")
	}
	path := testPath(t)
	makeStorage(t, path, 3000)
	failure := error(nil)
	e := open(t, Backend{folderSync: func(folder) error { return failure }}, path)
	apply(t, e, deletions(10, 3000)...)
	failure = errors.New("input/output error")
	if err := compact(t.Context(), e); !errors.Is(err, failure) || !strings.Contains(err.Error(),
		"was compacted") {
		t.Errorf("Compact = %v", err)
	}
	if err := e.Apply(t.Context(),
		core.Batch{Writes: rows(3000, 3001, 100)}); !errors.Is(err, failure) {
		t.Errorf("Apply = %v", err)
	}
	if all, err := dump(e); len(all) != 10 || err != nil {
		t.Errorf("%d rows, want 10: %v", len(all), err)
	}
	failure = nil
	apply(t, e, rows(3000, 3001, 100)...)
	closeEngine(t, e)
	if n := countRows(t, path); n != 11 {
		t.Errorf("%d rows, want 11", n)
	}
}

// A process that was killed when it had given a file its new name, and not yet taken the old
// one, left the old one forever. Beside a Restore it was in the way of every later one.
func TestSecondNames(t *testing.T) {
	for _, name := range []string{
		restoringMark, replacedMark + "20260102T150405.000000000Z",
		temporaryMark + "0123456789abcdef",
	} {
		path := testPath(t)
		makeStorage(t, path, 10)
		must(t, os.Link(path, path+name))
		must(t, os.WriteFile(path+name+".notes", nil, 0o600))
		if n := countRows(t, path); n != 10 {
			t.Errorf("%d rows, want 10", n)
		}
		if _, err := os.Lstat(path + name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is still there: %v", name, err)
		}
		if _, err := os.Lstat(path + name + ".notes"); err != nil {
			t.Error("a file of somebody else was removed:", err)
		}
	}
}

// At the second name that a Restore left there is nothing, and a storage can be made there.
func TestResidueOfARestore(t *testing.T) {
	path := testPath(t)
	makeStorage(t, path, 10)
	must(t, os.Link(path, path+restoringMark))
	c := claimAt(t, path+restoringMark, false)
	if mark, err := c.Mark(); mark != nil || err != nil {
		t.Errorf("Mark = %q, %v; want nil", mark, err)
	}
	e, err := c.Open(t.Context(), testOptions())
	must(t, err)
	must(t, e.Close())
	if n, m := countRows(t, path), countRows(t, path+restoringMark); n != 10 || m != 0 {
		t.Errorf("%d and %d rows, want 10 and 0", n, m)
	}
}

// An empty directory, perhaps a mount point, was replaced by a file.
func TestEmptyDirectory(t *testing.T) {
	path := testPath(t)
	must(t, os.Mkdir(path, 0o711))
	before, err := os.Stat(path)
	must(t, err)
	if _, err := tryOpen(Backend{}, path, false, testOptions()); !errors.Is(err,
		core.ErrNotStorage) || !strings.Contains(err.Error(), "give the name of a file in it") {
		t.Errorf("Open = %v", err)
	}
	makeStorage(t, path+".other", 1)
	c := claimAt(t, path+".other", false)
	if err := c.Rename(path); !errors.Is(err, fs.ErrExist) {
		t.Errorf("Rename onto it = %v", err)
	}
	must(t, c.Release())
	if after, err := os.Stat(path); err != nil || !os.SameFile(before,
		after) || before.Mode() != after.Mode() {
		t.Errorf("it was replaced: %v", err)
	}
}

// linkNew is what moveNew does where the system has no call for it.
func TestMoveByLink(t *testing.T) {
	for name, move := range map[string]func(from, to string) error{
		"moveNew": moveNew, "linkNew": linkNew, "renameNew": renameNew,
	} {
		dir := t.TempDir()
		from, to := filepath.Join(dir, "from"), filepath.Join(dir, "to")
		must(t, os.WriteFile(from, []byte("from"), 0o600))
		must(t, os.WriteFile(to, []byte("to"), 0o600))
		if err := move(from, to); !errors.Is(err, fs.ErrExist) {
			t.Errorf("%s onto a file = %v", name, err)
		}
		must(t, os.Remove(to))
		must(t, move(from, to))
		if b, err := os.ReadFile(to); string(b) != "from" || err != nil {
			t.Errorf("%s: %q, %v", name, b, err)
		}
		if _, err := os.Lstat(from); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s left the old name: %v", name, err)
		}
	}
}

// A file that was created and at once set aside by another opener gave a bare "invalid
// argument". A storage that is created is locked before it has its name.
func TestCreatedIsLocked(t *testing.T) {
	path := testPath(t)
	fd, err := Backend{}.withDefaults().create(context.Background(), newPlace(path), testMark)
	must(t, err)
	defer fd.Close()
	if lockIsShared {
		if _, err := (Backend{LockTimeout: 1}).Claim(t.Context(), path, false); !errors.Is(err,
			core.ErrLocked) {
			t.Errorf("Claim of what is being created = %v", err)
		}
	}
}
