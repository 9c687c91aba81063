// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package backendtest_test

import (
	"testing"

	"github.com/guardkv/guardkv/core/backendtest"
	"github.com/guardkv/guardkv/core/memory"
)

func TestMemory(t *testing.T) {
	backendtest.Run(t, func(t *testing.T) backendtest.Target {
		return backendtest.Target{Backend: memory.New(), Path: "place"}
	})
}

// The promises about one process and those about several hold in memory.
func TestSharedMemory(t *testing.T) {
	backendtest.Run(t, func(t *testing.T) backendtest.Target {
		b := memory.NewShared()
		return backendtest.Target{Backend: b, Path: "place", Second: b}
	})
}

func BenchmarkMemory(b *testing.B) {
	backendtest.Bench(b, func(b *testing.B) backendtest.Target {
		return backendtest.Target{Backend: memory.New(), Path: "place"}
	})
}
