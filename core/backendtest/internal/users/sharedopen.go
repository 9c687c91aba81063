// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package users

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/backendtest/internal/kit"
)

// These say what happens to processes that have a storage open while another one replaces it,
// migrates it, or restores one.
var sharedOpenPromises = []kit.Promise{
	{
		Name: "shared storages/policies", Check: checkSharedPolicies, Shared: true,
		Explanation: "Always and OnValidationFail are refused, and change nothing: each process " +
			"that starts would replace the storage of the one before",
	},
	{
		Name: "shared storages/replaced", Check: checkSharedReplaced, Shared: true,
		Explanation: "a storage that another process has replaced under OnVersionBump returns " +
			"ErrClosed to every call; nothing that was meant for it reaches the new one",
	},
	{
		Name: "shared storages/replaced at once", Check: checkReplacedAtOnce, Shared: true,
		Explanation: "several processes that replace a storage under OnVersionBump at once have " +
			"one new storage, and set the old one aside once",
	},
	{
		Name: "shared storages/created at once", Check: checkCreatedAtOnce, Shared: true,
		Explanation: "several processes that open a path where nothing is have one storage",
	},
	{
		Name: "shared storages/migration", Check: checkSharedMigration, Shared: true,
		Explanation: "a migration fences out processes that have the older version open: it " +
			"finds everything that they were told was written, and they write no more",
	},
	{
		Name: "shared storages/migrated at once", Check: checkMigratedAtOnce, Shared: true,
		Explanation: "if several processes open a storage of an older version, one migrates it, " +
			"and the others wait for that",
	},
	{
		Name: "shared storages/restore", Check: checkSharedRestore, Shared: true,
		Explanation: "Restore returns ErrExists if something is at the path, and does not " +
			"disturb processes that have it open; all can open the restored storage",
	},
}

func checkSharedPolicies(t *kit.Trial) {
	_, tab := openOne(t)
	put1(t, tab, "k", "v")
	for _, policy := range []core.Recreate{
		core.Always, core.OnValidationFail, core.Always | core.OnVersionBump,
	} {
		if s, err := tryOpen(t, t.Second, core.WithRecreate(policy)); err == nil {
			closeStorage(t, s)
			t.Errorf("the policy %s is allowed", policy)
		}
	}
	reads(t, tab, "k", "v")
	if got := t.List(t.Path); len(got) != 1 {
		t.Errorf("there is %q; want the storage alone", got)
	}
}

func checkSharedReplaced(t *kit.Trial) {
	base := t.Path
	for i, used := range []bool{false, true} {
		for verb := range everyVerb(t.Ctx, nil) {
			t.Path = fmt.Sprint(base, "-", i, "-", len(verb), verb[:1], verb[len(verb)-1:])
			replacedUnder(t, verb, used)
		}
	}
}

// replacedUnder has a verb called after another process replaced the storage.
func replacedUnder(t *kit.Trial, verb string, used bool) {
	t.TB.Helper()
	a := open(t, core.WithVersion(1))
	inA := openWords(t, a, "words")
	put1(t, inA, "k", "old")
	b := openOn(t, t.Second, core.WithVersion(2), core.WithRecreate(core.OnVersionBump))
	how, replaced := b.Recreated()
	if !replaced {
		t.Fatalf("the storage was not replaced")
	}
	if used {
		put1(t, openWords(t, b, "words"), "k", "new")
	}
	if err := everyVerb(t.Ctx, a)[verb](inA); !errors.Is(err, core.ErrClosed) {
		t.Errorf("%s on a storage that was replaced gives %v; want ErrClosed", verb, err)
	}
	if used {
		holds(t, openWords(t, b, "words"), kit.KV("k", "new"))
	} else if n := rowsOf(t, b, "words"); n != 0 {
		t.Errorf("after %s the new storage has %d rows", verb, n)
	}
	closeStorage(t, a)
	old, err := core.Open(t.Ctx, how.Path, t.Second, quietly, core.WithVersion(1))
	t.Do("Open of what was set aside", err)
	defer closeStorage(t, old)
	holds(t, openWords(t, old, "words"), kit.KV("k", "old"))
}

// openAtOnce opens the trial's storage several times in both processes.
func openAtOnce(t *kit.Trial, opts ...core.Option) []*core.Storage {
	t.TB.Helper()
	all := make([]*core.Storage, 4)
	var opening sync.WaitGroup
	for i := range all {
		b := []core.Backend{t.Backend, t.Second}[i%2]
		opening.Go(func() {
			var err error
			all[i], err = tryOpen(t, b, opts...)
			t.Do("Open", err)
		})
	}
	opening.Wait()
	for _, s := range all {
		if s == nil {
			t.Fatalf("not all have the storage open")
		}
		t.Cleanup(func() { closeStorage(t, s) })
	}
	return all
}

// areOne ends the check unless all have the same storage.
func areOne(t *kit.Trial, all []*core.Storage) {
	t.TB.Helper()
	for i, s := range all {
		put1(t, openWords(t, s, "words"), fmt.Sprint(i), "v")
	}
	for _, s := range all {
		if n := rowsOf(t, s, "words"); n != len(all) {
			t.Errorf("of %d that wrote to a storage one sees %d rows", len(all), n)
		}
	}
}

