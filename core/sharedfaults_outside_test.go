// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
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

// The mark of the new version was stored, and its answer got lost. The migration then gave its
// lease back with the old version, so the fence and the mark had different ones, and nobody could
// open the storage any more, ever.
func TestTheAnswerToTheMarkOfAMigrationGetsLost(t *testing.T) {
	for how, lose := range map[string]func(set func() error) error{
		"before": func(func() error) error { return core.ErrMaybe },
		"after": func(set func() error) error {
			return errors.Join(set(), core.ErrMaybe)
		},
		"unexplained": func(set func() error) error {
			return errors.Join(set(), errors.New("connection reset by peer"))
		},
	} {
		for _, times := range []int{1, 1_000_000} {
			synctest.Test(t, func(t *testing.T) {
				b := memory.NewShared()
				sharedStorage(t, b, core.WithVersion(1)).Close()
				left := times
				p := &process{Backend: b, setMark: func(set func() error) error {
					if left--; left < 0 {
						return set()
					}
					return lose(set)
				}}
				nothing := migratesTo(func(*core.Storage) error { return nil })
				began := time.Now()
				s, err := core.Open(t.Context(), "db", p, nothing...)
				if times == 1 && err != nil {
					t.Errorf("lost %s, once: Open gives %v", how, err)
				}
				if waited := time.Since(began); waited > time.Minute {
					t.Errorf("lost %s, %d times: Open takes %v", how, times, waited)
				}
				if err == nil {
					s.Close()
				}
				s, err = core.Open(t.Context(), "db", b, nothing...)
				if err != nil {
					t.Fatalf("lost %s, %d times: the next Open gives %v", how, times, err)
				}
				if s.Version() != 2 {
					t.Errorf("lost %s, %d times: then the version is %d", how, times, s.Version())
				}
				s.Close()
			})
		}
	}
}

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

// A storage was opened, and before its fence was read somebody moved it away. There was no fence
// then, as in a new storage, so it got one where it was by now: from then on what was written went
// to a storage that had been set aside, without a word.
func TestAStorageIsMovedWhileItIsOpened(t *testing.T) {
	for _, readOnly := range []bool{false, true} {
		b := memory.NewShared()
		sharedStorage(t, b, core.WithVersion(1)).Close()
		p := &process{Backend: b}
		p.opened = func() {
			p.opened = nil
			sharedStorage(t, b, core.WithVersion(2), core.WithRecreate(core.OnVersionBump))
		}
		options := []core.Option{core.WithAnyVersion()}
		if readOnly {
			options = append(options, core.WithReadOnly())
		}
		s := sharedStorage(t, p, options...)
		if s.Version() != 2 {
			t.Errorf("read-only %v: the storage that was opened is the old one", readOnly)
		}
		s.Close()
		p.opened = func() {
			p.opened = nil
			sharedStorage(t, b, core.WithVersion(3), core.WithRecreate(core.OnVersionBump))
		}
		if _, err := core.Open(t.Context(), "db", p, core.WithVersion(2)); !errors.Is(err,
			core.ErrVersionMismatch) {
			t.Errorf("read-only %v: Open in a version that was replaced: %v", readOnly, err)
		}
	}
}

