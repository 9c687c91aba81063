// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package pebble

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/backendtest"
)

// Pebble that cannot be opened closes its tables, also those that it merges in a goroutine of
// its own: that one divided by zero, which ended the process. So it must not merge anything
// before it is open. It is what happened where few files could be opened.
func TestNothingIsMergedBeforeItIsOpen(t *testing.T) {
	if raceEnabled {
		t.Skip("with the race detector pebble opens tables to check its invariants")
	}
	path := testPath(t)
	mem := memoryFS(t, path)
	e, err := memoryOpen(t, Backend{fs: mem}.withDefaults(), path, false)
	if err != nil {
		t.Fatal(err)
	}
	e.scheduler().open = false // nor now, so that there is enough to merge
	for i := range 8 {
		apply(t, e, rows(i, 1000+i, 100)...)
		if err := e.db.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	apply(t, e, rows(0, 10, 100)...)
	clone, to := crashed(t, mem, path, 0, 1)
	var merging atomic.Bool
	failing := errorfs.Wrap(clone, errorfs.InjectorFunc(func(op errorfs.Op) error {
		// the last of what pebble makes
		if strings.HasSuffix(op.Path, ".dbtmp") && op.Kind == errorfs.OpCreate {
			time.Sleep(100 * time.Millisecond)
			return &os.PathError{Op: "create", Path: op.Path, Err: syscall.EMFILE}
		}
		// Pebble's statistics open tables too.
		if filepath.Ext(op.Path) == ".sst" && op.Kind == errorfs.OpOpen &&
			bytes.Contains(debug.Stack(), []byte(".runCompaction(")) {
			merging.Store(true)
		}
		return nil
	}))
	if _, err := memoryOpen(t, Backend{fs: failing}.withDefaults(), to, false); !errors.Is(err,
		syscall.EMFILE) || errors.Is(err, core.ErrCorrupt) {
		t.Error(err)
	}
	if merging.Load() {
		t.Error("tables were opened to be merged")
	}
	e2, err := memoryOpen(t, Backend{fs: clone}.withDefaults(), to, false)
	if err != nil {
		t.Fatal(err)
	}
	waitUntil(t, func() bool { return e2.db.Metrics().Compact.Count > 0 }) // now it may
	closeEngine(t, e2)
	e.scheduler().open = true
	closeEngine(t, e)
}

// A read of a long value with one damaged byte took pebble 13 seconds a MiB, whatever became of
// its context: it looks for a bit that would make the checksum right.
func TestDamageInALongValue(t *testing.T) {
	const size = 8 << 20
	path := testPath(t)
	e := open(t, Backend{}, path)
	apply(t, e, rows(0, 1000, 100)...)
	apply(t, e, noise(5000, size))
	closeEngine(t, e)
	names, err := filepath.Glob(filepath.Join(path, "*.sst"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if fileSize(t, name) <= size {
			continue
		}
		flip := backendtest.FlipBit(size-1000, 0)
		if _, err := backendtest.DamageFile(name, flip); err != nil {
			t.Fatal(err)
		}
	}
	for _, readOnly := range []bool{false, true} {
		e, err := tryOpen(Backend{}, path, readOnly, testOptions())
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = e.Get(t.Context(), rowKey(5000))
		if !errors.Is(err, core.ErrCorrupt) || !strings.Contains(err.Error(),
			"its checksum is wrong") {
			t.Errorf("readOnly=%v: get: %v", readOnly, err)
		}
		if _, err := dump(e); !errors.Is(err, core.ErrCorrupt) {
			t.Errorf("readOnly=%v: scan: %v", readOnly, err)
		}
		if err := e.Check(t.Context()); !errors.Is(err, core.ErrCorrupt) {
			t.Errorf("readOnly=%v: check: %v", readOnly, err)
		}
		closeEngine(t, e)
	}
}

// Pebble looked for the bit that would mend a block each time that a damaged one was read, by
// some ten thousand checksums: three of 4 KiB that were read 3,000 times took 25 seconds.
// Pebble does so once in a storage that is open, and what was mended on the disk, by another
// file or by the disk itself, is right again: nothing is remembered of blocks.
func TestDamageIsReadAgain(t *testing.T) {
	const count = 2000
	path := testPath(t)
	e := open(t, Backend{}, path)
	for i := range count {
		apply(t, e, noise(i, 100))
	}
	if err := e.Compact(t.Context()); err != nil { // pebble may have begun a table before
		t.Fatal(err)
	}
	closeEngine(t, e)
	names, err := filepath.Glob(filepath.Join(path, "*.sst"))
	if err != nil || len(names) != 1 {
		t.Fatal(names, err)
	}
	sound, err := os.ReadFile(names[0])
	if err != nil {
		t.Fatal(err)
	}
	hurt := sound
	damaged := []int{100, 1000, 1900}
	for _, i := range damaged {
		at := bytes.Index(hurt, noise(i, 100).Value)
		if at < 0 {
			t.Fatal("row", i, "is not in the table as it is")
		}
		hurt = backendtest.FlipBit(at, 2)(hurt)
	}
	get := func(e *engine, i int) error {
		value, r, err := e.Get(t.Context(), rowKey(i))
		if err != nil {
			return err
		}
		defer r.Release()
		if !bytes.Equal(value, noise(i, 100).Value) {
			t.Errorf("row %d is wrong", i)
		}
		return nil
	}
	firsts := map[string]func(*engine) error{
		"get":   func(e *engine) error { return get(e, damaged[0]) },
		"scan":  func(e *engine) error { _, err := dump(e); return err },
		"check": func(e *engine) error { return e.Check(t.Context()) },
	}
	for name, first := range firsts {
		for _, readOnly := range []bool{false, true} {
			if err := os.WriteFile(names[0], hurt, 0o600); err != nil {
				t.Fatal(err)
			}
			e, err := tryOpen(Backend{}, path, readOnly, testOptions())
			if err != nil {
				t.Fatal(err)
			}
			if err := first(e); !errors.Is(err, core.ErrCorrupt) {
				t.Errorf("%s first, readOnly=%v: %v", name, readOnly, err)
			}
			for _, i := range damaged {
				if err := get(e, i); !errors.Is(err,
					core.ErrCorrupt) || !strings.Contains(err.Error(), "its checksum is wrong") {
					t.Errorf("%s first, readOnly=%v: then row %d: %v", name, readOnly, i, err)
				}
			}
			if err := os.WriteFile(names[0], sound, 0o600); err != nil {
				t.Fatal(err)
			}
			for i := range count {
				if err := get(e, i); err != nil {
					t.Fatalf("%s first, readOnly=%v: when the file is mended, row %d: %v",
						name, readOnly, i, err)
				}
			}
			closeEngine(t, e)
		}
	}
}

// panicking panics whatever it is to log.
type panicking struct{ slog.Handler }

func (panicking) Enabled(context.Context, slog.Level) bool { panic("the logger's own fault") }

// Pebble logs in goroutines of its own, with locks locked: a logger that panicked there ended
// the process.
func TestLoggerPanics(t *testing.T) {
	path := testPath(t)
	opts := testOptions()
	opts.Logger = slog.New(panicking{})
	for range 2 {
		e, err := tryOpen(Backend{}, path, false, opts)
		if err != nil {
			t.Fatal(err)
		}
		apply(t, e, rows(0, 100, 100)...)
		if err := e.Compact(t.Context()); err != nil {
			t.Error(err)
		}
		listener(opts.Logger, e.health).DataCorruption(pebble.DataCorruptionInfo{})
		listener(opts.Logger, e.health).BackgroundError(errBroken)
		closeEngine(t, e)
	}
}
