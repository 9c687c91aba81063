// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package backendtest

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
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/values"
)

var verbPromises = []promise{
	{
		name: "snapshots/state", check: checkSnapshotTx,
		explanation: "a Tx of Snapshot reads one snapshot until its Close, by every verb, and refuses writes",
	},
	{
		name: "snapshots/close", check: checkSnapshotTxClose,
		explanation: "an open Snapshot counts for ErrGuardsOpen and stays readable; closing it again does nothing; then it gives ErrTxDone",
	},
	{
		name: "snapshots/concurrent", check: checkSnapshotTxConcurrent,
		explanation: "a Tx of Snapshot is safe for concurrent use, Close beside it included",
	},
	{
		name: "snapshots/only its own", check: checkCloseOfATx,
		explanation: "Close of a Tx that View or Update passed is an error, and changes nothing",
	},
	{
		name: "shutdown/waits", check: checkShutdown,
		explanation: "Shutdown refuses new work, waits for what is open, and returns when the engine is closed; its context ends the wait",
	},
	{
		name: "shutdown/races", check: checkShutdownRaces,
		explanation: "work that races with Shutdown is done or gives ErrClosed, several Shutdowns all return, and the storage can be opened at once",
	},
	{
		name: "sync/durable", check: checkSync,
		explanation: "Sync returns nil when what was written is durable, with and without WithoutSync",
	},
	{
		name: "sync/fails", check: checkSyncFails,
		explanation: "after a Sync that failed or panicked nothing is written until the storage is opened again; after one that was cancelled all goes on",
	},
	{
		name: "rename table/rows", check: checkRenameTable,
		explanation: "RenameTable keeps rows and open handles, survives reopening, and refuses names that are absent, taken or impossible",
	},
	{
		name: "rename table/beside others", check: checkRenameBesideOthers,
		explanation: "a table may be renamed while others read, write, list and check it",
	},
	{
		name: "raw/rows", check: checkRaw,
		explanation: "OpenRaw shows the encoded rows of any table in key order, without checksums, and refuses writes with ErrReadOnly",
	},
	{
		name: "transactions/put all", check: checkTxPutAll,
		explanation: "TxTable.PutAll stores all rows or, after an error or a panic, none of them",
	},
	{
		name: "storage/state", check: checkState,
		explanation: "Path, Version and Size tell of an open storage",
	},
}

func (t *trial) snapshotTx(s *core.Storage) *core.Tx {
	t.tb.Helper()
	tx, err := s.Snapshot(t.ctx)
	t.do("Snapshot", err)
	return tx
}

func checkSnapshotTx(t *trial) {
	s, tab := t.one()
	long := strings.Repeat("long", 20_000)
	load(t, tab, 5)
	put1(t, tab, "long", long)
	tx := t.snapshotTx(s)
	in := tab.In(tx)
	view, err := in.Get(t.ctx, "long")
	t.do("Get", err)
	put1(t, tab, "some000001", "later")
	_, err = tab.Delete(t.ctx, "long")
	t.do("Delete", err)
	load(t, tab, 3)
	if view != long {
		t.Errorf("a view that a snapshot gave has changed")
	}
	if got, err := in.Load(t.ctx, "some000001"); got != "value 1" || err != nil {
		t.Errorf("Load = %q, %v; want what was there when the snapshot was made", got, err)
	}
	if found, err := in.Has(t.ctx, "long"); !found || err != nil {
		t.Errorf("Has = %v, %v; want true", found, err)
	}
	if n, err := in.Count(t.ctx); n != 6 || err != nil {
		t.Errorf("Count = %d, %v; want 6", n, err)
	}
	if got := scanned(t, in.Scan().Reverse().Limit(2)); len(got) != 2 || got[1].value != "value 3" && got[0].value != "value 4" {
		t.Errorf("a scan shows %v", got)
	}
	t.is("Put", in.Put(t.ctx, "a", "b"), core.ErrReadOnly)
	_, err = in.Delete(t.ctx, "some000001")
	t.is("Delete", err, core.ErrReadOnly)
	t.do("Close", tx.Close())
}

