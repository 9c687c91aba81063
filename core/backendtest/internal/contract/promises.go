// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package contract

import (
	"slices"

	"github.com/guardkv/guardkv/core/backendtest/internal/kit"
)

// Promises returns what core/backend.go demands of backends. Each promise follows those that its
// check rests on, so if many fail, the first ones explain the others.
func Promises() []kit.Promise {
	return slices.Concat(claimPromises, openPromises, getPromises, applyPromises, ValuePromises,
		limitPromises,
		cursorPromises, snapshotPromises, powerPromises, rangePromises, conditionPromises,
		mediumPromises, modelPromises, sharedPromises, sharedReadPromises, sharedClaimPromises)
}
