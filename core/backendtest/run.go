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

// Run proves the promises of backends, one subtest each: first what package core demands of a
// backend, then what core promises on top of it, both on the backend as it is and behind
// [Spoil]. open is called once per subtest, and once before them, and returns a fresh place.
// The subtests run in parallel, but those of core's promises wait for those that they build
// upon.
//
// If [core.Backend.Sharing] says that several processes write to a storage, Run also proves
// what is promised of such storages, with [Target.Second]. Promises about claims that keep
// others out do not apply then: those subtests are skipped, and Run logs which they are.
//
// In the short form, that of go test -short, checks take fewer rows and repetitions. Under the race
// detector too, Run then proves what core promises on the backend as it is only.
//
// If subtests fail, the report at the end of Run says which to fix first: those that others
// rest on.
//
// One subtest changes the working directory, so a parallel test must not call Run.
//
// Every subtest ends by proving that everything it opened in the backend was closed exactly
// once.
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
	if spoiled && raceEnabled && testing.Short() {
		return // what shares goroutines did the same with bare bytes, and took minutes
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

// phase is a set of checks that others wait for. Its checks do not wait for a turn of package
// testing, because the waiting ones may hold all turns.
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

// runAlone tests the promises beside whose checks no other check may run.
func runAlone(t *testing.T, open func(t *testing.T) Target, all *results) {
	for i, p := range users.AlonePromises {
		t.Run(p.Name, func(t *testing.T) {
			all.mustApply(t, &p, false)
			all.run(kit.NewTrial(t, &p, kit.Target(open(t)), false),
				len(contract.Promises())+i, &p, false)
		})
	}
}
