// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package contract

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
	"github.com/guardkv/guardkv/core/backendtest/internal/decorate"
	"github.com/guardkv/guardkv/core/backendtest/internal/kit"
)

var claimPromises = []kit.Promise{
	{
		Name: "backend/name", Check: checkName,
		Explanation: "Name names the engine; it is part of every storage's mark, so it is never " +
			"empty and never changes",
	},
	{
		Name: "claim/absent", Check: checkClaimAbsent,
		Explanation: "Claim creates and changes nothing; an absent path is no error, and its " +
			"Mark is nil",
	},
	{
		Name: "claim/empty directory", Check: checkClaimEmptyDir,
		Explanation: "if the engine keeps its storages in directories, an empty one counts as " +
			"absent; otherwise Mark may return ErrNotStorage",
	},
	{
		Name: "claim/foreign", Check: checkClaimForeign, BareOnly: true,
		Explanation: "Mark returns ErrNotStorage, and changes nothing, where there is no " +
			"readable mark, as in a file of length zero",
	},
	{
		Name: "claim/changes nothing", Check: checkClaimPure, BareOnly: true,
		Explanation: "Claim and Mark change nothing",
	},
	{
		Name: "claim/mark", Check: checkMarkResult,
		Explanation: "Mark returns the mark that the storage carries, whatever the caller does " +
			"to the bytes of an earlier answer",
	},
	{
		Name: "claim/exclusive", Check: checkClaimExclusive, BareOnly: true, Alone: true,
		Explanation: "a claim locks the storage: another Claim waits for a bounded time, then " +
			"returns ErrLocked",
	},
	{
		Name: "claim/engine keeps the lock", Check: checkEngineLocks, Alone: true,
		Explanation: "after Open succeeded the engine holds the lock until Close",
	},
	{
		Name: "claim/shared", Check: checkClaimShared, Alone: true,
		Explanation: "a claim to read is shared with other readers, and excludes writers",
	},
	{
		Name: "claim/cancelled", Check: checkClaimCancelled, Alone: true,
		Explanation: "waiting for the lock ends when the context does",
	},
	{
		Name: "claim/release", Check: checkRelease,
		Explanation: "Release gives the lock back; it does nothing after Open succeeded or after " +
			"another Release",
	},
	{
		Name: "claim/rename", Check: checkRename,
		Explanation: "Rename moves the storage to a path beside the old one; the claim then " +
			"covers the old path, where nothing is",
	},
	{
		Name: "claim/rename onto", Check: checkRenameOnto,
		Explanation: "Rename onto a path where something is returns fs.ErrExist, and both stay; " +
			"an empty directory counts as nothing if the engine keeps its storages in " +
			"directories",
	},
	{
		Name: "claim/moved", Check: checkClaimMoved, BareOnly: true,
		Explanation: "Rename and Remove act on what was claimed: if something else is at the " +
			"path by now, that stays",
	},
	{
		Name: "claim/remove", Check: checkRemove,
		Explanation: "Remove deletes the storage; the claim then covers a path where nothing is",
	},
	{
		Name: "backend/resolve", Check: checkResolve,
		Explanation: "Resolve creates nothing, and returns a path of the same storage, which " +
			"leads to itself",
	},
	{
		Name: "backend/list", Check: checkList,
		Explanation: "List returns the paths of everything whose name starts with the prefix, in " +
			"lexical order",
	},
}

func checkName(t *kit.Trial) {
	first, second := t.Backend.Name(), t.Backend.Name()
	if first == "" || first != second {
		t.Errorf("Name is %q, then %q", first, second)
	}
}

func checkClaimAbsent(t *kit.Trial) {
	for _, readOnly := range []bool{false, true} {
		c := t.Claim(t.Path, readOnly)
		if m, err := c.Mark(); m != nil || err != nil {
			t.Errorf("Mark = %q, %v; want nil, nil", m, err)
		}
		t.Release(c)
		if paths := t.List(t.Path); len(paths) != 0 {
			t.Errorf("after Claim there is %q", paths)
		}
	}
}

