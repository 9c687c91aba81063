// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package users

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
	"github.com/guardkv/guardkv/core/backendtest/internal/decorate"
	"github.com/guardkv/guardkv/core/backendtest/internal/kit"
)

// AlonePromises are tested one by one, before all others, because they change what belongs to the
// whole process.
var AlonePromises = []kit.Promise{
	{
		Name: "places/working directory", Check: checkWorkingDirectory, BareOnly: true,
		Explanation: "a path is looked up once: a working directory that changes later changes " +
			"nothing, and other storages stay as they are",
	},
}

var placePromises = []kit.Promise{
	{
		Name: "places/empty directory stays", Check: checkEmptyDirectoryStays, BareOnly: true,
		Explanation: "an engine that keeps its storages in directories uses an empty one as it " +
			"is, and needs nothing of the folder around it; others refuse it, say where a file " +
			"may be, and leave it",
	},
	{
		Name: "places/racing with Recreate", Check: checkRacingRecreate,
		BareOnly: true, Alone: true,
		Explanation: "openers that race with others that recreate the storage succeed, or get " +
			"ErrLocked",
	},
	{
		Name: "places/recreation killed", Check: checkRecreationKilled, BareOnly: true, Alone: true,
		Explanation: "wherever an Open that recreates a storage is killed, the old one is at its " +
			"path or set aside with all rows, the next Open succeeds, and nothing else is left",
	},
}

// checkWorkingDirectory goes to another folder, with a storage of the same name, while a
// relative path is in use. A path that was looked up again led to the other storage, which was
// replaced, moved or filled in place of the right one.
func checkWorkingDirectory(t *kit.Trial) {
	process, ok := t.TB.(interface{ Chdir(dir string) })
	if !ok || !t.OnDisk() {
		return
	}
	first, second := t.Path+".first", t.Path+".second"
	t.Do("Mkdir", errors.Join(os.Mkdir(first, 0o755), os.Mkdir(second, 0o755)))
	b := backup(t) // leaves a storage at t.path
	t.Path = filepath.Join(second, "db")
	s, tab := openOne(t)
	put1(t, tab, "k", "other")
	closeStorage(t, s)
	before := kit.Tree(t, second)

	t.Path = "db"
	process.Chdir(first)
	s, tab = openOne(t)
	process.Chdir(second)
	put1(t, tab, "k", "v")
	_, err := s.Compact(t.Ctx)
	t.Do("Compact", err)
	put1(t, tab, "l", "v")
	holds(t, tab, kit.KV("k", "v"), kit.KV("l", "v"))
	closeStorage(t, s)
	inFolder(t, first, "db")

	away := func(op decorate.Op, n int) core.Backend {
		process.Chdir(first)
		return decorate.Fault(t.Backend,
			decorate.Failure{Op: op, N: n, Do: func() { process.Chdir(second) }})
	}
	s, err = tryOpen(t, away(decorate.OpRename, 1), core.WithRecreate(core.Always))
	t.Do("Open that recreates", err)
	put1(t, openWords(t, s, "words"), "k", "new")
	r, _ := s.Recreated()
	closeStorage(t, s)
	inFolder(t, first, "db", r.Path)
	for _, at := range []struct {
		op decorate.Op
		n  int
	}{{decorate.OpOpen, 1}, {decorate.OpRename, 1}} {
		s, err = restore(t, away(at.op, at.n), bytes.NewReader(b), core.WithVersion(5))
		t.Do(fmt.Sprintf("Restore that is elsewhere from %s %d on", at.op, at.n), err)
		closeStorage(t, s)
		inFolder(t, first, "db", r.Path, "db.restored")
		process.Chdir(first)
		c := t.Claim("db.restored", false)
		t.Do("Remove", c.Remove())
		t.Release(c)
	}
	if after := kit.Tree(t, second); !slices.Equal(before, after) {
		t.Errorf("the storage of the same name in another folder was changed")
	}
	t.Path = filepath.Join(first, "db")
	_, tab = openOne(t)
	holds(t, tab, kit.KV("k", "new"))
}

// inFolder compares what is in a folder.
func inFolder(t *kit.Trial, dir string, want ...string) {
	t.TB.Helper()
	entries, err := os.ReadDir(dir)
	t.Do("ReadDir", err)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	slices.Sort(want)
	if !slices.Equal(names, want) {
		t.Fatalf("in the folder %s there is %q; want %q", dir, names, want)
	}
}

