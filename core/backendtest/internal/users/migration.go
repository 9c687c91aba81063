// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package users

import (
	"context"
	"errors"
	"fmt"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/backendtest/internal/decorate"
	"github.com/guardkv/guardkv/core/backendtest/internal/kit"
)

var migrationPromises = []kit.Promise{
	{
		Name: "migration/runs once", Check: checkMigration,
		Explanation: "a migration brings an older storage to the wanted version, which is " +
			"stored; it goes before OnVersionBump",
	},
	{
		Name: "migration/fails", Check: checkMigrationFails,
		Explanation: "a migration that fails halfway leaves the old version, and the next Open " +
			"completes it",
	},
	{
		Name: "migration/not needed", Check: checkMigrationNotNeeded,
		Explanation: "a migration runs neither on a new storage, nor on one of the same version, " +
			"a newer one, or with WithAnyVersion",
	},
	{
		Name: "version/any", Check: checkAnyVersion,
		Explanation: "WithAnyVersion opens whatever version is stored, and leaves it",
	},
	{
		Name: "version/mismatch", Check: checkVersionMismatch,
		Explanation: "opening a storage of another version returns ErrVersionMismatch, which names both",
	},
}

// versioned makes a storage of a version with one row.
func versioned(t *kit.Trial, v uint64) {
	t.TB.Helper()
	s, tab := openOne(t, core.WithVersion(v))
	put1(t, tab, "k", "v")
	closeStorage(t, s)
}

func checkMigration(t *kit.Trial) {
	versioned(t, 1)
	runs := 0
	migrate := core.WithMigration(func(ctx context.Context, s *core.Storage, from, to uint64) error {
		if runs++; from != 1 || to != 3 {
			t.Errorf("the migration is from %d to %d; want from 1 to 3", from, to)
		}
		return openWords(t, s, "words").Put(ctx, "migrated", "row")
	})
	for range 2 {
		s, tab := openOne(t, core.WithVersion(3), migrate, core.WithRecreate(core.OnVersionBump))
		holds(t, tab, kit.KV("k", "v"), kit.KV("migrated", "row"))
		if r, ok := s.Recreated(); ok {
			t.Errorf("Recreated = %+v", r)
		}
		closeStorage(t, s)
	}
	if runs != 1 {
		t.Errorf("the migration ran %d times; want 1", runs)
	}
	_, err := tryOpen(t, t.Backend, core.WithVersion(1))
	t.Is("Open with the old version", err, core.ErrVersionMismatch)
}

func checkMigrationFails(t *kit.Trial) {
	versioned(t, 1)
	failure := errors.New("of the migration")
	step := func(fail bool) core.Option {
		return core.WithMigration(func(ctx context.Context, s *core.Storage, from, to uint64) error {
			tab := openWords(t, s, "words")
			if err := tab.Put(ctx, "half", fmt.Sprint(fail)); err != nil || fail {
				return errors.Join(err, failure)
			}
			return tab.Put(ctx, "whole", "done")
		})
	}
	for range 2 {
		_, err := tryOpen(t, t.Backend, core.WithVersion(2), step(true))
		t.Is("Open with a migration that fails", err, failure)
	}
	_, err := tryOpen(t, t.Backend, core.WithVersion(2))
	t.Is("Open without a migration", err, core.ErrVersionMismatch)
	unstored := failure
	if t.Shared() { // core would settle an error that does not say what became of the mark
		unstored = fmt.Errorf("%w: %w", core.ErrUnavailable, failure)
	}
	b := decorate.Fault(t.Backend, decorate.Failure{Op: decorate.OpSetMark, N: 1, Err: unstored})
	_, err = tryOpen(t, b, core.WithVersion(2), step(false))
	t.Is("Open when the version cannot be stored", err, failure)
	s, tab := openOne(t, core.WithVersion(2), step(false))
	holds(t, tab, kit.KV("half", "false"), kit.KV("k", "v"), kit.KV("whole", "done"))
	closeStorage(t, s)
	openOne(t, core.WithVersion(2))
}

func checkMigrationNotNeeded(t *kit.Trial) {
	never := core.WithMigration(func(ctx context.Context, s *core.Storage, from, to uint64) error {
		t.Errorf("a migration from %d to %d", from, to)
		return nil
	})
	s, tab := openOne(t, core.WithVersion(2), never)
	put1(t, tab, "k", "v")
	closeStorage(t, s)
	for _, opts := range [][]core.Option{
		{core.WithVersion(2)},
		{core.WithVersion(3), core.WithAnyVersion()},
		{core.WithVersion(1), core.WithAnyVersion()},
	} {
		s, tab := openOne(t, append(opts, never)...)
		reads(t, tab, "k", "v")
		closeStorage(t, s)
	}
	for _, policy := range allPolicies(t) {
		_, err := tryOpen(t, t.Backend, core.WithVersion(1), never, core.WithRecreate(policy))
		t.Is("Open of a newer version", err, core.ErrVersionMismatch)
	}
	_, err := tryOpen(t, t.Backend, core.WithVersion(3), never, core.WithReadOnly())
	t.Is("Open of an older version to read", err, core.ErrVersionMismatch)
}

func checkAnyVersion(t *kit.Trial) {
	versioned(t, 7)
	for _, v := range []uint64{0, 7, 9} {
		s, tab := openOne(t, core.WithVersion(v), core.WithAnyVersion())
		reads(t, tab, "k", "v")
		closeStorage(t, s)
	}
	openOne(t, core.WithVersion(7))
}

func checkVersionMismatch(t *kit.Trial) {
	versioned(t, 70)
	for _, v := range []uint64{0, 69, 71, 1 << 60} {
		_, err := tryOpen(t, t.Backend, core.WithVersion(v))
		t.Is("Open", err, core.ErrVersionMismatch)
		errorNames(t, err, "70", fmt.Sprint(v))
	}
	s, tab := openOne(t, core.WithVersion(70))
	reads(t, tab, "k", "v")
	closeStorage(t, s)
}
