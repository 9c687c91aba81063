// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package backendtest

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/guardkv/guardkv/core"
)

// aMark is what the checks let storages be marked with. It holds what text files do not.
var aMark = []byte("a mark of some length \x00\xff\r\n that no engine looks into")

// claim claims a path, and gives the claim back after the check.
func (t *trial) claim(path string, readOnly bool) core.Claim {
	t.tb.Helper()
	c, err := t.backend.Claim(t.ctx, path, readOnly)
	t.do("Claim", err)
	t.Cleanup(func() {
		if err := c.Release(); err != nil {
			t.Errorf("Release: %v", err)
		}
	})
	return c
}

// release gives a claim back, because the check goes on at the same place.
func (t *trial) release(c core.Claim) {
	t.tb.Helper()
	t.do("Release", c.Release())
}

// mark returns the mark of what is at path.
func (t *trial) mark(path string) []byte {
	t.tb.Helper()
	c := t.claim(path, false)
	defer t.release(c)
	m, err := c.Mark()
	t.do("Mark", err)
	return m
}

// list returns the paths of all storages of the trial.
func (t *trial) list(prefix string) []string {
	t.tb.Helper()
	paths, err := t.backend.List(t.ctx, prefix)
	t.do("List", err)
	return paths
}

// store is an engine that a check opened, with methods that end the check on errors it does not expect.
type store struct {
	core.Engine
	t      *trial
	path   string
	sync   bool
	closed bool
}

// create makes a storage at the trial's path. Only checks of durability pay for it.
func (t *trial) create() *store {
	return t.openStore(t.path, core.EngineOptions{Mark: aMark, NoSync: true})
}

func (t *trial) openStore(path string, opts core.EngineOptions) *store {
	t.tb.Helper()
	c, err := t.backend.Claim(t.ctx, path, false)
	t.do("Claim", err)
	return t.openClaim(c, path, opts)
}

// openClaim opens the storage under a claim, and closes it after the check.
func (t *trial) openClaim(c core.Claim, path string, opts core.EngineOptions) *store {
	t.tb.Helper()
	opts.Logger = slog.New(slog.DiscardHandler)
	e, err := c.Open(t.ctx, opts)
	if err != nil {
		c.Release()
		t.Fatalf("Open: %v", err)
	}
	s := &store{Engine: e, t: t, path: path, sync: !opts.NoSync}
	t.Cleanup(s.close)
	return s
}

// close closes the engine unless the check did.
func (s *store) close() {
	s.t.tb.Helper()
	if s.closed {
		return
	}
	s.closed = true
	s.t.do("Close", s.Engine.Close())
}

// reopen closes the storage and opens it again.
func (s *store) reopen() *store {
	s.t.tb.Helper()
	s.close()
	return s.t.openStore(s.path, core.EngineOptions{Mark: aMark, NoSync: !s.sync})
}

func put(key, value string) core.Write { return core.Write{Key: []byte(key), Value: []byte(value)} }
func del(key string) core.Write        { return core.Write{Key: []byte(key), Delete: true} }

// apply makes one atomic write. It sorts the writes.
func (s *store) apply(writes ...core.Write) {
	s.t.tb.Helper()
	slices.SortFunc(writes, func(a, b core.Write) int { return bytes.Compare(a.Key, b.Key) })
	s.t.do("Apply", s.Apply(s.t.ctx, core.Batch{Writes: writes}))
}

// read returns a private copy of a value.
func (s *store) read(key string) (value string, ok bool) {
	s.t.tb.Helper()
	v, r, err := s.Get(s.t.ctx, []byte(key))
	if errors.Is(err, core.ErrNotFound) {
		return "", false
	}
	s.t.do(fmt.Sprintf("Get %q", key), err)
	defer r.Release()
	return string(v), true
}

// wants ends the check if key does not have this value.
func (s *store) wants(key, value string) {
	s.t.tb.Helper()
	got, ok := s.read(key)
	if !ok {
		s.t.Fatalf("Get %q: not found; want %s", key, brief(value))
	}
	if got != value {
		s.t.Fatalf("Get %q = %s; want %s", key, brief(got), brief(value))
	}
}

// lacks ends the check if key has a value.
func (s *store) lacks(key string) {
	s.t.tb.Helper()
	if got, ok := s.read(key); ok {
		s.t.Fatalf("Get %q = %s; want ErrNotFound", key, brief(got))
	}
}

// snapshot returns a snapshot that the check must close.
func (s *store) snapshot() core.Snapshot {
	s.t.tb.Helper()
	snap, err := s.Snapshot(s.t.ctx)
	s.t.do("Snapshot", err)
	return snap
}

// closer is what checks close and must succeed.
type closer interface{ Close() error }

func (t *trial) close(c closer) {
	t.tb.Helper()
	t.do("Close", c.Close())
}

// all returns copies of all rows as they are now, sorted: whether cursors sort has promises of its own.
func (s *store) all() []row {
	s.t.tb.Helper()
	snap := s.snapshot()
	defer s.t.close(snap)
	rows := s.t.rows(snap, core.ScanRange{})
	slices.SortFunc(rows, func(a, b row) int { return strings.Compare(a.key, b.key) })
	return rows
}

// has ends the check if the storage holds anything but these rows.
func (s *store) has(want ...row) {
	s.t.tb.Helper()
	if got := s.all(); !slices.Equal(got, want) {
		s.t.Fatalf("rows are %v; want %v", got, want)
	}
}
