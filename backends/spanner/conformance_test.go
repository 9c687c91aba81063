// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package spanner

import (
	"strings"
	"testing"
	"time"

	"github.com/guardkv/guardkv/core/backendtest"
)

// TestConformance: two backends with connections of their own are two processes. Each check has a
// database of its own: the emulator lets one transaction of a database write at a time.
func TestConformance(t *testing.T) {
	e := emulator(t)
	backendtest.Run(t, func(t *testing.T) backendtest.Target {
		if short && strings.Contains(t.Name(), "/spoiled/") {
			t.Skip("bytes are spoiled on this side of the emulator: the long form does that")
		}
		// Some checks wait as long as a write may take, and the machine may be busy.
		b := Backend{
			Database: database(t, e), Options: e.Options(), Timeout: 15 * time.Second, Writers: 4,
		}
		return backendtest.Target{Backend: b, Second: b, Path: "place"} // which share nothing
	})
}
