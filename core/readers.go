// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
)

// readers counts what keeps the engine open: guards, scans, transactions, and calls under way. After shut, nobody
// enters, and whoever leaves last runs idle.
//
// The count is spread over shards so that readers on several processors do not share a cache line: a pooled guard
// state always uses the same shard, and sync.Pool keeps it near its processor.
type readers struct {
	shut   atomic.Bool
	shards [readerShards]readerShard
	next   atomic.Uint32 // deals out shards
	places *places       // nil unless tracked
	idle   func()
}

const readerShards = 16

type readerShard struct {
	n atomic.Int64
	_ [56]byte // a cache line each
}

// shard deals out shards in turn.
func (r *readers) shard() *readerShard { return &r.shards[r.next.Add(1)%readerShards] }

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
	if r.shut.Load() && r.open() == 0 {
		r.idle()
	}
}

// open is exact once shut is set: from then on a shard that was zero is only touched by those that are turned away.
func (r *readers) open() (n int64) {
	for i := range r.shards {
		n += r.shards[i].n.Load()
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
