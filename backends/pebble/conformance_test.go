// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package pebble

import (
	"testing"

	"github.com/guardkv/guardkv/core/backendtest"
)

func TestConformance(t *testing.T) {
	backendtest.Run(t, func(t *testing.T) backendtest.Target {
		return backendtest.Target{Backend: Backend{}, Path: testPath(t), OneReader: !canShareLock}
	})
}
