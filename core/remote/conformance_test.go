// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package remote_test

import (
	"testing"

	"github.com/guardkv/guardkv/core/backendtest"
)

// TestConformance: the example is a backend like any other.
func TestConformance(t *testing.T) {
	backendtest.Run(t, func(*testing.T) backendtest.Target {
		server := new(Server)
		return backendtest.Target{
			Backend: Backend{server}, Second: Backend{server}, Path: "storage",
		}
	})
}
