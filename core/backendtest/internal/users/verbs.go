// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package users

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"
	"strings"
	"sync"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/backendtest/internal/decorate"
	"github.com/guardkv/guardkv/core/backendtest/internal/kit"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/values"
)

var verbPromises = []kit.Promise{
	{
		Name: "snapshots/state", Check: checkSnapshotTx,
		Explanation: "a Tx of Snapshot reads one snapshot until its Close, by every verb, and " +
			"refuses writes",
	},
	{
		Name: "snapshots/close", Check: checkSnapshotTxClose,
		Explanation: "an open Snapshot counts for ErrGuardsOpen and stays readable; closing it " +
			"again does nothing; then it returns ErrTxDone",
	},
	{
		Name: "snapshots/concurrent", Check: checkSnapshotTxConcurrent,
		Explanation: "a Tx of Snapshot is safe for concurrent use, Close beside it included",
	},
	{
		Name: "snapshots/only its own", Check: checkCloseOfATx,
		Explanation: "Close of a Tx that View or Update passed is an error, and changes nothing",
	},
	{
		Name: "shutdown/waits", Check: checkShutdown,
		Explanation: "Shutdown refuses new work, waits for what is open, and returns when the " +
			"engine is closed; its context ends the wait",
	},
	{
		Name: "shutdown/races", Check: checkShutdownRaces,
		Explanation: "work that races with Shutdown is done or returns ErrClosed, several " +
			"Shutdowns all return, and the storage can be opened at once",
	},
	{
		Name: "sync/durable", Check: checkSync,
		Explanation: "Sync returns nil when what was written is durable, with and without " +
			"WithoutSync",
	},
	{
		Name: "sync/fails", Check: checkSyncFails, Alone: true,
		Explanation: "after a Sync that failed or panicked nothing is written until the storage " +
			"is opened again; after one that was cancelled all goes on",
	},
	{
		Name: "rename table/rows", Check: checkRenameTable,
		Explanation: "RenameTable keeps rows and open handles, survives reopening, and refuses " +
			"names that are absent, taken or impossible",
	},
	{
		Name: "rename table/beside others", Check: checkRenameBesideOthers,
		Explanation: "a table may be renamed while others read, write, list and check it",
	},
	{
		Name: "raw/rows", Check: checkRaw,
		Explanation: "OpenRaw shows the encoded rows of any table in key order, without " +
			"checksums, and refuses writes with ErrReadOnly",
	},
	{
		Name: "transactions/put all", Check: checkTxPutAll,
		Explanation: "TxTable.PutAll stores all rows or, after an error or a panic, none of them",
	},
	{
		Name: "storage/state", Check: checkState,
		Explanation: "Path, Version and Size describe an open storage",
	},
}

func snapshotTx(t *kit.Trial, s *core.Storage) *core.Tx {
	t.TB.Helper()
	tx, err := s.Snapshot(t.Ctx)
	t.Do("Snapshot", err)
	return tx
}

func checkSnapshotTx(t *kit.Trial) {
	s, tab := openOne(t)
	long := strings.Repeat("long", 20_000)
	load(t, tab, 5)
	put1(t, tab, "long", long)
	tx := snapshotTx(t, s)
	in := tab.In(tx)
	view, err := in.Get(t.Ctx, "long")
	t.Do("Get", err)
	put1(t, tab, "some000001", "later")
	_, err = tab.Delete(t.Ctx, "long")
	t.Do("Delete", err)
	load(t, tab, 3)
	if view != long {
		t.Errorf("a view that a snapshot gave has changed")
	}
	if got, err := in.Load(t.Ctx, "some000001"); got != "value 1" || err != nil {
		t.Errorf("Load = %q, %v; want what was there when the snapshot was made", got, err)
	}
	if found, err := in.Has(t.Ctx, "long"); !found || err != nil {
		t.Errorf("Has = %v, %v; want true", found, err)
	}
	if n, err := in.Count(t.Ctx); n != 6 || err != nil {
		t.Errorf("Count = %d, %v; want 6", n, err)
	}
	if got := scanned(t, in.Scan().Reverse().Limit(2)); len(got) != 2 ||
		got[1].Value != "value 3" && got[0].Value != "value 4" {
		t.Errorf("a scan shows %v", got)
	}
	t.Is("Put", in.Put(t.Ctx, "a", "b"), core.ErrReadOnly)
	_, err = in.Delete(t.Ctx, "some000001")
	t.Is("Delete", err, core.ErrReadOnly)
	t.Do("Close", tx.Close())
}

