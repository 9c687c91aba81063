// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package postgres

import (
	"fmt"
	"testing"
	"time"

	"github.com/guardkv/guardkv/backends/postgres/postgrestest"
	"github.com/guardkv/guardkv/core/backendtest"
)

func TestConformance(t *testing.T) {
	url := postgrestest.Shared(t).URL()
	// Some checks have hundreds of snapshots open, and some wait as long as a commit may take.
	b := Backend{URL: url, Snapshots: 400, Commit: 5 * time.Second}
	backendtest.Run(t, func(*testing.T) backendtest.Target {
		return backendtest.Target{
			Backend: b, Second: b, // which share nothing
			Path: fmt.Sprintf("place %d of", places.Add(1)),
		}
	})
}
