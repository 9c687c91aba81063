// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package kit

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/guardkv/guardkv/core"
)

// SomeMark is the mark of the storages that checks make. It has bytes that text files do not
// have.
var SomeMark = []byte("a mark of some length \x00\xff\r\n that no engine looks into")

// Claim claims a path, and gives the claim back after the check.
func (t *Trial) Claim(path string, readOnly bool) core.Claim {
	t.TB.Helper()
	return t.ClaimIn(t.Backend, path, readOnly)
}

// ClaimIn is Claim as the process does whose backend b is.
func (t *Trial) ClaimIn(b core.Backend, path string, readOnly bool) core.Claim {
	t.TB.Helper()
	c, err := b.Claim(t.Ctx, path, readOnly)
	t.Do("Claim", err)
	t.Cleanup(func() {
		if err := c.Release(); err != nil {
			t.Errorf("Release: %v", err)
		}
	})
	return c
}

// Release gives a claim back, for checks that go on at the same place.
func (t *Trial) Release(c core.Claim) {
	t.TB.Helper()
	t.Do("Release", c.Release())
}

// Mark returns the mark of what is at path.
func (t *Trial) Mark(path string) []byte {
	t.TB.Helper()
	c := t.Claim(path, false)
	defer t.Release(c)
	m, err := c.Mark()
	t.Do("Mark", err)
	return m
}

// List returns the paths of all storages of the trial.
func (t *Trial) List(prefix string) []string {
	t.TB.Helper()
	paths, err := t.Backend.List(t.Ctx, prefix)
	t.Do("List", err)
	return paths
}

// Store is an engine that a check opened, with methods that end the check on errors it does not
// expect.
type Store struct {
	core.Engine
	T      *Trial
	path   string
	sync   bool
	Closed bool
	begun  atomic.Int64 // how many snapshots MustSnapshot was asked for
}

// Create makes a storage at the trial's path. Only checks of durability pay for durability.
func (t *Trial) Create() *Store {
	return t.OpenStore(t.Path, core.EngineOptions{Mark: SomeMark, NoSync: true})
}

func (t *Trial) OpenStore(path string, opts core.EngineOptions) *Store {
	t.TB.Helper()
	c, err := t.Backend.Claim(t.Ctx, path, false)
	t.Do("Claim", err)
	return t.OpenClaim(c, path, opts)
}

// OpenClaim opens the storage under a claim, and closes it after the check.
func (t *Trial) OpenClaim(c core.Claim, path string, opts core.EngineOptions) *Store {
	t.TB.Helper()
	opts.Logger = slog.New(slog.DiscardHandler)
	e, err := c.Open(t.Ctx, opts)
	if err != nil {
		c.Release()
		t.Fatalf("Open: %v", err)
	}
	s := &Store{Engine: e, T: t, path: path, sync: !opts.NoSync}
	t.Cleanup(s.MustClose)
	return s
}

// MustClose closes the engine unless the check did.
func (s *Store) MustClose() {
	s.T.TB.Helper()
	if s.Closed {
		return
	}
	s.Closed = true
	s.T.Do("Close", s.Engine.Close())
}

// Reopen closes the storage and opens it again.
func (s *Store) Reopen() *Store {
	s.T.TB.Helper()
	s.MustClose()
	return s.T.OpenStore(s.path, core.EngineOptions{Mark: SomeMark, NoSync: !s.sync})
}

func Put(key, value string) core.Write { return core.Write{Key: []byte(key), Value: []byte(value)} }
func Del(key string) core.Write        { return core.Write{Key: []byte(key), Delete: true} }

// MustApply makes one atomic write. It sorts the writes.
func (s *Store) MustApply(writes ...core.Write) {
	s.T.TB.Helper()
	slices.SortFunc(writes, func(a, b core.Write) int { return bytes.Compare(a.Key, b.Key) })
	s.T.Do("Apply", s.Apply(s.T.Ctx, core.Batch{Writes: writes}))
}

// Fill writes any number of rows, as many at once as the engine takes.
func (s *Store) Fill(writes ...core.Write) {
	s.T.TB.Helper()
	for batch := range slices.Chunk(writes, Fits(max(1, len(writes)), s.Limits().BatchRows)) {
		s.MustApply(batch...)
	}
}

// Read returns a private copy of a value.
func (s *Store) Read(key string) (value string, ok bool) {
	s.T.TB.Helper()
	v, r, err := s.Get(s.T.Ctx, []byte(key))
	if errors.Is(err, core.ErrNotFound) {
		return "", false
	}
	s.T.Do(fmt.Sprintf("Get %q", key), err)
	defer r.Release()
	return string(v), true
}

// Wants ends the check if key does not have this value.
func (s *Store) Wants(key, value string) {
	s.T.TB.Helper()
	got, ok := s.Read(key)
	if !ok {
		s.T.Fatalf("Get %q: not found; want %s", key, Brief(value))
	}
	if got != value {
		s.T.Fatalf("Get %q = %s; want %s", key, Brief(got), Brief(value))
	}
}

// Lacks ends the check if key has a value.
func (s *Store) Lacks(key string) {
	s.T.TB.Helper()
	if got, ok := s.Read(key); ok {
		s.T.Fatalf("Get %q = %s; want ErrNotFound", key, Brief(got))
	}
}

// MustSnapshot returns a snapshot that the check must close. On a shared storage every other
// one comes from Begin.
func (s *Store) MustSnapshot() core.Snapshot {
	s.T.TB.Helper()
	if s.Shared() && s.begun.Add(1)%2 == 0 {
		snap := s.Begin(core.ToRead)
		s.Fence(snap) // its state may be that of the first read
		return snap
	}
	snap, err := s.Snapshot(s.T.Ctx)
	s.T.Do("Snapshot", err)
	return snap
}

// closer is what checks close and must succeed.
type closer interface{ Close() error }

func (t *Trial) Close(c closer) {
	t.TB.Helper()
	t.Do("Close", c.Close())
}

// All returns copies of all rows as they are now. It sorts them, because the order of cursors has
// promises of its own.
func (s *Store) All() []Row {
	s.T.TB.Helper()
	snap := s.MustSnapshot()
	defer s.T.Close(snap)
	rows := s.T.Rows(snap, core.ScanRange{})
	slices.SortFunc(rows, func(a, b Row) int { return strings.Compare(a.Key, b.Key) })
	return rows
}

// Has ends the check if the storage holds anything but these rows.
func (s *Store) Has(want ...Row) {
	s.T.TB.Helper()
	if got := s.All(); !slices.Equal(got, want) {
		s.T.Fatalf("rows are %v; want %v", got, want)
	}
}
