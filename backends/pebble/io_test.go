// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package pebble

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/guardkv/guardkv/core"
)

// The disk fails once, at each operation in turn that opening, reading and checking a storage
// takes. That says nothing about the storage, so it is never ErrCorrupt, for which a storage
// may be set aside; and the next time all is well.
func TestFailingReadsAreNoDamage(t *testing.T) {
	path := testPath(t)
	mem := memoryFS(t, path)
	e, err := memoryOpen(t, Backend{fs: mem}.withDefaults(), path, false)
	if err != nil {
		t.Fatal(err)
	}
	apply(t, e, rows(0, 500, 100)...)
	if err := e.Compact(t.Context()); err != nil {
		t.Fatal(err)
	}
	apply(t, e, rows(500, 600, 100)...)
	defer closeEngine(t, e)
	step := int64(1)
	if testing.Short() {
		step = 7
	}
	for at := int64(0); ; at += step {
		clone, to := crashed(t, mem, path, 0, 1) // with rows that are in the log only
		var ops atomic.Int64
		failing := errorfs.Wrap(clone, errorfs.InjectorFunc(func(op errorfs.Op) error {
			if ops.Add(1)-1 != at {
				return nil
			}
			return &fs.PathError{Op: "injected", Path: op.Path, Err: syscall.EIO}
		}))
		err := openAndRead(t, failing, to)
		if errors.Is(err, core.ErrCorrupt) {
			t.Errorf("operation %d: %v", at, err)
		}
		if ops.Load() <= at {
			if err != nil || at == 0 {
				t.Fatal(err)
			}
			return
		}
	}
}

func openAndRead(t *testing.T, fs vfs.FS, path string) error {
	e, err := memoryOpen(t, Backend{fs: fs}.withDefaults(), path, false)
	if err != nil {
		return err
	}
	all, err := dump(e)
	if err == nil && len(all) != 600 {
		t.Errorf("%d rows", len(all))
	}
	if err == nil {
		err = e.Check(t.Context())
	}
	return errors.Join(err, e.Close())
}

// A storage that a newer pebble has brought to a format that this one does not know is as sound
// as before, and must not be taken for damaged, and set aside, by a program that was not
// updated.
func TestNewerFormatIsNoDamage(t *testing.T) {
	path := testPath(t)
	closeEngine(t, open(t, Backend{}, path))
	markers, err := filepath.Glob(filepath.Join(path, "marker.format-version.*"))
	if err != nil || len(markers) != 1 {
		t.Fatal(markers, err)
	}
	if err := os.Rename(markers[0],
		filepath.Join(path, "marker.format-version.000099.999")); err != nil {
		t.Fatal(err)
	}
	for _, readOnly := range []bool{false, true} {
		if _, err := tryOpen(Backend{}, path, readOnly, testOptions()); !errors.Is(err,
			errors.ErrUnsupported) || errors.Is(err, core.ErrCorrupt) {
			t.Error(err)
		}
	}
}

// A file may be of any length and take nothing of the medium, where there are sparse files.
// Pebble would read it to its end, and its options into memory.
func TestFilesOfAnyLength(t *testing.T) {
	path := testPath(t)
	closeEngine(t, open(t, Backend{}, path))
	for _, pattern := range []string{"*.log", "MANIFEST-*", "OPTIONS-*"} {
		damaged := filepath.Join(t.TempDir(), "db")
		if err := os.CopyFS(damaged, os.DirFS(path)); err != nil {
			t.Fatal(err)
		}
		files, _ := filepath.Glob(filepath.Join(damaged, pattern))
		if len(files) == 0 {
			t.Fatal(pattern)
		}
		if err := os.Truncate(files[len(files)-1], 1<<34); err != nil {
			t.Skip("no file of that length can be made here:", err)
		}
		_, err := tryOpen(Backend{}, damaged, false, testOptions())
		if strconv.IntSize == 32 && errors.Is(err, syscall.EOVERFLOW) {
			continue // such a file cannot be opened there
		}
		if !errors.Is(err, core.ErrCorrupt) {
			t.Errorf("%s: %v", pattern, err)
		}
	}
}

// Without sync, rows may be lost and a mark that says what they are may not: so a mark makes
// those durable that were there before. A migration ends with a new mark; were its rows lost,
// and the mark kept, old rows would be taken for new ones.
func TestMarkIsNotAheadOfRows(t *testing.T) {
	path := testPath(t)
	mem := memoryFS(t, path)
	e, err := memoryOpen(t, Backend{fs: mem}.withDefaults(), path, true)
	if err != nil {
		t.Fatal(err)
	}
	defer closeEngine(t, e)
	apply(t, e, batch(0)...)
	if err := e.SetMark(t.Context(), testMark); err != nil {
		t.Fatal(err)
	}
	proveCrash(t, mem, path, 0, 1, 1, 1)
}
