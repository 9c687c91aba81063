// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package backendtest

import (
	"testing"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/backendtest/internal/contract"
	"github.com/guardkv/guardkv/core/backendtest/internal/kit"
)

// NewPlain returns a backend that has limits and powers, unlike the one in memory.
func NewPlain() core.Backend { return newPlain("") }

// RunContract is Run without the promises that core makes on top of a backend.
func RunContract(t *testing.T, open func() core.Backend) {
	RunContractOf(t, func() Target { return Target{Backend: open(), Path: "place"} })
}

// RunContractOf is RunContract of backends that may be shared.
func RunContractOf(t *testing.T, open func() Target) {
	sharing := open().Backend.Sharing()
	for _, p := range contract.Promises() {
		if !p.Applies(sharing) {
			continue
		}
		t.Run(p.Name, func(t *testing.T) {
			t.Parallel()
			kit.NewTrial(t, &p, kit.Target(open()), false).Run()
		})
	}
}
