// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package bbolt

import (
	"context"
	"os"
	"path/filepath"
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

// copying is the backend of a system without address space to spare.
var copying = Backend{reserve: func(int64) int { return 0 }}

// modes are the two ways of serving readers; most tests hold for both.
var modes = []struct {
	name    string
	backend Backend
}{
	{"mapped", Backend{}},
	{"copying", copying},
}

func eachMode(t *testing.T, test func(t *testing.T, b Backend)) {
	for _, m := range modes {
		t.Run(m.name, func(t *testing.T) { test(t, m.backend) })
	}
}

func testPath(tb testing.TB) string {
	tb.Helper()
	return filepath.Join(tb.TempDir(), "db")
}

// fastPath is a testPath where syncing costs nothing, if there is such a place.
func fastPath(tb testing.TB) string {
	tb.Helper()
	return backendtest.FastPath(tb, nil)
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

// compact compacts e where that is possible.
func compact(ctx context.Context, e core.Engine) error {
	if c := e.Powers().Compact; c != nil {
		return c(ctx)
	}
	return nil
}

func fileSize(tb testing.TB, path string) int64 {
	tb.Helper()
	info, err := os.Stat(path)
	if err != nil {
		tb.Fatal(err)
	}
	return info.Size()
}
