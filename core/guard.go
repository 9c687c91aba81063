// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
)

// Guard holds one row in place: until it is closed, the bytes that its view refers to stay as they are, whatever
// happens to the row, the table or the storage meanwhile. It blocks nobody.
//
// A guard is a small value. Its copies are the same guard: closing one closes all, and closing again does
// nothing, from any goroutine. The zero Guard is a closed one.
//
// Close every guard. One that is dropped open is reported to the logger, and keeps what it holds for ever: it
// cannot be released for you, because a view may be in use when its guard is not.
type Guard[W any] struct {
	s   *guardState[W]
	gen uint64
}

// guardState is the part of a guard that its copies share. It is recycled: gen tells its tenants apart, and
// moves on at Close, so that a stale copy can neither read nor close what belongs to the next tenant.
//
// The view lives here and not in the Guard because the compiler keeps structs of more than four words in memory.
type guardState[W any] struct {
	gen     atomic.Uint64
	view    W
	release Releaser
	keybuf  []byte // the encoded key of the read that is opening this guard
	home    *guardPool[W]
	shard   *readerShard
	leak    *leak
	raceShadow
}

// leak is all that the report on a forgotten guard needs. It must not lead back to the guardState, which would
// then never be collected.
type leak struct {
	table string
	open  bool
	at    *place
}

// Value returns the view of the row. It is owned by the engine, must not be modified, and is valid until Close.
//
// Value panics with ErrGuardClosed after Close: going on would read bytes that belong to somebody else. A goroutine
// may not close a guard whose value another one is using.
func (g Guard[W]) Value() W {
	s := g.s
	if s == nil || s.gen.Load() != g.gen {
		panicGuardClosed()
	}
	s.raceRead()
	w := s.view
	if s.gen.Load() != g.gen { // closed and reused while it was read
		panicGuardClosed()
	}
	return w
}

// Close ends the guard. Its error is always nil; it is there so that a Guard is an io.Closer.
func (g Guard[W]) Close() error {
	s := g.s
	if s != nil && s.gen.Load() == g.gen && s.gen.CompareAndSwap(g.gen, g.gen+1) {
		s.raceWrite()
		s.home.close(s)
	}
	return nil
}

//go:noinline
func panicGuardClosed() { panic(fmt.Errorf("%w: copy what must outlive it", ErrGuardClosed)) }

// guardPool makes and recycles the guard states of one table.
type guardPool[W any] struct {
	storage *Storage
	table   string
	pool    sync.Pool
}

// get returns a state that is counted as a reader, or nil if the storage is closed.
func (p *guardPool[W]) get() *guardState[W] {
	s, _ := p.pool.Get().(*guardState[W])
	if s == nil {
		s = p.new()
	}
	if !p.storage.readers.enter(s.shard) {
		p.pool.Put(s)
		return nil
	}
	return s
}

// new registers the leak report once for the life of the state, which costs a Get nothing.
func (p *guardPool[W]) new() *guardState[W] {
	s := &guardState[W]{home: p, shard: p.storage.readers.shard(), leak: &leak{table: p.table}}
	runtime.AddCleanup(s, p.storage.reportLeak, s.leak)
	return s
}

// open makes a guard of a state whose view is set.
func (p *guardPool[W]) open(s *guardState[W]) Guard[W] {
	s.leak.open = true
	if places := p.storage.readers.places; places != nil {
		s.leak.at = places.add("guard of "+p.table, 2)
	}
	return Guard[W]{s, s.gen.Load()}
}

// close is called once per guard: the generation has moved on already.
func (p *guardPool[W]) close(s *guardState[W]) {
	r := s.release
	s.forget()
	if at := s.leak.at; at != nil {
		p.storage.readers.places.remove(at)
		s.leak.at = nil
	}
	s.leak.open = false
	r.Release()
	p.put(s)
}

// put recycles a state that is counted as a reader.
func (p *guardPool[W]) put(s *guardState[W]) {
	shard := s.shard
	p.pool.Put(s)
	p.storage.readers.leave(shard)
}

// forget drops what the collector would otherwise keep for an idle state.
func (s *guardState[W]) forget() {
	var none W
	s.view, s.release = none, nil
}

// reportLeak runs when a guard state was collected.
func (s *Storage) reportLeak(l *leak) {
	if !l.open {
		return
	}
	s.leaked.Add(1)
	at := "open with core.WithTracking to learn where"
	if l.at != nil {
		at = l.at.String()
	}
	s.opts.logger.Error("a guard was dropped without Close; its bytes are held until the process ends",
		"storage", s.path, "table", l.table, "at", at)
}
