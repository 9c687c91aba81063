// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// All writes of a storage go through its writer, one commit at a time. What makes that fast is
// group commit, as in most databases: while one commit waits for the disk, the writes that come
// meanwhile queue, and the next commit takes all of them at once. No goroutine of its own does
// this. Whoever finds the turn free takes it and leads: it commits the queue, its own write
// among the rest, tells everybody the outcome, and gives the turn back.
//
// The turn is a lock that one goroutine holds at a time: an Update while its function runs, the
// leader of a group, a change of the tables, Compact. It is a channel, not a mutex, so that the
// wait for it can end with a context.
//
// A shared storage has several turns: what they write is kept apart by the engine, which reports
// a conflict to all but one of those that are in each other's way. Then a few groups are on
// their way at once, and beside them as many Updates as the engine takes. Whoever runs into a
// conflict waits without a turn, and begins anew.

// writer gives out turns to write and groups single writes into commits. A lone write does not
// wait, no timer is involved, and no goroutine has to be stopped.
type writer struct {
	storage *Storage
	groups  chan *turn               // the turns that are free of those who lead groups
	others  chan *turn               // and of all others: the same channel unless there are several
	holder  atomic.Pointer[callSite] // where a turn was taken last, if that is tracked

	runner functionRunner // of the functions of whoever has a turn

	mu       sync.Mutex
	queue    []*request
	outcomes outcomes // of a shared storage

	// the Apply error after which nothing is written any more; only the holder of the turn uses
	// it. It is never set in a shared storage.
	failed error
}

// turn is the right to write, and what whoever has it needs.
type turn struct {
	*writer
	home      chan *turn // where it is given back
	fence     *fence     // of a shared storage, as the holder of the turn knows it
	outcome   *outcome   // of a shared storage, reserved for the next commit
	own       *request   // of whoever leads
	group     []*request
	again     []*request // those of the group that ran into a conflict in a shared storage
	functions functions
	merged    []Write
	met       []bool
}

// mostGroups is how many groups of a shared storage are on their way at once. More would be
// smaller ones: a group is what comes while others are on their way.
const mostGroups = 4

// open makes the turns. If there are many, one transaction is left for the lease of a migration.
func (w *writer) open(sharing Sharing) {
	n := sharing.Writers
	if n > 2 {
		n--
	}
	w.groups = w.turns(min(mostGroups, max(1, n/4)))
	w.others = w.groups
	if left := n - cap(w.groups); left > 0 {
		w.others = w.turns(left)
	}
}

func (w *writer) turns(n int) chan *turn {
	c := make(chan *turn, n)
	for range n {
		c <- &turn{writer: w, home: c}
	}
	return c
}

// A group is what one commit takes from the queue at most, unless a single request is larger.
const (
	groupRequests = 1024
	groupBytes    = 1 << 20
)

// conflictTries is how often a write is tried again after ErrConflict, unless the storage is
// shared: then its context ends the tries.
const conflictTries = 16

// commit returns when r is durable, or has failed. ctx ends the wait for a commit, not the commit.
func (w *writer) commit(ctx context.Context, r *request) error {
	if err := live(ctx); err != nil {
		return err
	}
	if w.runner.here() {
		return errNested
	}
	cancelled := ctx.Done() // called while no one else has r: the context may be anybody's code
	w.enqueue(r)
	var t *turn
	select {
	case t = <-w.groups:
		if t.lead(r, true) {
			return r.err
		}
	default:
	}
	for {
		var err error
		if t, err = w.wait(ctx, r, cancelled); t == nil {
			return err
		}
		if t.lead(r, false) {
			return r.err
		}
	}
}

// wait returns a turn or, when r is done, or withdrawn, none and the error. Meanwhile it runs
// r's function for whoever leads.
func (w *writer) wait(
	ctx context.Context, r *request, cancelled <-chan struct{},
) (*turn, error) {
	groups, ends := w.groups, cancelled
	for {
		if w.storage.sharing.Shared() {
			if groups = nil; w.waits(r) {
				groups = w.groups
			}
		}
		select {
		case t := <-groups:
			return t, nil
		case <-r.back:
			ends = cancelled // it has left the commit that it had joined
		case <-r.done:
			return nil, r.err
		case by := <-r.asked():
			by.answer(r)
		case <-ends:
			if w.withdraw(r) {
				return nil, w.gaveUp(ctx, r)
			}
			ends = nil // it has joined a commit
		}
	}
}

