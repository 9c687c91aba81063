// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core

import (
	"bytes"
	"runtime"
	"sync"
)

// A read without a copy hands out bytes that belong to the engine: a page of a mapped file, or
// a block in a cache. They may be reused as soon as the engine believes that no one looks at them.
// A guard is the promise that someone does. A user has to give it back, and may do so twice, from
// two goroutines, or too late: none of that may free bytes that another reader looks at.

// Guard holds one row in place: until it is closed, the bytes that its view refers to stay as
// they are, whatever happens to the row, the table or the storage meanwhile. It blocks nobody.
//
// A guard is a small value. Its copies are the same guard: closing one closes all, and closing
// again does nothing, from any goroutine. The zero Guard is a closed one.
//
// Close every guard. One that is dropped open is reported to the logger, and keeps what it
// holds forever: it cannot be released for you, because a view may be in use when its guard is
// not.
type Guard[W any] struct {
	s   *guardState[W]
	gen uint64
}

// guardState is the part of a guard that its copies share. It is recycled: the generation of
// its slot tells the tenants apart, so that a stale copy can neither read nor close what
// belongs to the next tenant.
//
// The view lives here and not in the Guard because the compiler keeps structs of more than four
// words in memory.
type guardState[W any] struct {
	slot    *slot
	view    W
	release Releaser
	home    *guardPool[W]
	// the stored key of the read that is opening this guard; always begins with the table's
	// prefix
	keybuf []byte
	step   getStep
	raceShadow
}

// getStep is how far the Get that opens a guard is.
type getStep uint8

const (
	opening getStep = iota
	holding         // bytes of the engine
	filled          // the guard is its user's
)

// settle is how Get ends. If there is no guard there is an error, or a format panicked or ended
// the goroutine.
func (s *guardState[W]) settle() {
	if s.step != filled {
		s.home.desert(s, s.step == holding)
	}
}

// Value returns the view of the row. It is owned by the engine, must not be modified, and is
// valid until Close.
//
// Value panics with ErrGuardClosed after Close: going on would read bytes that belong to
// somebody else. A goroutine may not close a guard whose value another one is using.
func (g Guard[W]) Value() (w W) {
	s := g.s
	if s == nil || s.slot.gen.Load() != g.gen {
		panicGuardClosed()
	}
	s.raceRead()
	w = s.view
	if s.slot.gen.Load() != g.gen { // closed and reused while it was read
		panicGuardClosed()
	}
	return w
}

// Close ends the guard. Its error is always nil; it is there so that a Guard is an io.Closer.
func (g Guard[W]) Close() error {
	s := g.s
	if s != nil && s.slot.gen.CompareAndSwap(g.gen, g.gen+1) {
		s.home.close(s) // the only one: the state is nobody else's until it is recycled
	}
	return nil
}

//go:noinline
func panicGuardClosed() { panic(ErrGuardClosed) }

// guardPool makes and recycles the guard states of one table.
type guardPool[W any] struct {
	usage  *usage
	sites  *callSites // nil unless tracked
	table  string
	prefix []byte // of the table's stored keys
	pool   sync.Pool
}

func newGuardPool[W any](u *usage, table string, prefix []byte) *guardPool[W] {
	return &guardPool[W]{usage: u, sites: u.sites, table: table, prefix: prefix}
}

// take returns a state whose slot is taken, and the generation of its guard, or nil if the
// storage is closed.
func (p *guardPool[W]) take() (s *guardState[W], gen uint64) {
	s, _ = p.pool.Get().(*guardState[W])
	if s == nil {
		s = p.new()
	}
	gen = s.slot.gen.Add(slotTaken)
	// looked at after the slot is taken: Close sets it before it looks at the slots
	if p.usage.shut.Load() {
		p.giveBack(s)
		return nil, 0
	}
	return s, gen
}

// new registers the report on forgotten guards once for the life of the state, which costs a
// Get nothing.
func (p *guardPool[W]) new() *guardState[W] {
	s := &guardState[W]{home: p, slot: p.usage.newSlot(p.table), keybuf: bytes.Clone(p.prefix)}
	runtime.AddCleanup(s, p.usage.abandon, s.slot)
	return s
}

// close releases what a guard held. The view stays in the state, unreachable, until the next
// guard replaces it: clearing it would cost every Close more than it saves.
func (p *guardPool[W]) close(s *guardState[W]) {
	s.raceWrite()
	if p.sites != nil {
		p.sites.remove(s.slot.at)
		s.slot.at = nil
	}
	defer p.giveBack(s) // also if the engine panics
	s.release.Release()
}

// desert recycles a state that became no guard, after giving back the engine's bytes if it
// holds any.
func (p *guardPool[W]) desert(s *guardState[W], held bool) {
	defer p.giveBack(s)
	if held {
		s.release.Release()
	}
}

// giveBack recycles a state that holds nothing.
func (p *guardPool[W]) giveBack(s *guardState[W]) {
	p.usage.freeSlot(s.slot)
	p.pool.Put(s)
}
