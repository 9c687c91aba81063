// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// readers counts what keeps the engine open: guards, which have a seat each, and calls: scans, transactions, writes.
// After shut, nobody enters, and whoever leaves last runs idle.
//
// Neither count is a single number, so that readers on several processors do not share a cache line.
type readers struct {
	shut   atomic.Bool
	shards [16]readerShard // of calls
	mu     sync.Mutex
	seats  map[*seat]struct{}
	last   lastSeats
	leaked atomic.Int64 // guards that were collected while open
	logger *slog.Logger
	places *places // nil unless tracked
	idle   func()
}

// readerShard counts some of the calls under way.
type readerShard struct {
	n atomic.Int64
	_ [56]byte // a cache line each
}

// seat is the part of a guardState that stays when the state is collected. It must not lead back to the state,
// which would then never be collected.
//
// The generation runs through three steps for each tenant: free, taken, closing, and free again. Who moves it to
// closing is the one who closes the guard; it is free again only when the engine has its bytes back.
type seat struct {
	gen   atomic.Uint64
	table string
	at    *place // where the guard was opened, if that is tracked
}

const (
	seatTaken   = 1 // added to a free generation
	seatClosing = 2
	seatSteps   = 4
)

// leaveSeat frees a seat.
func (r *readers) leaveSeat(s *seat) {
	s.gen.Store(s.gen.Load()/seatSteps*seatSteps + seatSteps)
	r.left()
}

func (r *readers) newSeat(table string) *seat {
	s := &seat{table: table}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seats[s] = struct{}{}
	return s
}

// abandon runs when a guardState was collected. A taken seat stays taken: a view may be in use when its guard
// is not, so its bytes must stay.
func (r *readers) abandon(s *seat) {
	if s.gen.Load()%seatSteps == 0 {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.seats, s)
		return
	}
	r.leaked.Add(1)
	at := "use core.WithTracking to learn where"
	if s.at != nil {
		at = s.at.String()
	}
	r.logger.Error("a guard was dropped without Close; its bytes are held until the process ends", "table", s.table, "at", at)
}

// shard picks one at random: dealing them out in turn would need a word that all share.
func (r *readers) shard() *readerShard { return &r.shards[rand.IntN(len(r.shards))] }

// enter reports whether the storage is open, and if so counts the caller until leave is called on the same shard.
func (r *readers) enter(s *readerShard) bool {
	s.n.Add(1)
	if r.shut.Load() {
		r.leave(s)
		return false
	}
	return true
}

func (r *readers) leave(s *readerShard) {
	s.n.Add(-1)
	r.left()
}

// left closes the engine behind the last reader of a storage that is shut. Every read ends with it, so it is small
// enough to be inlined.
func (r *readers) left() {
	if r.shut.Load() {
		r.idleIfLast()
	}
}

// lastSeats are the seats that may still be taken of a storage that is shut. A seat that was found free then is only taken
// by those that are turned away, so each is looked at once, however many guards are closed after the storage.
type lastSeats struct {
	witness atomic.Pointer[seat] // one that was taken: while it is, nobody else is the last
	listed  bool
	left    []*seat // not looked at yet
}

// idleIfLast runs idle unless somebody is left. Whoever leaves frees what it holds first and then gets here, so of several
// that leave at once the last one finds all seats and shards empty.
func (r *readers) idleIfLast() {
	if w := r.last.witness.Load(); w != nil && w.taken() {
		return
	}
	if r.calls() == 0 && !r.anySeat() {
		r.idle()
	}
}

func (s *seat) taken() bool { return s.gen.Load()%seatSteps != 0 }

// anySeat reports whether a seat is taken. The storage is shut.
func (r *readers) anySeat() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	l := &r.last
	if w := l.witness.Load(); w != nil && w.taken() {
		return true
	}
	if !l.listed { // after shut: a seat that is made from now on is for somebody who is turned away
		l.left, l.listed = slices.AppendSeq(make([]*seat, 0, len(r.seats)), maps.Keys(r.seats)), true
	}
	for n := len(l.left); n > 0; n = len(l.left) {
		s := l.left[n-1]
		l.left = l.left[:n-1]
		if s.taken() {
			l.witness.Store(s)
			return true
		}
	}
	return false
}

// calls returns how many calls are under way.
func (r *readers) calls() (n int64) {
	for i := range r.shards {
		n += r.shards[i].n.Load()
	}
	return n
}

// open is zero only once nobody is left, if shut is set: from then on a shard or seat that was found empty is only
// entered by those that are turned away.
func (r *readers) open() (n int64) {
	n = r.calls()
	r.mu.Lock()
	defer r.mu.Unlock()
	for s := range r.seats {
		if s.taken() {
			n++
		}
	}
	return n
}

// errOpen says how many readers are left and, if they are tracked, where they were opened.
func (r *readers) errOpen(n int64) error {
	err := fmt.Errorf("%w: %d left; the last to be closed releases the storage", ErrGuardsOpen, n)
	if r.places == nil {
		return err
	}
	return errors.Join(err, errors.New(r.places.String()))
}

// places remembers where what is open was opened.
type places struct {
	mu   sync.Mutex
	open map[*place]struct{}
}

// place is one call stack, with what was opened there.
type place struct {
	what string
	pcs  [16]uintptr
	n    int
}

// add records the stack of the function that called the exported method; skip counts the frames between.
func (p *places) add(what string, skip int) *place {
	if p == nil {
		return nil
	}
	at := &place{what: what}
	at.n = runtime.Callers(skip+2, at.pcs[:])
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open[at] = struct{}{}
	return at
}

func (p *places) remove(at *place) {
	if at == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.open, at)
}

// String lists the places.
func (p *places) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var b strings.Builder
	for at := range p.open {
		b.WriteString(at.String())
	}
	return b.String()
}

// String shows the place like a goroutine's stack.
func (at *place) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s opened at:\n", at.what)
	frames := runtime.CallersFrames(at.pcs[:at.n])
	for {
		f, more := frames.Next()
		fmt.Fprintf(&b, "\t%s\n\t\t%s:%d\n", f.Function, f.File, f.Line)
		if !more {
			return b.String()
		}
	}
}
