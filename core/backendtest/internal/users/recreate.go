// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package users

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math/bits"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/backendtest/internal/decorate"
	"github.com/guardkv/guardkv/core/backendtest/internal/kit"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/values"
)

var recreatePromises = []kit.Promise{
	{
		Name: "recreate/policies", Check: checkPolicies, BareOnly: true,
		Explanation: "a storage is replaced exactly when a policy says so; its flags combine; a " +
			"newer stored version always returns ErrVersionMismatch",
	},
	{
		Name: "recreate/never destroys", Check: checkSetAside, Alone: true,
		Explanation: "recreating renames the old storage to path.replaced-TIME, where all its " +
			"rows are, and says so",
	},
	{
		Name: "recreate/keeps the newest", Check: checkKeepReplaced, BareOnly: true, Alone: true,
		Explanation: "the newest n replaced storages stay, and all that is not a replaced " +
			"storage is left alone",
	},
	{
		Name: "recreate/locked", Check: checkRecreateLocked, BareOnly: true, Alone: true,
		Explanation: "recreating takes the engine's own lock, or returns ErrLocked and changes " +
			"nothing",
	},
	{
		Name: "recreate/foreign mark", Check: checkForeignMark,
		Explanation: "opening something without a readable mark of this backend returns " +
			"ErrNotStorage under every policy, and changes nothing",
	},
	{
		Name: "recreate/foreign files", Check: checkForeignFiles, BareOnly: true,
		Explanation: "opening something that is not a storage returns ErrNotStorage under every " +
			"policy, and changes nothing",
	},
	{
		Name: "recreate/empty directory", Check: checkEmptyDirectory, BareOnly: true,
		Explanation: "an empty directory becomes a storage if the engine keeps its storages in " +
			"directories; otherwise opening it may return ErrNotStorage",
	},
	{
		Name: "recreate/I/O errors", Check: checkIOErrors,
		Explanation: "I/O errors are never validation failures",
	},
	{
		Name: "recreate/damage", Check: checkDamagedCatalog, Alone: true,
		Explanation: "opening a storage whose catalog is damaged returns ErrCorrupt; only " +
			"OnValidationFail replaces it",
	},
	{
		Name: "recreate/table", Check: checkFormatChange,
		Explanation: "OnFormatChange sets one table aside inside the storage, with its rows, and " +
			"leaves the others",
	},
	{
		Name: "recreate/table in use", Check: checkFormatChangeInUse,
		Explanation: "OnFormatChange never sets a table aside while it is open elsewhere",
	},
}

// policyCase is a storage and a wish.
type policyCase struct {
	policy         core.Recreate
	stored, wanted uint64
	damaged        bool
}

// want returns the reason to recreate, or the error.
func (c policyCase) want() (reason core.Recreate, err error) {
	switch {
	case c.stored > c.wanted:
		return 0, core.ErrVersionMismatch
	case c.policy&core.Always != 0:
		return core.Always, nil
	case c.stored < c.wanted && c.policy&core.OnVersionBump != 0:
		return core.OnVersionBump, nil
	case c.stored < c.wanted:
		return 0, core.ErrVersionMismatch
	case c.damaged && c.policy&core.OnValidationFail != 0:
		return core.OnValidationFail, nil
	case c.damaged:
		return 0, core.ErrCorrupt
	}
	return 0, nil
}

func checkPolicies(t *kit.Trial) {
	base := t.Path
	for i, policy := range allPolicies(t) {
		if t.Short && bits.OnesCount(uint(policy)) > 1 {
			continue // only single flags and none: all combinations open a storage two hundred times
		}
		for j, version := range []uint64{1, 2, 3} {
			for k, damaged := range []bool{false, true} {
				t.Path = fmt.Sprintf("%s%d-%d-%d", base, i, j, k)
				policyCase{policy, 2, version, damaged}.verify(t)
			}
		}
	}
}

