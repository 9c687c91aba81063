// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package badger

import (
	"path/filepath"
	"testing"
)

func testPath(tb testing.TB) string {
	tb.Helper()
	return filepath.Join(tb.TempDir(), "db")
}
