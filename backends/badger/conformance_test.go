// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package badger

import (
	"testing"

	"github.com/guardkv/guardkv/core/backendtest"
)

func TestConformance(t *testing.T) {
	b := Backend{}
	if testing.Short() {
		b = small // storages are opened by the hundred, each with its memtable
	}
	backendtest.Run(t, func(t *testing.T) backendtest.Target {
		return backendtest.Target{Backend: b, Path: fastPath(t)}
	})
}

// TestConformanceCompressed is the same where rows that are in tables are compressed, and the
// cache has room for a few of them. Short tests are those under the race detector, which takes
// a minute for this: there TestHeldWhileCompressedTablesGo and others read what is merged
// meanwhile.
func TestConformanceCompressed(t *testing.T) {
	if testing.Short() {
		t.Skip("the whole suite a second time is for long tests")
	}
	backendtest.Run(t, func(t *testing.T) backendtest.Target {
		return backendtest.Target{Backend: compressed(ZSTD), Path: fastPath(t)}
	})
}
