// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core_test

import (
	"errors"
	"testing"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/backendtest"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/memory"
	"github.com/guardkv/guardkv/core/values"
)

// A change of the tables whose answer was lost left the storage with other tables in memory
// than the engine had: rows that were put into a dropped table were gone when the storage was
// opened again. It is tried again, and then known.
func TestLostAnswersToChangesOfTables(t *testing.T) {
	ctx := t.Context()
	for _, after := range []bool{false, true} {
		inside := memory.New()
		b := backendtest.Fault(inside)
		db := opens(t, b)
		defer db.Close()
		lose := func() {
			for range 2 {
				b.Fail(backendtest.Failure{
					Op: backendtest.OpApply, N: 1, Err: core.ErrMaybe,
					After: after,
				})
			}
			b.Fail(backendtest.Failure{Op: backendtest.OpApply, N: 1, Err: core.ErrUnavailable})
		}
		lose()
		dropped := wordsOf(t, db, "dropped")
		lose()
		kept := wordsOf(t, db, "kept")
		for _, tab := range []*core.Table[string, string, string]{dropped, kept} {
			if err := tab.Put(ctx, "k", "v"); err != nil {
				t.Fatal(err)
			}
		}
		lose()
		if err := db.RenameTable(ctx, "kept", "renamed"); err != nil {
			t.Errorf("RenameTable: %v", err)
		}
		lose()
		if err := db.DropTable(ctx, "dropped"); err != nil {
			t.Errorf("DropTable: %v", err)
		}
		if err := errors.Join(kept.Put(ctx, "l", "w"), db.Close()); err != nil {
			t.Fatal(err)
		}
		db = opens(t, inside)
		if infos, err := db.Tables(ctx); len(infos) != 1 ||
			infos[0].Name != "renamed" || err != nil {
			t.Errorf("the tables are %+v, %v; want renamed", infos, err)
		}
		if n, err := wordsOf(t, db, "renamed").Count(ctx); n != 2 || err != nil {
			t.Errorf("Count = %d, %v; want 2", n, err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// If the outcome stays unknown, nothing is written to tables that may be none.
func TestLostAnswersForGood(t *testing.T) {
	ctx := t.Context()
	inside := memory.New()
	b := backendtest.Fault(inside)
	db := opens(t, b)
	defer db.Close()
	tab := wordsOf(t, db, "t")
	b.Fail(backendtest.Failure{Op: backendtest.OpApply, Err: core.ErrMaybe, After: true})
	if err := db.DropTable(ctx, "t"); !errors.Is(err, core.ErrMaybe) {
		t.Errorf("DropTable: %v; want ErrMaybe", err)
	}
	b.Heal()
	if err := tab.Put(ctx, "k", "v"); !errors.Is(err, core.ErrMaybe) {
		t.Errorf("Put into a table that may be dropped: %v; want ErrMaybe", err)
	}
}

func opens(t *testing.T, b core.Backend) *core.Storage {
	t.Helper()
	db, err := core.Open(t.Context(), "place", b)
	if err != nil {
		t.Fatal(err)
	}
	return db
}

func wordsOf(t *testing.T, db *core.Storage, name string) *core.Table[string, string, string] {
	t.Helper()
	tab, err := core.OpenTable(t.Context(), db, name, keys.String(), values.String())
	if err != nil {
		t.Fatal(err)
	}
	return tab
}
