// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core_test

import (
	"context"
	"errors"
	"fmt"
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
// lease back with the old version, so the fence and the mark had different ones, and the storage
// could never be opened again.
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
// ten seconds: there was no lease row any more, and the other process waited for it to change.
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

// A process whose lease was taken over comes back. It must leave alone the row that shows that the
// other process migrates, or that one would be taken for dead in its turn.
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

// migratesTo opens a storage in version 2.
func migratesTo(migrate func(*core.Storage) error) []core.Option {
	return []core.Option{
		core.WithVersion(2),
		core.WithMigration(func(_ context.Context, s *core.Storage, _, _ uint64) error {
			return migrate(s)
		}),
	}
}

// Whoever knows the old version neither reads nor writes from the beginning of a migration on:
// it would write what the new version cannot read.
func TestAMigrationFencesOthersOut(t *testing.T) {
	b := memory.NewShared()
	old := sharedTable(t, sharedStorage(t, b, core.WithVersion(1)))
	put(t, old, 1, "old")
	fencedOut := func() {
		t.Helper()
		for name, err := range map[string]error{
			"Put": old.Put(t.Context(), 1, "lost"),
			"Get": second(old.Get(t.Context(), 1)),
		} {
			if !errors.Is(err, core.ErrClosed) || !errors.Is(err, core.ErrVersionMismatch) {
				t.Errorf("%s by the old version: %v; want ErrClosed and ErrVersionMismatch",
					name, err)
			}
		}
	}
	s := sharedStorage(t, b, migratesTo(func(s *core.Storage) error {
		fencedOut()
		put(t, sharedTable(t, s), 1, "new")
		return nil
	})...)
	fencedOut()
	if got, err := sharedTable(t, s).Load(t.Context(), 1); got != "new" || err != nil {
		t.Errorf("after the migration: %q, %v", got, err)
	}
	if _, err := core.Open(t.Context(), "db", b, core.WithVersion(1)); !errors.Is(err,
		core.ErrVersionMismatch) {
		t.Errorf("Open in the old version: %v", err)
	}
}

// A migration that fails leaves the storage in its old version, for the next one to migrate.
func TestAFailedMigrationGivesTheLeaseBack(t *testing.T) {
	b := memory.NewShared()
	sharedStorage(t, b, core.WithVersion(1))
	failure := errors.New("failure")
	_, err := core.Open(t.Context(), "db", b,
		migratesTo(func(*core.Storage) error { return failure })...)
	if !errors.Is(err, failure) {
		t.Fatalf("Open: %v; want the error of the migration", err)
	}
	if s := sharedStorage(t, b, core.WithVersion(1)); s.Version() != 1 {
		t.Errorf("the version is %d", s.Version())
	}
	s := sharedStorage(t, b, migratesTo(func(*core.Storage) error { return nil })...)
	if s.Version() != 2 {
		t.Errorf("the version is %d after the next migration", s.Version())
	}
}

// Several processes of the new version start at once: one migrates, the others wait for it.
func TestOneOfSeveralMigrates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := memory.NewShared()
		first := sharedStorage(t, b, core.WithVersion(1))
		var ran atomic.Int32
		done := make(chan error)
		for range 3 {
			go func() {
				s, err := core.Open(t.Context(), "db", b, migratesTo(func(*core.Storage) error {
					ran.Add(1)
					time.Sleep(25 * time.Second) // longer than anybody waits for one that is dead
					return nil
				})...)
				if err == nil && s.Version() != 2 {
					err = fmt.Errorf("opened in version %d", s.Version())
				}
				done <- err
				if err == nil {
					s.Close()
				}
			}()
		}
		for range 3 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		if n := ran.Load(); n != 1 {
			t.Errorf("the migration ran %d times", n)
		}
		first.Close()
	})
}

// A migration can take longer than an Open may wait. How long it waits was said nowhere, and
// neither was that its context makes that shorter.
func TestAnOpenWaitsForAMigrationForBoundedTime(t *testing.T) {
	for _, c := range []struct {
		patience time.Duration // of the context of Open
		want     error
		within   time.Duration
	}{
		{3 * time.Second, context.DeadlineExceeded, 3 * time.Second},
		{time.Hour, core.ErrLocked, 31 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			b := memory.NewShared()
			first := sharedStorage(t, b, core.WithVersion(1))
			begun := make(chan struct{})
			migrates := migratesTo(func(*core.Storage) error {
				close(begun)
				time.Sleep(time.Minute)
				return nil
			})
			done := make(chan error)
			go func() {
				s, err := core.Open(t.Context(), "db", b, migrates...)
				if err == nil {
					err = s.Close()
				}
				done <- err
			}()
			<-begun
			ctx, cancel := context.WithTimeout(t.Context(), c.patience)
			defer cancel()
			start := time.Now()
			_, err := core.Open(ctx, "db", b, migratesTo(func(*core.Storage) error {
				return errors.New("it migrates too")
			})...)
			if took := time.Since(start); !errors.Is(err, c.want) || took > c.within {
				t.Errorf("with %v of patience Open gives %v after %v; want %v within %v",
					c.patience, err, took, c.want, c.within)
			}
			if err := <-done; err != nil {
				t.Error(err)
			}
			first.Close()
		})
	}
}

