// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package etcd

import (
	"testing"

	"github.com/guardkv/guardkv/core/backendtest"
)

// TestConformance: two backends with connections of their own are two processes.
func TestConformance(t *testing.T) {
	endpoints := server(t).Endpoints()
	backendtest.Run(t, func(*testing.T) backendtest.Target {
		return backendtest.Target{
			Backend: Backend{Endpoints: endpoints}, Second: Backend{Endpoints: endpoints},
			Path: place(),
		}
	})
}