func checkSnapshotTxClose(t *trial) {
	s, tab := t.one()
	load(t, tab, 3)
	tx := t.snapshotTx(s)
	in := tab.In(tx)
	next, stop := iter.Pull2(in.Scan().Rows(t.ctx))
	defer stop()
	next()
	t.is("Close of the storage", s.Close(), core.ErrGuardsOpen)
	if got, err := in.Load(t.ctx, "some000002"); got != "value 2" || err != nil {
		t.Errorf("after the storage's Close a snapshot gives %q, %v", got, err)
	}
	t.do("Close", tx.Close())
	t.do("Close again", tx.Close())
	t.is("Close of the storage beside a loop", s.Close(), core.ErrGuardsOpen)
	if _, err, ok := next(); !ok || !errors.Is(err, core.ErrTxDone) {
		t.Errorf("a loop over a snapshot that was closed gives %v, %v; want ErrTxDone", err, ok)
	}
	_, err := in.Get(t.ctx, "some000002")
	t.is("Get", err, core.ErrTxDone)
	_, err = in.Scan().Cursor(t.ctx)
	t.is("Cursor", err, core.ErrTxDone)
	stop()
	t.do("Close of the storage", s.Close())
	_, err = s.Snapshot(t.ctx)
	t.is("Snapshot of a closed storage", err, core.ErrClosed)
}

func checkSnapshotTxConcurrent(t *trial) {
	s, tab := t.one()
	n := t.pick(200, 60)
	load(t, tab, n)
	tx := t.snapshotTx(s)
	in := tab.In(tx)
	var readers sync.WaitGroup
	for r := range 4 {
		readers.Go(func() {
			for i := 0; ; i++ {
				if i == n && r > 0 {
					t.do("Close", tx.Close())
				}
				k := fmt.Sprintf("some%06d", (i*7+r)%n)
				got, err := in.Load(t.ctx, k)
				if err == nil {
					var rows int
					rows, err = in.Scan().From(k).Limit(5).Count(t.ctx)
					if err == nil && (got == "" || rows == 0) {
						t.Errorf("%s is %q, and %d rows follow", k, got, rows)
					}
				}
				if errors.Is(err, core.ErrTxDone) {
					return
				}
				t.do("a read", err)
			}
		})
	}
	readers.Wait()
	t.do("Close of the storage", s.Close())
}

func checkCloseOfATx(t *trial) {
	s, tab := t.one()
	for name, run := range byName(map[string]func(context.Context, func(*core.Tx) error) error{"View": s.View, "Update": s.Update}) {
		t.do(name, run(t.ctx, func(tx *core.Tx) error {
			if tx.Close() == nil {
				t.Errorf("Close of the Tx of %s gives no error", name)
			}
			_, err := tab.In(tx).Count(t.ctx)
			return err
		}))
	}
}

func checkShutdown(t *trial) {
	s, tab := t.one()
	put1(t, tab, "k", "v")
	g := guard(t, tab, "k")
	short, cancel := context.WithCancel(t.ctx)
	cancel()
	err := s.Shutdown(short)
	t.is("Shutdown with a guard open", err, context.Canceled)
	t.is("Shutdown with a guard open", err, core.ErrGuardsOpen)
	if e, ok := err.(*core.Error); !ok || e.Op != "shutdown" || strings.Contains(err.Error(), "\n") {
		t.Errorf("Shutdown with a guard open gives %q; want one line, of a shutdown", err)
	}
	t.is("Put after Shutdown", tab.Put(t.ctx, "k", "w"), core.ErrClosed)
	done := make(chan error, 1)
	go func() { done <- s.Shutdown(t.ctx) }()
	if g.Value() != "v" {
		t.Errorf("the guard shows %q", g.Value())
	}
	t.do("Close of the guard", g.Close())
	t.within(soon, "Shutdown", func() { err = <-done })
	t.do("Shutdown", err)
	t.do("Shutdown again", s.Shutdown(t.ctx))
	t.do("Close", s.Close())
	reads(t, t.words(t.open(), "words"), "k", "v")
}