// A process that migrates loses the server, or stops for long: another one takes over, and what
// the first one writes when it is back does not come in between.
func TestAMigrationOfADeadProcessIsTakenOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := memory.NewShared()
		sharedStorage(t, b, core.WithVersion(1))
		var away atomic.Bool
		hanging := &process{Backend: b, apply: func(_ core.Batch, apply func() error) error {
			if away.Load() {
				return core.ErrUnavailable
			}
			return apply()
		}}
		taken, late := make(chan struct{}), make(chan error, 1)
		go func() {
			_, err := core.Open(t.Context(), "db", hanging,
				migratesTo(func(s *core.Storage) error {
					table := sharedTable(t, s)
					away.Store(true)
					<-taken
					away.Store(false)
					late <- table.Put(t.Context(), 1, "late")
					return nil
				})...)
			late <- err
		}()
		synctest.Wait()
		began := time.Now()
		s := sharedStorage(t, b, migratesTo(func(s *core.Storage) error {
			put(t, sharedTable(t, s), 1, "mine")
			return nil
		})...)
		if waited := time.Since(began); waited < 5*time.Second || waited > time.Minute {
			t.Errorf("the migration was taken over after %v", waited)
		}
		close(taken)
		if err := <-late; !errors.Is(err, core.ErrClosed) {
			t.Errorf("the first process wrote after all: %v; want ErrClosed", err)
		}
		if err := <-late; err != nil { // its own migration came to nothing, and the storage is new
			t.Errorf("the first process does not open what the other one migrated: %v", err)
		}
		if got, err := sharedTable(t, s).Load(t.Context(), 1); got != "mine" || err != nil {
			t.Errorf("after the migration: %q, %v", got, err)
		}
		s.Close()
	})
}

// runsTwice is a migration that must not run.
func runsTwice(context.Context, *core.Storage, uint64, uint64) error {
	return errors.New("the migration runs twice")
}

// While a migration goes on, nobody opens the storage but whoever could go on with it: any other
// would read and write what is half of the old version and half of the new one.
func TestWhoOpensAStorageDuringAMigration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := memory.NewShared()
		sharedStorage(t, b, core.WithVersion(1)).Close()
		migrated := sharedStorage(t, b, migratesTo(func(*core.Storage) error {
			for name, opts := range map[string][]core.Option{
				"in the old version": {core.WithVersion(1)},
				"in any version":     {core.WithAnyVersion()},
				"in a third version": {core.WithVersion(3), core.WithMigration(runsTwice)},
				"in the new version, without the migration": {
					core.WithVersion(2), core.WithAnyVersion(),
				},
				"in the new version, to read": {
					core.WithVersion(2), core.WithAnyVersion(), core.WithMigration(runsTwice),
					core.WithReadOnly(),
				},
			} {
				s, err := core.Open(t.Context(), "db", b, opts...)
				if !errors.Is(err, core.ErrVersionMismatch) {
					t.Errorf("Open %s returns %v; want ErrVersionMismatch", name, err)
				}
				if err == nil {
					s.Close()
				}
			}
			return nil
		})...)
		migrated.Close()
	})
}

// A process has read the mark of the old version when another one migrates, from beginning to end.
// It begins anew: with what it knows, it would migrate again, or take the storage for one of the
// old version.
func TestAMigrationAfterTheMarkWasRead(t *testing.T) {
	for name, opts := range map[string][]core.Option{
		"with the migration":      {core.WithVersion(2), core.WithMigration(runsTwice)},
		"in any version":          {core.WithAnyVersion()},
		"in any version, to read": {core.WithAnyVersion(), core.WithReadOnly()},
	} {
		b := memory.NewShared()
		sharedStorage(t, b, core.WithVersion(1)).Close()
		p := &process{Backend: b}
		p.opened = func() {
			p.opened = nil
			sharedStorage(t, b, migratesTo(func(*core.Storage) error { return nil })...).Close()
		}
		s, err := core.Open(t.Context(), "db", p, opts...)
		if err != nil {
			t.Errorf("Open %s: %v", name, err)
			continue
		}
		if s.Version() != 2 {
			t.Errorf("opened %s, the storage has version %d; want 2", name, s.Version())
		}
		s.Close()
	}
}

// A process whose lease was taken over ends its migration while the other one migrates. It must not
// store the new version: whoever finds that opens what is half migrated.
func TestALostLeaseStoresNoVersion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := memory.NewShared()
		sharedStorage(t, b, core.WithVersion(1)).Close()
		var away atomic.Bool
		p := &process{
			Backend: b,
			apply: func(_ core.Batch, apply func() error) error {
				if away.Load() {
					return core.ErrUnavailable
				}
				return apply()
			},
			setMark: func(set func() error) error {
				t.Error("the version is stored by the process that lost its lease")
				return set()
			},
		}
		done := make(chan error)
		open := func(b core.Backend, migrate func(*core.Storage) error) {
			s, err := core.Open(t.Context(), "db", b, migratesTo(migrate)...)
			if err == nil {
				err = s.Close()
			}
			done <- err
		}
		go open(p, func(*core.Storage) error {
			away.Store(true)
			time.Sleep(20 * time.Second)
			away.Store(false)
			return nil
		})
		synctest.Wait()
		go open(b, func(*core.Storage) error {
			time.Sleep(20 * time.Second) // begins when nobody has changed the lease for ten
			return nil
		})
		for range 2 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
	})
}
