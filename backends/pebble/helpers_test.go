// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package pebble

import (
	"context"
	"log/slog"
	"path/filepath"
	"testing"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/backendtest"
)

// Rows that a test recognizes, and what is done with them.
var (
	rowKey   = backendtest.RowKey
	rowValue = backendtest.RowValue
	rows     = backendtest.PutRows
	apply    = backendtest.Apply
	dump     = backendtest.AllRows
)

var testMark = []byte("a mark")

func testOptions() core.EngineOptions {
	return core.EngineOptions{Mark: testMark, Logger: slog.New(slog.DiscardHandler)}
}

func testPath(tb testing.TB) string {
	tb.Helper()
	return filepath.Join(tb.TempDir(), "db")
}

// tryOpen claims and opens what is at path.
func tryOpen(b Backend, path string, readOnly bool, opts core.EngineOptions) (*engine, error) {
	c, err := b.Claim(context.Background(), path, readOnly)
	if err != nil {
		return nil, err
	}
	e, err := c.Open(context.Background(), opts)
	if err != nil {
		c.Release()
		return nil, err
	}
	return e.(*engine), nil
}

func open(tb testing.TB, b Backend, path string) *engine {
	tb.Helper()
	e, err := tryOpen(b, path, false, testOptions())
	if err != nil {
		tb.Fatal(err)
	}
	return e
}

func closeEngine(tb testing.TB, e *engine) {
	tb.Helper()
	if err := e.Close(); err != nil {
		tb.Fatal(err)
	}
}
