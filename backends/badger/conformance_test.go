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