func (c policyCase) verify(t *kit.Trial) {
	t.TB.Helper()
	s, err := tryOpen(t, t.Backend, core.WithVersion(c.stored))
	t.Do("Open", err)
	put1(t, openWords(t, s, "words"), "k", "v")
	closeStorage(t, s)
	if c.damaged {
		damageCatalog(t)
	}
	reason, want := c.want()
	s, err = tryOpen(t, t.Backend, core.WithVersion(c.wanted), core.WithRecreate(c.policy))
	if !errors.Is(err, want) {
		t.Fatalf("%+v: Open gives %v; want %v", c, err, want)
	}
	if err != nil {
		return
	}
	defer closeStorage(t, s)
	r, replaced := s.Recreated()
	if replaced != (reason != 0) || r.Reason != reason {
		t.Fatalf("%+v: Recreated = %+v, %v; want reason %v", c, r, replaced, reason)
	}
	if n, err := openWords(t, s, "words").Count(t.Ctx); (n == 0) != replaced || err != nil {
		t.Fatalf("%+v: replaced is %v, and there are %d rows, %v", c, replaced, n, err)
	}
}

func checkSetAside(t *kit.Trial) {
	s, tab := openOne(t)
	if r, ok := s.Recreated(); ok {
		t.Errorf("a new storage was recreated: %+v", r)
	}
	load(t, tab, 100)
	closeStorage(t, s)
	path := t.Path
	s, tab = openOne(t, core.WithRecreate(core.Always))
	holds(t, tab)
	put1(t, tab, "new", "row")
	r, ok := s.Recreated()
	if !ok || r.Reason != core.Always || r.Table != "" || !strings.HasPrefix(r.Path,
		path+".replaced-2") {
		t.Fatalf("Recreated = %+v, %v", r, ok)
	}
	if got := t.List(path); !slices.Equal(got, []string{path, r.Path}) {
		t.Errorf("there is %q; want %q", got, []string{path, r.Path})
	}
	closeStorage(t, s)
	t.Path = r.Path
	_, tab = openOne(t)
	if n, err := tab.Count(t.Ctx); n != 100 || err != nil {
		t.Errorf("the replaced storage has %d rows, %v; want 100", n, err)
	}
	t.Path = path
	_, tab = openOne(t)
	holds(t, tab, kit.KV("new", "row"))
}

// replaced returns the paths of replaced storages.
func replaced(t *kit.Trial) []string { return t.List(t.Path + ".replaced-2") }

// recreated opens the storage anew n times and returns where the old ones went.
func recreated(t *kit.Trial, n int, opts ...core.Option) (paths []string) {
	t.TB.Helper()
	for range n {
		s, err := tryOpen(t, t.Backend, append(opts, core.WithRecreate(core.Always))...)
		t.Do("Open", err)
		if r, ok := s.Recreated(); ok {
			paths = append(paths, r.Path)
		}
		closeStorage(t, s)
	}
	return paths
}

func checkKeepReplaced(t *kit.Trial) {
	base := t.Path
	for _, c := range []struct {
		opts []core.Option
		keep int
	}{
		{nil, 1},
		{[]core.Option{core.WithKeepReplaced(0)}, 0},
		{[]core.Option{core.WithKeepReplaced(2)}, 2},
		{[]core.Option{core.WithKeepReplaced(-1)}, 4},
	} {
		t.Path = fmt.Sprint(base, "-", c.keep)
		strangers := []string{t.Path + "2", t.Path + ".replaced-0", t.Path + ".replacement"}
		for _, path := range strangers {
			t.OpenStore(path, core.EngineOptions{Mark: kit.SomeMark, NoSync: true}).MustClose()
		}
		aside := recreated(t, 5, c.opts...)
		if got, want := replaced(t), aside[len(aside)-c.keep:]; !slices.Equal(got, want) {
			t.Errorf("of %q there is %q; want %q", aside, got, want)
		}
		for _, path := range strangers {
			if m := t.Mark(path); !bytes.Equal(m, kit.SomeMark) {
				t.Errorf("%s was touched: its mark is %q", path, m)
			}
		}
	}
}

