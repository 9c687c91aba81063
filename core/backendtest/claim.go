// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package backendtest

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"runtime"
	"slices"
	"time"

	"github.com/guardkv/guardkv/core"
)

var claimPromises = []promise{
	{
		name: "backend/name", check: checkName,
		explanation: "Name names the engine; it is part of every storage's mark, so it is never empty and never changes",
	},
	{
		name: "claim/absent", check: checkClaimAbsent,
		explanation: "Claim creates and changes nothing; that nothing is at the path is no error, and its Mark is nil",
	},
	{
		name: "claim/empty directory", check: checkClaimEmptyDir,
		explanation: "if the engine keeps its storages in directories, an empty one is a place where nothing is; else it may be ErrNotStorage",
	},
	{
		name: "claim/foreign", check: checkClaimForeign, bareOnly: true,
		explanation: "what carries no readable mark, a file of length zero included, is ErrNotStorage and left as it was",
	},
	{
		name: "claim/changes nothing", check: checkClaimPure, bareOnly: true,
		explanation: "Claim and Mark change nothing",
	},
	{
		name: "claim/exclusive", check: checkClaimExclusive, bareOnly: true,
		explanation: "a claim locks the storage: another Claim waits for a bounded time, then returns ErrLocked",
	},
	{
		name: "claim/engine keeps the lock", check: checkEngineLocks,
		explanation: "after Open succeeded the engine holds the lock until Close",
	},
	{
		name: "claim/shared", check: checkClaimShared,
		explanation: "a claim to read is shared with other readers, and excludes writers",
	},
	{
		name: "claim/cancelled", check: checkClaimCancelled,
		explanation: "waiting for the lock ends when the context does",
	},
	{
		name: "claim/release", check: checkRelease,
		explanation: "Release gives the lock back; it does nothing after Open succeeded or after another Release",
	},
	{
		name: "claim/rename", check: checkRename,
		explanation: "Rename moves the storage to a path beside the old one; the claim then covers the old path, where nothing is",
	},
	{
		name: "claim/rename onto", check: checkRenameOnto,
		explanation: "Rename onto a path where something is gives fs.ErrExist, and both stay; an empty directory is nothing if the engine keeps its storages in directories",
	},
	{
		name: "claim/moved", check: checkClaimMoved, bareOnly: true,
		explanation: "what is renamed and removed is what was claimed: if something else is at the path by now, that stays",
	},
	{
		name: "claim/remove", check: checkRemove,
		explanation: "Remove deletes the storage; the claim then covers a path where nothing is",
	},
	{
		name: "backend/resolve", check: checkResolve,
		explanation: "Resolve creates nothing, and returns a path of the same storage, which leads to itself",
	},
	{
		name: "backend/list", check: checkList,
		explanation: "List returns the paths of everything whose name starts with the prefix, in lexical order",
	},
}

func checkName(t *trial) {
	first, second := t.backend.Name(), t.backend.Name()
	if first == "" || first != second {
		t.Errorf("Name is %q, then %q", first, second)
	}
}

func checkClaimAbsent(t *trial) {
	for _, readOnly := range []bool{false, true} {
		c := t.claim(t.path, readOnly)
		if m, err := c.Mark(); m != nil || err != nil {
			t.Errorf("Mark = %q, %v; want nil, nil", m, err)
		}
		t.release(c)
		if paths := t.list(t.path); len(paths) != 0 {
			t.Errorf("after Claim there is %q", paths)
		}
	}
}

func checkClaimEmptyDir(t *trial) {
	m := t.medium()
	if m == elsewhere {
		return
	}
	t.do("Mkdir", os.Mkdir(t.path, 0o755))
	if err := t.markError(t.path); m == inFiles && errors.Is(err, core.ErrNotStorage) {
		t.do("Remove", os.Remove(t.path)) // of an empty directory alone
		return
	}
	if m := t.mark(t.path); m != nil {
		t.Fatalf("Mark = %q; want nil", m)
	}
	s := t.create()
	s.apply(put("k", "v"))
	s.close()
	if m := t.mark(t.path); !bytes.Equal(m, aMark) {
		t.Errorf("Mark = %q; want %q", m, aMark)
	}
}

func checkClaimForeign(t *trial) {
	if !t.onDisk() {
		return
	}
	for name, make := range byName(foreign) {
		t.do(name, make(t.path))
		before := tree(t, t.path)
		if err := t.markError(t.path); !errors.Is(err, core.ErrNotStorage) {
			t.Errorf("Mark of %s gives %v; want ErrNotStorage", name, err)
		}
		if after := tree(t, t.path); !slices.Equal(before, after) {
			t.Errorf("%s was changed: %v became %v", name, before, after)
		}
		t.do(name, os.RemoveAll(t.path))
	}
}