// beside are calls that go on beside others, each of which leaves nothing open.
func (t *trial) beside(s *core.Storage, tab words) map[string]func(i int) error {
	some := func(i int) string { return fmt.Sprintf("some%06d", i%20) }
	return map[string]func(i int) error{
		"Put":     func(i int) error { return tab.Put(t.ctx, some(i), "put") },
		"Load":    func(i int) error { _, err := tab.Load(t.ctx, some(i)); return err },
		"Modify":  func(i int) error { return modify(t.ctx, tab, some(i), "modified") },
		"Clear":   func(i int) error { return tab.Scan().From("x").Clear(t.ctx) },
		"GetMany": func(i int) error { return lastError(tab.GetMany(t.ctx, slices.Values([]string{some(i), "none"}))) },
		"Cursor":  func(int) error { return cursorError(t, tab.Scan().Reverse()) },
		"Snapshot": func(int) error {
			tx, err := s.Snapshot(t.ctx)
			if err != nil {
				return err
			}
			defer tx.Close()
			n, err := tab.In(tx).Count(t.ctx)
			if err == nil && n != 20 {
				err = fmt.Errorf("a snapshot has %d rows, want 20", n)
			}
			return err
		},
		"Update": func(i int) error {
			return s.Update(t.ctx, func(tx *core.Tx) error { return tab.In(tx).Put(t.ctx, some(i), "updated") })
		},
		"Tables": func(int) error {
			all, err := s.Tables(t.ctx)
			if err == nil && len(all) != 1 {
				err = fmt.Errorf("there are %d tables, want 1", len(all))
			}
			return err
		},
		"Check": func(int) error { return s.Check(t.ctx) },
		"Size":  func(int) error { _, err := s.Size(t.ctx); return ignoreUnsupported(err) },
	}
}

func ignoreUnsupported(err error) error {
	if errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	return err
}

func checkShutdownRaces(t *trial) {
	for range t.pick(5, 2) {
		s, tab := t.one()
		load(t, tab, 20)
		var busy, begun sync.WaitGroup
		for name, call := range t.beside(s, tab) {
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
					t.do(name+" beside Shutdown", err)
				}
			})
		}
		begun.Wait()
		var ends sync.WaitGroup
		for range 3 {
			ends.Go(func() { t.do("Shutdown", s.Shutdown(t.ctx)) })
		}
		t.within(soon, "Shutdown", ends.Wait)
		s, tab = t.one()
		if n, err := tab.Count(t.ctx); n != 20 || err != nil {
			t.Errorf("after Shutdown there are %d rows, %v; want 20", n, err)
		}
		t.closeStorage(s)
		t.within(soon, "a call of a storage that is shut", busy.Wait)
	}
}

func checkRenameBesideOthers(t *trial) {
	s, tab := t.one()
	load(t, tab, 20)
	var busy sync.WaitGroup
	over := make(chan struct{})
	for name, call := range t.beside(s, tab) {
		busy.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-over:
					return
				default:
					t.do(name+" beside RenameTable", call(i))
				}
			}
		})
	}
	for i := range t.pick(50, 10) {
		from, to := "words", "renamed"
		if i%2 == 1 {
			from, to = to, from
		}
		t.do("RenameTable", s.RenameTable(t.ctx, from, to))
	}
	close(over)
	busy.Wait()
	t.do("Check", s.Check(t.ctx))
	t.closeStorage(s)
	if n, err := t.words(t.open(), "words").Count(t.ctx); n != 20 || err != nil {
		t.Errorf("after reopening there are %d rows, %v; want 20", n, err)
	}
}

func checkSync(t *trial) {
	s, err := core.Open(t.ctx, t.path, t.backend)
	t.do("Open", err)
	t.Cleanup(func() { t.closeStorage(s) })
	tab := t.words(s, "words")
	put1(t, tab, "k", "v")
	t.do("Sync of a storage that syncs each write", s.Sync(t.ctx))
	t.closeStorage(s)
	s = t.open() // WithoutSync
	tab = t.words(s, "words")
	for i := range 3 {
		load(t, tab, 100*(i+1))
		if err := s.Sync(t.ctx); !errors.Is(err, errors.ErrUnsupported) {
			t.do("Sync", err)
		}
	}
	if err := s.Sync(cancelled()); !isCancelled(err) {
		t.Errorf("a cancelled Sync gives %v", err)
	}
	put1(t, tab, "k", "after Sync")
	t.do("Update", s.Update(t.ctx, func(*core.Tx) error {
		t.is("Sync in an Update", s.Sync(t.ctx), core.ErrNestedWrite)
		return nil
	}))
	t.closeStorage(s)
	reads(t, t.words(t.open(), "words"), "k", "after Sync")
}