func checkRecreateLocked(t *kit.Trial) {
	_, tab := openOne(t)
	put1(t, tab, "k", "v")
	start := time.Now()
	_, err := tryOpen(t, t.Backend,
		core.WithRecreate(core.Always|core.OnVersionBump|core.OnValidationFail|core.OnFormatChange),
		core.WithVersion(9))
	t.Is("Open of a storage that is open", err, core.ErrLocked)
	if d := time.Since(start); d > kit.LockWait {
		t.Errorf("Open waited for %v", d)
	}
	for _, policy := range allPolicies(t) {
		stillLocked(t, core.WithRecreate(policy))
	}
	if got := t.List(t.Path); len(got) != 1 {
		t.Errorf("there is %q; want the storage alone", got)
	}
	reads(t, tab, "k", "v")
	put1(t, tab, "l", "v")
}

func checkForeignMark(t *kit.Trial) {
	s := open(t)
	openWords(t, s, "words")
	closeStorage(t, s)
	good := string(t.Mark(t.Path))
	for _, mark := range []string{
		"somebody else's", "x", good[:len(good)-1], good + "x",
		"x" + good, strings.Replace(good, "version", "revision", 1),
		strings.ToLower(good), good[:len(good)/2],
	} {
		raw := t.OpenStore(t.Path, core.EngineOptions{NoSync: true})
		t.Do("SetMark", raw.SetMark(t.Ctx, []byte(mark)))
		rows := raw.All()
		raw.MustClose()
		for _, policy := range allPolicies(t) {
			_, err := tryOpen(t, t.Backend, core.WithRecreate(policy), core.WithAnyVersion())
			t.Is(fmt.Sprintf("Open of a storage with the mark %q", mark), err, core.ErrNotStorage)
		}
		if got := t.Mark(t.Path); string(got) != mark {
			t.Fatalf("the mark %q was changed to %q", mark, got)
		}
		raw = t.Create()
		raw.Has(rows...)
		raw.MustClose()
	}
	if got := t.List(t.Path); len(got) != 1 {
		t.Errorf("there is %q; want the storage alone", got)
	}
}

func checkForeignFiles(t *kit.Trial) {
	if !t.OnDisk() {
		return
	}
	for name, make := range kit.ByName(kit.Foreign) {
		t.Do(name, make(t.Path))
		before := kit.Tree(t, t.Path)
		for _, policy := range allPolicies(t) {
			_, err := tryOpen(t, t.Backend, core.WithRecreate(policy))
			t.Is("Open of "+name, err, core.ErrNotStorage)
		}
		if after := kit.Tree(t, t.Path); !slices.Equal(before, after) {
			t.Errorf("%s was changed: %v became %v", name, before, after)
		}
		t.Do(name, os.RemoveAll(t.Path))
	}
}

func checkEmptyDirectory(t *kit.Trial) {
	m := t.Medium()
	if m == kit.Elsewhere {
		return
	}
	t.Do("Mkdir", os.Mkdir(t.Path, 0o755))
	s, err := tryOpen(t, t.Backend, core.WithRecreate(core.Always|core.OnValidationFail))
	if m == kit.InFiles && errors.Is(err, core.ErrNotStorage) {
		t.Do("Remove", os.Remove(t.Path)) // removes only an empty directory
		return
	}
	t.Do("Open", err)
	defer closeStorage(t, s)
	tab := openWords(t, s, "words")
	put1(t, tab, "k", "v")
	if r, ok := s.Recreated(); ok {
		t.Errorf("an empty directory was recreated: %+v", r)
	}
}

