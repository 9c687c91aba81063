// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package backendtest

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/guardkv/guardkv/core"
)

// alonePromises are put to the test one by one, before all others: they change what belongs to the whole process.
var alonePromises = []promise{
	{
		name: "places/working directory", check: checkWorkingDirectory, bareOnly: true,
		explanation: "a path is looked up once: a working directory that changes later changes nothing, and other storages stay as they are",
	},
}

var placePromises = []promise{
	{
		name: "places/empty directory stays", check: checkEmptyDirectoryStays, bareOnly: true,
		explanation: "an engine that keeps its storages in directories uses an empty one as it is, and needs nothing of the folder around it; others refuse it, say where a file may be, and leave it",
	},
	{
		name: "places/racing with Recreate", check: checkRacingRecreate, bareOnly: true,
		explanation: "openers that race with others that recreate the storage succeed, or get ErrLocked",
	},
	{
		name: "places/recreation killed", check: checkRecreationKilled, bareOnly: true,
		explanation: "wherever an Open that recreates a storage is killed, the old one is at its path or set aside with all rows, the next Open succeeds, and nothing else is left",
	},
}

// checkWorkingDirectory goes to another folder, with a storage of the same name, while a relative path is in use.
// A path that was looked up again led to the other storage, which was replaced, moved or filled in place of the right one.
func checkWorkingDirectory(t *trial) {
	process, ok := t.tb.(interface{ Chdir(dir string) })
	if !ok || !t.onDisk() {
		return
	}
	first, second := t.path+".first", t.path+".second"
	t.do("Mkdir", errors.Join(os.Mkdir(first, 0o755), os.Mkdir(second, 0o755)))
	b := t.backup() // leaves a storage at t.path
	t.path = filepath.Join(second, "db")
	s, tab := t.one()
	put1(t, tab, "k", "other")
	t.closeStorage(s)
	before := tree(t, second)

	t.path = "db"
	process.Chdir(first)
	s, tab = t.one()
	process.Chdir(second)
	put1(t, tab, "k", "v")
	_, err := s.Compact(t.ctx)
	t.do("Compact", err)
	put1(t, tab, "l", "v")
	holds(t, tab, row{"k", "v"}, row{"l", "v"})
	t.closeStorage(s)
	t.inFolder(first, "db")

	away := func(op Op, n int) core.Backend {
		process.Chdir(first)
		return Fault(t.backend, Failure{Op: op, N: n, Do: func() { process.Chdir(second) }})
	}
	s, err = t.tryOpen(away(OpRename, 1), core.WithRecreate(core.Always))
	t.do("Open that recreates", err)
	put1(t, t.words(s, "words"), "k", "new")
	r, _ := s.Recreated()
	t.closeStorage(s)
	t.inFolder(first, "db", r.Path)
	for _, at := range []struct {
		op Op
		n  int
	}{{OpOpen, 1}, {OpRename, 1}} {
		s, err = t.restore(away(at.op, at.n), bytes.NewReader(b), core.WithVersion(5))
		t.do(fmt.Sprintf("Restore that is elsewhere from %s %d on", at.op, at.n), err)
		t.closeStorage(s)
		t.inFolder(first, "db", r.Path, "db.restored")
		process.Chdir(first)
		c := t.claim("db.restored", false)
		t.do("Remove", c.Remove())
		t.release(c)
	}
	if after := tree(t, second); !slices.Equal(before, after) {
		t.Errorf("the storage of the same name in another folder was changed")
	}
	t.path = filepath.Join(first, "db")
	_, tab = t.one()
	holds(t, tab, row{"k", "new"})
}

// inFolder compares what is in a folder.
func (t *trial) inFolder(dir string, want ...string) {
	t.tb.Helper()
	entries, err := os.ReadDir(dir)
	t.do("ReadDir", err)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	slices.Sort(want)
	if !slices.Equal(names, want) {
		t.Fatalf("in the folder %s there is %q; want %q", dir, names, want)
	}
}

