// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package backendtest

import (
	"slices"
	"testing"
)

// promise is one sentence of the specification and the check that proves it.
type promise struct {
	name        string // names the subtest
	explanation string // is printed when the check fails
	check       func(*trial)
	bareOnly    bool // spoiled buffers would prove nothing more
}

// contract is what core/backend.go says of backends.
func contract() []promise {
	return slices.Concat(claimPromises, openPromises, getPromises, applyPromises, valuePromises, limitPromises,
		snapshotPromises, cursorPromises, powerPromises, modelPromises)
}

// Run proves the promises of backends, one subtest each: what package core says of a backend, then what core
// promises on top of it, both on the backend as it is and behind [Spoil]. open is called once per subtest and
// returns a fresh place; the subtests run in parallel.
//
// Every subtest ends by proving that everything that was opened at the backend was closed exactly once.
func Run(t *testing.T, open func(t *testing.T) Target) {
	t.Run("bare", func(t *testing.T) { runAll(t, open, false) })
	t.Run("spoiled", func(t *testing.T) { runAll(t, open, true) })
}

func runAll(t *testing.T, open func(t *testing.T) Target, spoiled bool) {
	for _, p := range slices.Concat(contract(), typed()) {
		if spoiled && p.bareOnly {
			continue
		}
		t.Run(p.name, func(t *testing.T) {
			t.Parallel() // the places are apart, and most checks wait for the medium
			newTrial(t, &p, open(t), spoiled).run()
		})
	}
}
