// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package backendtest

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/backendtest/internal/contract"
	"github.com/guardkv/guardkv/core/backendtest/internal/kit"
	"github.com/guardkv/guardkv/core/memory"
)

// brokenShared is the shared backend of memory, broken in one place at a time.
type brokenShared struct {
	core.Backend
	breaks string
	mu     sync.Mutex // the lock that breaks a backend which promises to have none
}

func newBrokenShared(breaks string) *brokenShared {
	return &brokenShared{Backend: memory.NewShared(), breaks: breaks}
}

func (b *brokenShared) Claim(ctx context.Context, path string, readOnly bool) (core.Claim, error) {
	if b.breaks == "locks" && !b.mu.TryLock() {
		return nil, core.ErrLocked
	}
	c, err := b.Backend.Claim(ctx, path, readOnly)
	return &brokenClaim{Claim: c, b: b, path: path}, err
}

type brokenClaim struct {
	core.Claim
	b    *brokenShared
	path string
	done bool
}

func (c *brokenClaim) Release() error {
	if c.b.breaks == "locks" && !c.done {
		c.b.mu.Unlock()
	}
	c.done = true
	return c.Claim.Release()
}

// look makes the claim forget what it saw before.
func (c *brokenClaim) look(breaks string) {
	if c.b.breaks == breaks {
		c.Mark()
	}
}

func (c *brokenClaim) Rename(to string) error {
	c.look("stale rename")
	if c.b.breaks == "fence stays" {
		return c.renameWithFence(to)
	}
	return c.Claim.Rename(to)
}

// renameWithFence puts the fence back that Rename has deleted.
func (c *brokenClaim) renameWithFence(to string) error {
	e, err := c.open(c.path)
	if err != nil {
		return err
	}
	v, r, absent := e.Get(context.Background(), []byte(core.FenceKey))
	if err := c.Claim.Rename(to); err != nil || absent != nil {
		return err
	}
	r.Release()
	return e.Apply(context.Background(), core.Batch{
		Writes: []core.Write{{Key: []byte(core.FenceKey), Value: v}},
	})
}

// open opens what is there as another process.
func (c *brokenClaim) open(path string) (core.Engine, error) {
	other, err := c.b.Backend.Claim(context.Background(), path, false)
	if err != nil {
		return nil, err
	}
	return other.Open(context.Background(), core.EngineOptions{})
}

func (c *brokenClaim) Remove() error {
	c.look("stale remove")
	if c.b.breaks == "removed rows stay" {
		return c.Claim.Rename(c.path + ".removed")
	}
	return c.Claim.Remove()
}

func (c *brokenClaim) Open(ctx context.Context, opts core.EngineOptions) (core.Engine, error) {
	c.look("stale open")
	e, err := c.Claim.Open(ctx, opts)
	if err != nil {
		return nil, err
	}
	if c.b.breaks == "locks" {
		c.b.mu.Unlock()
	}
	c.done = true
	return &brokenEngine{Engine: e, claim: c}, nil
}

type brokenEngine struct {
	core.Engine
	claim  *brokenClaim
	cached atomic.Pointer[core.Snapshot] // the state that this process saw after its own last write
}

func (e *brokenEngine) breaks(what string) bool { return e.claim.b.breaks == what }

func (e *brokenEngine) Apply(ctx context.Context, b core.Batch) error {
	switch {
	case e.breaks("conditions"):
		b.Conditions = nil
	case e.breaks("empty conditions"):
		for i, c := range b.Conditions {
			if len(c.Value) == 0 {
				b.Conditions[i].Value = nil
			}
		}
	case e.breaks("condition race"):
		if err := e.lookFirst(ctx, b.Conditions); err != nil {
			return err
		}
		b.Conditions = nil
	case e.breaks("base"):
		b.Base = nil
	case e.breaks("any change") && b.Base != nil:
		b.Base = b.Base.(*brokenSnapshot).unnoted
	case e.breaks("deadline"):
		err := e.Engine.Apply(context.WithoutCancel(ctx), b.Unwrapped())
		return errors.Join(err, ctx.Err())
	}
	err := e.Engine.Apply(ctx, b.Unwrapped())
	if err == nil && e.breaks("stale reads") {
		s, _ := e.Engine.Snapshot(ctx)
		e.cached.Store(&s)
	}
	return err
}