func checkSyncFails(t *trial) {
	if t.powers().Sync == nil {
		return
	}
	failure := errors.New("the medium is gone")
	for how, x := range byName(map[string]Failure{
		"fails":  {Op: OpSync, N: 1, Err: failure},
		"panics": {Op: OpSync, N: 1, Do: func() { panic("the engine") }},
	}) {
		b := Fault(t.backend)
		s := t.openOn(b)
		tab := t.words(s, "words")
		put1(t, tab, "k", "v")
		ctx, cancel := context.WithCancel(t.ctx)
		b.Fail(Failure{Op: OpSync, N: 1, Do: cancel, Err: context.Canceled})
		t.is("Sync that is cancelled", s.Sync(ctx), context.Canceled)
		put1(t, tab, "k", "after the cancelled Sync")
		b.Fail(x)
		var err error
		survive(func() { err = s.Sync(t.ctx) })
		if how == "fails" {
			t.is("Sync", err, failure)
		}
		if err := tab.Put(t.ctx, "k", "lost"); err == nil {
			t.Errorf("after a Sync that %s a Put is taken", how)
		}
		if err := s.Sync(t.ctx); err == nil {
			t.Errorf("after a Sync that %s another one gives no error", how)
		}
		reads(t, tab, "k", "after the cancelled Sync")
		t.closeStorage(s)
		s = t.open()
		reads(t, t.words(s, "words"), "k", "after the cancelled Sync")
		put1(t, t.words(s, "words"), "k", "v")
		t.closeStorage(s)
	}
}

func checkRenameTable(t *trial) {
	s, tab := t.one()
	other := t.words(s, "other")
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
		t.is(fmt.Sprintf("RenameTable(%q, %q)", c.from, c.to), s.RenameTable(t.ctx, c.from, c.to), c.want)
	}
	for _, impossible := range []string{"", strings.Repeat("n", 256)} {
		if s.RenameTable(t.ctx, "words", impossible) == nil {
			t.Errorf("a table may be called %s", brief(impossible))
		}
	}
	for i, name := range []string{"a name before", "z behind", "renamed"} {
		from := []string{"words", "a name before", "z behind"}[i]
		t.do("RenameTable", s.RenameTable(t.ctx, from, name))
	}
	put1(t, tab, "l", "through the old handle")
	reads(t, t.words(s, "renamed"), "l", "through the old handle")
	if _, err := tab.Load(t.ctx, "absent"); !strings.Contains(fmt.Sprint(err), "renamed") {
		t.Errorf("the error of a renamed table is %v; want its new name", err)
	}
	if g.Value() != "v" {
		t.Errorf("the guard shows %q", g.Value())
	}
	t.do("Close of the guard", g.Close())
	again := t.words(s, "words") // a new table
	absent(t, again, "k")
	t.do("Check", s.Check(t.ctx))
	t.closeStorage(s)
	s = t.open()
	reads(t, t.words(s, "renamed"), "k", "v")
	reads(t, t.words(s, "other"), "k", "of the other")
	absent(t, t.words(s, "words"), "k")
	t.closeStorage(s)
	s = t.open(core.WithReadOnly())
	t.is("RenameTable of a storage to read", s.RenameTable(t.ctx, "renamed", "n"), core.ErrReadOnly)
}

