// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package etcd

import (
	"testing"
	"time"

	"github.com/guardkv/guardkv/core/backendtest"
)

// TestConformance: two backends with connections of their own are two processes.
func TestConformance(t *testing.T) {
	// Some checks wait as long as a write may take.
	b := Backend{Endpoints: server(t).Endpoints(), Timeout: 5 * time.Second}
	backendtest.Run(t, func(*testing.T) backendtest.Target {
		return backendtest.Target{
			Backend: b, Second: b, // which share nothing
			Path: place(),
		}
	})
}