// lookFirst looks whether conditions hold, a while before the batch is applied.
func (e *brokenEngine) lookFirst(ctx context.Context, conditions []core.Condition) error {
	for _, c := range conditions {
		v, _, err := e.Engine.Get(ctx, c.Key)
		if (err == nil) != (c.Value != nil) || !bytes.Equal(v, c.Value) {
			return core.ErrConflict
		}
		time.Sleep(time.Millisecond)
	}
	return nil
}

func (e *brokenEngine) Get(ctx context.Context, key []byte) ([]byte, core.Releaser, error) {
	s := e.cached.Load()
	if e.breaks("back") { // as if it had yet to hear of the writes of others
		now, _ := e.Engine.Snapshot(ctx)
		s = e.cached.Swap(&now)
	}
	if s != nil {
		v, _, err := (*s).Get(ctx, key)
		return v, nothing{}, err
	}
	return e.Engine.Get(ctx, key)
}

func (e *brokenEngine) SetMark(ctx context.Context, mark []byte) error {
	err := e.Engine.SetMark(ctx, mark)
	if !errors.Is(err, core.ErrConflict) || !e.breaks("set mark") {
		return err
	}
	other, err := e.claim.open(e.claim.path) // this one has seen the new mark
	if err != nil {
		return err
	}
	return other.SetMark(ctx, mark)
}

func (e *brokenEngine) Powers() core.Powers {
	p := e.Engine.Powers()
	begin := p.Begin
	p.Begin = func(ctx context.Context, use core.Use) (core.Snapshot, error) {
		unnoted, err := e.Engine.Snapshot(ctx)
		if err != nil {
			return nil, err
		}
		s, err := begin(ctx, use)
		if err != nil {
			return nil, err
		}
		return &brokenSnapshot{s, unnoted, e}, nil
	}
	return p
}

type brokenSnapshot struct {
	core.Snapshot
	unnoted core.Snapshot // the same state, which notes nothing
	e       *brokenEngine
}

func (s *brokenSnapshot) Unwrap() core.Snapshot { return s.Snapshot }

// now returns the snapshot that is read, unless it is broken in this way.
func (s *brokenSnapshot) now(breaks string) core.Snapshot {
	if s.e.breaks(breaks) {
		return s.unnoted
	}
	if s.e.breaks("snapshot") {
		latest, _ := s.e.Engine.Snapshot(context.Background())
		return latest
	}
	return s.Snapshot
}

func (s *brokenSnapshot) Get(ctx context.Context, key []byte) ([]byte, core.Releaser, error) {
	if s.e.breaks("absent gets") { // and only rows that are there are noted
		if _, _, err := s.unnoted.Get(ctx, key); err != nil {
			return nil, nil, err
		}
	}
	return s.now("gets").Get(ctx, key)
}

func (s *brokenSnapshot) Powers() core.SnapshotPowers {
	p := s.now("many").Powers()
	p.Fence = s.Snapshot.Powers().Fence
	if s.e.breaks("fence") {
		latest, _ := s.e.Engine.Snapshot(context.Background())
		p.Fence = latest.Powers().Fence
	}
	return p
}

