// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
)

// Closing a storage must not pull the bytes away from under a guard. So the engine is closed by
// whoever uses it last: Close when nothing is open, else the last guard, scan or transaction to
// end. For that, everything that is open is counted, in a way that costs a read a few
// nanoseconds: a guard owns a slot whose generation tells whether it is open; calls are counted
// in shards.

// usage counts what keeps the engine open: guards, which have a slot each, and calls: scans,
// transactions, writes. After shut, no call enters, and the last one to leave runs idle.
//
// Neither count is a single number, so that calls on several processors do not share a cache line.
type usage struct {
	shut   atomic.Bool
	shards [16]usageShard // of calls
	mu     sync.Mutex
	slots  map[*slot]struct{}
	last   lastSlots
	leaked atomic.Int64 // guards that were collected while open
	logger *slog.Logger
	sites  *callSites // nil unless tracked
	idle   func()
}

// usageShard counts some of the calls under way.
type usageShard struct {
	n atomic.Int64
	_ [56]byte // a cache line each
}

// slot is the part of a guardState that stays when the state is collected. It must not lead
// back to the state, which would then never be collected.
//
// The generation runs through three steps for each guard: free, taken, closing, and free again.
// The call that moves it to closing is the one that closes the guard; it is free again only when
// the engine has its bytes back.
type slot struct {
	gen   atomic.Uint64
	table string
	at    *callSite // where the guard was opened, if that is tracked
}

const (
	slotTaken   = 1 // added to a free generation
	slotClosing = 2
	slotSteps   = 4
)

// freeSlot frees a slot.
func (u *usage) freeSlot(s *slot) {
	s.gen.Store(s.gen.Load()/slotSteps*slotSteps + slotSteps)
	u.left()
}

func (u *usage) newSlot(table string) *slot {
	s := &slot{table: table}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.slots[s] = struct{}{}
	return s
}

// abandon runs when a guardState was collected. A taken slot stays taken: a view may be in use
// when its guard is not, so its bytes must stay.
func (u *usage) abandon(s *slot) {
	if s.gen.Load()%slotSteps == 0 {
		u.mu.Lock()
		defer u.mu.Unlock()
		delete(u.slots, s)
		return
	}
	u.leaked.Add(1)
	at := "use core.WithTracking to learn where"
	if s.at != nil {
		at = s.at.String()
	}
	u.logger.Error("a guard was dropped without Close; its bytes are held until the process ends",
		"table", s.table, "at", at)
}

// shard picks one at random: dealing them out in turn would need a word that all share.
func (u *usage) shard() *usageShard { return &u.shards[rand.IntN(len(u.shards))] }

// enter reports whether the storage is open, and if so counts the caller until leave is called
// on the same shard.
func (u *usage) enter(s *usageShard) bool {
	s.n.Add(1)
	if u.shut.Load() {
		u.leave(s)
		return false
	}
	return true
}

func (u *usage) leave(s *usageShard) {
	s.n.Add(-1)
	u.left()
}

// left closes the engine behind the last user of a storage that is shut. Every read ends with
// it, so it is small enough to be inlined.
func (u *usage) left() {
	if u.shut.Load() {
		u.idleIfLast()
	}
}

// lastSlots are the slots that may still be taken of a storage that is shut. A slot that was
// found free then is only taken by those that are turned away, so each is looked at once,
// however many guards are closed after the storage.
type lastSlots struct {
	known  atomic.Pointer[slot] // a slot that was taken: while it is, no other user can be the last
	listed bool
	left   []*slot // not looked at yet
}

// idleIfLast runs idle unless some user is left. Users free what they hold before they get here,
// so of several that leave at once the last one finds all slots and shards empty.
func (u *usage) idleIfLast() {
	if w := u.last.known.Load(); w != nil && w.taken() {
		return
	}
	if u.calls() == 0 && !u.anySlotTaken() {
		u.idle()
	}
}

func (s *slot) taken() bool { return s.gen.Load()%slotSteps != 0 }

// anySlotTaken reports whether a slot is taken. The storage is shut.
func (u *usage) anySlotTaken() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	l := &u.last
	if w := l.known.Load(); w != nil && w.taken() {
		return true
	}
	if !l.listed { // after shut: a slot that is made from now on is for a call that is turned away
		l.left,
			l.listed = slices.AppendSeq(make([]*slot, 0, len(u.slots)), maps.Keys(u.slots)), true
	}
	for n := len(l.left); n > 0; n = len(l.left) {
		s := l.left[n-1]
		l.left = l.left[:n-1]
		if s.taken() {
			l.known.Store(s)
			return true
		}
	}
	return false
}

// calls returns how many calls are under way.
func (u *usage) calls() (n int64) {
	for i := range u.shards {
		n += u.shards[i].n.Load()
	}
	return n
}

// open is zero only once no user is left, if shut is set: from then on only calls that are turned
// away enter a shard or slot that was found empty.
func (u *usage) open() (n int64) {
	n = u.calls()
	u.mu.Lock()
	defer u.mu.Unlock()
	for s := range u.slots {
		if s.taken() {
			n++
		}
	}
	return n
}

// errOpen says how much is left open and, if they are tracked, where they were opened.
func (u *usage) errOpen(n int64) error {
	err := fmt.Errorf("%w: %d left; the last to be closed releases the storage", ErrGuardsOpen, n)
	if u.sites == nil {
		return err
	}
	return errors.Join(err, errors.New(u.sites.String()))
}

// visit is a call, a scan or a transaction under way: the engine stays open until leave.
type visit struct {
	storage *Storage
	shard   *usageShard
	at      *callSite // where it began, if that is tracked
}

// enter begins a visit, which call sites show as what.
func (s *Storage) enter(what string) (visit, error) {
	shard := s.usage.shard()
	if !s.usage.enter(shard) {
		return visit{}, ErrClosed
	}
	return visit{s, shard, s.usage.sites.add(what, 2)}, nil
}

func (v visit) leave() {
	v.storage.usage.sites.remove(v.at)
	v.storage.usage.leave(v.shard)
}