func checkRaw(t *trial) {
	s := t.open()
	tab := table(t, s, "numbers", keys.Int64(), values.String(), core.WithChecksums())
	for _, n := range []int64{5, -3, 200} {
		put1(t, tab, n, fmt.Sprint("value ", n))
	}
	raw, err := core.OpenRaw(t.ctx, s, "numbers")
	t.do("OpenRaw", err)
	var got []string
	for row, err := range raw.Scan().Rows(t.ctx) {
		t.do("Rows", err)
		k, err := keys.Int64().Decode(row.Key)
		t.do("Decode", err)
		got = append(got, fmt.Sprint(k, " ", string(row.Value)))
	}
	if want := []string{"-3 value -3", "5 value 5", "200 value 200"}; !slices.Equal(got, want) {
		t.Errorf("the raw rows are %q; want %q", got, want)
	}
	key, err := keys.Int64().Append(nil, 5)
	t.do("Append", err)
	if v, err := raw.Load(t.ctx, key); string(v) != "value 5" || err != nil {
		t.Errorf("Load = %q, %v", v, err)
	}
	t.is("Put", raw.Put(t.ctx, key, []byte("x")), core.ErrReadOnly)
	_, err = raw.Delete(t.ctx, key)
	t.is("Delete", err, core.ErrReadOnly)
	_, err = raw.Scan().Delete(t.ctx)
	t.is("Scan.Delete", err, core.ErrReadOnly)
	t.is("Scan.Clear", raw.Scan().Clear(t.ctx), core.ErrReadOnly)
	t.is("Modify", raw.Modify(t.ctx, key, func([]byte, bool) ([]byte, core.Change, error) {
		return nil, core.Remove, nil
	}), core.ErrReadOnly)
	t.is("PutAll", raw.PutAll(t.ctx, func(func(k, v []byte) bool) {}), core.ErrReadOnly)
	t.is("Put in an Update", s.Update(t.ctx, func(tx *core.Tx) error {
		return raw.In(tx).Put(t.ctx, key, []byte("x"))
	}), core.ErrReadOnly)
	t.do("Check", s.Check(t.ctx))
	if n, err := tab.Count(t.ctx); n != 3 || err != nil {
		t.Errorf("Count = %d, %v; want 3", n, err)
	}
	_, err = core.OpenRaw(t.ctx, s, "absent")
	t.is("OpenRaw of no table", err, core.ErrNotFound)
}

func checkTxPutAll(t *trial) {
	s, tab := t.one()
	put1(t, tab, "a", "before")
	failure := errors.New("given up")
	t.do("Update", s.Update(t.ctx, func(tx *core.Tx) error {
		in := tab.In(tx)
		t.do("Put", in.Put(t.ctx, "b", "of the transaction"))
		t.do("PutAll", in.PutAll(t.ctx, someRows(3)))
		func() {
			defer func() { _ = recover() }()
			_ = in.PutAll(t.ctx, func(yield func(k, v string) bool) {
				yield("a", "lost")
				yield("b", "lost")
				yield("c", "lost")
				panic(failure)
			})
		}()
		return nil
	}))
	holds(t, tab, row{"a", "before"}, row{"b", "of the transaction"},
		row{"some000000", "value 0"}, row{"some000001", "value 1"}, row{"some000002", "value 2"})
	t.is("PutAll in a View", s.View(t.ctx, func(tx *core.Tx) error {
		return tab.In(tx).PutAll(t.ctx, someRows(1))
	}), core.ErrReadOnly)
	numbers := table(t, s, "numbers", keys.String(), values.JSON[float64]())
	t.do("Update", s.Update(t.ctx, func(tx *core.Tx) error {
		err := numbers.In(tx).PutAll(t.ctx, func(yield func(k string, v float64) bool) {
			_ = yield("a", 1) && yield("b", math.NaN())
		})
		if err == nil {
			t.Errorf("PutAll of a value that cannot be encoded gives no error")
		}
		return nil
	}))
	if n, err := numbers.Count(t.ctx); n != 0 || err != nil {
		t.Errorf("after a PutAll that failed there are %d rows, %v", n, err)
	}
}

func checkState(t *trial) {
	s := t.open(core.WithVersion(7))
	if s.Path() != t.path || s.Version() != 7 {
		t.Errorf("Path = %q, Version = %d; want %q and 7", s.Path(), s.Version(), t.path)
	}
	load(t, t.words(s, "words"), 100)
	n, err := s.Size(t.ctx)
	if err != nil && !errors.Is(err, errors.ErrUnsupported) || err == nil && n <= 0 {
		t.Errorf("Size = %d, %v", n, err)
	}
	t.closeStorage(s)
	_, err = s.Size(t.ctx)
	t.is("Size of a closed storage", err, core.ErrClosed)
	s = t.open(core.WithAnyVersion())
	if s.Version() != 7 {
		t.Errorf("with WithAnyVersion Version = %d; want 7, as stored", s.Version())
	}
}
