// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package backendtest

import (
	"context"
	"errors"
	"fmt"

	"github.com/guardkv/guardkv/core"
)

var migrationPromises = []promise{
	{
		name: "migration/runs once", check: checkMigration,
		explanation: "a migration brings an older storage to the wanted version, which is stored; it goes before OnVersionBump",
	},
	{
		name: "migration/fails", check: checkMigrationFails,
		explanation: "a migration that fails half way leaves the old version, and the next Open completes it",
	},
	{
		name: "migration/not needed", check: checkMigrationNotNeeded,
		explanation: "a migration runs neither on a new storage, nor on one of the same version, a newer one, or with WithAnyVersion",
	},
	{
		name: "version/any", check: checkAnyVersion,
		explanation: "WithAnyVersion opens whatever version is stored, and leaves it",
	},
	{
		name: "version/mismatch", check: checkVersionMismatch,
		explanation: "another version is ErrVersionMismatch, which names both",
	},
}

// versioned makes a storage of a version with one row.
func (t *trial) versioned(v uint64) {
	t.tb.Helper()
	s, tab := t.one(core.WithVersion(v))
	put1(t, tab, "k", "v")
	t.closeStorage(s)
}

func checkMigration(t *trial) {
	t.versioned(1)
	runs := 0
	migrate := core.WithMigration(func(ctx context.Context, s *core.Storage, from, to uint64) error {
		if runs++; from != 1 || to != 3 {
			t.Errorf("the migration is from %d to %d; want from 1 to 3", from, to)
		}
		return t.words(s, "words").Put(ctx, "migrated", "row")
	})
	for range 2 {
		s, tab := t.one(core.WithVersion(3), migrate, core.WithRecreate(core.OnVersionBump))
		holds(t, tab, row{"k", "v"}, row{"migrated", "row"})
		if r, ok := s.Recreated(); ok {
			t.Errorf("Recreated = %+v", r)
		}
		t.closeStorage(s)
	}
	if runs != 1 {
		t.Errorf("the migration ran %d times; want 1", runs)
	}
	_, err := t.tryOpen(t.backend, core.WithVersion(1))
	t.is("Open with the old version", err, core.ErrVersionMismatch)
}

func checkMigrationFails(t *trial) {
	t.versioned(1)
	failure := errors.New("of the migration")
	step := func(fail bool) core.Option {
		return core.WithMigration(func(ctx context.Context, s *core.Storage, from, to uint64) error {
			tab := t.words(s, "words")
			if err := tab.Put(ctx, "half", fmt.Sprint(fail)); err != nil || fail {
				return errors.Join(err, failure)
			}
			return tab.Put(ctx, "whole", "done")
		})
	}
	for range 2 {
		_, err := t.tryOpen(t.backend, core.WithVersion(2), step(true))
		t.is("Open with a migration that fails", err, failure)
	}
	_, err := t.tryOpen(t.backend, core.WithVersion(2))
	t.is("Open without a migration", err, core.ErrVersionMismatch)
	b := Fault(t.backend, Failure{Op: OpSetMark, N: 1, Err: failure})
	_, err = t.tryOpen(b, core.WithVersion(2), step(false))
	t.is("Open when the version cannot be stored", err, failure)
	s, tab := t.one(core.WithVersion(2), step(false))
	holds(t, tab, row{"half", "false"}, row{"k", "v"}, row{"whole", "done"})
	t.closeStorage(s)
	t.one(core.WithVersion(2))
}

func checkMigrationNotNeeded(t *trial) {
	never := core.WithMigration(func(ctx context.Context, s *core.Storage, from, to uint64) error {
		t.Errorf("a migration from %d to %d", from, to)
		return nil
	})
	s, tab := t.one(core.WithVersion(2), never)
	put1(t, tab, "k", "v")
	t.closeStorage(s)
	for _, opts := range [][]core.Option{
		{core.WithVersion(2)}, {core.WithVersion(3), core.WithAnyVersion()}, {core.WithVersion(1), core.WithAnyVersion()},
	} {
		s, tab := t.one(append(opts, never)...)
		reads(t, tab, "k", "v")
		t.closeStorage(s)
	}
	for _, policy := range allPolicies() {
		_, err := t.tryOpen(t.backend, core.WithVersion(1), never, core.WithRecreate(policy))
		t.is("Open of a newer version", err, core.ErrVersionMismatch)
	}
	_, err := t.tryOpen(t.backend, core.WithVersion(3), never, core.WithReadOnly())
	t.is("Open of an older version to read", err, core.ErrVersionMismatch)
}

func checkAnyVersion(t *trial) {
	t.versioned(7)
	for _, v := range []uint64{0, 7, 9} {
		s, tab := t.one(core.WithVersion(v), core.WithAnyVersion())
		reads(t, tab, "k", "v")
		t.closeStorage(s)
	}
	t.one(core.WithVersion(7))
}

func checkVersionMismatch(t *trial) {
	t.versioned(70)
	for _, v := range []uint64{0, 69, 71, 1 << 60} {
		_, err := t.tryOpen(t.backend, core.WithVersion(v))
		t.is("Open", err, core.ErrVersionMismatch)
		t.names(err, "70", fmt.Sprint(v))
	}
	s, tab := t.one(core.WithVersion(70))
	reads(t, tab, "k", "v")
	t.closeStorage(s)
}
