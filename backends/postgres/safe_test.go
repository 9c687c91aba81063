// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package postgres

import (
	"fmt"
	"io"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/guardkv/guardkv/backends/postgres/postgrestest"
	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/remote"
)

// TestSafeSnapshot: a Snapshot between a transaction that is under way and one that has changed
// what the first one read could not be put into an order with both of them. It returned
// ErrConflict as soon as it read what the first one had written meanwhile, however often it was
// begun anew on a busy server. Now it begins when nothing can be in conflict with it.
func TestSafeSnapshot(t *testing.T) {
	b := Backend{URL: postgrestest.Shared(t).URL(), Commit: 10 * time.Minute}
	path := place()
	db, other := open(t, b, path), open(t, b, path)
	tab := openWords(t, db)
	elsewhere := openWords(t, other)
	do(t, tab.Put(t.Context(), "day", "monday"))
	do(t, tab.Put(t.Context(), "last sale", "none")) // changed later: a new row changes the index

	read, write := make(chan struct{}), make(chan struct{})
	sale := make(chan error)
	var once sync.Once
	go func() {
		sale <- other.Update(t.Context(), func(tx *core.Tx) error {
			day, err := elsewhere.In(tx).Load(t.Context(), "day")
			if err != nil {
				return err
			}
			once.Do(func() { close(read) })
			<-write
			return elsewhere.In(tx).Put(t.Context(), "last sale", day)
		})
	}()
	<-read
	do(t, tab.Put(t.Context(), "day", "tuesday"))
	var snap *core.Tx
	begun := make(chan error, 1)
	go func() {
		var err error
		snap, err = db.Snapshot(t.Context())
		begun <- err
	}()
	// A Snapshot that does not wait is there in milliseconds. If the machine takes longer for it,
	// it begins behind the sale, and nothing is in its way.
	early := false
	var err error
	select {
	case err = <-begun:
		early = true
	case <-time.After(300 * time.Millisecond):
	}
	close(write)
	do(t, <-sale)
	if !early {
		err = <-begun
	}
	do(t, err)
	defer snap.Close()
	for _, key := range []string{"day", "last sale"} {
		if _, err := tab.In(snap).Load(t.Context(), key); err != nil {
			t.Errorf("%q in a Snapshot: %v", key, err)
		}
	}
}

// TestSafeSnapshotInside: a Snapshot inside the function of an Update waits for that Update, which
// waits for it. It must end, and be what a Snapshot is without that wait.
func TestSafeSnapshotInside(t *testing.T) {
	b := Backend{URL: postgrestest.Shared(t).URL(), Commit: 4 * time.Second}
	db := open(t, b, place())
	tab := openWords(t, db)
	do(t, tab.Put(t.Context(), "k", "v"))
	do(t, db.Update(t.Context(), func(tx *core.Tx) error {
		if _, err := tab.In(tx).Load(t.Context(), "k"); err != nil {
			return err
		}
		snap, err := db.Snapshot(t.Context())
		if err != nil {
			return fmt.Errorf("a Snapshot inside: %w", err)
		}
		defer snap.Close()
		if v, err := tab.In(snap).Load(t.Context(), "k"); v != "v" || err != nil {
			t.Errorf("a row of a Snapshot inside is %q, %v", v, err)
		}
		return nil
	}))
}

// TestSafeState: what bounds the wait for a safe state bounds nothing that is read from it later.
func TestSafeState(t *testing.T) {
	b := Backend{URL: postgrestest.Shared(t).URL()}
	r, err := b.registry()
	do(t, err)
	path := place()
	options := core.EngineOptions{Mark: []byte("mark"), Logger: slog.New(slog.DiscardHandler)}
	e, err := remote.NewClaim(t.Context(), r, path, false).Open(t.Context(), options)
	do(t, err)
	t.Cleanup(func() { do(t, e.Close()) })
	seen, err := r.Look(t.Context(), path)
	do(t, err)
	d, err := r.driver(seen, false, options)
	do(t, err)
	t.Cleanup(func() { do(t, d.Close()) })
	s := d.Begin(core.ToKeep).(*state)
	defer s.Close()
	_, err = s.GetMany(t.Context(), [][]byte{[]byte("k")})
	do(t, err)
	for setting, want := range map[string]string{
		"statement_timeout": "0", "transaction_deferrable": "on",
	} {
		var got string
		do(t, s.ask(t.Context(), true, func(w *conn) {
			at := w.once("show " + setting)
			w.int16(0)
			w.execute(at)
		}, func(_ int, row [][]byte, _ int64) {
			if row != nil {
				got = string(row[0])
			}
		}))
		if got != want {
			t.Errorf("%s is %q in a state that was begun; want %q", setting, got, want)
		}
	}
}

// TestBackupOfABusyStorage: backups beside writers that are never still succeed, each at the first
// attempt.
func TestBackupOfABusyStorage(t *testing.T) {
	// With ten minutes none gives up waiting, however busy the machine is.
	b := Backend{URL: postgrestest.Shared(t).URL(), Commit: 10 * time.Minute}
	path := place()
	db := open(t, b, path)
	tab := openWords(t, db)
	const rows = 20
	for i := range rows {
		do(t, tab.Put(t.Context(), fmt.Sprint(i), "0"))
	}
	var writers sync.WaitGroup
	over := make(chan struct{})
	for w := range 4 {
		other := open(t, b, path)
		theirs := openWords(t, other)
		writers.Go(func() {
			for n := w; ; n++ {
				select {
				case <-over:
					return
				default:
				}
				err := other.Update(t.Context(), func(tx *core.Tx) error {
					in := theirs.In(tx)
					v, err := in.Load(t.Context(), fmt.Sprint((n+1)%rows))
					if err != nil {
						return err
					}
					return in.Put(t.Context(), fmt.Sprint(n%rows), v)
				})
				if err != nil {
					t.Errorf("Update: %v", err)
					return
				}
			}
		})
	}
	for range 10 {
		if err := db.Backup(t.Context(), io.Discard); err != nil {
			t.Errorf("Backup: %v", err)
		}
	}
	close(over)
	writers.Wait()
}
