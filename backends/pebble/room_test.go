// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package pebble

import (
	"context"
	"errors"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/guardkv/guardkv/core"
)

// Every write had a goroutine of its own, so that one which waits can be given up. That took
// three times as long as the write.
func TestSmallWritesNeedNoGoroutine(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector lets pools forget what they hold, so allocations are not those of the code")
	}
	opts := testOptions()
	opts.NoSync = true
	e, err := tryOpen(Backend{}, testPath(t), false, opts)
	if err != nil {
		t.Fatal(err)
	}
	defer closeEngine(t, e)
	const writes = 2000
	direct := 0
	w := rows(0, 1, 128)
	for range writes { // enough for pebble to begin several tables
		apply(t, e, w...)
		if e.room.certain() {
			direct++
		}
	}
	if direct < writes*9/10 {
		t.Errorf("after %d of %d writes the next one could have been made without a goroutine",
			direct, writes)
	}
	waitUntil(t, func() bool { // pebble rests
		apply(t, e, w...)
		return e.room.certain()
	})
	ours := testing.AllocsPerRun(200, func() { apply(t, e, w...) })
	native := testing.AllocsPerRun(200, func() {
		b := e.db.NewBatch()
		b.Set(tallyKey, w[0].Key, nil)
		b.Set(w[0].Key, w[0].Value, nil)
		b.Commit(e.write)
		b.Close()
	})
	if ours > native+1 {
		t.Errorf("%v allocations, pebble alone makes %v", ours, native)
	}
}

// What pebble says of its tables decides whether the next write can wait for it. Each limit is
// that of pebble.
func TestRoom(t *testing.T) {
	o := (Backend{}).options(nil, nil, newHealth(), newMedium(vfs.NewMem(), "", nil))
	defer o.Cache.Unref()
	r := newRoom(o)
	if r.certain() {
		t.Error("nothing is known, and a write is certain not to wait")
	}
	for _, c := range []struct {
		name      string
		size      uint64
		tables    int64
		sublevels int32
		want      bool
	}{
		{"new", 256 << 10, 1, 0, true},
		{"three full tables", 96 << 20, 3, 0, true},
		{"just below", 128<<20 - 1, 4, 0, true},
		{"four full tables", 128 << 20, 4, 0, false},
		{"level 0 grows to its limit when a table is flushed", 64 << 20, 2, 10, false},
		{"level 0 stays below it", 64 << 20, 2, 9, true},
		{"level 0 is over it", 256 << 10, 1, 12, false},
	} {
		m := &pebble.Metrics{}
		m.MemTable.Size, m.MemTable.Count, m.Levels[0].Sublevels = c.size, c.tables, c.sublevels
		if got := r.fits(m); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
	for name, tell := range map[string]func(){
		"a table is begun": func() { o.EventListener.WALCreated(pebble.WALCreateInfo{}) },
		"one is flushed":   func() { o.EventListener.FlushEnd(pebble.FlushInfo{}) },
		"one is ingested":  func() { o.EventListener.TableIngested(pebble.TableIngestInfo{}) },
		"some are merged":  func() { o.EventListener.CompactionEnd(pebble.CompactionInfo{}) },
	} {
		r.enough = true
		r.changed.Store(false)
		if tell(); r.certain() {
			t.Errorf("%s, and what was known before is believed", name)
		}
	}
}

// Pebble cannot write its tables, those in memory are full, and a write waits, forever: it is
// given up when the disk is found to have failed.
func TestWriteThatWaitsIsGivenUp(t *testing.T) {
	broken := errors.New("the disk is broken")
	path := testPath(t)
	var hanging atomic.Bool
	fails := make(chan struct{})
	failing := errorfs.Wrap(memoryFS(t, path), errorfs.InjectorFunc(func(op errorfs.Op) error {
		if hanging.Load() && filepath.Ext(op.Path) == ".sst" && op.Kind == errorfs.OpCreate {
			<-fails
			return broken
		}
		return nil
	}))
	e, err := memoryOpen(t, Backend{fs: failing}.withDefaults(), path, true)
	if err != nil {
		t.Fatal(err)
	}
	hanging.Store(true)
	w := rows(0, 1, bulk-100)
	var begun atomic.Int64
	result := make(chan error, 1)
	go func() {
		for {
			begun.Add(1)
			if err := e.Apply(context.Background(), core.Batch{Writes: w}); err != nil {
				result <- err
				return
			}
		}
	}()
	waitUntil(t, func() bool { return e.db.Metrics().MemTable.Size >= memTableSize*4 })
	// the last table in memory fills
	for n := int64(0); n != begun.Load(); time.Sleep(100 * time.Millisecond) {
		n = begun.Load()
	}
	close(fails)
	select {
	case err := <-result:
		if !errors.Is(err, broken) || errors.Is(err, core.ErrCorrupt) {
			t.Error(err)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("a write waits for a disk that has failed")
	}
	if testing.Short() {
		return // it takes as long as Close is patient
	}
	if err := e.Close(); !errors.Is(err, broken) || !errors.Is(err, core.ErrLocked) {
		t.Error("close:", err)
	}
}

func waitUntil(t *testing.T, ready func() bool) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); !ready(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it does not happen")
		}
	}
}
