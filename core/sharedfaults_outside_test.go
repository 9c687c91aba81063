// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core_test

import (
	"context"
	"errors"
	"fmt"
	"io"
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

// After eight conflicts in a row the outcome row was taken for the cause, and left behind for a
// day. Where many change one row that was a new row, and a commit to make it, with every eighth
// conflict.
func TestConflictsLeaveNoOutcomeRows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := memory.NewShared()
		p := &process{Backend: b}
		table := sharedTable(t, sharedStorage(t, p))
		put(t, table, 1, "")
		left := 100
		p.apply = func(b core.Batch, apply func() error) error {
			if len(b.Conditions) == 1 { // which makes an outcome row
				return apply()
			}
			if left--; left >= 0 {
				return core.ErrConflict
			}
			return apply()
		}
		put(t, table, 1, "")
		if n := outcomes(t, b); n != 1 {
			t.Errorf("after a hundred conflicts there are %d outcome rows", n)
		}
	})
}

// A snapshot that cannot begin because of a conflict is a read that ran into one. A transaction
// was tried again then; single writes, Snapshot and what reads everything were not.
func TestConflictsWhereSnapshotsBegin(t *testing.T) {
	p := &process{Backend: memory.NewShared()}
	s := sharedStorage(t, p)
	table := sharedTable(t, s)
	ctx := t.Context()
	for name, call := range map[string]func() error{
		"Put":    func() error { return table.Put(ctx, 1, "v") },
		"Insert": func() error { return table.Insert(ctx, 2, "v") },
		"Delete": func() error { _, err := table.Delete(ctx, 3); return err },
		"Modify": func() error {
			return table.Modify(ctx, 4, func(string, bool) (string, core.Change, error) {
				return "v", core.Store, nil
			})
		},
		"Load": func() error {
			if _, err := table.Load(ctx, 5); !errors.Is(err, core.ErrNotFound) {
				return err
			}
			return nil
		},
		"Count":  func() error { _, err := table.Count(ctx); return err },
		"View":   func() error { return s.View(ctx, func(*core.Tx) error { return nil }) },
		"Update": func() error { return s.Update(ctx, func(*core.Tx) error { return nil }) },
		"Snapshot": func() error {
			tx, err := s.Snapshot(ctx)
			if err != nil {
				return err
			}
			return tx.Close()
		},
		"Backup": func() error { return s.Backup(ctx, io.Discard) },
		"Check":  func() error { return s.Check(ctx) },
		"Tables": func() error { _, err := s.Tables(ctx); return err },
		"OpenTable": func() error {
			_, err := core.OpenTable(ctx, s, "t2", keys.Uint64(), values.String())
			return err
		},
		"Clear": func() error { return table.Scan().From(10).Clear(ctx) },
	} {
		begun := 0
		p.begin = func(core.Use) error {
			if begun++; begun <= 3 {
				return core.ErrConflict
			}
			return nil
		}
		if err := call(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// When the answer to a group got lost and the group had taken effect, all of its requests were
// told that their outcome is unknown, also those that had asked the engine for nothing.
func TestOnlyAnswersThatGotLostAreMissing(t *testing.T) {
	p := &process{Backend: memory.NewShared(), writers: 1}
	s := sharedStorage(t, p)
	table := sharedTable(t, s)
	put(t, table, 0, "")
	lost := 0
	p.apply = func(b core.Batch, apply func() error) error {
		if len(b.Met) == 0 || len(b.Writes) < 4 || lost > 0 {
			return apply()
		}
		lost++
		return errors.Join(apply(), core.ErrMaybe)
	}
	in, out := make(chan struct{}), make(chan struct{})
	done := make(chan error)
	go func() {
		done <- s.Update(t.Context(), func(*core.Tx) error { // has the turn until all others wait
			close(in)
			<-out
			return nil
		})
	}()
	<-in
	inserted := make(chan error)
	for i := range uint64(8) {
		go func() { inserted <- table.Insert(t.Context(), 10+i, "") }()
		go func() {
			done <- table.Modify(t.Context(), 100+i, func(string, bool) (string, core.Change, error) {
				return "", core.Store, nil
			})
		}()
	}
	time.Sleep(50 * time.Millisecond) // in a group of one there is nothing to see
	close(out)
	for range 1 + 8 {
		if err := <-done; err != nil {
			t.Errorf("a write that asked for no answer: %v", err)
		}
	}
	for range 8 {
		if err := <-inserted; err != nil && !errors.Is(err, core.ErrMaybe) {
			t.Errorf("Insert: %v", err)
		}
	}
	if n, err := table.Count(t.Context()); n != 17 || err != nil {
		t.Errorf("%d rows, %v", n, err)
	}
}

// The time limit of a commit is not the caller's context. A caller that is told that a context has
// ended takes that for its own, and would believe that nothing was written.
func TestTheTimeOfCommitsIsNoContextOfTheCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &process{Backend: memory.NewShared()}
		s := sharedStorage(t, p)
		table := sharedTable(t, s)
		put(t, table, 1, "")
		p.hangs.Store(true)
		for name, call := range map[string]func() error{
			"Put":       func() error { return table.Put(t.Context(), 1, "") },
			"Insert":    func() error { return table.Insert(t.Context(), 2, "") },
			"DropTable": func() error { return s.DropTable(t.Context(), "t") },
			"Update": func() error {
				return s.Update(t.Context(), func(tx *core.Tx) error {
					return table.In(tx).Put(t.Context(), 3, "")
				})
			},
		} {
			began := time.Now()
			err := call()
			if !errors.Is(err, core.ErrMaybe) && !errors.Is(err, core.ErrUnavailable) {
				t.Errorf("%s: %v; want ErrMaybe or ErrUnavailable", name, err)
			}
			if errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s says that its context has ended: %v", name, err)
			}
			if waited := time.Since(began); waited > time.Minute {
				t.Errorf("%s took %v", name, waited)
			}
		}
		p.hangs.Store(false)
		put(t, table, 1, "after")
		s.Close()
	})
}

