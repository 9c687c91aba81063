// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package badger

import (
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/backendtest"
)

// badger documents that a value is valid in its callback only. This package keeps an inline one
// for as long as a guard is open, because badger hands out a copy that nothing else refers to.
// Should another version hand out its memtable or its mapped table, writing to the value would
// change the row, and reading it after Close would be a fault.
//
// Of a table that is compressed it would be a block in badger's cache, whose memory badger uses
// again when the cache has no room for it.
func TestInlineValuesArePrivate(t *testing.T) { eachCompression(t, inlineValuesArePrivate) }

func inlineValuesArePrivate(t *testing.T, b Backend) {
	path := fastPath(t)
	e := open(t, b, path)
	for _, n := range []int{0, 1, 100, 5000, inlineBelow - 1} {
		apply(t, e, core.Write{Key: rowKey(n), Value: rowValue(n, n)})
	}
	check := func(where string) (held [][]byte) {
		for _, n := range []int{0, 1, 100, 5000, inlineBelow - 1} {
			v, r := get(t, e, rowKey(n))
			if v == nil || cap(v) != len(v) {
				t.Errorf("%s: a value of %d bytes is nil: %v, or has room for %d",
					where, n, v == nil, cap(v))
			}
			for i := range v {
				v[i] ^= 0xff
			}
			r.Release()
			again, r := get(t, e, rowKey(n))
			if !bytes.Equal(again, rowValue(n, n)) {
				t.Errorf("%s: a value of %d bytes is badger's own memory", where, n)
			}
			held = append(held, again)
			r.Release()
		}
		return held
	}
	held := check("in the memtable")
	compact(t, e)
	held = append(held, check("in a table")...)
	apply(t, e, deletions(0, inlineBelow)[:100]...)
	compact(t, e)
	closeEngine(t, e)
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	for _, v := range held {
		if !bytes.Equal(v, rowValue(len(v), len(v))) {
			t.Errorf("a value of %d bytes did not survive", len(v))
		}
	}
}

// badger gives nothing for an empty value, which would be none at all.
func TestEmptyValue(t *testing.T) {
	e := open(t, small, fastPath(t))
	apply(t, e, core.Write{Key: rowKey(1)})
	s, err := e.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if v, _, err := s.Get(t.Context(), rowKey(1)); v == nil || len(v) > 0 || err != nil {
		t.Errorf("Get: %v, %v", v, err)
	}
	c, err := s.Scan(t.Context(), core.ScanRange{})
	if err != nil {
		t.Fatal(err)
	}
	if _, v, ok := c.Next(); v == nil || len(v) > 0 || !ok {
		t.Errorf("Next: %v, %v", v, ok)
	}
	c.Close()
	s.Close()
	closeEngine(t, e)
}

// Values in the value log are badger's mapping of a file: they are copied once. Held ones
// neither keep badger's writer from beginning new files, nor the file from being deleted.
func TestLongValues(t *testing.T) {
	if testing.Short() {
		t.Skip("writes and reads a gigabyte, one row after the other")
	}
	path := fastPath(t)
	e := open(t, Backend{}, path)
	const n = 140 // of a megabyte each: three files
	want := func(i, round int) []byte { return rowValue(i+1000*round, inlineBelow+i) }
	put := func(round, from, to int) {
		for i := from; i < to; i++ {
			apply(t, e, core.Write{Key: rowKey(i), Value: want(i, round)})
		}
	}
	put(0, 0, 1)
	v, r := get(t, e, rowKey(0))
	snap, err := e.Snapshot(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	put(0, 1, n)
	if files := valueFiles(path); files < 3 {
		t.Fatalf("%d files of the value log", files)
	}
	before, err := e.Snapshot(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	put(1, 0, n)
	compact(t, e)
	for i := range n {
		got, _, err := before.Get(context.Background(), rowKey(i))
		if err != nil || !bytes.Equal(got, want(i, 0)) {
			t.Fatalf("row %d as it was: %d bytes, %v", i, len(got), err)
		}
	}
	before.Close()
	if got, _, err := snap.Get(context.Background(),
		rowKey(0)); err != nil || !bytes.Equal(got, want(0, 0)) {
		t.Fatalf("the first row as it was: %v", err)
	}
	snap.Close()
	compact(t, e)
	compact(t, e)
	if files := valueFiles(path); files > 4 {
		t.Errorf("%d files of the value log after everything was written twice and compacted",
			files)
	}
	if !bytes.Equal(v, want(0, 0)) || cap(v) != len(v) {
		t.Error("a value that was held has changed, or has room behind it")
	}
	r.Release()
	all, err := dump(e)
	if err != nil || len(all) != n {
		t.Fatal(len(all), err)
	}
	for i := range n {
		if all[string(rowKey(i))] != string(want(i, 1)) {
			t.Errorf("row %d is wrong", i)
		}
	}
	if err := e.Check(context.Background()); err != nil {
		t.Error(err)
	}
	closeEngine(t, e)
}

func valueFiles(path string) int {
	found, _ := filepath.Glob(filepath.Join(path, "*.vlog"))
	return len(found)
}

// Readers of long values must not take a file that was collected for damage.
func TestReadWhileCollecting(t *testing.T) {
	e := open(t, small, fastPath(t))
	const n = 70
	var stop atomic.Bool
	var wg sync.WaitGroup
	put := func() {
		for i := range n {
			apply(t, e, core.Write{Key: rowKey(i), Value: rowValue(i, inlineBelow)})
		}
	}
	put()
	for range 2 {
		wg.Go(func() {
			for i := 0; !stop.Load(); i++ {
				v, r, err := e.Get(context.Background(), rowKey(i%n))
				if err != nil || !bytes.Equal(v, rowValue(i%n, inlineBelow)) {
					t.Errorf("row %d: %v", i%n, err)
					return
				}
				r.Release()
			}
		})
	}
	rounds := 4
	if testing.Short() {
		rounds = 1
	}
	for range rounds {
		put()
		compact(t, e)
		if err := e.Check(context.Background()); err != nil {
			t.Error(err)
		}
	}
	stop.Store(true)
	wg.Wait()
	closeEngine(t, e)
}

// A Get that is slower than the writers must not miss the row whose version badger has dropped
// meanwhile.
func TestReadWhileDiscarding(t *testing.T) {
	e := open(t, small, fastPath(t))
	const n = 50
	apply(t, e, rows(0, n, 100)...)
	var stop atomic.Bool
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i := 0; !stop.Load(); i++ {
				_, r, err := e.Get(context.Background(), rowKey(i%n))
				if err != nil {
					t.Errorf("row %d: %v", i%n, err)
					return
				}
				r.Release()
			}
		})
	}
	duration := 3 * time.Second
	if testing.Short() {
		duration /= 6
	}
	for end := time.Now().Add(duration); time.Now().Before(end) && !t.Failed(); {
		for range 20 {
			apply(t, e, rows(0, n, 100)...)
			e.discard()
		}
		compact(t, e)
	}
	stop.Store(true)
	wg.Wait()
	closeEngine(t, e)
}