func checkSnapshotTxClose(t *kit.Trial) {
	s, tab := openOne(t)
	load(t, tab, 3)
	tx := snapshotTx(t, s)
	in := tab.In(tx)
	next, stop := iter.Pull2(in.Scan().Rows(t.Ctx))
	defer stop()
	next()
	t.Is("Close of the storage", s.Close(), core.ErrGuardsOpen)
	if got, err := in.Load(t.Ctx, "some000002"); got != "value 2" || err != nil {
		t.Errorf("after the storage's Close a snapshot gives %q, %v", got, err)
	}
	t.Do("Close", tx.Close())
	t.Do("Close again", tx.Close())
	t.Is("Close of the storage beside a loop", s.Close(), core.ErrGuardsOpen)
	if _, err, ok := next(); !ok || !errors.Is(err, core.ErrTxDone) {
		t.Errorf("a loop over a snapshot that was closed gives %v, %v; want ErrTxDone", err, ok)
	}
	_, err := in.Get(t.Ctx, "some000002")
	t.Is("Get", err, core.ErrTxDone)
	_, err = in.Scan().Cursor(t.Ctx)
	t.Is("Cursor", err, core.ErrTxDone)
	stop()
	t.Do("Close of the storage", s.Close())
	_, err = s.Snapshot(t.Ctx)
	t.Is("Snapshot of a closed storage", err, core.ErrClosed)
}

func checkSnapshotTxConcurrent(t *kit.Trial) {
	s, tab := openOne(t)
	n := t.Pick(200, 60)
	load(t, tab, n)
	tx := snapshotTx(t, s)
	in := tab.In(tx)
	var readers sync.WaitGroup
	for r := range 4 {
		readers.Go(func() {
			for i := 0; ; i++ {
				if i == n && r > 0 {
					t.Do("Close", tx.Close())
				}
				k := fmt.Sprintf("some%06d", (i*7+r)%n)
				got, err := in.Load(t.Ctx, k)
				if err == nil {
					var rows int
					rows, err = in.Scan().From(k).Limit(5).Count(t.Ctx)
					if err == nil && (got == "" || rows == 0) {
						t.Errorf("%s is %q, and %d rows follow", k, got, rows)
					}
				}
				if errors.Is(err, core.ErrTxDone) {
					return
				}
				t.Do("a read", err)
			}
		})
	}
	readers.Wait()
	t.Do("Close of the storage", s.Close())
}

func checkCloseOfATx(t *kit.Trial) {
	s, tab := openOne(t)
	for name, run := range kit.ByName(map[string]func(context.Context, func(*core.Tx) error) error{
		"View": s.View, "Update": s.Update,
	}) {
		t.Do(name, run(t.Ctx, func(tx *core.Tx) error {
			if tx.Close() == nil {
				t.Errorf("Close of the Tx of %s gives no error", name)
			}
			_, err := tab.In(tx).Count(t.Ctx)
			return err
		}))
	}
}

func checkShutdown(t *kit.Trial) {
	s, tab := openOne(t)
	put1(t, tab, "k", "v")
	g := guard(t, tab, "k")
	short, cancel := context.WithCancel(t.Ctx)
	cancel()
	err := s.Shutdown(short)
	t.Is("Shutdown with a guard open", err, context.Canceled)
	t.Is("Shutdown with a guard open", err, core.ErrGuardsOpen)
	if e, ok := err.(*core.Error); !ok || e.Op != "shutdown" || strings.Contains(err.Error(),
		"\n") {
		t.Errorf("Shutdown with a guard open gives %q; want one line, of a shutdown", err)
	}
	t.Is("Put after Shutdown", tab.Put(t.Ctx, "k", "w"), core.ErrClosed)
	done := make(chan error, 1)
	go func() { done <- s.Shutdown(t.Ctx) }()
	if g.Value() != "v" {
		t.Errorf("the guard shows %q", g.Value())
	}
	t.Do("Close of the guard", g.Close())
	t.Within(kit.Soon, "Shutdown", func() { err = <-done })
	t.Do("Shutdown", err)
	t.Do("Shutdown again", s.Shutdown(t.Ctx))
	t.Do("Close", s.Close())
	reads(t, openWords(t, open(t), "words"), "k", "v")
}