// A server was away, no one else wrote, and a write whose context ended meanwhile said that others
// had changed what it depends on. Settling a commit that was not made takes an answer, so it had
// met a conflict with itself.
func TestNoAnswerIsNoConflictWithOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &process{Backend: memory.NewShared()}
		s := sharedStorage(t, p)
		table := sharedTable(t, s)
		put(t, table, 1, "before")
		p.apply = func(b core.Batch, apply func() error) error {
			if len(b.Writes) > 1 { // a row beside that of the outcome
				return core.ErrMaybe
			}
			return apply()
		}
		for name, call := range map[string]func(context.Context) error{
			"Put": func(ctx context.Context) error { return table.Put(ctx, 1, "") },
			"Update": func(ctx context.Context) error {
				return s.Update(ctx, func(tx *core.Tx) error { return table.In(tx).Put(ctx, 1, "") })
			},
		} {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			err := call(ctx)
			cancel()
			if !errors.Is(err, core.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) ||
				errors.Is(err, core.ErrConflict) {
				t.Errorf("%s: %v; want ErrUnavailable and the context's end", name, err)
			}
		}
		p.apply = nil
		if got, err := table.Load(t.Context(), 1); got != "before" || err != nil {
			t.Errorf("then the row is %q, %v", got, err)
		}
		s.Close()
	})
}

// A read whose context ended while others changed the tables said that others had changed what the
// write depends on.
func TestAReadThatGivesUpSpeaksOfNoWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		moved := fmt.Errorf("%w: the tables moved", core.ErrConflict)
		p := &process{Backend: memory.NewShared()}
		s := sharedStorage(t, p)
		table := sharedTable(t, s)
		p.begin = func(core.Use) error { return moved }
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := table.Load(ctx, 1)
		if !errors.Is(err, moved) || !errors.Is(err, context.DeadlineExceeded) ||
			strings.Contains(err.Error(), "write") {
			t.Errorf("Load: %v; want the conflict and the context's end", err)
		}
		p.begin = nil
		s.Close()
	})
}

// Close and Shutdown while a commit hangs: they wait for it no longer than they say, and the
// engine is closed when it is over.
func TestCloseDuringAHungCommit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &process{Backend: memory.NewShared()}
		s := sharedStorage(t, p)
		table := sharedTable(t, s)
		put(t, table, 1, "before")
		p.hangs.Store(true)
		written := make(chan error)
		go func() { written <- table.Put(t.Context(), 1, "hung") }()
		synctest.Wait()
		if err := s.Close(); !errors.Is(err, core.ErrGuardsOpen) {
			t.Errorf("Close: %v", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := s.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Shutdown with a second: %v", err)
		}
		p.hangs.Store(false)
		if err := s.Shutdown(t.Context()); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		if err := <-written; err != nil { // the engine is open for as long as it is tried again
			t.Errorf("Put: %v", err)
		}
		if err := table.Put(t.Context(), 1, "late"); !errors.Is(err, core.ErrClosed) {
			t.Errorf("Put after Shutdown: %v", err)
		}
	})
}

