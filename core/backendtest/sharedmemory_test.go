// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package backendtest_test

import (
	"testing"

	"github.com/guardkv/guardkv/core/backendtest"
	"github.com/guardkv/guardkv/core/memory"
)

// What several processes promise each other holds in memory.
func TestSharedMemoryContract(t *testing.T) {
	backendtest.RunContractOf(t, func() backendtest.Target {
		b := memory.NewShared()
		return backendtest.Target{Backend: b, Path: "place", Second: b}
	})
}