// checkEmptyDirectoryStays opens an empty directory, such as a volume of a container: it may be a mount point, and the folder around
// it may belong to somebody else. An engine that made a new one and moved it there changed mode and owner, or failed
// for the sake of a temporary beside it.
func checkEmptyDirectoryStays(t *trial) {
	m := t.medium()
	if m == elsewhere {
		return
	}
	around := t.path + ".around"
	t.path = filepath.Join(around, "db")
	long := time.Date(2006, 1, 2, 15, 4, 5, 0, time.UTC)
	t.do("Mkdir", errors.Join(os.Mkdir(around, 0o755), os.Mkdir(t.path, 0o750), os.Chmod(t.path, 0o750)))
	t.do("Chmod", errors.Join(os.Chtimes(around, long, long), os.Chmod(around, 0o555))) // root may write all the same
	t.Cleanup(func() { os.Chmod(around, 0o755) })
	made, err := os.Lstat(t.path)
	t.do("Lstat", err)
	s, err := t.tryOpen(t.backend, core.WithRecreate(core.Always))
	if m == inFiles && errors.Is(err, core.ErrNotStorage) {
		t.inFolder(t.path)
		if !strings.Contains(err.Error(), "directory") {
			t.Errorf("the error does not say what is wrong: %v", err)
		}
		return
	}
	t.do("Open", err)
	put1(t, t.words(s, "words"), "k", "v")
	t.closeStorage(s)
	_, tab := t.one()
	holds(t, tab, row{"k", "v"})
	is, err := os.Lstat(t.path)
	t.do("Lstat", err)
	if !os.SameFile(made, is) || made.Mode() != is.Mode() {
		t.Errorf("the directory with mode %v became one with mode %v; is it the same: %v", made.Mode(), is.Mode(), os.SameFile(made, is))
	}
	folder, err := os.Lstat(around)
	t.do("Lstat", err)
	if !folder.ModTime().Equal(long) {
		t.Errorf("something was made in the folder around the directory")
	}
}

// checkRacingRecreate has openers run into storages that are being set aside and created. They were told of invalid
// arguments, of things that are no storage, and of paths where nothing is.
func checkRacingRecreate(t *trial) {
	t.closeStorage(t.open())
	var all sync.WaitGroup
	for i := range 4 {
		policy := core.IfMissing
		if i%2 == 0 {
			policy = core.Always
		}
		all.Go(func() {
			for range t.pick(25, 3) {
				s, err := t.tryOpen(t.backend, core.WithRecreate(policy), core.WithKeepReplaced(0))
				if err == nil {
					err = s.Close()
				}
				if err != nil && !errors.Is(err, core.ErrLocked) {
					t.Errorf("Open beside others that recreate the storage (%s) gives %v; want ErrLocked", policy, err)
					return
				}
			}
		})
	}
	all.Wait()
	t.closeStorage(t.open())
}

// checkRecreationKilled kills an Open under Always at every call that it makes, or at every second one: each is followed
// by three opens.
func checkRecreationKilled(t *trial) {
	base := t.path
	for _, op := range restoreOps {
		for n, more := 1, true; more; n += t.pick(1, 2) {
			t.path = fmt.Sprintf("%s-%s-%d", base, strings.ReplaceAll(string(op), " ", ""), n)
			more = t.killedRecreation(op, n)
		}
	}
}

// killedRecreation reports whether there was something to kill.
func (t *trial) killedRecreation(op Op, n int) bool {
	t.tb.Helper()
	s, tab := t.one()
	put1(t, tab, "k", "v")
	t.closeStorage(s)
	s, err := t.tryOpen(killedAt(t.backend, op, n), core.WithRecreate(core.Always))
	if err == nil {
		t.closeStorage(s)
		return false
	}
	t.is("Open that is killed", err, errKilled)
	s = t.open()
	rows := t.rowsOf(s, "words")
	t.closeStorage(s)
	for _, path := range t.list(t.path) {
		switch {
		case path == t.path:
		case strings.HasPrefix(path, t.path+".replaced-2"):
			old, err := core.Open(t.ctx, path, t.backend, quietly)
			t.do("Open of the old storage", err)
			rows += t.rowsOf(old, "words")
			t.closeStorage(old)
		default:
			t.Errorf("an Open that was killed at %s %d leaves %s", op, n, path)
		}
	}
	if rows != 1 {
		t.Errorf("after an Open that was killed at %s %d there are %d rows; want the one", op, n, rows)
	}
	return true
}