// beside are calls that go on beside others, each of which leaves nothing open.
func beside(t *kit.Trial, s *core.Storage, tab words) map[string]func(i int) error {
	some := func(i int) string { return fmt.Sprintf("some%06d", i%20) }
	return map[string]func(i int) error{
		"Put":    func(i int) error { return tab.Put(t.Ctx, some(i), "put") },
		"Load":   func(i int) error { _, err := tab.Load(t.Ctx, some(i)); return err },
		"Modify": func(i int) error { return modify(t.Ctx, tab, some(i), "modified") },
		"Clear":  func(i int) error { return tab.Scan().From("x").Clear(t.Ctx) },
		"GetMany": func(i int) error {
			return lastError(tab.GetMany(t.Ctx, slices.Values([]string{some(i), "none"})))
		},
		"Cursor": func(int) error { return cursorError(t, tab.Scan().Reverse()) },
		"Snapshot": func(int) error {
			err := core.ErrConflict
			for errors.Is(err, core.ErrConflict) { // a shared storage may return it
				err = counts20(t, s, tab)
			}
			return err
		},
		"Update": func(i int) error {
			return s.Update(t.Ctx,
				func(tx *core.Tx) error { return tab.In(tx).Put(t.Ctx, some(i), "updated") })
		},
		"Tables": func(int) error {
			all, err := s.Tables(t.Ctx)
			if err == nil && len(all) != 1 {
				err = fmt.Errorf("there are %d tables, want 1", len(all))
			}
			return err
		},
		"Check": func(int) error { return s.Check(t.Ctx) },
		"Size":  func(int) error { _, err := s.Size(t.Ctx); return ignoreUnsupported(err) },
	}
}

// counts20 returns an error unless a snapshot of its own has 20 rows.
func counts20(t *kit.Trial, s *core.Storage, tab words) error {
	tx, err := s.Snapshot(t.Ctx)
	if err != nil {
		return err
	}
	defer tx.Close()
	n, err := tab.In(tx).Count(t.Ctx)
	if err == nil && n != 20 {
		err = fmt.Errorf("a snapshot has %d rows, want 20", n)
	}
	return err
}

func ignoreUnsupported(err error) error {
	if errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	return err
}

func checkShutdownRaces(t *kit.Trial) {
	for range t.Pick(5, 2) {
		s, tab := openOne(t)
		load(t, tab, 20)
		var busy, begun sync.WaitGroup
		for name, call := range beside(t, s, tab) {
			begun.Add(1)
			busy.Go(func() {
				for i := 0; ; i++ {
					err := call(i)
					if i == 0 {
						begun.Done()
					}
					if errors.Is(err, core.ErrClosed) {
						return
					}
					t.Do(name+" beside Shutdown", err)
				}
			})
		}
		begun.Wait()
		var ends sync.WaitGroup
		for range 3 {
			ends.Go(func() { t.Do("Shutdown", s.Shutdown(t.Ctx)) })
		}
		t.Within(kit.Soon, "Shutdown", ends.Wait)
		s, tab = openOne(t)
		if n, err := tab.Count(t.Ctx); n != 20 || err != nil {
			t.Errorf("after Shutdown there are %d rows, %v; want 20", n, err)
		}
		closeStorage(t, s)
		t.Within(kit.Soon, "a call of a storage that is shut", busy.Wait)
	}
}

func checkRenameBesideOthers(t *kit.Trial) {
	s, tab := openOne(t)
	load(t, tab, 20)
	var busy sync.WaitGroup
	over := make(chan struct{})
	for name, call := range beside(t, s, tab) {
		busy.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-over:
					return
				default:
					t.Do(name+" beside RenameTable", call(i))
				}
			}
		})
	}
	for i := range t.Pick(50, 10) {
		from, to := "words", "renamed"
		if i%2 == 1 {
			from, to = to, from
		}
		t.Do("RenameTable", s.RenameTable(t.Ctx, from, to))
	}
	close(over)
	busy.Wait()
	t.Do("Check", s.Check(t.Ctx))
	closeStorage(t, s)
	if n, err := openWords(t, open(t), "words").Count(t.Ctx); n != 20 || err != nil {
		t.Errorf("after reopening there are %d rows, %v; want 20", n, err)
	}
}

func checkSync(t *kit.Trial) {
	s, err := core.Open(t.Ctx, t.Path, t.Backend)
	t.Do("Open", err)
	t.Cleanup(func() { closeStorage(t, s) })
	tab := openWords(t, s, "words")
	put1(t, tab, "k", "v")
	t.Do("Sync of a storage that syncs each write", s.Sync(t.Ctx))
	closeStorage(t, s)
	s = open(t) // WithoutSync
	tab = openWords(t, s, "words")
	for i := range 3 {
		load(t, tab, 100*(i+1))
		if err := s.Sync(t.Ctx); !errors.Is(err, errors.ErrUnsupported) {
			t.Do("Sync", err)
		}
	}
	if err := s.Sync(kit.Cancelled()); !kit.IsCancelled(err) {
		t.Errorf("a cancelled Sync gives %v", err)
	}
	put1(t, tab, "k", "after Sync")
	t.Do("Update", s.Update(t.Ctx, func(*core.Tx) error {
		t.Is("Sync in an Update", s.Sync(t.Ctx), core.ErrNestedWrite)
		return nil
	}))
	closeStorage(t, s)
	reads(t, openWords(t, open(t), "words"), "k", "after Sync")
}