// What a snapshot kept from being dropped must not stay forever: badger itself would leave it
// until the rows are written again. And a second Compact has nothing to do.
func TestCompactAfterSnapshot(t *testing.T) {
	e := open(t, small, fastPath(t))
	for from := 0; from < 20_000; from += 5000 {
		apply(t, e, rows(from, from+5000, 400)...)
	}
	s, err := e.Snapshot(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for from := 0; from < 20_000; from += 5000 {
		apply(t, e, deletions(from, from+5000)...)
	}
	apply(t, e, rows(0, 10, 400)...)
	compact(t, e)
	if size, err := e.Size(); err != nil || size < 8_000_000 {
		t.Fatalf("%d bytes beside a snapshot of 8 MB, %v", size, err)
	}
	s.Close()
	compact(t, e)
	if size, err := e.Size(); err != nil || size > 2_000_000 {
		t.Errorf("%d bytes with ten rows, %v", size, err)
	}
	before := e.db.MaxVersion()
	compact(t, e)
	if e.db.MaxVersion() != before {
		t.Error("a Compact that has nothing to do wrote something")
	}
	if all, err := dump(e); err != nil || len(all) != 10 {
		t.Errorf("%d rows, %v", len(all), err)
	}
	closeEngine(t, e)
}

// badger reads a file of the value log that it collects up to the first damage, and deletes it
// with all that is behind. So Compact reads such files before, and leaves a damaged one alone.
func TestCollectDamaged(t *testing.T) {
	path := fastPath(t)
	e := open(t, small, path)
	const n = 10
	for i := range n {
		apply(t, e, core.Write{Key: rowKey(i), Value: rowValue(i, inlineBelow)})
	}
	closeEngine(t, e)
	values, _ := filepath.Glob(filepath.Join(path, "*.vlog"))
	e = open(t, small, path) // and what was the newest file is not any more
	apply(t, e, deletions(3, 8)...)
	damage := backendtest.Overwrite(inlineBelow+inlineBelow/2, []byte("damage"))
	if _, err := backendtest.DamageFile(values[len(values)-1], damage); err != nil {
		t.Fatal(err)
	}
	if err := e.Compact(context.Background()); !errors.Is(err, core.ErrCorrupt) {
		t.Errorf("Compact gives %v", err)
	}
	if err := e.Check(context.Background()); !errors.Is(err, core.ErrCorrupt) {
		t.Errorf("Check gives %v", err)
	}
	for _, i := range []int{0, 1, 2, 8, 9} {
		v, r, err := e.Get(context.Background(), rowKey(i))
		if i == 1 {
			if !errors.Is(err, core.ErrCorrupt) {
				t.Errorf("a damaged value gives %v", err)
			}
			continue
		}
		if err != nil || !bytes.Equal(v, rowValue(i, inlineBelow)) {
			t.Errorf("row %d: %v", i, err)
			continue
		}
		r.Release()
	}
	closeEngine(t, e)
}

// A reader may have looked up where a long value is, and find that badger has moved it and
// deleted the file. It must look again.
func TestValueMovedMeanwhile(t *testing.T) {
	path := fastPath(t)
	e := open(t, small, path)
	const n = 10
	for i := range n {
		apply(t, e, core.Write{Key: rowKey(i), Value: rowValue(i, inlineBelow)})
	}
	closeEngine(t, e)
	e = open(t, small, path)
	apply(t, e, deletions(1, n)...)
	txn := e.newest.Load()
	item, err := txn.Get(rowKey(0))
	if err != nil {
		t.Fatal(err)
	}
	compact(t, e)
	if v, err := item.ValueCopy(nil); err != nil || len(v) > 0 {
		t.Fatalf("%d bytes, %v: the value was not moved", len(v), err)
	}
	var buf []byte
	if err := e.outOfLine(txn, item, rowKey(0), &buf); err != nil || !bytes.Equal(buf,
		rowValue(0, inlineBelow)) {
		t.Errorf("%d bytes, %v", len(buf), err)
	}
	closeEngine(t, e)
}