// acquire takes a turn.
func (w *writer) acquire(ctx context.Context) (*turn, error) {
	if err := live(ctx); err != nil {
		return nil, err
	}
	if w.runner.here() {
		return nil, errNested
	}
	var t *turn
	select {
	case t = <-w.others:
	case <-ctx.Done():
		return nil, w.waited(ctx)
	}
	t.hold()
	t.fence = w.storage.catalog.fence.Load()
	if err := w.sound(); err != nil {
		t.release()
		return nil, err
	}
	return t, nil
}

func (t *turn) release() {
	if t.outcome != nil {
		t.giveOutcome(t.outcome)
		t.outcome = nil
	}
	if t.storage.usage.sites != nil {
		t.holder.Store(nil)
	}
	t.home <- t
}

// hold records who has the turn, if that is tracked.
func (t *turn) hold() {
	if t.storage.usage.sites == nil {
		return
	}
	at := &callSite{what: "write"}
	at.n = runtime.Callers(2, at.pcs[:])
	t.holder.Store(at)
}

// waited is the error of a write that waited for the turn in vain. It says who has it, if that
// is tracked.
func (w *writer) waited(ctx context.Context) error {
	err := fmt.Errorf("waiting for the turn to write: %w", ctx.Err())
	if w.storage.usage.sites == nil {
		return fmt.Errorf("%w; use core.WithTracking to learn who has it", err)
	}
	if at := w.holder.Load(); at != nil {
		return fmt.Errorf("%w; it was given to a %s", err, at)
	}
	return err
}

// gaveUp is the error of a request that was withdrawn.
func (w *writer) gaveUp(ctx context.Context, r *request) error {
	if r.tries == 0 {
		return w.waited(ctx)
	}
	return stopped(r.tries, r.met, ctx.Err())
}

// stopped returns the error of a read or a write whose context ended after tries that all met a
// conflict; met is the last of them. To the caller, a server that does not answer is not a
// conflict.
func stopped(tries int, met, ended error) error {
	if errors.Is(met, errNeverMade) {
		return fmt.Errorf("%w: no answer came to the write, and it was not made (tries: %d): %w",
			ErrUnavailable, tries, ended)
	}
	return fmt.Errorf("%w (tries: %d): %w", met, tries, ended)
}

func (w *writer) enqueue(r *request) {
	r.err, r.existed, r.relies, r.asks = nil, false, false, false
	r.tries, r.met = 0, nil
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.storage.sharing.Shared() {
		r.queued = true
		if r.back == nil {
			r.back = make(chan struct{}, 1)
		}
	}
	w.queue = append(w.queue, r)
}

// waits reports whether r is in the queue. One that is in a group must not take a turn: there
// may be others that are free, again and again.
func (w *writer) waits(r *request) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return r.queued
}

// withdraw reports whether r was still in the queue.
func (w *writer) withdraw(r *request) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	i := slices.Index(w.queue, r)
	if i < 0 {
		return false
	}
	w.queue = slices.Delete(w.queue, i, i+1)
	return true
}

// lead commits groups until own is done, and reports whether it is: in a shared storage somebody
// else may have it, or it waits for another try. The caller has the turn, which lead gives back.
// alone says that the turn was free.
func (t *turn) lead(own *request, alone bool) (done bool) {
	conflicts := t.leadOn(own, alone)
	if len(conflicts) > 0 {
		t.storage.outOfTheWay(conflicts)
		t.writer.requeue(conflicts)
	}
	// what was put back is others' by now, so only this one is asked
	select {
	case <-own.done:
		return true
	default:
		return false
	}
}

// leadOn is lead up to a conflict, with the requests that ran into it.
func (t *turn) leadOn(own *request, alone bool) (conflicts []*request) {
	defer t.release()
	t.hold()
	led := false
	t.own = own
	defer func() {
		t.own = nil
		if !led {
			t.desert(own)
		}
	}()
	if !alone || len(t.group) > 1 {
		t.gather()
	}
	for len(own.done) == 0 && len(t.again) == 0 {
		group := t.take()
		if len(group) == 0 { // others lead it
			break
		}
		t.commitGroup(group)
	}
	led = true
	conflicts, t.again = t.again, nil
	return conflicts
}

