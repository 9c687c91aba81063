// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package counting

import (
	"testing"

	"github.com/guardkv/guardkv/core/backendtest"
)

func TestBackend(t *testing.T) {
	backendtest.Run(t, func(t *testing.T) backendtest.Target {
		return backendtest.Target{Backend: New(), Path: "storage"}
	})
}