func checkSyncFails(t *kit.Trial) {
	if powersOf(t).Sync == nil {
		return
	}
	failure := errors.New("the medium is gone")
	for how, x := range kit.ByName(map[string]decorate.Failure{
		"fails":  {Op: decorate.OpSync, N: 1, Err: failure},
		"panics": {Op: decorate.OpSync, N: 1, Do: func() { panic("the engine") }},
	}) {
		b := decorate.Fault(t.Backend)
		s := openOn(t, b)
		tab := openWords(t, s, "words")
		put1(t, tab, "k", "v")
		ctx, cancel := context.WithCancel(t.Ctx)
		b.Fail(decorate.Failure{Op: decorate.OpSync, N: 1, Do: cancel, Err: context.Canceled})
		t.Is("Sync that is cancelled", s.Sync(ctx), context.Canceled)
		put1(t, tab, "k", "after the cancelled Sync")
		b.Fail(x)
		var err error
		survive(func() { err = s.Sync(t.Ctx) })
		if how == "fails" {
			t.Is("Sync", err, failure)
		}
		if err := tab.Put(t.Ctx, "k", "lost"); err == nil {
			t.Errorf("after a Sync that %s a Put is taken", how)
		}
		if err := s.Sync(t.Ctx); err == nil {
			t.Errorf("after a Sync that %s another one gives no error", how)
		}
		reads(t, tab, "k", "after the cancelled Sync")
		closeStorage(t, s)
		s = open(t)
		reads(t, openWords(t, s, "words"), "k", "after the cancelled Sync")
		put1(t, openWords(t, s, "words"), "k", "v")
		closeStorage(t, s)
	}
}

func checkRenameTable(t *kit.Trial) {
	s, tab := openOne(t)
	other := openWords(t, s, "other")
	put1(t, tab, "k", "v")
	put1(t, other, "k", "of the other")
	g := guard(t, tab, "k")
	for _, c := range []struct {
		from, to string
		want     error
	}{
		{"nothing", "new", core.ErrNotFound},
		{"words", "other", core.ErrExists},
		{"words", "words", core.ErrExists},
	} {
		t.Is(fmt.Sprintf("RenameTable(%q, %q)", c.from, c.to),
			s.RenameTable(t.Ctx, c.from, c.to), c.want)
	}
	for _, impossible := range []string{"", strings.Repeat("n", 256)} {
		if s.RenameTable(t.Ctx, "words", impossible) == nil {
			t.Errorf("a table may be called %s", kit.Brief(impossible))
		}
	}
	for i, name := range []string{"a name before", "z behind", "renamed"} {
		from := []string{"words", "a name before", "z behind"}[i]
		t.Do("RenameTable", s.RenameTable(t.Ctx, from, name))
	}
	put1(t, tab, "l", "through the old handle")
	reads(t, openWords(t, s, "renamed"), "l", "through the old handle")
	if _, err := tab.Load(t.Ctx, "absent"); !strings.Contains(fmt.Sprint(err), "renamed") {
		t.Errorf("the error of a renamed table is %v; want its new name", err)
	}
	if g.Value() != "v" {
		t.Errorf("the guard shows %q", g.Value())
	}
	t.Do("Close of the guard", g.Close())
	again := openWords(t, s, "words") // a new table
	absent(t, again, "k")
	t.Do("Check", s.Check(t.Ctx))
	closeStorage(t, s)
	s = open(t)
	reads(t, openWords(t, s, "renamed"), "k", "v")
	reads(t, openWords(t, s, "other"), "k", "of the other")
	absent(t, openWords(t, s, "words"), "k")
	closeStorage(t, s)
	s = open(t, core.WithReadOnly())
	t.Is("RenameTable of a storage to read", s.RenameTable(t.Ctx, "renamed", "n"), core.ErrReadOnly)
}

