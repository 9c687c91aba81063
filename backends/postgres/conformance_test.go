// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package postgres

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/guardkv/guardkv/backends/postgres/postgrestest"
	"github.com/guardkv/guardkv/core/backendtest"
)

func TestConformance(t *testing.T) {
	url := postgrestest.Shared(t).URL()
	var places atomic.Int64
	b := Backend{URL: url, Snapshots: 400} // some checks have hundreds open
	backendtest.Run(t, func(*testing.T) backendtest.Target {
		return backendtest.Target{
			Backend: b, Second: b, // which share nothing
			Path: fmt.Sprintf("place %d of", places.Add(1)),
		}
	})
}
