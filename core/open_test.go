// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/memory"
)

// create makes a storage at path.
func create(t *testing.T, b core.Backend, path string, opts ...core.Option) {
	t.Helper()
	s, err := core.Open(t.Context(), path, b, opts...)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// A storage that only looks like a replaced one was counted among them, and deleted or kept in
// place of one.
func TestOnlyReplacedStoragesAreRemoved(t *testing.T) {
	b := memory.New()
	others := []string{
		"db.replaced-by-hand", "db.replaced-1-precious",
		"db.replaced-20200101T000000.000000000Z.replaced-20200101T000000.000000000Z",
	}
	for _, path := range append(others, "db", "db.replaced-20200101T000000.000000000Z") {
		create(t, b, path)
	}
	s, err := core.Open(t.Context(), "db", b, core.WithRecreate(core.Always))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	r, ok := s.Recreated()
	if !ok {
		t.Fatal("the storage was not replaced")
	}
	left, err := b.List(t.Context(), "db.replaced-")
	if err != nil {
		t.Fatal(err)
	}
	want := append(others, r.Path)
	slices.Sort(want)
	if !slices.Equal(left, want) {
		t.Errorf("left are %q, want %q", left, want)
	}
}

// With a clock that had once been ahead, older storages looked newer than the one that was just
// set aside, and that one, with all its data, was deleted at once.
func TestWhatWasJustSetAsideStays(t *testing.T) {
	b := memory.New()
	for _, path := range []string{"db", "db.replaced-20990101T000000.000000000Z"} {
		create(t, b, path)
	}
	s, err := core.Open(t.Context(), "db", b, core.WithRecreate(core.Always))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	r, _ := s.Recreated()
	if left, err := b.List(t.Context(), "db.replaced-"); !slices.Equal(left, []string{r.Path}) {
		t.Errorf("left are %q, error %v; want %q", left, err, r.Path)
	}
}

// A migration that panicked left the storage open and locked for as long as the process lived.
func TestPanicInMigrationReleasesTheStorage(t *testing.T) {
	b := memory.New()
	create(t, b, "db", core.WithVersion(1))
	func() {
		defer func() { recover() }()
		core.Open(t.Context(), "db", b, core.WithVersion(2), core.WithMigration(
			func(context.Context, *core.Storage, uint64, uint64) error { panic("half way") }))
		t.Error("the panic did not reach the caller")
	}()
	create(t, b, "db", core.WithVersion(1))
}

// A tool that opens any version must not lower the version of a storage that it replaces.
func TestReplacedAtAnyVersionKeepsTheVersion(t *testing.T) {
	b := memory.New()
	create(t, b, "db", core.WithVersion(5))
	create(t, b, "db", core.WithAnyVersion(), core.WithRecreate(core.Always))
	create(t, b, "db", core.WithVersion(5))
	if _, err := core.Open(t.Context(), "db", b); !errors.Is(err, core.ErrVersionMismatch) {
		t.Errorf("opened as version 0: %v, want ErrVersionMismatch", err)
	}
}

// damaged is a backend whose storages do not open, and that somebody else claims in the meantime.
type damaged struct {
	core.Backend
	claims int
}

func (b *damaged) Claim(ctx context.Context, path string, readOnly bool) (core.Claim, error) {
	if b.claims++; b.claims > 1 {
		return nil, core.ErrLocked
	}
	c, err := b.Backend.Claim(ctx, path, readOnly)
	return damagedClaim{c}, err
}

type damagedClaim struct{ core.Claim }

func (damagedClaim) Open(context.Context, core.EngineOptions) (core.Engine, error) {
	return nil, core.ErrCorrupt
}

// To set a damaged storage aside, Open takes its lock again. It panicked if another process was
// faster.
func TestDamagedStorageTakenBySomebodyElse(t *testing.T) {
	b := memory.New()
	create(t, b, "db")
	_, err := core.Open(t.Context(), "db",
		&damaged{Backend: b}, core.WithRecreate(core.OnValidationFail))
	if !errors.Is(err, core.ErrLocked) {
		t.Errorf("%v, want ErrLocked", err)
	}
	_, err = core.Open(t.Context(), "db",
		&damaged{Backend: b}, core.WithRecreate(core.OnValidationFail), core.WithReadOnly())
	if !errors.Is(err, core.ErrCorrupt) {
		t.Errorf("read-only: %v, want ErrCorrupt", err)
	}
}