// While all turns are taken, whoever waits for one can give up, and nothing stays taken.
func TestWaitingForTakenTurnsIsCanceled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &process{Backend: memory.NewShared(), writers: 8} // one is for the lease
		s := sharedStorage(t, p)
		table := sharedTable(t, s)
		put(t, table, 0, "")
		go_, hold := make(chan struct{}), make(chan struct{})
		p.apply = func(b core.Batch, apply func() error) error {
			<-go_
			return apply()
		}
		held := make(chan error)
		for range 6 {
			go func() {
				held <- s.Update(t.Context(), func(tx *core.Tx) error { <-hold; return nil })
			}()
		}
		go func() { held <- table.Put(t.Context(), 1, "") }()
		synctest.Wait()
		for name, call := range map[string]func(context.Context) error{
			"Update": func(ctx context.Context) error {
				return s.Update(ctx, func(*core.Tx) error { return errors.New("it ran") })
			},
			"Put":       func(ctx context.Context) error { return table.Put(ctx, 2, "lost") },
			"DropTable": func(ctx context.Context) error { return s.DropTable(ctx, "t") },
			"Clear":     func(ctx context.Context) error { return table.Scan().Clear(ctx) },
		} {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if err := call(ctx); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s while all turns are taken: %v", name, err)
			}
		}
		close(go_)
		close(hold)
		for range 7 {
			if err := <-held; err != nil {
				t.Error(err)
			}
		}
		p.apply = nil
		done := make(chan error)
		for i := range 14 { // every turn is there again
			go func() {
				if i%2 == 0 {
					done <- table.Put(t.Context(), uint64(10+i), "")
					return
				}
				done <- s.Update(t.Context(), func(tx *core.Tx) error {
					return table.In(tx).Put(t.Context(), uint64(10+i), "")
				})
			}()
		}
		for range 14 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		if n, err := table.Count(t.Context()); n != 16 || err != nil {
			t.Errorf("there are %d rows, %v", n, err)
		}
		s.Close()
	})
}

// A function that panics in one of several turns leaves all of them usable.
func TestPanicsGiveTurnsBack(t *testing.T) {
	p := &process{Backend: memory.NewShared(), writers: 8}
	s := sharedStorage(t, p)
	table := sharedTable(t, s)
	put(t, table, 0, "")
	var panics atomic.Bool
	panics.Store(true)
	p.apply = func(_ core.Batch, apply func() error) error {
		if panics.Load() {
			panic("engine")
		}
		return apply()
	}
	calls := []func() error{
		func() error { return table.Put(t.Context(), 1, "") },
		func() error { return table.Insert(t.Context(), 2, "") },
		func() error {
			return s.Update(t.Context(), func(tx *core.Tx) error {
				return table.In(tx).Put(t.Context(), 3, "")
			})
		},
		func() error { return s.Update(t.Context(), func(*core.Tx) error { panic("function") }) },
		func() error { return s.RenameTable(t.Context(), "t", "u") },
	}
	for range 10 {
		for i, call := range calls {
			func() {
				defer func() {
					if recover() == nil {
						t.Errorf("call %d did not panic", i)
					}
				}()
				call()
			}()
		}
	}
	panics.Store(false)
	done := make(chan error)
	for i := range uint64(7) {
		go func() {
			done <- s.Update(t.Context(), func(tx *core.Tx) error {
				return table.In(tx).Put(t.Context(), 10+i, fmt.Sprint(i))
			})
		}()
		go func() { done <- table.Put(t.Context(), 20+i, "") }()
	}
	for range 14 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if err := s.RenameTable(t.Context(), "t", "u"); err != nil {
		t.Error(err)
	}
}

// The answer to a commit that was made gets lost, and when it is looked for, its outcome row is
// gone: another process has taken it for abandoned. Nobody knows then, and nothing is sent again.
func TestTheOutcomeRowIsGoneWhenItIsLookedFor(t *testing.T) {
	b := memory.NewShared()
	p := &process{Backend: b}
	table := sharedTable(t, sharedStorage(t, p))
	count := func(old string, _ bool) (string, core.Change, error) { return old + "+", core.Store, nil }
	if err := table.Modify(t.Context(), 1, count); err != nil {
		t.Fatal(err)
	}
	p.apply = func(batch core.Batch, apply func() error) error {
		p.apply = nil
		err := apply()
		deleteOutcomes(t, b)
		return errors.Join(err, core.ErrMaybe)
	}
	if err := table.Modify(t.Context(), 1, count); !errors.Is(err, core.ErrMaybe) {
		t.Errorf("Modify gives %v; want ErrMaybe", err)
	}
	if err := table.Modify(t.Context(), 1, count); err != nil {
		t.Errorf("Modify after that: %v", err)
	}
	if got, err := table.Load(t.Context(), 1); got != "+++" || err != nil {
		t.Errorf("after three changes the row is %q, %v", got, err)
	}
}