// Open and Restore waited forever for a server that does not answer to the first write.
func TestOpeningDoesNotHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var stored bytes.Buffer
		b := memory.NewShared()
		s := sharedStorage(t, b)
		put(t, sharedTable(t, s), 1, "v")
		if err := s.Backup(t.Context(), &stored); err != nil {
			t.Fatal(err)
		}
		s.Close()
		for name, open := range map[string]func(context.Context, core.Backend) (*core.Storage, error){
			"Open": func(ctx context.Context, b core.Backend) (*core.Storage, error) {
				return core.Open(ctx, "new", b)
			},
			"Restore": func(ctx context.Context, b core.Backend) (*core.Storage, error) {
				return core.Restore(ctx, "restored", b, bytes.NewReader(stored.Bytes()))
			},
		} {
			p := &process{Backend: b}
			p.hangs.Store(true)
			began := time.Now()
			_, err := open(t.Context(), p)
			if waited := time.Since(began); err == nil || waited > 2*time.Minute {
				t.Errorf("%s gives %v after %v", name, err, waited)
			}
			if errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s says that its context has ended, which it has not: %v", name, err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			began = time.Now()
			_, err = open(ctx, p)
			if waited := time.Since(began); !errors.Is(err, context.DeadlineExceeded) ||
				waited > 2*time.Second {
				t.Errorf("%s with a second gives %v after %v", name, err, waited)
			}
			p.hangs.Store(false)
			s, err := open(t.Context(), p)
			if err != nil {
				t.Fatalf("%s, when the server answers again: %v", name, err)
			}
			s.Close()
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

// The same when a migration is waited for: Open gave up.
func TestConflictsWhileAMigrationIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := memory.NewShared()
		sharedStorage(t, b, core.WithVersion(1)).Close()
		started := make(chan struct{})
		done := make(chan error)
		go func() {
			s, err := core.Open(t.Context(), "db", b, migratesTo(func(*core.Storage) error {
				close(started)
				time.Sleep(5 * time.Second)
				return nil
			})...)
			if err == nil {
				err = s.Close()
			}
			done <- err
		}()
		<-started
		p := &process{Backend: b}
		begun := 0
		p.begin = func(use core.Use) error {
			if begun++; use == core.ToReadOnce && begun%2 == 0 {
				return core.ErrConflict
			}
			return nil
		}
		again := func(*core.Storage) error { return errors.New("the migration runs twice") }
		s, err := core.Open(t.Context(), "db", p, migratesTo(again)...)
		if err != nil {
			t.Errorf("Open during a migration: %v", err)
		} else {
			s.Close()
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// A migration that ended just when another process began to wait for it kept that one waiting for
// ten seconds: there was no row of the lease, and so none that changed.
func TestAMigrationEndsWhenItIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := memory.NewShared()
		sharedStorage(t, b, core.WithVersion(1)).Close()
		started, end := make(chan struct{}), make(chan struct{})
		done := make(chan error)
		go func() {
			s, err := core.Open(t.Context(), "db", b, migratesTo(func(*core.Storage) error {
				close(started)
				<-end
				return nil
			})...)
			if err == nil {
				err = s.Close()
			}
			done <- err
		}()
		<-started
		p := &process{Backend: b}
		p.begin = func(use core.Use) error {
			if use == core.ToReadOnce { // the lease is looked at
				p.begin = nil
				close(end)
				return <-done
			}
			return nil
		}
		again := func(*core.Storage) error { return errors.New("the migration runs twice") }
		began := time.Now()
		s, err := core.Open(t.Context(), "db", p, migratesTo(again)...)
		if err != nil {
			t.Fatal(err)
		}
		s.Close()
		if waited := time.Since(began); waited > 5*time.Second {
			t.Errorf("Open waited %v for a migration that was over", waited)
		}
	})
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

// The time that a commit may take is none of the caller's contexts: who is told that a context
// has ended takes it for the own one, after which nothing was written.
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

// Two processes of a new version start at once, and set the table aside under OnFormatChange: one
// of them does, and the other one finds the new table.
func TestTwoProcessesSetATableAsideAtOnce(t *testing.T) {
	b := memory.NewShared()
	put(t, sharedTable(t, sharedStorage(t, b)), 1, "old")
	one := &process{Backend: b}
	first := sharedStorage(t, one, core.WithRecreate(core.OnFormatChange))
	second := sharedStorage(t, b, core.WithRecreate(core.OnFormatChange))
	open := func(s *core.Storage) (*core.Table[uint64, int, int], error) {
		return core.OpenTable(t.Context(), s, "t", keys.Uint64(), values.JSON[int]())
	}
	var theirs *core.Table[uint64, int, int]
	one.apply = func(batch core.Batch, apply func() error) error {
		if len(batch.Writes) < 3 { // it makes the row of its outcome
			return apply()
		}
		one.apply = nil
		var err error
		if theirs, err = open(second); err != nil { // faster
			t.Error(err)
		}
		return apply()
	}
	mine, err := open(first)
	if err != nil {
		t.Fatal(err)
	}
	if _, replaced := first.Recreated(); replaced {
		t.Error("the slower process says that it has set the table aside")
	}
	if err := mine.Put(t.Context(), 1, 1); err != nil {
		t.Fatal(err)
	}
	if got, err := theirs.Load(t.Context(), 1); got != 1 || err != nil {
		t.Errorf("the faster process reads %d, %v", got, err)
	}
	infos, err := first.Tables(t.Context())
	if err != nil || len(infos) != 2 || !strings.HasPrefix(infos[1].Name, "t.replaced-") {
		t.Errorf("there are the tables %+v, %v; want t, and what was set aside once", infos, err)
	}
}

// schema is a format that keeps what it is called with the table. during runs while a table is
// being bound to it.
type schema struct {
	core.ValueFormat[string, string]
	name   string
	during func()
}