func checkIOErrors(t *kit.Trial) {
	b := decorate.Fault(t.Backend)
	s, err := tryOpen(t, b)
	t.Do("Open", err)
	put1(t, openWords(t, s, "words"), "k", "v")
	closeStorage(t, s)
	failure := &fs.PathError{Op: "read", Path: t.Path, Err: errors.New("input/output error")}
	for _, op := range []decorate.Op{
		decorate.OpClaim, decorate.OpMark, decorate.OpOpen,
		decorate.OpSnapshot, decorate.OpScan, decorate.OpNext,
	} {
		b.Fail(decorate.Failure{Op: op, N: 1, Err: failure})
		_, err := tryOpen(t, b,
			core.WithRecreate(allowed(t,
				core.OnVersionBump|core.OnValidationFail|core.OnFormatChange)),
			core.WithValidation(core.ValidateFull))
		t.Is("Open with a failing "+string(op), err, failure)
		b.Heal()
	}
	b.Fail(decorate.Failure{Op: decorate.OpRename, N: 1, Err: failure})
	_, err = tryOpen(t, b, core.WithRecreate(core.OnVersionBump), core.WithVersion(1))
	t.Is("Open with a failing rename", err, failure)
	if got := t.List(t.Path); len(got) != 1 {
		t.Errorf("there is %q; want the storage alone", got)
	}
	_, tab := openOne(t)
	holds(t, tab, kit.KV("k", "v"))
}

// damageCatalog flips a bit in the record of the table of words.
func damageCatalog(t *kit.Trial) {
	t.TB.Helper()
	raw := t.Create()
	defer raw.MustClose()
	if flip(raw, "words") == 0 {
		t.Fatalf("no row of the engine names the table: %v", raw.All())
	}
}

func checkDamagedCatalog(t *kit.Trial) {
	s, tab := openOne(t)
	put1(t, tab, "k", "v")
	closeStorage(t, s)
	damageCatalog(t)
	_, err := tryOpen(t, t.Backend)
	t.Is("Open", err, core.ErrCorrupt)
	_, err = tryOpen(t, t.Backend, core.WithRecreate(core.OnVersionBump|core.OnFormatChange))
	t.Is("Open", err, core.ErrCorrupt)
	s = open(t, core.WithRecreate(core.OnValidationFail))
	if r, ok := s.Recreated(); !ok || r.Reason != core.OnValidationFail {
		t.Errorf("Recreated = %+v, %v; want OnValidationFail", r, ok)
	}
	holds(t, openWords(t, s, "words"))
	if got := replaced(t); len(got) != 1 {
		t.Errorf("set aside are %q; want one", got)
	}
}

func checkFormatChange(t *kit.Trial) {
	s, tab := openOne(t)
	load(t, tab, 10)
	put1(t, openWords(t, s, "other"), "k", "v")
	closeStorage(t, s)
	s = open(t)
	_, err := core.OpenTable(t.Ctx, s, "words", keys.Uint64(), values.String())
	t.Is("OpenTable with another format", err, core.ErrFormatMismatch)
	closeStorage(t, s)
	s = open(t, core.WithRecreate(core.OnFormatChange))
	numbers := table(t, s, "words", keys.Uint64(), values.String())
	put1(t, numbers, 7, "new")
	r, ok := s.Recreated()
	if !ok || r.Reason != core.OnFormatChange || !strings.HasPrefix(r.Table, "words.replaced-2") {
		t.Fatalf("Recreated = %+v, %v", r, ok)
	}
	for range 2 {
		if n, err := openWords(t, s, r.Table).Count(t.Ctx); n != 10 || err != nil {
			t.Errorf("the table that was set aside has %d rows, %v; want 10", n, err)
		}
		reads(t, openWords(t, s, "other"), "k", "v")
		if n, err := table(t, s, "words",
			keys.Uint64(), values.String()).Count(t.Ctx); n != 1 || err != nil {
			t.Errorf("the new table has %d rows, %v; want 1", n, err)
		}
		t.Do("Check", s.Check(t.Ctx))
		closeStorage(t, s)
		s = open(t)
	}
}

func checkFormatChangeInUse(t *kit.Trial) {
	s, tab := openOne(t, core.WithRecreate(core.OnFormatChange))
	put1(t, tab, "k", "v")
	_, err := core.OpenTable(t.Ctx, s, "words", keys.Uint64(), values.String())
	t.Is("OpenTable of a table in use", err, core.ErrFormatMismatch)
	if r, ok := s.Recreated(); ok {
		t.Errorf("Recreated = %+v", r)
	}
	holds(t, tab, kit.KV("k", "v"))
	holds(t, openWords(t, s, "words"), kit.KV("k", "v"))
}