func checkReplacedAtOnce(t *kit.Trial) {
	base := t.Path
	for round := range t.Pick(10, 3) {
		t.Path = fmt.Sprint(base, "-", round, "-")
		old := open(t, core.WithVersion(1))
		tab := openWords(t, old, "words")
		put1(t, tab, "k", "old")
		areOne(t, openAtOnce(t, core.WithVersion(2), core.WithRecreate(core.OnVersionBump)))
		t.Is("Put to the old one", tab.Put(t.Ctx, "k", "late"), core.ErrClosed)
		if got := t.List(t.Path); len(got) != 2 {
			t.Errorf("there are %q; want the new storage, and the old one set aside", got)
		}
	}
}

func checkCreatedAtOnce(t *kit.Trial) {
	base := t.Path
	for round := range t.Pick(20, 5) {
		t.Path = fmt.Sprint(base, "-", round, "-")
		areOne(t, openAtOnce(t))
		if got := t.List(t.Path); len(got) != 1 {
			t.Errorf("there are %q; want one storage", got)
		}
	}
}

func checkSharedMigration(t *kit.Trial) {
	_, tab := openOne(t, core.WithVersion(1))
	var acknowledged atomic.Int64
	var failed error
	started := make(chan struct{})
	var writer sync.WaitGroup
	writer.Go(func() {
		for i := range 1_000_000 {
			if failed = tab.Put(t.Ctx, fmt.Sprintf("%07d", i), "v"); failed != nil {
				return
			}
			if acknowledged.Add(1) == 20 {
				close(started)
			}
		}
	})
	<-started
	before := 0
	b := openOn(t, t.Second, core.WithVersion(2), core.WithMigration(
		func(ctx context.Context, s *core.Storage, from, to uint64) error {
			writer.Wait() // it is fenced out, and notices that
			before = rowsOf(t, s, "words")
			return openWords(t, s, "migrated").Put(ctx, "k", "v")
		}))
	if !errors.Is(failed, core.ErrClosed) || !errors.Is(failed, core.ErrVersionMismatch) {
		t.Errorf("a write beside a migration gives %v; want ErrClosed, and ErrVersionMismatch",
			failed)
	}
	if n := int(acknowledged.Load()); before != n || rowsOf(t, b, "words") != n {
		t.Errorf("%d writes were acknowledged; the migration finds %d, and then there are %d",
			n, before, rowsOf(t, b, "words"))
	}
	_, err := tab.Load(t.Ctx, "0000001")
	t.Is("Load after a migration", err, core.ErrClosed)
	_, err = tryOpen(t, t.Backend, core.WithVersion(1))
	t.Is("Open in the version before", err, core.ErrVersionMismatch)
}

func checkMigratedAtOnce(t *kit.Trial) {
	versioned(t, 1)
	var runs atomic.Int32
	all := openAtOnce(t, core.WithVersion(2), core.WithMigration(
		func(ctx context.Context, s *core.Storage, from, to uint64) error {
			runs.Add(1)
			return openWords(t, s, "migrated").Put(ctx, "k", "v")
		}))
	if n := runs.Load(); n != 1 {
		t.Errorf("%d of %d have migrated the storage; want 1", n, len(all))
	}
	for _, s := range all {
		holds(t, openWords(t, s, "migrated"), kit.KV("k", "v"))
		if s.Version() != 2 {
			t.Errorf("the version is %d; want 2", s.Version())
		}
	}
}

func checkSharedRestore(t *kit.Trial) {
	stored := backup(t)
	occupy(t)
	s, err := core.Open(t.Ctx, restoredPath(t), t.Second, quietly)
	t.Do("Open", err)
	defer closeStorage(t, s)
	tab := openWords(t, s, "mine")
	put1(t, tab, "k", "v")
	_, err = restore(t, t.Backend, bytes.NewReader(stored), core.WithVersion(5))
	t.Is("Restore over a storage that is open", err, core.ErrExists)
	put1(t, tab, "l", "w")
	holds(t, tab, kit.KV("k", "v"), kit.KV("l", "w"))

	c := t.Claim(restoredPath(t), false)
	t.Do("Remove", c.Remove())
	t.Release(c)
	restored, err := restore(t, t.Backend, bytes.NewReader(stored), core.WithVersion(5))
	t.Do("Restore", err)
	t.Is("Put to a storage that was removed", tab.Put(t.Ctx, "k", "late"), core.ErrClosed)
	other, err := core.Open(t.Ctx, restoredPath(t), t.Second, quietly, core.WithVersion(5))
	t.Do("Open", err)
	defer closeStorage(t, other)
	put1(t, openWords(t, other, "words"), "other", "v")
	reads(t, openWords(t, restored, "words"), "other", "v")
	if n := rowsOf(t, restored, "mine"); n != 0 {
		t.Errorf("in what was restored there are %d rows of what was there before", n)
	}
}
