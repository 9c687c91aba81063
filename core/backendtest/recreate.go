// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package backendtest

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
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/values"
)

var recreatePromises = []promise{
	{
		name: "recreate/policies", check: checkPolicies, bareOnly: true,
		explanation: "a storage is replaced exactly when a policy says so; its flags combine; a newer stored version is always ErrVersionMismatch",
	},
	{
		name: "recreate/never destroys", check: checkSetAside,
		explanation: "recreating renames the old storage to path.replaced-TIME, where all its rows are, and says so",
	},
	{
		name: "recreate/keeps the newest", check: checkKeepReplaced, bareOnly: true,
		explanation: "the newest n replaced storages stay, and all that is not a replaced storage is left alone",
	},
	{
		name: "recreate/locked", check: checkRecreateLocked, bareOnly: true,
		explanation: "recreating takes the engine's own lock, else it gives ErrLocked and changes nothing",
	},
	{
		name: "recreate/foreign mark", check: checkForeignMark,
		explanation: "what carries no readable mark for this backend is ErrNotStorage under every policy, and left as it was",
	},
	{
		name: "recreate/foreign files", check: checkForeignFiles, bareOnly: true,
		explanation: "what is no storage is ErrNotStorage under every policy, and left as it was",
	},
	{
		name: "recreate/empty directory", check: checkEmptyDirectory, bareOnly: true,
		explanation: "an empty directory becomes a storage if the engine keeps its storages in directories; else it may be ErrNotStorage",
	},
	{
		name: "recreate/I/O errors", check: checkIOErrors,
		explanation: "I/O errors are never validation failures",
	},
	{
		name: "recreate/damage", check: checkDamagedCatalogue,
		explanation: "a damaged catalogue is ErrCorrupt, and replaced under OnValidationFail alone",
	},
	{
		name: "recreate/table", check: checkFormatChange,
		explanation: "OnFormatChange sets one table aside inside the storage, with its rows, and leaves the others",
	},
	{
		name: "recreate/table in use", check: checkFormatChangeInUse,
		explanation: "OnFormatChange never sets a table aside while it is open elsewhere",
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

func checkPolicies(t *trial) {
	base := t.path
	for i, policy := range allPolicies() {
		if t.short && bits.OnesCount(uint(policy)) > 1 {
			continue // each flag alone, and none: the combinations open a storage two hundred times
		}
		for j, version := range []uint64{1, 2, 3} {
			for k, damaged := range []bool{false, true} {
				t.path = fmt.Sprintf("%s%d-%d-%d", base, i, j, k)
				policyCase{policy, 2, version, damaged}.verify(t)
			}
		}
	}
}

func (c policyCase) verify(t *trial) {
	t.tb.Helper()
	s, err := t.tryOpen(t.backend, core.WithVersion(c.stored))
	t.do("Open", err)
	put1(t, t.words(s, "words"), "k", "v")
	t.closeStorage(s)
	if c.damaged {
		t.damageCatalogue()
	}
	reason, want := c.want()
	s, err = t.tryOpen(t.backend, core.WithVersion(c.wanted), core.WithRecreate(c.policy))
	if !errors.Is(err, want) {
		t.Fatalf("%+v: Open gives %v; want %v", c, err, want)
	}
	if err != nil {
		return
	}
	defer t.closeStorage(s)
	r, replaced := s.Recreated()
	if replaced != (reason != 0) || r.Reason != reason {
		t.Fatalf("%+v: Recreated = %+v, %v; want reason %v", c, r, replaced, reason)
	}
	if n, err := t.words(s, "words").Count(t.ctx); (n == 0) != replaced || err != nil {
		t.Fatalf("%+v: replaced is %v, and there are %d rows, %v", c, replaced, n, err)
	}
}

func checkSetAside(t *trial) {
	s, tab := t.one()
	if r, ok := s.Recreated(); ok {
		t.Errorf("a new storage was recreated: %+v", r)
	}
	load(t, tab, 100)
	t.closeStorage(s)
	path := t.path
	s, tab = t.one(core.WithRecreate(core.Always))
	holds(t, tab)
	put1(t, tab, "new", "row")
	r, ok := s.Recreated()
	if !ok || r.Reason != core.Always || r.Table != "" || !strings.HasPrefix(r.Path, path+".replaced-2") {
		t.Fatalf("Recreated = %+v, %v", r, ok)
	}
	if got := t.list(path); !slices.Equal(got, []string{path, r.Path}) {
		t.Errorf("there is %q; want %q", got, []string{path, r.Path})
	}
	t.closeStorage(s)
	t.path = r.Path
	_, tab = t.one()
	if n, err := tab.Count(t.ctx); n != 100 || err != nil {
		t.Errorf("the replaced storage has %d rows, %v; want 100", n, err)
	}
	t.path = path
	_, tab = t.one()
	holds(t, tab, row{"new", "row"})
}

// replaced returns the paths of replaced storages.
func (t *trial) replaced() []string { return t.list(t.path + ".replaced-2") }

// recreated opens the storage anew n times and returns where the old ones went.
func (t *trial) recreated(n int, opts ...core.Option) (paths []string) {
	t.tb.Helper()
	for range n {
		s, err := t.tryOpen(t.backend, append(opts, core.WithRecreate(core.Always))...)
		t.do("Open", err)
		if r, ok := s.Recreated(); ok {
			paths = append(paths, r.Path)
		}
		t.closeStorage(s)
	}
	return paths
}

func checkKeepReplaced(t *trial) {
	base := t.path
	for _, c := range []struct {
		opts []core.Option
		keep int
	}{
		{nil, 1}, {[]core.Option{core.WithKeepReplaced(0)}, 0}, {[]core.Option{core.WithKeepReplaced(2)}, 2}, {[]core.Option{core.WithKeepReplaced(-1)}, 4},
	} {
		t.path = fmt.Sprint(base, "-", c.keep)
		strangers := []string{t.path + "2", t.path + ".replaced-0", t.path + ".replacement"}
		for _, path := range strangers {
			t.openStore(path, core.EngineOptions{Mark: aMark, NoSync: true}).close()
		}
		aside := t.recreated(5, c.opts...)
		if got, want := t.replaced(), aside[len(aside)-c.keep:]; !slices.Equal(got, want) {
			t.Errorf("of %q there is %q; want %q", aside, got, want)
		}
		for _, path := range strangers {
			if m := t.mark(path); !bytes.Equal(m, aMark) {
				t.Errorf("%s was touched: its mark is %q", path, m)
			}
		}
	}
}

func checkRecreateLocked(t *trial) {
	_, tab := t.one()
	put1(t, tab, "k", "v")
	start := time.Now()
	_, err := t.tryOpen(t.backend, core.WithRecreate(core.Always|core.OnVersionBump|core.OnValidationFail|core.OnFormatChange), core.WithVersion(9))
	t.is("Open of a storage that is open", err, core.ErrLocked)
	if d := time.Since(start); d > lockWait {
		t.Errorf("Open waited for %v", d)
	}
	for _, policy := range allPolicies() {
		t.stillLocked(core.WithRecreate(policy))
	}
	if got := t.list(t.path); len(got) != 1 {
		t.Errorf("there is %q; want the storage alone", got)
	}
	reads(t, tab, "k", "v")
	put1(t, tab, "l", "v")
}

func checkForeignMark(t *trial) {
	s := t.open()
	t.words(s, "words")
	t.closeStorage(s)
	good := string(t.mark(t.path))
	for _, mark := range []string{
		"somebody else's", "x", good[:len(good)-1], good + "x", "x" + good, strings.Replace(good, "version", "revision", 1),
		strings.ToLower(good), good[:len(good)/2],
	} {
		raw := t.openStore(t.path, core.EngineOptions{NoSync: true})
		t.do("SetMark", raw.SetMark(t.ctx, []byte(mark)))
		rows := raw.all()
		raw.close()
		for _, policy := range allPolicies() {
			_, err := t.tryOpen(t.backend, core.WithRecreate(policy), core.WithAnyVersion())
			t.is(fmt.Sprintf("Open of a storage with the mark %q", mark), err, core.ErrNotStorage)
		}
		if got := t.mark(t.path); string(got) != mark {
			t.Fatalf("the mark %q was changed to %q", mark, got)
		}
		raw = t.create()
		raw.has(rows...)
		raw.close()
	}
	if got := t.list(t.path); len(got) != 1 {
		t.Errorf("there is %q; want the storage alone", got)
	}
}

func checkForeignFiles(t *trial) {
	if !t.onDisk() {
		return
	}
	for name, make := range byName(foreign) {
		t.do(name, make(t.path))
		before := tree(t, t.path)
		for _, policy := range allPolicies() {
			_, err := t.tryOpen(t.backend, core.WithRecreate(policy))
			t.is("Open of "+name, err, core.ErrNotStorage)
		}
		if after := tree(t, t.path); !slices.Equal(before, after) {
			t.Errorf("%s was changed: %v became %v", name, before, after)
		}
		t.do(name, os.RemoveAll(t.path))
	}
}

func checkEmptyDirectory(t *trial) {
	m := t.medium()
	if m == elsewhere {
		return
	}
	t.do("Mkdir", os.Mkdir(t.path, 0o755))
	s, err := t.tryOpen(t.backend, core.WithRecreate(core.Always|core.OnValidationFail))
	if m == inFiles && errors.Is(err, core.ErrNotStorage) {
		t.do("Remove", os.Remove(t.path)) // of an empty directory alone
		return
	}
	t.do("Open", err)
	defer t.closeStorage(s)
	tab := t.words(s, "words")
	put1(t, tab, "k", "v")
	if r, ok := s.Recreated(); ok {
		t.Errorf("an empty directory was recreated: %+v", r)
	}
}

func checkIOErrors(t *trial) {
	b := Fault(t.backend)
	s, err := t.tryOpen(b)
	t.do("Open", err)
	put1(t, t.words(s, "words"), "k", "v")
	t.closeStorage(s)
	failure := &fs.PathError{Op: "read", Path: t.path, Err: errors.New("input/output error")}
	for _, op := range []Op{OpClaim, OpMark, OpOpen, OpSnapshot, OpScan, OpNext} {
		b.Fail(Failure{Op: op, N: 1, Err: failure})
		_, err := t.tryOpen(b, core.WithRecreate(core.OnVersionBump|core.OnValidationFail|core.OnFormatChange), core.WithValidation(core.ValidateFull))
		t.is("Open with a failing "+string(op), err, failure)
		b.Heal()
	}
	b.Fail(Failure{Op: OpRename, N: 1, Err: failure})
	_, err = t.tryOpen(b, core.WithRecreate(core.Always))
	t.is("Open with a failing rename", err, failure)
	if got := t.list(t.path); len(got) != 1 {
		t.Errorf("there is %q; want the storage alone", got)
	}
	_, tab := t.one()
	holds(t, tab, row{"k", "v"})
}

// damageCatalogue flips a bit in what is recorded of the table of words.
func (t *trial) damageCatalogue() {
	t.tb.Helper()
	raw := t.create()
	defer raw.close()
	if raw.flip("words") == 0 {
		t.Fatalf("no row of the engine names the table: %v", raw.all())
	}
}

func checkDamagedCatalogue(t *trial) {
	s, tab := t.one()
	put1(t, tab, "k", "v")
	t.closeStorage(s)
	t.damageCatalogue()
	_, err := t.tryOpen(t.backend)
	t.is("Open", err, core.ErrCorrupt)
	_, err = t.tryOpen(t.backend, core.WithRecreate(core.OnVersionBump|core.OnFormatChange))
	t.is("Open", err, core.ErrCorrupt)
	s = t.open(core.WithRecreate(core.OnValidationFail))
	if r, ok := s.Recreated(); !ok || r.Reason != core.OnValidationFail {
		t.Errorf("Recreated = %+v, %v; want OnValidationFail", r, ok)
	}
	holds(t, t.words(s, "words"))
	if got := t.replaced(); len(got) != 1 {
		t.Errorf("set aside are %q; want one", got)
	}
}

func checkFormatChange(t *trial) {
	s, tab := t.one()
	load(t, tab, 10)
	put1(t, t.words(s, "other"), "k", "v")
	t.closeStorage(s)
	s = t.open()
	_, err := core.OpenTable(t.ctx, s, "words", keys.Uint64(), values.String())
	t.is("OpenTable with another format", err, core.ErrFormatMismatch)
	t.closeStorage(s)
	s = t.open(core.WithRecreate(core.OnFormatChange))
	numbers := table(t, s, "words", keys.Uint64(), values.String())
	put1(t, numbers, 7, "new")
	r, ok := s.Recreated()
	if !ok || r.Reason != core.OnFormatChange || !strings.HasPrefix(r.Table, "words.replaced-2") {
		t.Fatalf("Recreated = %+v, %v", r, ok)
	}
	for range 2 {
		if n, err := t.words(s, r.Table).Count(t.ctx); n != 10 || err != nil {
			t.Errorf("the table that was set aside has %d rows, %v; want 10", n, err)
		}
		reads(t, t.words(s, "other"), "k", "v")
		if n, err := table(t, s, "words", keys.Uint64(), values.String()).Count(t.ctx); n != 1 || err != nil {
			t.Errorf("the new table has %d rows, %v; want 1", n, err)
		}
		t.do("Check", s.Check(t.ctx))
		t.closeStorage(s)
		s = t.open()
	}
}

func checkFormatChangeInUse(t *trial) {
	s, tab := t.one(core.WithRecreate(core.OnFormatChange))
	put1(t, tab, "k", "v")
	_, err := core.OpenTable(t.ctx, s, "words", keys.Uint64(), values.String())
	t.is("OpenTable of a table in use", err, core.ErrFormatMismatch)
	if r, ok := s.Recreated(); ok {
		t.Errorf("Recreated = %+v", r)
	}
	holds(t, tab, row{"k", "v"})
	holds(t, t.words(s, "words"), row{"k", "v"})
}