func checkRaw(t *kit.Trial) {
	s := open(t)
	tab := table(t, s, "numbers", keys.Int64(), values.String(), core.WithChecksums())
	for _, n := range []int64{5, -3, 200} {
		put1(t, tab, n, fmt.Sprint("value ", n))
	}
	raw, err := core.OpenRaw(t.Ctx, s, "numbers")
	t.Do("OpenRaw", err)
	var got []string
	for row, err := range raw.Scan().Rows(t.Ctx) {
		t.Do("Rows", err)
		k, err := keys.Int64().Decode(row.Key)
		t.Do("Decode", err)
		got = append(got, fmt.Sprint(k, " ", string(row.Value)))
	}
	if want := []string{"-3 value -3", "5 value 5", "200 value 200"}; !slices.Equal(got, want) {
		t.Errorf("the raw rows are %q; want %q", got, want)
	}
	key, err := keys.Int64().Append(nil, 5)
	t.Do("Append", err)
	if v, err := raw.Load(t.Ctx, key); string(v) != "value 5" || err != nil {
		t.Errorf("Load = %q, %v", v, err)
	}
	t.Is("Put", raw.Put(t.Ctx, key, []byte("x")), core.ErrReadOnly)
	_, err = raw.Delete(t.Ctx, key)
	t.Is("Delete", err, core.ErrReadOnly)
	_, err = raw.Scan().Delete(t.Ctx)
	t.Is("Scan.Delete", err, core.ErrReadOnly)
	t.Is("Scan.Clear", raw.Scan().Clear(t.Ctx), core.ErrReadOnly)
	t.Is("Modify", raw.Modify(t.Ctx, key, func([]byte, bool) ([]byte, core.Change, error) {
		return nil, core.Remove, nil
	}), core.ErrReadOnly)
	t.Is("PutAll", raw.PutAll(t.Ctx, func(func(k, v []byte) bool) {}), core.ErrReadOnly)
	t.Is("Put in an Update", s.Update(t.Ctx, func(tx *core.Tx) error {
		return raw.In(tx).Put(t.Ctx, key, []byte("x"))
	}), core.ErrReadOnly)
	t.Do("Check", s.Check(t.Ctx))
	if n, err := tab.Count(t.Ctx); n != 3 || err != nil {
		t.Errorf("Count = %d, %v; want 3", n, err)
	}
	_, err = core.OpenRaw(t.Ctx, s, "absent")
	t.Is("OpenRaw of no table", err, core.ErrNotFound)
}

func checkTxPutAll(t *kit.Trial) {
	s, tab := openOne(t)
	put1(t, tab, "a", "before")
	failure := errors.New("given up")
	t.Do("Update", s.Update(t.Ctx, func(tx *core.Tx) error {
		in := tab.In(tx)
		t.Do("Put", in.Put(t.Ctx, "b", "of the transaction"))
		t.Do("PutAll", in.PutAll(t.Ctx, someRows(3)))
		func() {
			defer func() { _ = recover() }()
			_ = in.PutAll(t.Ctx, func(yield func(k, v string) bool) {
				yield("a", "lost")
				yield("b", "lost")
				yield("c", "lost")
				panic(failure)
			})
		}()
		return nil
	}))
	holds(t, tab, kit.KV("a", "before"), kit.KV("b", "of the transaction"),
		kit.KV("some000000", "value 0"), kit.KV("some000001", "value 1"),
		kit.KV("some000002", "value 2"))
	t.Is("PutAll in a View", s.View(t.Ctx, func(tx *core.Tx) error {
		return tab.In(tx).PutAll(t.Ctx, someRows(1))
	}), core.ErrReadOnly)
	numbers := table(t, s, "numbers", keys.String(), values.JSON[float64]())
	t.Do("Update", s.Update(t.Ctx, func(tx *core.Tx) error {
		err := numbers.In(tx).PutAll(t.Ctx, func(yield func(k string, v float64) bool) {
			_ = yield("a", 1) && yield("b", math.NaN())
		})
		if err == nil {
			t.Errorf("PutAll of a value that cannot be encoded gives no error")
		}
		return nil
	}))
	if n, err := numbers.Count(t.Ctx); n != 0 || err != nil {
		t.Errorf("after a PutAll that failed there are %d rows, %v", n, err)
	}
}

func checkState(t *kit.Trial) {
	s := open(t, core.WithVersion(7))
	if s.Path() != t.Path || s.Version() != 7 {
		t.Errorf("Path = %q, Version = %d; want %q and 7", s.Path(), s.Version(), t.Path)
	}
	load(t, openWords(t, s, "words"), 100)
	n, err := s.Size(t.Ctx)
	if err != nil && !errors.Is(err, errors.ErrUnsupported) || err == nil && n <= 0 {
		t.Errorf("Size = %d, %v", n, err)
	}
	closeStorage(t, s)
	_, err = s.Size(t.Ctx)
	t.Is("Size of a closed storage", err, core.ErrClosed)
	s = open(t, core.WithAnyVersion())
	if s.Version() != 7 {
		t.Errorf("with WithAnyVersion Version = %d; want 7, as stored", s.Version())
	}
}
