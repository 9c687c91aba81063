// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package backendtest

import (
	"testing"

	"github.com/guardkv/guardkv/core"
)

// NewPlain returns a backend that has limits and powers, unlike the one in memory.
func NewPlain() core.Backend { return newPlain("") }

// RunContract is Run without what core promises on top of a backend.
func RunContract(t *testing.T, open func() core.Backend) {
	for _, p := range contract() {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			newTrial(t, &p, Target{Backend: open(), Path: "place"}, false).run()
		})
	}
}