// Scan breaks the notes that cursors take: a part of the range is read without a note.
func (s *brokenSnapshot) Scan(ctx context.Context, r core.ScanRange) (core.RowCursor, error) {
	c, err := s.now("scans").Scan(ctx, r)
	if err != nil {
		return nil, err
	}
	switch {
	case s.e.breaks("rows alone"), s.e.breaks("ends"), s.e.breaks("seeks"),
		s.e.breaks("down") && r.Reverse:
		unnoted, err := s.unnoted.Scan(ctx, r)
		return &brokenCursor{RowCursor: unnoted, s: s, noted: c}, errors.Join(err, c.Close())
	case s.e.breaks("whole scans"):
		for _, _, ok := c.Next(); ok; _, _, ok = c.Next() { // like one that notes what it fetches
		}
		c, err = s.unnoted.Scan(ctx, r)
	}
	return c, err
}

// brokenCursor notes less than it reads.
type brokenCursor struct {
	core.RowCursor
	s      *brokenSnapshot
	noted  core.RowCursor
	sought bool
}

func (c *brokenCursor) Next() (key, value []byte, ok bool) {
	key, value, ok = c.RowCursor.Next()
	switch {
	case c.s.e.breaks("rows alone") && ok: // and not the gaps
		c.s.Snapshot.Get(context.Background(), key)
	case c.s.e.breaks("ends") && ok, c.s.e.breaks("seeks") && !c.sought:
		c.noted.Next()
	}
	return key, value, ok
}

func (c *brokenCursor) Seek(key []byte) {
	c.sought = true
	c.RowCursor.Seek(key)
	if c.s.e.breaks("ends") {
		c.noted.Seek(key)
	}
}

// TestBrokenSharedBackends breaks the promises about several processes, one at a time.
func TestBrokenSharedBackends(t *testing.T) {
	for _, c := range []struct {
		breaks string
		want   string // all that fail
	}{
		{"", ""},
		{"conditions", "shared/conditions, shared/one wins, shared/renamed while open ..."},
		{"empty conditions", "shared/conditions"},
		{"condition race", "shared/one wins"},
		{"base", "shared/blind put, shared/one wins, shared/ranges that were passed, " +
			"shared/rows that were read, shared/write skew"},
		{"gets", "shared/blind put, shared/one wins, shared/rows that were read, " +
			"shared/write skew"},
		{"absent gets", "shared/rows that were read"},
		{"many", "shared/rows that were read"},
		{"scans", "shared/ranges that were passed"},
		{"rows alone", "shared/ranges that were passed"},
		{"ends", "shared/ranges that were passed"},
		{"seeks", "shared/ranges that were passed"},
		{"down", "shared/ranges that were passed"},
		{"any change", "shared/what was not read"},
		{"whole scans", "shared/what was not read"},
		{"deadline", "shared/deadline ..."},
		{"stale reads", "shared/fresh ..."},
		{"back", "shared/never back ..."},
		{"snapshot", "shared/begin ..."},
		{"fence", "shared/fence"},
		{"locks", "shared/claims ..."},
		{"stale rename", "shared/claims at once, shared/stale claims"},
		{"stale remove", "shared/stale claims"},
		{"stale open", "open/race, shared/claims, shared/claims at once, shared/stale claims"},
		{"fence stays", "shared/renamed while open, shared/stale claims"},
		{"removed rows stay", "shared/removed while open ..."},
		{"set mark", "shared/set mark"},
	} {
		t.Run(c.breaks, func(t *testing.T) {
			want, open := strings.CutSuffix(c.want, " ...")
			promises := slices.DeleteFunc(contract.Promises(), func(p kit.Promise) bool {
				if testing.Short() && want != "" {
					return !slices.Contains(strings.Split(want, ", "), p.Name)
				}
				return !p.Shared && p.Name != "open/race"
			})
			failed := verdicts(t, promises,
				func() core.Backend { return newBrokenShared(c.breaks) })
			for name := range strings.SplitSeq(want, ", ") {
				if name != "" && failed[name] == nil {
					t.Errorf("%s is broken, and nobody noticed", name)
				}
			}
			got := strings.Join(slices.Sorted(maps.Keys(failed)), ", ")
			if !open && got != want {
				t.Errorf("broken are %q; want %q: %q", got, want, failed)
			}
		})
	}
}