// deleteOutcomes deletes all outcome rows.
func deleteOutcomes(t *testing.T, b core.Backend) {
	t.Helper()
	c, err := b.Claim(t.Context(), "db", false)
	if err != nil {
		t.Fatal(err)
	}
	e, err := c.Open(t.Context(), core.EngineOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	err = e.Apply(t.Context(), core.Batch{Writes: []core.Write{{
		Key: []byte{255, 255, 255, 255}, End: []byte{255, 255, 255, 255, 255}, Delete: true,
	}}})
	if err != nil {
		t.Fatal(err)
	}
}

// An Update that writes nothing after all, or fails, gives back the outcome row that it reserved.
func TestUpdatesThatWriteNothingLeaveNoOutcomeRows(t *testing.T) {
	b := memory.NewShared()
	s := sharedStorage(t, b)
	table := sharedTable(t, s)
	put(t, table, 1, "")
	failure := errors.New("failure")
	for range 10 {
		if err := s.Update(t.Context(), func(*core.Tx) error { return nil }); err != nil {
			t.Fatal(err)
		}
		err := s.Update(t.Context(), func(*core.Tx) error { return failure })
		if !errors.Is(err, failure) {
			t.Fatal(err)
		}
		if _, err := table.Delete(t.Context(), 2); err != nil { // of no row
			t.Fatal(err)
		}
	}
	if n := outcomes(t, b); n != 1 {
		t.Errorf("there are %d outcome rows", n)
	}
}

// Not only the answer to a commit gets lost, but also those to the writes that settle it, any
// number of times. Each of them leaves another value in the outcome row, and the next one still
// knows what the row says.
func TestAnswersToWhatSettlesACommitGetLost(t *testing.T) {
	for _, made := range []bool{true, false} {
		for lost := range 4 {
			synctest.Test(t, func(t *testing.T) {
				p := &process{Backend: memory.NewShared()}
				s := sharedStorage(t, p)
				table := sharedTable(t, s)
				put(t, table, 1, "")
				calls := 0
				p.apply = func(_ core.Batch, apply func() error) error {
					calls++
					switch {
					case calls == 1 && !made:
						return core.ErrMaybe
					case calls <= 1+lost:
						return errors.Join(apply(), core.ErrMaybe)
					}
					return apply()
				}
				add := func(old string, _ bool) (string, core.Change, error) {
					return old + "+", core.Store, nil
				}
				for range 2 {
					if err := table.Modify(t.Context(), 1, add); err != nil {
						t.Errorf("made %v, %d more answers lost: Modify returns %v", made, lost, err)
					}
				}
				if got, err := table.Load(t.Context(), 1); got != "++" || err != nil {
					t.Errorf("made %v, %d more answers lost: after two changes the row is %q, %v",
						made, lost, got, err)
				}
				s.Close()
			})
		}
	}
}

// The function of a leader panics, the others of its group are committed without it, and run into
// a conflict: they were nobody's any more, and waited forever.
func TestAGroupWhoseLeaderPanicsMeetsAConflict(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &process{Backend: memory.NewShared(), writers: 1}
		s := sharedStorage(t, p)
		table := sharedTable(t, s)
		put(t, table, 0, "")
		hold, held := make(chan struct{}), make(chan error)
		go func() { // has the turn until the others wait for it
			held <- s.Update(t.Context(), func(*core.Tx) error { <-hold; return nil })
		}()
		synctest.Wait()
		panicked, written := make(chan any), make(chan error, 1)
		go func() {
			defer func() { panicked <- recover() }()
			_ = table.Modify(t.Context(), 1, func(string, bool) (string, core.Change, error) {
				panic("function")
			})
		}()
		synctest.Wait()
		go func() {
			written <- table.Modify(t.Context(), 2, func(string, bool) (string, core.Change, error) {
				return "v", core.Store, nil
			})
		}()
		synctest.Wait()
		conflicts := 0
		p.apply = func(b core.Batch, apply func() error) error {
			if conflicts > 0 || len(b.Writes) == 1 { // of the outcome alone
				return apply()
			}
			conflicts++
			return core.ErrConflict
		}
		close(hold)
		if err := <-held; err != nil {
			t.Error(err)
		}
		if <-panicked == nil {
			t.Error("the function of the leader did not panic")
		}
		select {
		case err := <-written:
			if err != nil || conflicts != 1 {
				t.Errorf("after %d conflicts the other write returns %v", conflicts, err)
			}
		case <-time.After(time.Minute):
			t.Fatal("the other write waits forever")
		}
		s.Close()
	})
}