func checkMarkResult(t *kit.Trial) {
	t.OpenStore(t.Path, core.EngineOptions{Mark: kit.SomeMark}).MustClose()
	c := t.Claim(t.Path, false)
	for range 3 {
		m, err := c.Mark()
		if !bytes.Equal(m, kit.SomeMark) || err != nil {
			t.Fatalf("Mark = %q, %v; want %q", m, err, kit.SomeMark)
		}
		decorate.Overwrite(m)
	}
	t.Release(c)
	if m := t.Mark(t.Path); !bytes.Equal(m, kit.SomeMark) {
		t.Errorf("then another claim's Mark = %q; want %q", m, kit.SomeMark)
	}
}

func checkClaimEmptyDir(t *kit.Trial) {
	m := t.Medium()
	if m == kit.Elsewhere {
		return
	}
	t.Do("Mkdir", os.Mkdir(t.Path, 0o755))
	if err := markError(t, t.Path); m == kit.InFiles && errors.Is(err, core.ErrNotStorage) {
		t.Do("Remove", os.Remove(t.Path)) // removes only an empty directory
		return
	}
	if m := t.Mark(t.Path); m != nil {
		t.Fatalf("Mark = %q; want nil", m)
	}
	s := t.Create()
	s.MustApply(kit.Put("k", "v"))
	s.MustClose()
	if m := t.Mark(t.Path); !bytes.Equal(m, kit.SomeMark) {
		t.Errorf("Mark = %q; want %q", m, kit.SomeMark)
	}
}

func checkClaimForeign(t *kit.Trial) {
	if !t.OnDisk() {
		return
	}
	for name, make := range kit.ByName(kit.Foreign) {
		t.Do(name, make(t.Path))
		before := kit.Tree(t, t.Path)
		if err := markError(t, t.Path); !errors.Is(err, core.ErrNotStorage) {
			t.Errorf("Mark of %s gives %v; want ErrNotStorage", name, err)
		}
		if after := kit.Tree(t, t.Path); !slices.Equal(before, after) {
			t.Errorf("%s was changed: %v became %v", name, before, after)
		}
		t.Do(name, os.RemoveAll(t.Path))
	}
}

// markError returns why a path has no mark. An engine that locks a file inside a directory
// cannot claim a file, so Claim may return the error too.
func markError(t *kit.Trial, path string) error {
	c, err := t.Backend.Claim(t.Ctx, path, false)
	if err != nil {
		return err
	}
	defer t.Release(c)
	_, err = c.Mark()
	return err
}

func checkClaimPure(t *kit.Trial) {
	s := t.Create()
	s.MustApply(kit.Put("k", "v"))
	s.MustClose()
	if _, err := os.Lstat(t.Path); err != nil {
		return // not in files
	}
	before := kit.Tree(t, t.Path)
	t.Mark(t.Path)
	if after := kit.Tree(t, t.Path); !slices.Equal(before, after) {
		t.Errorf("%v became %v", before, after)
	}
}

// locked ends the check if a claim is granted. It waits less long than an engine may.
func locked(t *kit.Trial, readOnly bool) {
	t.TB.Helper()
	ctx, cancel := context.WithTimeout(t.Ctx, kit.Briefly)
	defer cancel()
	c, err := t.Backend.Claim(ctx, t.Path, readOnly)
	if err == nil {
		t.Release(c)
		t.Fatalf("Claim was granted beside another one")
	}
	if !errors.Is(err, core.ErrLocked) && !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("Claim gives %v; want ErrLocked", err)
	}
}

func checkClaimExclusive(t *kit.Trial) {
	t.Create().MustClose()
	c := t.Claim(t.Path, false)
	start := time.Now()
	c2, err := t.Backend.Claim(t.Ctx, t.Path, false)
	if err == nil {
		t.Release(c2)
	}
	t.Is("Claim beside another one", err, core.ErrLocked)
	if d := time.Since(start); d > kit.LockWait {
		t.Fatalf("Claim waited for %v", d)
	}
	locked(t, true)
	t.Release(c)
	t.Release(t.Claim(t.Path, false))
}

func checkEngineLocks(t *kit.Trial) {
	s := t.Create()
	locked(t, false)
	s.MustApply(kit.Put("k", "v"))
	s.MustClose()
	s = t.Create()
	s.Wants("k", "v")
	locked(t, true)
}

