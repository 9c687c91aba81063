// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package memory_test

import (
	"testing"

	"github.com/guardkv/guardkv/core/backendtest"
	"github.com/guardkv/guardkv/core/memory"
)

func TestConformance(t *testing.T) {
	backendtest.Run(t, func(*testing.T) backendtest.Target {
		return backendtest.Target{Backend: memory.New(), Path: "db"}
	})
}
