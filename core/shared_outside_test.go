// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/memory"
	"github.com/guardkv/guardkv/core/values"
)

// process is how one process sees the storages that others share with it. apply, setMark and
// begin stand between it and the engine, nil for nothing.
type process struct {
	core.Backend
	apply   func(b core.Batch, apply func() error) error
	setMark func(set func() error) error
	begin   func(use core.Use) error
	opened  func()      // called when the engine is open, nil for nothing
	hangs   atomic.Bool // what is applied gets lost, and no answer comes
	// how many turns there are to write, 0 for as many as the backend says
	writers int
	limits  core.Limits
}

func (p *process) Sharing() core.Sharing {
	sharing := p.Backend.Sharing()
	if p.writers > 0 {
		sharing.Writers = p.writers
	}
	return sharing
}

func (p *process) Claim(ctx context.Context, path string, readOnly bool) (core.Claim, error) {
	c, err := p.Backend.Claim(ctx, path, readOnly)
	return processClaim{c, p}, err
}

type processClaim struct {
	core.Claim
	p *process
}

func (c processClaim) Open(ctx context.Context, opts core.EngineOptions) (core.Engine, error) {
	e, err := c.Claim.Open(ctx, opts)
	if err != nil {
		return nil, err
	}
	if c.p.opened != nil {
		c.p.opened()
	}
	return processEngine{e, c.p}, nil
}

type processEngine struct {
	core.Engine
	p *process
}

func (e processEngine) Limits() core.Limits { return e.p.limits }

func (e processEngine) Apply(ctx context.Context, b core.Batch) error {
	if e.p.hangs.Load() {
		<-ctx.Done()
		return fmt.Errorf("%w: %w", core.ErrMaybe, ctx.Err())
	}
	apply := func() error { return e.Engine.Apply(ctx, b) }
	if e.p.apply == nil {
		return apply()
	}
	return e.p.apply(b, apply)
}

func (e processEngine) SetMark(ctx context.Context, mark []byte) error {
	set := func() error { return e.Engine.SetMark(ctx, mark) }
	if e.p.setMark == nil {
		return set()
	}
	return e.p.setMark(set)
}

func (e processEngine) Powers() core.Powers {
	p := e.Engine.Powers()
	begin := p.Begin
	p.Begin = func(ctx context.Context, use core.Use) (core.Snapshot, error) {
		if e.p.begin != nil {
			if err := e.p.begin(use); err != nil {
				return nil, err
			}
		}
		return begin(ctx, use)
	}
	return p
}