func (f schema) Powers() core.FormatPowers[string, string] {
	return core.FormatPowers[string, string]{
		Bind: func(stored []byte) (core.ValueFormat[string, string], []byte, error) {
			if f.during != nil {
				f.during()
			}
			return f.ValueFormat, []byte(f.name), nil
		},
	}
}

// Another process opens a table with a new schema, which closes the handles of the old one. A
// handle that was just about to be given out stayed open.
func TestASchemaChangesWhileATableIsOpened(t *testing.T) {
	b := memory.NewShared()
	first, second := sharedStorage(t, b), sharedStorage(t, b)
	beside := sharedTable(t, first)
	open := func(s *core.Storage, f schema) (*core.Table[uint64, string, string], error) {
		f.ValueFormat = values.String()
		return core.OpenTable(t.Context(), s, "s", keys.Uint64(), f)
	}
	if _, err := open(second, schema{name: "old"}); err != nil {
		t.Fatal(err)
	}
	changes := 0
	table, err := open(first, schema{name: "old", during: func() {
		if changes++; changes > 1 {
			return
		}
		if _, err := open(second, schema{name: "new"}); err != nil {
			t.Error(err)
		}
		beside.Has(t.Context(), 1) // the process hears of it
	}})
	if err != nil {
		return // it was noticed
	}
	err = table.Put(t.Context(), 1, "v")
	infos, failed := second.Tables(t.Context())
	if failed != nil {
		t.Fatal(failed)
	}
	if stored := string(infos[0].Meta); stored == "new" && !errors.Is(err, core.ErrFormatMismatch) {
		t.Errorf("Put through a handle of the old schema gives %v, and the table has the new one",
			err)
	}
}

// While a table is dropped, renamed and made anew by another process, a transaction, a guard and
// a scan that are open go on with what they saw, whenever the own process reads the catalog again.
func TestReloadsBesideOpenReads(t *testing.T) {
	b := memory.NewShared()
	s, other := sharedStorage(t, b), sharedStorage(t, b)
	table, beside := sharedTable(t, s), "beside"
	for i := range uint64(10) {
		put(t, table, i, "old")
	}
	hear := func() {
		if _, err := core.OpenTable(t.Context(), s, beside, keys.Uint64(), values.String()); err != nil {
			t.Error(err)
		}
	}
	g, err := table.Get(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for row, err := range table.Scan().Rows(t.Context()) {
		if n++; err != nil || row.Value != "old" {
			t.Errorf("row %d is %q, %v", n, row.Value, err)
		}
		if n == 1 {
			for _, err := range []error{
				other.RenameTable(t.Context(), "t", "gone"), other.DropTable(t.Context(), "gone"),
			} {
				if err != nil {
					t.Error(err)
				}
			}
			put(t, sharedTable(t, other), 1, "new")
			hear()
		}
	}
	if n != 10 {
		t.Errorf("the scan ended after %d rows", n)
	}
	if g.Value() != "old" {
		t.Errorf("the guard shows %q", g.Value())
	}
	if err := g.Close(); err != nil {
		t.Error(err)
	}
	if _, err := table.Load(t.Context(), 1); !errors.Is(err, core.ErrDropped) {
		t.Errorf("Load: %v", err)
	}
	if got, err := sharedTable(t, s).Load(t.Context(), 1); got != "new" || err != nil {
		t.Errorf("the new table has %q, %v", got, err)
	}
}

// Two processes restore to one path at once, whose claims lock nothing: one of them does, and the
// other one says why it did not.
func TestTwoRestoresToOnePath(t *testing.T) {
	var stored bytes.Buffer
	b := memory.NewShared()
	s := sharedStorage(t, b)
	table := sharedTable(t, s)
	for i := range uint64(1000) {
		put(t, table, i, "v")
	}
	if err := s.Backup(t.Context(), &stored); err != nil {
		t.Fatal(err)
	}
	restore := func(b core.Backend) (*core.Storage, error) {
		return core.Restore(t.Context(), "restored", b, bytes.NewReader(stored.Bytes()))
	}
	slow := &process{Backend: b}
	applied := 0
	var theirs *core.Storage
	slow.apply = func(batch core.Batch, apply func() error) error {
		if applied++; applied > 1 && len(batch.Conditions) != 1 {
			t.Errorf("write %d of a Restore does not demand that the storage is still there", applied)
		}
		if applied == 2 { // behind the fence
			var err error
			if theirs, err = restore(b); err != nil {
				t.Error(err)
			}
		}
		return apply()
	}
	_, err := restore(slow)
	if !errors.Is(err, core.ErrConflict) && !errors.Is(err, core.ErrLocked) &&
		!errors.Is(err, fs.ErrExist) && !errors.Is(err, core.ErrExists) {
		t.Errorf("the slower Restore: %v", err)
	}
	if err != nil && !strings.Contains(err.Error(), "another Restore") {
		t.Errorf("the slower Restore does not say what happened: %v", err)
	}
	defer theirs.Close()
	infos, err := theirs.Tables(t.Context())
	if err != nil || len(infos) != 1 {
		t.Fatalf("there are the tables %v, %v", infos, err)
	}
	if n, err := sharedTable(t, theirs).Count(t.Context()); n != 1000 || err != nil {
		t.Errorf("the faster one restored %d rows, %v", n, err)
	}
	for _, path := range []string{"restored.restoring"} {
		if left, err := b.List(t.Context(), path); len(left) > 0 || err != nil {
			t.Errorf("%q is left, %v", left, err)
		}
	}
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

// Two processes open a new storage at once: the slower one leaves the fence of the faster one
// alone, which would else take the storage for another one.
func TestTheFirstFenceIsMadeOnce(t *testing.T) {
	b := memory.NewShared()
	slow := &process{Backend: b}
	var theirs *core.Table[uint64, string, string]
	slow.apply = func(_ core.Batch, apply func() error) error {
		slow.apply = nil
		theirs = sharedTable(t, sharedStorage(t, b))
		put(t, theirs, 1, "v")
		return apply()
	}
	mine := sharedTable(t, sharedStorage(t, slow))
	put(t, mine, 2, "v")
	put(t, theirs, 3, "v")
	for _, table := range []*core.Table[uint64, string, string]{mine, theirs} {
		if n, err := table.Count(t.Context()); n != 3 || err != nil {
			t.Errorf("%d rows, %v; want 3", n, err)
		}
	}
}

// A process opens a storage when the version of a migration is stored, and the lease is not given
// back yet. It waits for that, which would else close what it has just opened.
func TestAStorageIsOpenedAtTheEndOfAMigration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := memory.NewShared()
		sharedStorage(t, b, core.WithVersion(1)).Close()
		done := make(chan error)
		p := &process{Backend: b}
		p.setMark = func(set func() error) error {
			err := set()
			go func() {
				s, err := core.Open(t.Context(), "db", b, core.WithVersion(2))
				if err == nil {
					time.Sleep(3 * time.Second)
					_, err = core.OpenTable(t.Context(), s, "t", keys.Uint64(), values.String())
					err = errors.Join(err, s.Close())
				}
				done <- err
			}()
			time.Sleep(2 * time.Second)
			return err
		}
		migrated := sharedStorage(t, p, migratesTo(func(*core.Storage) error { return nil })...)
		if err := <-done; err != nil {
			t.Errorf("the process that opened the storage: %v", err)
		}
		migrated.Close()
	})
}

