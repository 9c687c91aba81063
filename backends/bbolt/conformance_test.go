// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package bbolt

import (
	"testing"

	"github.com/guardkv/guardkv/core/backendtest"
)

func TestConformance(t *testing.T) {
	eachMode(t, func(t *testing.T, b Backend) {
		backendtest.Run(t, func(t *testing.T) backendtest.Target {
			return backendtest.Target{Backend: b, Path: testPath(t)}
		})
	})
}
