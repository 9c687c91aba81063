// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package backendtest

import "slices"

// contract is what core/backend.go says of backends.
func contract() []promise {
	return slices.Concat(claimPromises, openPromises, getPromises, applyPromises, valuePromises, limitPromises,
		snapshotPromises, cursorPromises, powerPromises, rangePromises, conditionPromises, mediumPromises, modelPromises)
}
