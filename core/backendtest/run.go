// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package backendtest

import (
	"runtime"
	"sync"
	"testing"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/backendtest/internal/contract"
	"github.com/guardkv/guardkv/core/backendtest/internal/kit"
	"github.com/guardkv/guardkv/core/backendtest/internal/users"
)

// Run proves the promises of backends, one subtest each: what package core says of a backend,
// then what core promises on top of it, both on the backend as it is and behind [Spoil]. open
// is called once per subtest, and once before, and returns a fresh place; the subtests run in
// parallel, but what core promises waits for what it builds upon.
//
// If [core.Backend.Sharing] says that several processes write to a storage, what is promised of
// such storages is proven too, with [Target.Second]. What is promised of claims that keep others
// out does not apply then: those subtests are skipped, and Run logs which they are.
//
// If subtests fail, the report at the end of Run says which to fix first: those that the others
// rest on.
//
// One subtest changes the working directory, so Run is not for tests that are parallel.
//
// Every subtest ends by proving that everything that was opened at the backend was closed
// exactly once.
func Run(t *testing.T, open func(t *testing.T) Target) {
	all := results{sharing: sharingOf(t, open(t))}
	t.Run("bare", func(t *testing.T) { runAll(t, open, false, &all) })
	t.Run("spoiled", func(t *testing.T) { runAll(t, open, true, &all) })
	if report := all.report(); report != "" {
		t.Error(report)
	}
	if all.sharing.Shared() {
		t.Log(all.inapplicable())
	}
}

// sharingOf returns how the target's backend shares its storages.
func sharingOf(t *testing.T, target Target) core.Sharing {
	s := target.Backend.Sharing()
	switch {
	case !s.Shared():
	case target.Second == nil:
		t.Fatal("several processes write to a storage of this backend: Target.Second must be one " +
			"of them")
	case s.Commit <= 0:
		t.Fatal("Sharing.Commit says how long an Apply may take, and must not be zero")
	}
	return s
}

func runAll(t *testing.T, open func(t *testing.T) Target, spoiled bool, all *results) {
	if !spoiled {
		runAlone(t, open, all)
	}
	first := newPhase()
	backends := contract.Promises()
	for i, p := range backends {
		if spoiled && p.BareOnly || p.Shared && !all.sharing.Shared() {
			continue
		}
		t.Run(p.Name, func(t *testing.T) {
			all.mustApply(t, &p, spoiled)
			trial := kit.NewTrial(t, &p, kit.Target(open(t)), spoiled)
			over := first.begin(func() { all.run(trial, i, &p, spoiled) })
			t.Parallel() // the places are apart, and most checks wait for the medium
			<-over
		})
	}
	for i, p := range users.Promises() {
		if spoiled && p.BareOnly || p.Shared && !all.sharing.Shared() {
			continue
		}
		t.Run(p.Name, func(t *testing.T) {
			all.mustApply(t, &p, spoiled)
			t.Parallel()
			first.wait()
			trial := kit.NewTrial(t, &p, kit.Target(open(t)), spoiled)
			all.run(trial, len(backends)+i, &p, spoiled)
		})
	}
}

// phase is a set of checks that others wait for. They do not wait for a turn of testing's,
// which those that wait for them may have.
type phase struct {
	turns chan struct{}
	under sync.WaitGroup
}

func newPhase() *phase { return &phase{turns: make(chan struct{}, runtime.GOMAXPROCS(0))} }

// begin runs a check when it is its turn, and returns a channel that is closed when it is over.
func (p *phase) begin(check func()) (over <-chan struct{}) {
	done := make(chan struct{})
	p.under.Go(func() {
		defer close(done)
		p.turns <- struct{}{}
		defer func() { <-p.turns }()
		check()
	})
	return done
}

// wait returns when all that began is over.
func (p *phase) wait() { p.under.Wait() }

// runAlone puts promises to the test that no other check may run beside.
func runAlone(t *testing.T, open func(t *testing.T) Target, all *results) {
	for i, p := range users.AlonePromises {
		t.Run(p.Name, func(t *testing.T) {
			all.mustApply(t, &p, false)
			all.run(kit.NewTrial(t, &p, kit.Target(open(t)), false),
				len(contract.Promises())+i, &p, false)
		})
	}
}
