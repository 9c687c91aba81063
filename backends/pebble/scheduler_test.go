// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package pebble

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/guardkv/guardkv/core"
)

// noMerging is a medium that has room for rows that are moved to tables, and none for merging
// these while it is full.
type noMerging struct {
	vfs.FS
	full *atomic.Bool
}

func (f noMerging) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	if f.full.Load() && filepath.Ext(name) == ".sst" && strings.Contains(string(c), "compaction") {
		return nil, &os.PathError{Op: "create", Path: name, Err: syscall.ENOSPC}
	}
	return f.FS.Create(name, c)
}

// unmerged returns a storage whose first level is so deep that pebble lets no row in before it
// has merged it, for which there is no room.
func unmerged(t *testing.T) (e *engine, full *atomic.Bool) {
	t.Helper()
	path := testPath(t)
	full = new(atomic.Bool)
	e, err := memoryOpen(t,
		Backend{fs: noMerging{memoryFS(t, path), full}}.withDefaults(), path, false)
	if err != nil {
		t.Fatal(err)
	}
	apply(t, e, rows(0, 1000, 100)...)
	if err := e.Compact(t.Context()); err != nil {
		t.Fatal(err)
	}
	full.Store(true)
	for i := range e.opts.L0StopWritesThreshold {
		err := e.Apply(t.Context(), core.Batch{Writes: rows(i, 1000+i, 100)})
		if errors.Is(err, core.ErrNoRoom) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if err := e.db.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	waitUntil(t, func() bool { return e.health.vain.Load() > 0 })
	return e, full
}

// Pebble tried a merge for which there was no room again and again, some hundred times a
// second: it took and gave back the room that was left, and what others could have written, a
// deletion above all, was refused by chance.
func TestMergesWithoutRoomAreNotTriedAtOnce(t *testing.T) {
	start := time.Now()
	e, full := unmerged(t)
	defer closeEngine(t, e)
	time.Sleep(2 * firstPause)
	failed := e.db.Metrics().Compact.FailedCount
	// two may run side by side
	if most := 2 * (1 + int64(time.Since(start)/firstPause)); failed == 0 || failed > most {
		t.Errorf("%d merges failed in %v", failed, time.Since(start))
	}
	full.Store(false)
}

// A merge for which there was no room is made once there is some, even without any writes, and
// then pebble lets rows in again.
func TestMergesBeginAgain(t *testing.T) {
	e, full := unmerged(t)
	defer closeEngine(t, e)
	waitUntil(t, func() bool { // two may run side by side
		s := e.scheduler()
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.pause > 2*firstPause && s.running == 0
	})
	full.Store(false)
	waitUntil(t, func() bool { return e.health.vain.Load() == 0 })
	apply(t, e, rows(5000, 5001, 100)...)
}

// Each write that was refused because pebble had to merge its tables first claimed room, in the
// log and for a table, and did not give it back. Trying it again and again filled the medium. In
// the end everything was refused, deleting and Compact too, for want of room for rows that had
// never been written.
func TestRefusedWritesTakeNoRoom(t *testing.T) {
	e, full := unmerged(t)
	defer closeEngine(t, e)
	w := rows(5000, 5100, 1000)
	reserved := func() int64 {
		e.files.log.mu.Lock()
		defer e.files.log.mu.Unlock()
		return e.files.log.wanted
	}
	unmoved, wanted := e.medium.unmoved(), reserved()
	for range 100 {
		if err := e.Apply(t.Context(), core.Batch{Writes: w}); !errors.Is(err, core.ErrNoRoom) {
			t.Fatal(err)
		}
	}
	if e.medium.unmoved() != unmoved || reserved() != wanted {
		t.Errorf("there seem to be %d bytes of rows to be moved and %d in the log, and were %d and %d before any was refused",
			e.medium.unmoved(), reserved(), unmoved, wanted)
	}
	full.Store(false)
	if err := e.Compact(t.Context()); err != nil {
		t.Error("compact:", err)
	}
	apply(t, e, w...)
}

// Three merges had failed because there was no room. When there was some, pebble had nothing to
// merge, and the failures were remembered: whatever took pebble more than two seconds was then
// given up for want of room, as often as it was tried, and a write that took as long ended the
// storage. Only a merge that fails while a call waits says that the call waits in vain.
func TestOldFailuresAreOver(t *testing.T) {
	for name, c := range map[string]struct {
		before, meanwhile func(h *health)
		want              error
	}{
		"merges failed before":   {failedMerges, func(*health) {}, nil},
		"merges fail":            {func(*health) {}, failedMerges, core.ErrNoRoom},
		"merges failed and fail": {failedMerges, failedMerges, core.ErrNoRoom},
		"a merge has succeeded": {
			failedMerges,
			func(h *health) { failedMerges(h); h.merged(nil) }, nil,
		},
		"rows cannot be moved": {
			func(*health) {},
			func(h *health) { h.wrote(syscall.ENOSPC) }, core.ErrNoRoom,
		},
		"rows were moved in the end": {
			func(*health) {},
			func(h *health) { h.wrote(syscall.ENOSPC); h.wrote(nil) }, nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHealth()
				c.before(h)
				time.Sleep(time.Second)
				err := h.unlessFull(func() error {
					time.Sleep(time.Second)
					c.meanwhile(h)
					time.Sleep(2 * roomPatience)
					return nil
				})
				if !errors.Is(err, c.want) {
					t.Error(err)
				}
				time.Sleep(3 * roomPatience) // what was given up ends
			})
		})
	}
}

func failedMerges(h *health) {
	for range manyInVain {
		h.merged(syscall.ENOSPC)
	}
}
