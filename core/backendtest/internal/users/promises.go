// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package users

import (
	"slices"

	"github.com/guardkv/guardkv/core/backendtest/internal/kit"
)

// Promises returns what package core promises to users, whatever the backend.
func Promises() []kit.Promise {
	return slices.Concat(guardPromises, closePromises, orderPromises, scanPromises, pullPromises,
		verbPromises, txPromises, serialPromises, nestedPromises,
		writePromises, groupPromises, modifyPromises, clearPromises, streamPromises,
		sortingPromises, cancelPromises, recreatePromises, migrationPromises,
		formatPromises, formatPowerPromises, layoutPromises, tablePromises, damagePromises,
		argumentPromises, backupPromises, killedPromises, panicPromises, placePromises,
		sharedTablePromises, sharedSerialPromises, sharedOutcomePromises, sharedTripPromises,
		sharedOpenPromises)
}
