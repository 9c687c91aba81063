// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package kit

import (
	"bytes"
	"slices"

	"github.com/guardkv/guardkv/core"
)

// Shared reports whether several processes write to a storage.
func (t *Trial) Shared() bool { return t.Backend.Sharing().Shared() }

// Shared reports whether several processes write to the storage.
func (s *Store) Shared() bool { return s.T.Shared() }

// Pair opens the trial's storage as two processes do.
func (t *Trial) Pair() (one, two *Store) {
	t.TB.Helper()
	return t.Create(), t.OpenSecond(t.Path)
}

// OpenSecond opens a storage as the other process.
func (t *Trial) OpenSecond(path string) *Store {
	t.TB.Helper()
	c, err := t.Second.Claim(t.Ctx, path, false)
	t.Do("Claim", err)
	return t.OpenClaim(c, path, core.EngineOptions{Mark: SomeMark, NoSync: true})
}

// Begin returns a snapshot that the check must close.
func (s *Store) Begin(use core.Use) core.Snapshot {
	s.T.TB.Helper()
	begin := s.Powers().Begin
	if begin == nil {
		s.T.Fatalf("a shared storage has no power Begin")
	}
	snap, err := begin(s.T.Ctx, use)
	s.T.Do("Begin", err)
	return snap
}

// Base returns a snapshot that is to be the base of a batch, and that the check must close.
func (s *Store) Base() core.Snapshot {
	s.T.TB.Helper()
	if s.Shared() {
		return s.Begin(core.ToUpdate)
	}
	return s.MustSnapshot()
}

// Fence returns a copy of the fence, and whether there is one.
func (s *Store) Fence(snap core.Snapshot) (value string, found bool) {
	s.T.TB.Helper()
	fence := snap.Powers().Fence
	if fence == nil {
		s.T.Fatalf("a snapshot of a shared storage has no power Fence")
	}
	b, err := fence(s.T.Ctx)
	s.T.Do("Fence", err)
	return string(b), b != nil
}

// ApplyOn is Apply of writes that are based on a snapshot. It sorts them.
func (s *Store) ApplyOn(base core.Snapshot, writes ...core.Write) error {
	slices.SortFunc(writes, func(a, b core.Write) int { return bytes.Compare(a.Key, b.Key) })
	return s.Apply(s.T.Ctx, core.Batch{Base: base, Writes: writes})
}

// ApplyOnly is Apply of writes under conditions. It sorts them.
func (s *Store) ApplyOnly(conditions []core.Condition, writes ...core.Write) error {
	slices.SortFunc(writes, func(a, b core.Write) int { return bytes.Compare(a.Key, b.Key) })
	return s.Apply(s.T.Ctx, core.Batch{Conditions: conditions, Writes: writes})
}