func checkClaimShared(t *kit.Trial) {
	s := t.Create()
	s.MustApply(kit.Put("k", "v"))
	s.MustClose()
	readers := 1
	if !t.Target.OneReader {
		readers = 3
	}
	var stores []*kit.Store
	for range readers {
		c := t.Claim(t.Path, true)
		if m, err := c.Mark(); err != nil || !bytes.Equal(m, kit.SomeMark) {
			t.Fatalf("Mark = %q, %v", m, err)
		}
		stores = append(stores, t.OpenClaim(c, t.Path, core.EngineOptions{}))
	}
	for _, s := range stores {
		s.Wants("k", "v")
	}
	locked(t, false)
	for _, s := range stores {
		s.MustClose()
	}
	t.Release(t.Claim(t.Path, false))
}

func checkClaimCancelled(t *kit.Trial) {
	t.Create().MustClose()
	c := t.Claim(t.Path, false)
	defer t.Release(c)
	t.Within(kit.Soon, "Claim", func() { locked(t, false) })
	if c2, err := t.Backend.Claim(kit.Cancelled(), t.Path, false); err == nil {
		t.Release(c2)
		t.Fatalf("Claim was granted beside another one")
	}
}

func checkRelease(t *kit.Trial) {
	c := t.Claim(t.Path, false)
	t.Release(c)
	t.Release(c)
	c, err := t.Backend.Claim(t.Ctx, t.Path, false)
	t.Do("Claim", err)
	s := t.OpenClaim(c, t.Path, core.EngineOptions{Mark: kit.SomeMark, NoSync: true})
	t.Release(c)
	s.MustApply(kit.Put("k", "v"))
	s.Wants("k", "v")
	if !s.Shared() {
		locked(t, false)
	}
}

func checkRename(t *kit.Trial) {
	s := t.Create()
	s.MustApply(kit.Put("k", "v"))
	s.MustClose()
	aside := t.Path + ".aside"
	c := t.Claim(t.Path, false)
	t.Do("Rename", c.Rename(aside))
	if m, err := c.Mark(); m != nil || err != nil {
		t.Fatalf("Mark = %q, %v after Rename; want nil, nil", m, err)
	}
	fresh := t.OpenClaim(c, t.Path, core.EngineOptions{Mark: []byte("fresh"), NoSync: true})
	fresh.Has()
	fresh.MustClose()
	if got, want := t.List(t.Path), []string{t.Path, aside}; !slices.Equal(got, want) {
		t.Fatalf("List gives %q; want %q", got, want)
	}
	if m := t.Mark(aside); !bytes.Equal(m, kit.SomeMark) {
		t.Errorf("Mark of the renamed storage = %q; want %q", m, kit.SomeMark)
	}
	t.OpenStore(aside, core.EngineOptions{Mark: []byte("no"), NoSync: true}).Has(kit.KV("k", "v"))
}

func checkRenameOnto(t *kit.Trial) {
	for i, path := range []string{t.Path, t.Path + ".there"} {
		s := t.OpenStore(path, core.EngineOptions{Mark: []byte{byte(i)}, NoSync: true})
		s.MustApply(kit.Put("k", path))
		s.MustClose()
	}
	c := t.Claim(t.Path, false)
	t.Is("Rename onto a storage", c.Rename(t.Path+".there"), fs.ErrExist)
	t.Release(c)
	for i, path := range []string{t.Path, t.Path + ".there"} {
		s := t.OpenStore(path, core.EngineOptions{Mark: []byte{byte(i)}, NoSync: true})
		s.Has(kit.KV("k", path))
		s.MustClose()
		if m := t.Mark(path); !bytes.Equal(m, []byte{byte(i)}) {
			t.Errorf("Mark at %s = %q; want %q", path, m, []byte{byte(i)})
		}
	}
	renameOntoFiles(t, t.Medium())
}

