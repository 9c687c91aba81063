// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package pebble

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/guardkv/guardkv/core"
)

var errBroken = errors.New("the disk is broken")

// breakable opens a storage on a disk that fails to write logs and lists of tables from when
// broken is set.
func breakable(t *testing.T, path string) (e *engine, broken *atomic.Bool) {
	t.Helper()
	broken = new(atomic.Bool)
	fs := errorfs.Wrap(memoryFS(t, path), errorfs.InjectorFunc(func(op errorfs.Op) error {
		if broken.Load() && vital(filepath.Base(op.Path)) &&
			op.Kind.ReadOrWrite() == errorfs.OpIsWrite {
			return errBroken
		}
		return nil
	}))
	e, err := memoryOpen(t, Backend{fs: fs}.withDefaults(), path, true)
	if err != nil {
		t.Fatal(err)
	}
	return e, broken
}

// Pebble is not told that its log fails. A mark that speaks of rows which did not become
// durable must not be put all the same, and no later one.
func TestNoMarkWithoutRows(t *testing.T) {
	path := testPath(t)
	e, broken := breakable(t, path)
	apply(t, e, rows(0, 10, 100)...)
	before, err := os.ReadFile(filepath.Join(path, "guardkv.mark"))
	if err != nil {
		t.Fatal(err)
	}
	broken.Store(true)
	for range 2 {
		if err := e.SetMark(t.Context(), []byte("another mark")); !errors.Is(err, errBroken) {
			t.Error("mark:", err)
		}
	}
	if _, err := e.Snapshot(t.Context()); !errors.Is(err, errBroken) {
		t.Error("snapshot:", err)
	}
	if err := e.Check(t.Context()); !errors.Is(err, errBroken) {
		t.Error("check:", err)
	}
	if after, err := os.ReadFile(filepath.Join(path, "guardkv.mark")); err != nil ||
		!bytes.Equal(after, before) {
		t.Errorf("the mark is %q, %v", after, err)
	}
	if err := e.Close(); !errors.Is(err, errBroken) {
		t.Error("close:", err)
	}
}

// What fails while a storage is closed fails Close, and no witness says that all is well, also
// if nothing was written.
func TestCloseOnAFailingDisk(t *testing.T) {
	for _, written := range []bool{true, false} {
		path := testPath(t)
		e, broken := breakable(t, path)
		if written {
			apply(t, e, rows(0, 10, 100)...)
		}
		broken.Store(true)
		if err := e.Close(); !errors.Is(err, errBroken) {
			t.Errorf("written=%v: %v", written, err)
		}
		if _, err := os.Stat(filepath.Join(path, "guardkv.witness")); err == nil {
			t.Errorf("written=%v: there is a witness", written)
		}
	}
}

// Every write counts as one more, small or large, and so does every one after the storage was
// opened again. The witness knows of all of them after Compact and after Close.
func TestEveryWriteCounts(t *testing.T) {
	path := testPath(t)
	seen, witnesses := map[string]bool{}, map[string]bool{}
	witnessed := func(when string) {
		w, err := os.ReadFile(filepath.Join(path, "guardkv.witness"))
		if err != nil || witnesses[string(w)] {
			t.Errorf("%s the witness is %q, as before: %v", when, w, err)
		}
		witnesses[string(w)] = true
	}
	for range 2 {
		e := open(t, Backend{}, path)
		for _, size := range []int{1, bulk, 1} {
			apply(t, e, core.Write{Key: rowKey(0), Value: make([]byte, size)})
			row, err := e.tallyRow()
			if err != nil || seen[string(row)] {
				t.Errorf("the row %x was there before: %v", row, err)
			}
			seen[string(row)] = true
		}
		if err := e.Compact(t.Context()); err != nil {
			t.Fatal(err)
		}
		witnessed("after Compact")
		apply(t, e, rows(0, 1, 1)...)
		closeEngine(t, e)
		witnessed("after Close")
	}
}