// outOfTheWay waits, without a turn, before requests that ran into a conflict are tried again.
func (s *Storage) outOfTheWay(conflicts []*request) {
	try := 0
	for _, r := range conflicts {
		r.tries++
		try = max(try, r.tries)
	}
	pause(context.Background(), try)
}

// requeue puts requests in front of the others.
func (w *writer) requeue(again []*request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.queue = slices.Insert(w.queue, 0, again...)
	for _, r := range again {
		r.queued = true
		select {
		case r.back <- struct{}{}:
		default:
		}
	}
}

// desert is how the leader goes if its function or the engine panicked, or ended the goroutine.
// The requests that it led must not wait forever, and its own request must not be used again, not
// even by itself.
func (t *turn) desert(own *request) {
	if own.fled() {
		t.leadWithout(own)
	} else {
		t.withdraw(own)
		t.abandon()
	}
	t.requeue(t.again)
	t.again = nil
}

// abandon tells the group that the engine panicked, or ended the goroutine.
func (t *turn) abandon() {
	err := t.failed // if that was in Apply
	if err == nil {
		err = errDeserted
	}
	if t.storage.sharing.Shared() {
		err = errDesertedShared
	}
	t.finish(t.group, err)
	clear(t.merged)
}

var (
	errDeserted  = errors.New("the engine panicked before the write; nothing was written")
	errUnsettled = errors.New("the engine panicked during the write; its outcome is unknown")

	errDesertedShared = &wrapped{ErrMaybe, "outcome unknown: the engine panicked"}
)

// gather lets those whom the last commit woke queue up again, as long as some do. With 64
// writers on a busy machine a commit then holds about 55 of them; with a single yield it held
// 47. A lone writer must not get here: a yield wakes another thread, which may take the
// goroutine to another processor, and that costs as much as a small commit.
func (w *writer) gather() {
	for before := 0; ; {
		runtime.Gosched()
		w.mu.Lock()
		n := len(w.queue)
		w.mu.Unlock()
		if n <= 1 || n == before {
			return
		}
		before = n
	}
}

// take removes the next group from the queue.
func (t *turn) take() []*request {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.storage.sharing.Shared() {
		t.takeAlike()
		return t.group
	}
	n := t.groupLen()
	t.group = append(t.group[:0], t.queue[:n]...)
	t.queue = slices.Delete(t.queue, 0, n)
	return t.group
}

// groupLen returns how many requests of the queue make a group.
func (w *writer) groupLen() (n int) {
	var g groupSize
	for _, r := range w.queue {
		if !g.takes(&w.storage.limits, r) {
			break
		}
		n++
	}
	return n
}

// takeAlike takes a group for a shared storage, in which writes that depend on nothing are not
// made to try again because of others that do. Own is in it, or the group is empty: two leaders
// that each had the other's request in their groups would wait for each other's function.
func (t *turn) takeAlike() {
	t.group = t.group[:0]
	if !t.own.queued {
		return
	}
	var g groupSize
	g.takes(&t.storage.limits, t.own)
	full := false
	left := t.queue[:0]
	for _, r := range t.queue {
		if r != t.own {
			alike := (r.when == always) == (t.own.when == always)
			full = full || alike && !g.takes(&t.storage.limits, r)
			if full || !alike {
				left = append(left, r)
				continue
			}
		}
		r.queued = false
		t.group = append(t.group, r)
	}
	clear(t.queue[len(left):])
	t.queue = left
}

// groupSize is how large a group is so far.
type groupSize struct{ requests, rows, bytes int }

// takes adds a request if the group has room for it. What the engine would refuse is not
// offered to it: a refused group is written one by one.
func (g *groupSize) takes(l *Limits, r *request) bool {
	rows, bytes := g.rows+len(r.writes), g.bytes+r.bytes
	if g.requests > 0 &&
		(g.requests == groupRequests || bytes > groupBytes || !l.batchFits(rows, bytes)) {
		return false
	}
	g.requests, g.rows, g.bytes = g.requests+1, rows, bytes
	return true
}

// backOff waits a little, longer with each try, so that writers in conflict get out of each
// other's way.
func backOff(try int) { time.Sleep(time.Duration(try*try) * 100 * time.Microsecond) }
