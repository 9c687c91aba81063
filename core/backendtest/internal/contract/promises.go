// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package contract

import (
	"slices"

	"github.com/guardkv/guardkv/core/backendtest/internal/kit"
)

// Promises is what core/backend.go says of backends.
func Promises() []kit.Promise {
	return slices.Concat(claimPromises, openPromises, getPromises, applyPromises, ValuePromises, limitPromises,
		snapshotPromises, cursorPromises, powerPromises, rangePromises, conditionPromises, mediumPromises, modelPromises)
}