func sharedStorage(t *testing.T, b core.Backend, opts ...core.Option) *core.Storage {
	t.Helper()
	s, err := core.Open(t.Context(), "db", b, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func sharedTable(t *testing.T, s *core.Storage) *core.Table[uint64, string, string] {
	t.Helper()
	table, err := core.OpenTable(t.Context(), s, "t", keys.Uint64(), values.String())
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func second[T any](_ T, err error) error { return err }

func put(t *testing.T, table *core.Table[uint64, string, string], k uint64, v string) {
	t.Helper()
	if err := table.Put(core.Bounded(t), k, v); err != nil {
		t.Fatal(err)
	}
}

// outcomes counts the outcome rows that are stored.
func outcomes(t *testing.T, b core.Backend) int { return rowsBehind(t, b, "\xff\xff\xff\xff") }

// rowsBehind counts the rows whose keys begin with prefix.
func rowsBehind(t *testing.T, b core.Backend, prefix string) (n int) {
	t.Helper()
	c, err := b.Claim(t.Context(), "db", true)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Mark(); err != nil {
		t.Fatal(err)
	}
	e, err := c.Open(t.Context(), core.EngineOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	snap, err := e.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer snap.Close()
	rows, err := snap.Scan(t.Context(), core.ScanRange{Low: []byte(prefix)})
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for {
		key, _, ok := rows.Next()
		if !ok || !strings.HasPrefix(string(key), prefix) {
			return n
		}
		n++
	}
}

// One outcome row is used again and again, changes places with a new one now and then, and goes
// with its process.
func TestOutcomeRowsDoNotPileUp(t *testing.T) {
	b := memory.NewShared()
	s := sharedStorage(t, b)
	table := sharedTable(t, s)
	for i := range uint64(600) {
		put(t, table, i, "")
	}
	if n := outcomes(t, b); n != 1 {
		t.Errorf("there are %d outcome rows while one goroutine writes", n)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if n := outcomes(t, b); n != 0 {
		t.Errorf("there are %d outcome rows after Close", n)
	}
}

// What a process that was killed leaves behind is deleted by another one when it is old; one
// that was only asleep goes on with a new row.
func TestOutcomeRowsOfDeadProcesses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := memory.NewShared()
		asleep := sharedStorage(t, b)
		table := sharedTable(t, asleep)
		put(t, table, 1, "")
		time.Sleep(time.Hour)
		sharedStorage(t, b).Close()
		if n := outcomes(t, b); n != 1 {
			t.Fatalf("after an hour there are %d outcome rows, want 1", n)
		}
		time.Sleep(25 * time.Hour)
		sharedStorage(t, b).Close()
		if n := outcomes(t, b); n != 0 {
			t.Errorf("after a day there are %d outcome rows", n)
		}
		put(t, table, 2, "")
		if n := outcomes(t, b); n != 1 {
			t.Errorf("a process that woke up has %d outcome rows", n)
		}
		asleep.Close()
	})
}

// A server that can be reached again is written to again, without reopening.
func TestNothingStopsASharedStorage(t *testing.T) {
	for _, failure := range []error{
		core.ErrUnavailable, core.ErrMaybe, core.ErrSnapshotExpired, core.ErrNoRoom,
		errors.New("connection reset by peer"),
	} {
		synctest.Test(t, func(t *testing.T) {
			b := memory.NewShared()
			down := false
			p := &process{Backend: b, apply: func(_ core.Batch, apply func() error) error {
				if down {
					return failure
				}
				return apply()
			}}
			s := sharedStorage(t, p)
			table := sharedTable(t, s)
			put(t, table, 1, "before")
			down = true
			began := time.Now()
			if err := table.Put(t.Context(), 1, "during"); err == nil {
				t.Errorf("%v: a write succeeded", failure)
			}
			if waited := time.Since(began); waited > time.Minute {
				t.Errorf("%v: a write took %v", failure, waited)
			}
			if err := s.DropTable(t.Context(), "t"); err == nil {
				t.Errorf("%v: DropTable succeeded", failure)
			}
			down = false
			put(t, table, 1, "after")
			if got, err := table.Load(t.Context(), 1); got != "after" || err != nil {
				t.Errorf("%v: then the row is %q, %v", failure, got, err)
			}
			s.Close()
		})
	}
}

// A server with standbys shows a commit that it does not wait for any more, because a client gave
// it up, and loses it if a standby that does not have it takes over. A write whose answer was
// lost was acknowledged as soon as it was seen, and was lost then.
func TestWhatIsSeenMayBeLostWithTheServer(t *testing.T) {
	b := memory.NewShared()
	var undo core.Batch // takes back what the standby does not have
	p := &process{Backend: b}
	table := sharedTable(t, sharedStorage(t, p))
	put(t, table, 1, "old")
	behind := sharedEngine(t, b)
	takesOver := func() (lost bool) {
		if undo.Writes == nil {
			return false
		}
		if err := behind.Apply(t.Context(), undo); err != nil {
			t.Error(err)
		}
		undo.Writes = nil
		return true
	}
	lose := true
	p.apply = func(batch core.Batch, apply func() error) error {
		switch {
		case lose:
			lose = false
			undo = undoing(t, behind, batch)
			return errors.Join(core.ErrMaybe, apply())
		case takesOver():
			return core.ErrUnavailable
		}
		return apply()
	}
	put(t, table, 1, "new")
	takesOver() // if it has not been asked for anything meanwhile
	p.apply = nil
	if got, err := table.Load(t.Context(), 1); got != "new" || err != nil {
		t.Errorf("the acknowledged row is %q, %v; want %q", got, err, "new")
	}
	put(t, table, 1, "newer") // the row of the outcome is known
}

// sharedEngine opens the storage of sharedStorage without a Storage.
func sharedEngine(t *testing.T, b core.Backend) core.Engine {
	t.Helper()
	c, err := b.Claim(t.Context(), "db", false)
	if err != nil {
		t.Fatal(err)
	}
	e, err := c.Open(t.Context(), core.EngineOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return e
}

// undoing returns what makes the rows that a batch writes to what they are.
func undoing(t *testing.T, e core.Engine, b core.Batch) (undo core.Batch) {
	t.Helper()
	for _, w := range b.Writes {
		back := core.Write{Key: bytes.Clone(w.Key)}
		value, held, err := e.Get(t.Context(), w.Key)
		switch {
		case err == nil:
			back.Value = bytes.Clone(value)
			held.Release()
		case errors.Is(err, core.ErrNotFound):
			back.Delete = true
		default:
			t.Fatal(err)
		}
		undo.Writes = append(undo.Writes, back)
	}
	return undo
}

// Each commit has rows of its own beside the caller's, which must fit into what the engine takes.
func TestSharedCommitsAreWithinTheLimits(t *testing.T) {
	limits := core.Limits{BatchRows: 10, BatchBytes: 4096}
	p := &process{Backend: memory.NewShared(), limits: limits}
	p.apply = func(b core.Batch, apply func() error) error {
		if err := limits.Check(b.Writes); err != nil {
			t.Errorf("a commit is over the limits: %v", err)
			return err
		}
		time.Sleep(time.Millisecond) // so that groups form
		return apply()
	}
	s := sharedStorage(t, p)
	table := sharedTable(t, s)
	done := make(chan error)
	for i := range 64 {
		go func() { done <- table.Put(t.Context(), uint64(i), "a row") }()
	}
	for range 64 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	rows := func(n uint64) func(func(uint64, string) bool) {
		return func(yield func(uint64, string) bool) {
			for i := range n {
				if !yield(i, "v") {
					return
				}
			}
		}
	}
	if err := table.PutAll(t.Context(), rows(7)); err != nil {
		t.Errorf("PutAll of 7 rows: %v", err)
	}
	if err := table.PutAll(t.Context(), rows(8)); !errors.Is(err, core.ErrTooLarge) {
		t.Errorf("PutAll of 8 rows, with three more in the commit: %v; want ErrTooLarge", err)
	}
	if _, err := table.PutStream(t.Context(), rows(100)); err != nil {
		t.Errorf("PutStream: %v", err)
	}
	if n, err := table.Count(t.Context()); n != 100 || err != nil {
		t.Errorf("%d rows, %v; want 100", n, err)
	}
}

// A write whose context ended while it was in a commit was not told when that ran into a conflict:
// it was tried again for as long as there were conflicts.
func TestTheContextEndsTriesOfASharedWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &process{Backend: memory.NewShared()}
		s := sharedStorage(t, p)
		table := sharedTable(t, s)
		put(t, table, 0, "")
		p.apply = func(core.Batch, func() error) error {
			time.Sleep(time.Second)
			return core.ErrConflict
		}
		done := make(chan error)
		for i := range 12 {
			ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
			defer cancel()
			go func() { done <- table.Put(ctx, uint64(i), "") }()
		}
		began := time.Now()
		for range 12 {
			if err := <-done; !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("a Put that has no chance: %v", err)
			}
		}
		if waited := time.Since(began); waited > time.Minute {
			t.Errorf("it took %v", waited)
		}
		p.apply = nil
		s.Close()
	})
}

// Writes that depend on nothing share no commit with those that do, whose conflicts would make
// them wait.
func TestBlindWritesShareNoCommitWithOthers(t *testing.T) {
	p := &process{Backend: memory.NewShared()}
	table := sharedTable(t, sharedStorage(t, p))
	p.apply = func(b core.Batch, apply func() error) error {
		blind, others := 0, 0
		for _, w := range b.Writes {
			switch {
			case w.Key[0] != 0: // the outcome
			case w.When == core.Unconditional:
				blind++
			default:
				others++
			}
		}
		if blind > 0 && others > 0 {
			t.Errorf("a commit has %d blind writes and %d others", blind, others)
		}
		time.Sleep(time.Millisecond) // so that groups form
		return apply()
	}
	done := make(chan error)
	for i := range uint64(64) {
		go func() { done <- table.Put(t.Context(), i, "") }()
		go func() { done <- table.Insert(t.Context(), 100+i, "") }()
	}
	for range 2 * 64 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}