// renameOntoFiles renames onto things that are not storages.
func renameOntoFiles(t *kit.Trial, m kit.Medium) {
	t.TB.Helper()
	if m == kit.Elsewhere {
		return
	}
	file, dir := t.Path+".file", t.Path+".dir"
	t.Do("WriteFile", os.WriteFile(file, []byte("precious"), 0o644))
	t.Do("Mkdir", os.Mkdir(dir, 0o755))
	c := t.Claim(t.Path, false)
	t.Is("Rename onto a file", c.Rename(file), fs.ErrExist)
	if b, err := os.ReadFile(file); string(b) != "precious" || err != nil {
		t.Errorf("the file that was renamed onto is %q, %v", b, err)
	}
	if m == kit.InDirectories {
		t.Do("Rename onto an empty directory", c.Rename(dir))
		t.Release(c)
		t.OpenStore(dir,
			core.EngineOptions{Mark: kit.SomeMark, NoSync: true}).Has(kit.KV("k", t.Path))
		return
	}
	t.Release(c)
}

func checkClaimMoved(t *kit.Trial) {
	if !t.OnDisk() || runtime.GOOS == "windows" { // Windows does not move open files
		return
	}
	other, moved := t.Path+".other", t.Path+".moved"
	for i, path := range []string{t.Path, other} {
		t.OpenStore(path, core.EngineOptions{Mark: []byte{byte(i)}, NoSync: true}).MustClose()
	}
	c := t.Claim(t.Path, false)
	t.Do("Rename", errors.Join(os.Rename(t.Path, moved), os.Rename(other, t.Path)))
	if err := c.Rename(t.Path + ".aside"); err == nil {
		t.Errorf("Rename of a storage that is not at its path any more succeeded")
	}
	if err := c.Remove(); err == nil {
		t.Errorf("Remove of a storage that is not at its path any more succeeded")
	}
	t.Release(c) // before anything else, because some engines know their locks by the path
	if m := t.Mark(t.Path); !bytes.Equal(m, []byte{1}) {
		t.Errorf("the storage that is at the path now has mark %q; want %q", m, []byte{1})
	}
}

func checkRemove(t *kit.Trial) {
	s := t.Create()
	s.MustApply(kit.Put("k", "v"))
	s.MustClose()
	c := t.Claim(t.Path, false)
	t.Do("Remove", c.Remove())
	if m, err := c.Mark(); m != nil || err != nil {
		t.Fatalf("Mark = %q, %v after Remove; want nil, nil", m, err)
	}
	if paths := t.List(t.Path); len(paths) != 0 {
		t.Fatalf("after Remove there is %q", paths)
	}
	t.OpenClaim(c, t.Path, core.EngineOptions{Mark: kit.SomeMark, NoSync: true}).Has()
}

func checkResolve(t *kit.Trial) {
	resolve := func(path string) string {
		resolved, err := t.Backend.Resolve(path)
		t.Do("Resolve", err)
		return resolved
	}
	before := resolve(t.Path)
	if m := t.Mark(before); m != nil {
		t.Errorf("after Resolve of a path where nothing is there is a mark: %q", m)
	}
	t.Create().MustClose()
	for _, path := range []string{before, resolve(t.Path), resolve(before)} {
		if m := t.Mark(path); !bytes.Equal(m, kit.SomeMark) {
			t.Errorf("Resolve %q gives %q, where the mark is %q", t.Path, path, m)
		}
		if path != before {
			t.Errorf("Resolve gives %q, before %q", path, before)
		}
	}
}

func checkList(t *kit.Trial) {
	paths := []string{t.Path + "1", t.Path + "2", t.Path + "2.replaced-20060102", t.Path + "20"}
	for _, i := range []int{2, 0, 3, 1} {
		t.OpenStore(paths[i], core.EngineOptions{Mark: kit.SomeMark, NoSync: true}).MustClose()
	}
	for prefix, want := range kit.ByName(map[string][]string{
		t.Path:                paths,
		t.Path + "2":          paths[1:],
		t.Path + "2.replaced": paths[2:3],
		t.Path + "1":          paths[:1],
		t.Path + "3":          nil,
	}) {
		if got := t.List(prefix); !slices.Equal(got, want) {
			t.Errorf("List %q gives %q; want %q", prefix, got, want)
		}
	}
}
