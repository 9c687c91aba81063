// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package pebble

import (
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
	apply       = backendtest.Apply
	closeEngine = backendtest.CloseEngine
	testOptions = backendtest.EngineOptions
	dump        = backendtest.AllRows
	testMark    = testOptions().Mark
)

func testPath(tb testing.TB) string {
	tb.Helper()
	return filepath.Join(tb.TempDir(), "db")
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

func fileSize(tb testing.TB, path string) int {
	tb.Helper()
	info, err := os.Stat(path)
	if err != nil {
		tb.Fatal(err)
	}
	return int(info.Size())
}
