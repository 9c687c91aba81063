// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package badger

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/backendtest"
)

// Rows that a test recognizes, and what is done with them.
var (
	rowKey      = backendtest.RowKey
	rowValue    = backendtest.RowValue
	rows        = backendtest.PutRows
	deletions   = backendtest.DeleteRows
	apply       = backendtest.Apply
	closeEngine = backendtest.CloseEngine
	testOptions = backendtest.EngineOptions
	dump        = backendtest.AllRows
	testMark    = testOptions().Mark
)

// small is a backend whose memtables cost little to make.
var small = Backend{MemTable: 16 << 20}

func testPath(tb testing.TB) string {
	tb.Helper()
	return filepath.Join(tb.TempDir(), "db")
}

// fastPath is a testPath where syncing costs nothing, if there is such a place with some room.
func fastPath(tb testing.TB) string {
	tb.Helper()
	return backendtest.FastPath(tb, func(dir string) bool {
		free, known := freeSpace(dir)
		return known && free >= 1<<30
	})
}

// tryOpen claims and opens what is at path.
func tryOpen(b Backend, path string, readOnly bool, opts core.EngineOptions) (*engine, error) {
	return backendtest.OpenEngine[*engine](b, path, readOnly, opts)
}

func open(tb testing.TB, b Backend, path string) *engine {
	tb.Helper()
	e, err := tryOpen(b, path, false, testOptions())
	if err != nil {
		tb.Fatal(err)
	}
	return e
}

func compact(tb testing.TB, e *engine) {
	tb.Helper()
	if err := e.Compact(context.Background()); err != nil {
		tb.Fatal(err)
	}
}

// copyDir copies the files of a storage, as they are, to another path.
func copyDir(tb testing.TB, from, to string) {
	tb.Helper()
	if err := os.RemoveAll(to); err != nil {
		tb.Fatal(err)
	}
	if err := os.Mkdir(to, 0o700); err != nil {
		tb.Fatal(err)
	}
	entries, err := os.ReadDir(from)
	if err != nil {
		tb.Fatal(err)
	}
	for _, e := range entries {
		if err := copySparse(filepath.Join(from, e.Name()),
			filepath.Join(to, e.Name())); err != nil {
			tb.Fatal(err)
		}
	}
}

// copySparse copies a file and leaves out blocks of zeroes.
func copySparse(from, to string) error {
	b, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.Truncate(int64(len(b))); err != nil {
		return err
	}
	const block = 1 << 16
	zeroes := make([]byte, block)
	for at := 0; at < len(b); at += block {
		part := b[at:min(at+block, len(b))]
		if bytes.Equal(part, zeroes[:len(part)]) {
			continue
		}
		if _, err := f.WriteAt(part, int64(at)); err != nil {
			return err
		}
	}
	return nil
}

// sorted returns the writes in the order of their keys.
func sorted(writes []core.Write) []core.Write {
	return slices.SortedFunc(slices.Values(writes),
		func(a, b core.Write) int { return bytes.Compare(a.Key, b.Key) })
}