// checkEmptyDirectoryStays opens an empty directory, such as a volume of a container: it may be
// a mount point, and the folder around it may belong to somebody else. An engine that made a
// new one and moved it there changed mode and owner, or failed because it needed a temporary
// directory beside it.
func checkEmptyDirectoryStays(t *kit.Trial) {
	m := t.Medium()
	if m == kit.Elsewhere {
		return
	}
	around := t.Path + ".around"
	t.Path = filepath.Join(around, "db")
	long := time.Date(2006, 1, 2, 15, 4, 5, 0, time.UTC)
	t.Do("Mkdir",
		errors.Join(os.Mkdir(around, 0o755), os.Mkdir(t.Path, 0o750), os.Chmod(t.Path, 0o750)))
	// root may write there nevertheless
	t.Do("Chmod", errors.Join(os.Chtimes(around, long, long), os.Chmod(around, 0o555)))
	t.Cleanup(func() { os.Chmod(around, 0o755) })
	made, err := os.Lstat(t.Path)
	t.Do("Lstat", err)
	s, err := tryOpen(t, t.Backend, core.WithRecreate(core.Always))
	if m == kit.InFiles && errors.Is(err, core.ErrNotStorage) {
		inFolder(t, t.Path)
		if !strings.Contains(err.Error(), "directory") {
			t.Errorf("the error does not say what is wrong: %v", err)
		}
		return
	}
	t.Do("Open", err)
	put1(t, openWords(t, s, "words"), "k", "v")
	closeStorage(t, s)
	_, tab := openOne(t)
	holds(t, tab, kit.KV("k", "v"))
	is, err := os.Lstat(t.Path)
	t.Do("Lstat", err)
	if !os.SameFile(made, is) || made.Mode() != is.Mode() {
		t.Errorf("the directory with mode %v became one with mode %v; is it the same: %v",
			made.Mode(), is.Mode(), os.SameFile(made, is))
	}
	folder, err := os.Lstat(around)
	t.Do("Lstat", err)
	if !folder.ModTime().Equal(long) {
		t.Errorf("something was made in the folder around the directory")
	}
}

// checkRacingRecreate has openers run into storages that are being set aside and created. They
// once got errors about invalid arguments, things that are not storages, and paths where nothing
// is.
func checkRacingRecreate(t *kit.Trial) {
	closeStorage(t, open(t))
	var all sync.WaitGroup
	for i := range 4 {
		policy := core.IfMissing
		if i%2 == 0 {
			policy = core.Always
		}
		all.Go(func() {
			for range t.Pick(25, 3) {
				s, err := tryOpen(t, t.Backend, core.WithRecreate(policy), core.WithKeepReplaced(0))
				if err == nil {
					err = s.Close()
				}
				if err != nil && !errors.Is(err, core.ErrLocked) {
					t.Errorf("Open beside others that recreate the storage (%s) gives %v; want "+
						"ErrLocked", policy, err)
					return
				}
			}
		})
	}
	all.Wait()
	closeStorage(t, open(t))
}

// checkRecreationKilled kills an Open under Always at every call that it makes, or at every
// second one: each is followed by three opens.
func checkRecreationKilled(t *kit.Trial) {
	base := t.Path
	for _, op := range restoreOps {
		for n, more := 1, true; more; n += t.Pick(1, 2) {
			t.Path = fmt.Sprintf("%s-%s-%d", base, strings.ReplaceAll(string(op), " ", ""), n)
			more = killedRecreation(t, op, n)
		}
	}
}

// killedRecreation reports whether there was something to kill.
func killedRecreation(t *kit.Trial, op decorate.Op, n int) bool {
	t.TB.Helper()
	s, tab := openOne(t)
	put1(t, tab, "k", "v")
	closeStorage(t, s)
	s, err := tryOpen(t, killedAt(t.Backend, op, n), core.WithRecreate(core.Always))
	if err == nil {
		closeStorage(t, s)
		return false
	}
	t.Is("Open that is killed", err, errKilled)
	s = open(t)
	rows := rowsOf(t, s, "words")
	closeStorage(t, s)
	for _, path := range t.List(t.Path) {
		switch {
		case path == t.Path:
		case strings.HasPrefix(path, t.Path+".replaced-2"):
			old, err := core.Open(t.Ctx, path, t.Backend, quietly)
			t.Do("Open of the old storage", err)
			rows += rowsOf(t, old, "words")
			closeStorage(t, old)
		default:
			t.Errorf("an Open that was killed at %s %d leaves %s", op, n, path)
		}
	}
	if rows != 1 {
		t.Errorf("after an Open that was killed at %s %d there are %d rows; want the one",
			op, n, rows)
	}
	return true
}
