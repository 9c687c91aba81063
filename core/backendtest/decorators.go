// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package backendtest

import (
	"time"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/backendtest/internal/decorate"
)

// The decorators are implemented in internal/decorate, because the promises use them and Run uses
// the promises. This file exports them to outside authors, and explains them.

// Op is a call that [Faults] can make fail.
type Op = decorate.Op

// The calls that can fail.
const (
	OpClaim       = decorate.OpClaim
	OpMark        = decorate.OpMark
	OpRename      = decorate.OpRename
	OpOpen        = decorate.OpOpen
	OpGet         = decorate.OpGet
	OpSnapshot    = decorate.OpSnapshot
	OpSnapshotGet = decorate.OpSnapshotGet
	OpScan        = decorate.OpScan
	OpNext        = decorate.OpNext
	OpApply       = decorate.OpApply
	OpSetMark     = decorate.OpSetMark
	OpCompact     = decorate.OpCompact
	OpSync        = decorate.OpSync
	OpClose       = decorate.OpClose
)

// Failure says which call fails, and how. On a shared storage [OpSnapshot] covers Begin too,
// and a fence never fails. To lose the answer to an Apply, let it return ErrMaybe: without
// After the batch is lost as well, with After it has taken effect, and with Later it takes
// effect when told to. To sever a snapshot, let OpSnapshotGet and OpNext return
// ErrSnapshotExpired.
type Failure struct {
	Op    Op     // the method that fails
	N     int    // the N-th call from now on, counted from 1; 0 is every call
	Err   error  // what the call returns; nil lets it go on
	Do    func() // called first if not nil; it may block
	After bool   // Apply, SetMark and Compact take effect before they fail; the others never do

	// Later, if not nil, is called before an Apply that fails returns. It gets a function that
	// does what that Apply would have done, at any time afterwards, as a server does that
	// receives a request late. apply takes effect once, and returns ErrClosed after that and
	// after Close.
	Later func(apply func() error)
}

// Faults is a backend that behaves like another until it is told to fail. It has the other's
// powers.
type Faults struct {
	core.Backend
	plan *decorate.Faults
}

// Fault returns a backend that behaves like b, except for the given failures. [Faults.Fail]
// adds more later. It brings errors that a disk or a server returns once a year into a test:
// what does a program do when the third write finds no room?
func Fault(b core.Backend, failures ...Failure) *Faults {
	plan := decorate.Fault(b)
	f := &Faults{Backend: plan, plan: plan}
	for _, x := range failures {
		f.Fail(x)
	}
	return f
}

// Fail adds a failure. It may be called at any time, from any goroutine.
func (f *Faults) Fail(x Failure) { f.plan.Fail(decorate.Failure(x)) }

// Heal forgets all failures.
func (f *Faults) Heal() { f.plan.Heal() }

// Delays is a backend that behaves like another one far away: it is reached by trips, each of
// which takes time and is counted.
type Delays struct {
	core.Backend
	link *decorate.Delays
}

// TripRows is how many rows of a cursor one trip of [Latency] brings.
const TripRows = decorate.TripRows

// Latency returns a backend that behaves like b on the far end of a network. A trip is one
// question and its answer; each takes perTrip, which may be zero if trips are only to be
// counted. Simultaneous trips do not wait for each other.
//
// These take one trip each: Claim, List and the methods of a claim except Release; Get, Apply,
// SetMark and Close of an engine; Get of a snapshot; each call of a power, however many keys
// GetMany is given; and the first call of Next on a cursor, the first one after a Seek, and one
// more for every [TripRows] rows, or for every Limit of them if that is less. core does not ask
// a cursor again whose Limit is reached, so a short scan is one trip. Resolve and Name take
// none. Neither do Snapshot, Begin and Scan, which travel with the first read, nor calls that give
// something back, because their callers need not wait. Fence is a trip only if nothing was read
// from its snapshot before: the first trip brings it along. If a context ends meanwhile, the trip
// ends before it has any effect.
//
// All snapshots have the power GetMany, as those of a server do.
func Latency(b core.Backend, perTrip time.Duration) *Delays {
	link := decorate.Latency(b, perTrip)
	return &Delays{Backend: link, link: link}
}

// Trips returns how many trips there were.
func (d *Delays) Trips() int { return d.link.Trips() }

// Spoil returns a backend that behaves like b and exposes every use of bytes beyond their
// lifetime. All bytes that b returns are handed out as private copies, which are overwritten
// when they cease to be valid: at Release, at Close, at the next call of Next or Seek. All
// bytes that are passed to b are private copies, which are overwritten when the call returns. A
// program that keeps the view of a closed guard works by chance on most engines; behind Spoil
// its test fails.
func Spoil(b core.Backend) core.Backend { return decorate.Spoil(b) }
