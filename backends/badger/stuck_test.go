// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package badger

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/backendtest"
)

// soon fails the test if fn takes long, as it does where badger tries again forever.
func soon(t *testing.T, what string, fn func() error) error {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- fn() }()
	select {
	case err := <-done:
		return err
	case <-time.After(time.Minute):
		t.Fatalf("%s does not end", what)
		return nil
	}
}

// reopen opens a storage that another engine of this process closes late.
func reopen(t *testing.T, path string) *engine {
	t.Helper()
	patient := small
	patient.LockTimeout = time.Minute
	e, err := tryOpen(patient, path, false, testOptions())
	if err != nil {
		t.Fatal(err)
	}
	return e
}

const stuckBatch = 500 // rows: one transaction of badger

func stuckRows(batch int) []core.Write { return rows(batch*stuckBatch, (batch+1)*stuckBatch, 4000) }

// stick writes batches until badger is stuck, because files are in the way of its next tables,
// and returns how many were acknowledged, and what clears the way.
func stick(t *testing.T, e *engine, path string) (acknowledged int, clearWay func()) {
	t.Helper()
	var obstacles []string
	for id := range uint64(200) {
		name := (&files{dir: path}).path(id, tableSuffix)
		if f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL, 0o600); err == nil {
			f.Close()
			obstacles = append(obstacles, name)
		}
	}
	var refused error
	for ; acknowledged < 100; acknowledged++ {
		writes := stuckRows(acknowledged)
		refused = soon(t, "Apply",
			func() error { return e.Apply(t.Context(), core.Batch{Writes: writes}) })
		for i := range writes { // the memory is the caller's again
			clear(writes[i].Key)
			clear(writes[i].Value)
		}
		if refused != nil {
			break
		}
	}
	if refused == nil || errors.Is(refused, core.ErrCorrupt) {
		t.Fatalf("Apply: %v", refused)
	}
	return acknowledged, func() {
		for _, name := range obstacles {
			if err := os.Remove(name); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// compareBatches wants the acknowledged batches, and perhaps the one whose writer was sent
// away, as they were written.
func compareBatches(t *testing.T, e *engine, acknowledged int) {
	t.Helper()
	all, err := dump(e)
	if err != nil ||
		len(all) != acknowledged*stuckBatch && len(all) != (acknowledged+1)*stuckBatch {
		t.Fatalf("%d rows of %d batches, %v", len(all), acknowledged, err)
	}
	for i := range len(all) {
		if all[string(rowKey(i))] != string(rowValue(i, 4000)) {
			t.Fatalf("row %d of %d is missing or wrong", i, len(all))
		}
	}
}

// badger tries forever to write a table, and who writes waits for it, as do Compact and Close:
// each did so for as long as the medium was full, or its directory gone.
func TestStuck(t *testing.T) {
	path := fastPath(t)
	e := open(t, small, path)
	n, clearWay := stick(t, e, path)
	for what, do := range map[string]func() error{
		"Apply":   func() error { return e.Apply(t.Context(), core.Batch{Writes: stuckRows(n)}) },
		"Compact": func() error { return e.Compact(t.Context()) },
		"SetMark": func() error { return e.SetMark(t.Context(), testMark) },
	} {
		if err := soon(t, what, do); err == nil || errors.Is(err, core.ErrCorrupt) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if v, r, err := e.Get(t.Context(), rowKey(5)); err != nil || !bytes.Equal(v,
		rowValue(5, 4000)) {
		t.Errorf("Get: %v", err)
	} else {
		r.Release()
	}
	if err := soon(t, "Close", e.Close); err == nil || errors.Is(err, core.ErrCorrupt) {
		t.Errorf("Close: %v", err)
	}
	if _, err := tryOpen(Backend{LockTimeout: time.Millisecond}, path, false,
		testOptions()); !errors.Is(err, core.ErrLocked) {
		t.Fatalf("opened where badger still writes: %v", err)
	}
	clearWay()
	e = reopen(t, path)
	compareBatches(t, e, n)
	closeEngine(t, e)
}

// onMessage is a handler that calls functions when badger says something.
type onMessage map[string]func()

func (onMessage) Enabled(context.Context, slog.Level) bool { return true }
func (h onMessage) WithAttrs([]slog.Attr) slog.Handler     { return h }
func (h onMessage) WithGroup(string) slog.Handler          { return h }

func (h onMessage) Handle(_ context.Context, r slog.Record) error {
	for part, do := range h {
		if strings.Contains(r.Message, part) {
			do()
		}
	}
	return nil
}

// Opening a storage after a crash fails, because badger cannot write what was in the logs. It goes
// on trying, so the storage stays locked until it has ended.
func TestStuckInOpen(t *testing.T) {
	for range 5 {
		if stuckInOpen(t, fastPath(t)) {
			return
		}
	}
	t.Skip("badger always wrote its tables before anything could be in the way of them")
}

// stuckInOpen reports whether badger was stuck.
func stuckInOpen(t *testing.T, path string) bool {
	t.Helper()
	running := open(t, small, path+"-running")
	apply(t, running, rows(0, 100, 100)...)
	crashed := path + "-crashed"
	if err := os.CopyFS(crashed, os.DirFS(running.place.Dir)); err != nil {
		t.Fatal(err)
	}
	closeEngine(t, running)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	opts := testOptions()
	opts.Validation = core.ValidateFull
	opts.Logger = slog.New(onMessage{
		"tables opened": cancel,
		"Lifetime L0 stalled": func() { // it is being closed
			for id := range uint64(20) {
				if f, err := os.OpenFile((&files{dir: crashed}).path(id, tableSuffix),
					os.O_CREATE|os.O_EXCL, 0o600); err == nil {
					f.Close()
				}
			}
		},
	})
	claim, err := small.Claim(ctx, crashed, false)
	if err != nil {
		t.Fatal(err)
	}
	err = soon(t, "Open", func() error { _, err := claim.Open(ctx, opts); return err })
	if errors.Is(err, context.Canceled) && !strings.Contains(err.Error(),
		"badger cannot write its tables") {
		claim.Release()
		closeEngine(t, reopen(t, crashed)) // it is not open any more
		return false
	}
	if !errors.Is(err, context.Canceled) || !errors.Is(err, core.ErrLocked) || errors.Is(err,
		core.ErrCorrupt) {
		t.Errorf("open: %v", err)
	}
	if err := claim.Release(); err != nil {
		t.Error(err)
	}
	if _, err := tryOpen(Backend{LockTimeout: time.Millisecond}, crashed, false,
		testOptions()); !errors.Is(err, core.ErrLocked) {
		t.Fatalf("opened where badger still writes: %v", err)
	}
	for id := range uint64(20) {
		name := (&files{dir: crashed}).path(id, tableSuffix)
		if info, err := os.Stat(name); err == nil && info.Size() == 0 {
			os.Remove(name)
		}
	}
	e := reopen(t, crashed)
	if all, err := dump(e); err != nil || len(all) != 100 {
		t.Errorf("%d rows, %v", len(all), err)
	}
	closeEngine(t, e)
	return true
}

// When the way is clear badger goes on by itself, also with the batch whose writer was sent away.
// That batch must not have changed with the writer's memory since.
func TestSentAway(t *testing.T) {
	for range 3 {
		path := fastPath(t)
		e := open(t, small, path)
		n, clearWay := stick(t, e, path)
		last := e.own.writes // that badger was given
		if len(last) > 0 && bytes.Equal(last[0].Key, stuckRows(n)[0].Key) {
			goesOn(t, e, path, n, clearWay)
			return
		}
		// badger was known to be stuck before it was given the batch, which a slow machine lets
		// happen
		clearWay()
		soon(t, "Close", e.Close)
		closeEngine(t, reopen(t, path))
	}
	t.Skip("badger was never given a batch before it was known to be stuck")
}

func goesOn(t *testing.T, e *engine, path string, n int, clearWay func()) {
	t.Helper()
	written := func() bool {
		txn := e.db.NewTransactionAt(math.MaxUint64, false)
		defer txn.Discard()
		_, err := txn.Get(stored(stuckRows(n)[0].Key))
		return err == nil
	}
	clearWay()
	for end := time.Now().Add(5 * time.Minute); !written(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("badger did not go on")
		}
	}
	soon(t, "Close", e.Close)
	e = reopen(t, path)
	compareBatches(t, e, n)
	closeEngine(t, e)
}

// A directory can vanish while a storage is open. That is an error, soon, and no damage.
func TestDirectoryVanishes(t *testing.T) {
	for _, noSync := range []bool{false, true} {
		path := fastPath(t)
		opts := testOptions()
		opts.NoSync = noSync
		e, err := tryOpen(small, path, false, opts)
		if err != nil {
			t.Fatal(err)
		}
		apply(t, e, rows(0, 1000, 4000)...)
		if err := os.RemoveAll(path); err != nil {
			t.Skip("files that are open cannot be removed here:", err)
		}
		most := 100 // batches, before badger needs a new file
		if !noSync {
			most = 1 // the name of the file that it was written to is not durable
		}
		for i := 0; err == nil && i < most; i++ {
			err = soon(t, "Apply", func() error {
				return e.Apply(t.Context(), core.Batch{Writes: rows(0, 1000, 4000)})
			})
		}
		if err == nil || errors.Is(err, core.ErrCorrupt) {
			t.Errorf("Apply: %v", err)
		}
		// badger may be left without a memtable.
		if _, r, err := e.Get(t.Context(), rowKey(5)); errors.Is(err,
			core.ErrCorrupt) || errors.Is(err, core.ErrNotFound) {
			t.Errorf("Get: %v", err)
		} else if err == nil {
			r.Release()
		}
		if _, err := dump(e); errors.Is(err, core.ErrCorrupt) {
			t.Errorf("reading: %v", err)
		}
		if err := soon(t, "Compact", func() error { return e.Compact(t.Context()) }); err == nil ||
			errors.Is(err, core.ErrCorrupt) {
			t.Errorf("Compact: %v", err)
		}
		if err := soon(t, "Close", e.Close); errors.Is(err, core.ErrCorrupt) {
			t.Errorf("Close: %v", err)
		}
	}
}

// One failure, or a few in a long time, are no reason to stop badger.
func TestStuckForLong(t *testing.T) {
	cause := errors.New("while creating table: " + syscall.ENOSPC.Error())
	start := time.Unix(1000, 0)
	for _, test := range []struct {
		name    string
		seconds []float64
		stopped bool
	}{
		{"once", []float64{0}, false},
		{"quickly", []float64{0, 0.1, 0.2, 0.3, 0.4}, false},
		{"twice", []float64{0, 5}, false},
		{"rarely", []float64{0, 11, 22, 33, 44}, false},
		{"again and again", []float64{0, 1, 2}, true},
		{"after a pause", []float64{0, 1, 20, 21, 22}, true},
		{"and longer", []float64{0, 1, 2, 3, 4}, true},
	} {
		h := newHealth()
		for _, s := range test.seconds {
			h.stuck(&h.flushes, cause, start.Add(time.Duration(s*float64(time.Second))))
		}
		if err := h.usable(); (err != nil) != test.stopped || test.stopped && !errors.Is(err,
			syscall.ENOSPC) {
			t.Errorf("%s: %v", test.name, err)
		}
	}
	merges := newHealth()
	for s := range 31 { // many, in a few seconds of too many open files
		if err := merges.usable(); err != nil {
			t.Errorf("merges that fail for %d s: %v", s, err)
		}
		merges.stuck(&merges.merges, cause, start.Add(time.Duration(s)*time.Second))
	}
	if err := merges.usable(); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("merges that fail for 30 s: %v", err)
	}
	heard := newHealth()
	heard.heard("error flushing memtable to disk: %v, retrying", []any{cause})
	heard.heard("While running doCompact: %v\n", []any{cause})
	heard.heard("While reading: %v\n", []any{cause})
	if heard.flushes.failed != 1 || heard.merges.failed != 1 {
		t.Errorf("heard of %d flushes and %d merges that failed, want one each",
			heard.flushes.failed, heard.merges.failed)
	}
	h := newHealth()
	h.fail(cause)
	h.fail(errors.New("another"))
	if err := h.usable(); !errors.Is(err, cause) {
		t.Errorf("not the first failure: %v", err)
	}
	if err := h.unlessStopped(func() error { panic("left without a memtable") }); !errors.Is(err,
		cause) || errors.Is(err, core.ErrCorrupt) {
		t.Errorf("a panic after a failure: %v", err)
	}
	if err := newHealth().unlessStopped(func() error { panic("what?") }); !errors.Is(err,
		core.ErrCorrupt) {
		t.Errorf("a panic: %v", err)
	}
}

// Where the medium has no room, badger would end the process by writing to a mapped file. What
// needs room is refused before, and goes on when there is some.
func TestNoRoom(t *testing.T) {
	path := fastPath(t)
	e := open(t, small, path)
	const slow = 2 * time.Second // than a look at the medium is old
	var free atomic.Int64
	e.room.free = func(string) (int64, bool) { return free.Load(), true }
	e.room.spare = 0
	full := func(what string, err error) {
		t.Helper()
		if !errors.Is(err, core.ErrNoRoom) || !errors.Is(err, syscall.ENOSPC) || errors.Is(err,
			core.ErrCorrupt) {
			t.Errorf("%s: %v", what, err)
		}
	}
	full("Apply", e.Apply(t.Context(), core.Batch{Writes: rows(0, 10, 100)}))
	free.Store(8 << 20)
	apply(t, e, rows(0, 1000, 1000)...)
	full("a batch of many rows", e.Apply(t.Context(), core.Batch{Writes: rows(0, 5000, 1000)}))
	full("a long value", e.Apply(t.Context(),
		core.Batch{Writes: []core.Write{{Key: rowKey(0), Value: make([]byte, 10<<20)}}}))
	full("Compact", e.Compact(t.Context()))
	want, err := dump(e)
	if err != nil || len(want) != 1000 {
		t.Fatalf("%d rows, %v", len(want), err)
	}
	free.Store(100 << 20)
	compact(t, e)
	free.Store(4 << 20)
	if logs, tables, err := e.room.measure(); logs > 1e5 || tables < 1e6 || err != nil {
		t.Errorf("%d bytes are not in tables, %d are, %v", logs, tables, err)
	}
	e.room.asked = e.room.asked.Add(-slow)
	full("Apply that badger merges tables after",
		e.Apply(t.Context(), core.Batch{Writes: rows(0, 1000, 1000)}))
	apply(t, e, rows(0, 1000, 500)...)
	if want, err = dump(e); err != nil {
		t.Fatal(err)
	}
	free.Store(1000)
	full("Close", soon(t, "Close", e.Close))
	if _, err := tryOpen(Backend{LockTimeout: time.Millisecond}, path, false,
		testOptions()); !errors.Is(err, core.ErrLocked) {
		t.Fatalf("opened where badger is open: %v", err)
	}
	free.Store(100 << 20)
	e = reopen(t, path)
	if got, err := dump(e); err != nil || !maps.Equal(got, want) {
		t.Errorf("%d rows of %d, %v", len(got), len(want), err)
	}
	closeEngine(t, e)
}

// The process must live on a medium that is full indeed.
func TestFullMedium(t *testing.T) {
	dir := t.TempDir()
	unmount, err := mountSmall(dir, 48<<20)
	if err != nil {
		t.Skip("no small medium can be made here:", err)
	}
	defer unmount()
	out, err := backendtest.Child(t.Context(), "fill", filepath.Join(dir, "db")).CombinedOutput()
	if err != nil || !strings.HasPrefix(string(out), "full") {
		t.Fatalf("%v: %s", err, out)
	}
	t.Logf("%s", out)
}

// fillChild writes until the medium has no room, once without sync, and looks whether
// everything is there.
func fillChild(args []string) error {
	for round, size := range []int{300, 30_000, inlineBelow + 5} {
		path := fmt.Sprint(args[0], round)
		e, err := tryOpen(small, path, false, testOptions())
		if err != nil {
			return err
		}
		n := 0
		for err == nil && n < 1000 {
			if err = e.Apply(context.Background(), core.Batch{Writes: rows(n*100, (n+1)*100,
				size/(1+99*(round/2)))}); err == nil && round == 2 {
				err = e.Apply(context.Background(),
					core.Batch{Writes: []core.Write{{
						Key:   rowKey(n * 100),
						Value: rowValue(n, size),
					}}})
			}
			n++
		}
		if !errors.Is(err, syscall.ENOSPC) {
			return fmt.Errorf("batch %d: %w", n, err)
		}
		if all, err := dump(e); err != nil || len(all) < (n-1)*100 {
			return fmt.Errorf("%d rows of %d batches, %w", len(all), n-1, err)
		}
		if err := e.Close(); err != nil {
			return fmt.Errorf("close: %w", err)
		}
		if e, err = tryOpen(small, path, false, testOptions()); err != nil {
			return err
		}
		all, err := dump(e)
		if err != nil || len(all) < (n-1)*100 {
			return fmt.Errorf("%d rows of %d batches, %w", len(all), n-1, err)
		}
		size, err := e.Size()
		if err != nil {
			return err
		}
		fmt.Printf("full after %d rows, %d bytes\n", len(all), size)
		if err := e.Close(); err != nil {
			return err
		}
		if err := os.RemoveAll(path); err != nil {
			return err
		}
	}
	return openOnFull(args[0])
}

// openOnFull opens a storage where others have taken all the room: badger's new files would
// have no first page.
func openOnFull(path string) error {
	e, err := tryOpen(small, path, false, testOptions())
	if err != nil {
		return err
	}
	if err := e.Close(); err != nil {
		return err
	}
	f, err := os.Create(filepath.Join(filepath.Dir(path), "ballast"))
	if err != nil {
		return err
	}
	defer f.Close()
	for _, n := range []int{1 << 20, 1 << 12} {
		for err = nil; err == nil; {
			_, err = f.Write(make([]byte, n))
		}
	}
	if _, err = tryOpen(small, path, false, testOptions()); !errors.Is(err, syscall.ENOSPC) {
		return fmt.Errorf("opened on a full medium: %w", err)
	}
	info, err := f.Stat()
	if err != nil {
		return err
	}
	// enough for badger to begin with a new storage, and not to end
	for _, pages := range []int64{4, 12} {
		if err := f.Truncate(info.Size() - pages<<12); err != nil {
			return err
		}
		if _, err := tryOpen(small, path+"new", false, testOptions()); !errors.Is(err,
			syscall.ENOSPC) || errors.Is(err, core.ErrCorrupt) {
			return fmt.Errorf("made on a medium with %d pages: %w", pages, err)
		}
	}
	if e, err = tryOpen(small, path, true, testOptions()); err != nil {
		return err
	}
	return e.Close()
}