// markError returns why a path has no mark. An engine that locks a file inside a directory cannot claim a file, so
// that Claim may say it too.
func (t *trial) markError(path string) error {
	c, err := t.backend.Claim(t.ctx, path, false)
	if err != nil {
		return err
	}
	defer t.release(c)
	_, err = c.Mark()
	return err
}

func checkClaimPure(t *trial) {
	s := t.create()
	s.apply(put("k", "v"))
	s.close()
	if _, err := os.Lstat(t.path); err != nil {
		return // not in files
	}
	before := tree(t, t.path)
	t.mark(t.path)
	if after := tree(t, t.path); !slices.Equal(before, after) {
		t.Errorf("%v became %v", before, after)
	}
}

// locked ends the check if a claim is granted. It does not wait as long as an engine may.
func (t *trial) locked(readOnly bool) {
	t.tb.Helper()
	ctx, cancel := context.WithTimeout(t.ctx, briefly)
	defer cancel()
	c, err := t.backend.Claim(ctx, t.path, readOnly)
	if err == nil {
		t.release(c)
		t.Fatalf("Claim was granted beside another one")
	}
	if !errors.Is(err, core.ErrLocked) && !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("Claim gives %v; want ErrLocked", err)
	}
}

func checkClaimExclusive(t *trial) {
	t.create().close()
	c := t.claim(t.path, false)
	start := time.Now()
	c2, err := t.backend.Claim(t.ctx, t.path, false)
	if err == nil {
		t.release(c2)
	}
	t.is("Claim beside another one", err, core.ErrLocked)
	if d := time.Since(start); d > lockWait {
		t.Fatalf("Claim waited for %v", d)
	}
	t.locked(true)
	t.release(c)
	t.release(t.claim(t.path, false))
}

func checkEngineLocks(t *trial) {
	s := t.create()
	t.locked(false)
	s.apply(put("k", "v"))
	s.close()
	s = t.create()
	s.wants("k", "v")
	t.locked(true)
}

func checkClaimShared(t *trial) {
	s := t.create()
	s.apply(put("k", "v"))
	s.close()
	readers := 1
	if !t.target.OneReader {
		readers = 3
	}
	var stores []*store
	for range readers {
		c := t.claim(t.path, true)
		if m, err := c.Mark(); err != nil || !bytes.Equal(m, aMark) {
			t.Fatalf("Mark = %q, %v", m, err)
		}
		stores = append(stores, t.openClaim(c, t.path, core.EngineOptions{}))
	}
	for _, s := range stores {
		s.wants("k", "v")
	}
	t.locked(false)
	for _, s := range stores {
		s.close()
	}
	t.release(t.claim(t.path, false))
}

func checkClaimCancelled(t *trial) {
	t.create().close()
	c := t.claim(t.path, false)
	defer t.release(c)
	t.within(soon, "Claim", func() { t.locked(false) })
	if c2, err := t.backend.Claim(cancelled(), t.path, false); err == nil {
		t.release(c2)
		t.Fatalf("Claim was granted beside another one")
	}
}

func checkRelease(t *trial) {
	c := t.claim(t.path, false)
	t.release(c)
	t.release(c)
	c, err := t.backend.Claim(t.ctx, t.path, false)
	t.do("Claim", err)
	s := t.openClaim(c, t.path, core.EngineOptions{Mark: aMark, NoSync: true})
	t.release(c)
	s.apply(put("k", "v"))
	s.wants("k", "v")
	t.locked(false)
}

func checkRename(t *trial) {
	s := t.create()
	s.apply(put("k", "v"))
	s.close()
	aside := t.path + ".aside"
	c := t.claim(t.path, false)
	t.do("Rename", c.Rename(aside))
	if m, err := c.Mark(); m != nil || err != nil {
		t.Fatalf("Mark = %q, %v after Rename; want nil, nil", m, err)
	}
	fresh := t.openClaim(c, t.path, core.EngineOptions{Mark: []byte("fresh"), NoSync: true})
	fresh.has()
	fresh.close()
	if got, want := t.list(t.path), []string{t.path, aside}; !slices.Equal(got, want) {
		t.Fatalf("List gives %q; want %q", got, want)
	}
	if m := t.mark(aside); !bytes.Equal(m, aMark) {
		t.Errorf("Mark of the renamed storage = %q; want %q", m, aMark)
	}
	t.openStore(aside, core.EngineOptions{Mark: []byte("no"), NoSync: true}).has(row{"k", "v"})
}