// A process whose lease was taken over comes back: it leaves the row alone that shows that the
// other one migrates, which would else be taken for dead in its turn.
func TestALostLeaseIsLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := memory.NewShared()
		sharedStorage(t, b, core.WithVersion(1)).Close()
		var away atomic.Bool
		p := &process{Backend: b, apply: func(_ core.Batch, apply func() error) error {
			if away.Load() {
				return core.ErrUnavailable
			}
			return apply()
		}}
		migrates := make(chan string, 9)
		migration := func(name string, run func()) []core.Option {
			return migratesTo(func(*core.Storage) error {
				migrates <- name
				run()
				return nil
			})
		}
		done := make(chan error)
		open := func(b core.Backend, opts []core.Option) {
			s, err := core.Open(t.Context(), "db", b, opts...)
			if err == nil {
				err = s.Close()
			}
			done <- err
		}
		go open(p, migration("first", func() {
			away.Store(true)
			time.Sleep(14 * time.Second)
			away.Store(false)
			time.Sleep(60 * time.Second)
		}))
		synctest.Wait()
		go open(b, migration("second", func() { time.Sleep(35 * time.Second) }))
		time.Sleep(20 * time.Second) // the second one has taken the lease over, the first is back
		go open(b, migration("third", func() {}))
		for i := range 3 {
			if err := <-done; err != nil {
				t.Error(err)
			}
			time.Sleep(3 * time.Second)
			if n := rowsBehind(t, b, "\x00\x00\x00\x00migration"); i == 1 && n > 0 {
				t.Error("the first one shows that it migrates, when all is over")
			}
		}
		close(migrates)
		names := ""
		for name := range migrates {
			names += name + " "
		}
		if names != "first second " {
			t.Errorf("these have migrated: %s", names)
		}
	})
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