func checkRenameOnto(t *trial) {
	for i, path := range []string{t.path, t.path + ".there"} {
		s := t.openStore(path, core.EngineOptions{Mark: []byte{byte(i)}, NoSync: true})
		s.apply(put("k", path))
		s.close()
	}
	c := t.claim(t.path, false)
	t.is("Rename onto a storage", c.Rename(t.path+".there"), fs.ErrExist)
	t.release(c)
	for i, path := range []string{t.path, t.path + ".there"} {
		s := t.openStore(path, core.EngineOptions{Mark: []byte{byte(i)}, NoSync: true})
		s.has(row{"k", path})
		s.close()
		if m := t.mark(path); !bytes.Equal(m, []byte{byte(i)}) {
			t.Errorf("Mark at %s = %x; want %x", path, m, i)
		}
	}
	t.renameOntoFiles(t.medium())
}

// renameOntoFiles renames onto what is no storage.
func (t *trial) renameOntoFiles(m medium) {
	t.tb.Helper()
	if m == elsewhere {
		return
	}
	file, dir := t.path+".file", t.path+".dir"
	t.do("WriteFile", os.WriteFile(file, []byte("precious"), 0o644))
	t.do("Mkdir", os.Mkdir(dir, 0o755))
	c := t.claim(t.path, false)
	t.is("Rename onto a file", c.Rename(file), fs.ErrExist)
	if b, err := os.ReadFile(file); string(b) != "precious" || err != nil {
		t.Errorf("the file that was renamed onto is %q, %v", b, err)
	}
	if m == inDirectories {
		t.do("Rename onto an empty directory", c.Rename(dir))
		t.release(c)
		t.openStore(dir, core.EngineOptions{Mark: aMark, NoSync: true}).has(row{"k", t.path})
		return
	}
	t.release(c)
}

func checkClaimMoved(t *trial) {
	if !t.onDisk() || runtime.GOOS == "windows" { // where nobody moves what is open
		return
	}
	other, moved := t.path+".other", t.path+".moved"
	for i, path := range []string{t.path, other} {
		t.openStore(path, core.EngineOptions{Mark: []byte{byte(i)}, NoSync: true}).close()
	}
	c := t.claim(t.path, false)
	t.do("Rename", errors.Join(os.Rename(t.path, moved), os.Rename(other, t.path)))
	if err := c.Rename(t.path + ".aside"); err == nil {
		t.Errorf("Rename of a storage that is not at its path any more succeeded")
	}
	if err := c.Remove(); err == nil {
		t.Errorf("Remove of a storage that is not at its path any more succeeded")
	}
	t.release(c) // first: some engines know their locks by the path
	if m := t.mark(t.path); !bytes.Equal(m, []byte{1}) {
		t.Errorf("the storage that is at the path now has mark %x; want 01", m)
	}
}

func checkRemove(t *trial) {
	s := t.create()
	s.apply(put("k", "v"))
	s.close()
	c := t.claim(t.path, false)
	t.do("Remove", c.Remove())
	if m, err := c.Mark(); m != nil || err != nil {
		t.Fatalf("Mark = %q, %v after Remove; want nil, nil", m, err)
	}
	if paths := t.list(t.path); len(paths) != 0 {
		t.Fatalf("after Remove there is %q", paths)
	}
	t.openClaim(c, t.path, core.EngineOptions{Mark: aMark, NoSync: true}).has()
}

func checkResolve(t *trial) {
	resolve := func(path string) string {
		resolved, err := t.backend.Resolve(path)
		t.do("Resolve", err)
		return resolved
	}
	before := resolve(t.path)
	if m := t.mark(before); m != nil {
		t.Errorf("after Resolve of a path where nothing is there is a mark: %q", m)
	}
	t.create().close()
	for _, path := range []string{before, resolve(t.path), resolve(before)} {
		if m := t.mark(path); !bytes.Equal(m, aMark) {
			t.Errorf("Resolve %q gives %q, where the mark is %q", t.path, path, m)
		}
		if path != before {
			t.Errorf("Resolve gives %q, before %q", path, before)
		}
	}
}

func checkList(t *trial) {
	paths := []string{t.path + "1", t.path + "2", t.path + "2.replaced-20060102", t.path + "20"}
	for _, i := range []int{2, 0, 3, 1} {
		t.openStore(paths[i], core.EngineOptions{Mark: aMark, NoSync: true}).close()
	}
	for prefix, want := range byName(map[string][]string{
		t.path:                paths,
		t.path + "2":          paths[1:],
		t.path + "2.replaced": paths[2:3],
		t.path + "1":          paths[:1],
		t.path + "3":          nil,
	}) {
		if got := t.list(prefix); !slices.Equal(got, want) {
			t.Errorf("List %q gives %q; want %q", prefix, got, want)
		}
	}
}
