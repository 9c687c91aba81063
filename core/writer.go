// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// writer gives out the turn to write and groups single writes into commits.
//
// There is one turn. An Update holds it while its closure runs. Single writes queue up; whoever gets the turn
// commits all that queued meanwhile and wakes the others, so a lone write waits for nobody, no timer is
// involved, and no goroutine has to be stopped.
type writer struct {
	storage *Storage
	turn    chan struct{}         // holds one element while somebody has the turn
	holder  atomic.Pointer[place] // where the turn was taken, if that is tracked

	runner functionRunner // of the functions of whoever has the turn

	mu    sync.Mutex
	queue []*request

	// What follows belongs to whoever has the turn.
	failed    error    // the Apply error after which nothing is written any more
	own       *request // of whoever leads
	group     []*request
	functions functions
	merged    []Write
	met       []bool
}

// A group is what one commit takes from the queue at most, unless a single request is larger.
const (
	groupRequests = 1024
	groupBytes    = 1 << 20
)

// conflictTries is how often a write is tried again after ErrConflict.
const conflictTries = 16

// condition is what a request demands of the one key that it writes.
type condition uint8

const (
	always     condition = iota
	ifAbsent             // else ErrExists
	ifExists             // else nothing is written, which is no error
	byFunction           // modify says what is written
)

// request is one atomic write on its way to a commit.
type request struct {
	table   *tableState // nil for rows of no table
	writes  []Write     // keys strictly increasing
	bytes   int
	when    condition
	modify  *modification // nil unless when is byFunction
	existed bool          // result: whether the key was there, unless when is always
	asks    bool          // the engine is asked for existed, see conditions.go
	at      int           // then: where its write is in the batch
	relies  bool          // the result is true only if the requests before this one in the group are committed
	err     error
	done    chan struct{} // one element when the outcome is known
}

func (r *request) finish(err error) {
	r.err = err
	r.done <- struct{}{}
}

// commit returns when r is durable, or has failed. ctx ends the wait for a commit, not the commit.
func (w *writer) commit(ctx context.Context, r *request) error {
	if err := live(ctx); err != nil {
		return err
	}
	if w.runner.here() {
		return errNested
	}
	cancelled := ctx.Done() // asked for while r is nobody else's: the context may be anybody's code
	w.enqueue(r)
	alone := true
	select {
	case w.turn <- struct{}{}:
	default:
		alone = false
		if done, err := w.wait(ctx, r, cancelled); done {
			return err
		}
	}
	defer w.release()
	w.hold()
	w.lead(r, alone)
	return r.err
}

// wait returns when r is done, or withdrawn, or its goroutine has the turn. Meanwhile it runs r's function for whoever
// leads.
func (w *writer) wait(ctx context.Context, r *request, cancelled <-chan struct{}) (done bool, err error) {
	for {
		select {
		case w.turn <- struct{}{}:
			return false, nil
		case <-r.done:
			return true, r.err
		case <-r.asked():
			w.answer(r)
		case <-cancelled:
			if w.withdraw(r) {
				return true, w.waited(ctx)
			}
			cancelled = nil // it has joined a commit
		}
	}
}

// acquire takes the turn.
func (w *writer) acquire(ctx context.Context) error {
	if err := live(ctx); err != nil {
		return err
	}
	if w.runner.here() {
		return errNested
	}
	select {
	case w.turn <- struct{}{}:
	case <-ctx.Done():
		return w.waited(ctx)
	}
	w.hold()
	if err := w.sound(); err != nil {
		w.release()
		return err
	}
	return nil
}

func (w *writer) release() {
	if w.storage.readers.places != nil {
		w.holder.Store(nil)
	}
	<-w.turn
}

// hold records who has the turn, if that is tracked.
func (w *writer) hold() {
	if w.storage.readers.places == nil {
		return
	}
	at := &place{what: "write"}
	at.n = runtime.Callers(2, at.pcs[:])
	w.holder.Store(at)
}

// waited is the error of a write that waited for the turn in vain. It says who has it, if that is tracked.
func (w *writer) waited(ctx context.Context) error {
	err := fmt.Errorf("waiting for the turn to write: %w", ctx.Err())
	if w.storage.readers.places == nil {
		return fmt.Errorf("%w; use core.WithTracking to learn who has it", err)
	}
	if at := w.holder.Load(); at != nil {
		return fmt.Errorf("%w; it was given to a %s", err, at)
	}
	return err
}

func (w *writer) enqueue(r *request) {
	r.err, r.existed, r.relies, r.asks = nil, false, false, false
	w.mu.Lock()
	defer w.mu.Unlock()
	w.queue = append(w.queue, r)
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

// lead commits groups until own is done. The caller has the turn, so own is queued or done already. alone says that the
// turn was free.
func (w *writer) lead(own *request, alone bool) {
	led := false
	w.own = own
	defer func() {
		w.own = nil
		if !led {
			w.desert(own)
		}
	}()
	if !alone || len(w.group) > 1 {
		w.gather()
	}
	for {
		select {
		case <-own.done:
			led = true
			return
		default:
			w.commitGroup(w.take())
		}
	}
}

// desert is how the leader goes if its function or the engine panicked, or ended the goroutine: those whom it led must not
// wait forever, and its own request may be used by nobody any more, itself included.
func (w *writer) desert(own *request) {
	if own.fled() {
		w.leadWithout(own)
		return
	}
	w.withdraw(own)
	w.abandon()
}

// abandon tells the group that the engine panicked, or ended the goroutine.
func (w *writer) abandon() {
	err := w.failed // if that was in Apply
	if err == nil {
		err = errDeserted
	}
	w.settle(w.group, err)
	clear(w.merged)
}

var (
	errDeserted  = errors.New("the engine panicked before the write, of which nothing was written")
	errUnsettled = errors.New("the engine panicked during the write, whose outcome is unknown")
)

// settle tells those of the group who do not know it yet the outcome. A request that has been told is its owner's again,
// so it leaves the group, whose length stays: lead looks at it.
func (w *writer) settle(group []*request, err error) {
	for i, r := range group {
		if r == nil {
			continue
		}
		if err != nil && (r.err == nil || r.relies) {
			r.err = err
		}
		group[i] = nil
		r.finish(r.err)
	}
}

// gather lets those whom the last commit woke queue up again, as long as some do. With 64 writers on a busy machine a
// commit then holds about 55 of them; with a single yield it held 47. A lone writer must not get here: a yield wakes
// another thread, which may take the goroutine to another processor, and that costs as much as a small commit.
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
func (w *writer) take() []*request {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := w.groupLen()
	w.group = append(w.group[:0], w.queue[:n]...)
	w.queue = slices.Delete(w.queue, 0, n)
	return w.group
}

// groupLen returns how many requests of the queue make a group. What the engine would refuse is not offered to it: a
// refused group is written one by one.
func (w *writer) groupLen() (n int) {
	rows, size := 0, 0
	for _, r := range w.queue[:min(len(w.queue), groupRequests)] {
		rows, size = rows+len(r.writes), size+r.bytes
		if n > 0 && (size > groupBytes || !w.storage.limits.batchFits(rows, size)) {
			break
		}
		n++
	}
	return n
}

// commitGroup commits the group in one Apply and tells every request its outcome.
func (w *writer) commitGroup(group []*request) {
	err := w.tryGroup(group)
	if len(group) > 1 && (errors.Is(err, ErrTooLarge) || errors.Is(err, ErrConflict)) {
		// Nothing was written. One request alone may be at fault, so each gets a commit of its own.
		for i := range group {
			w.commitGroup(group[i : i+1])
		}
		return
	}
	w.settle(group, err)
}

func (w *writer) tryGroup(group []*request) (err error) {
	for try := 1; ; try++ {
		if err = w.sound(); err != nil {
			return err
		}
		err = w.applyGroup(group)
		if !errors.Is(err, ErrConflict) || len(group) > 1 || try == conflictTries {
			return err
		}
		backOff(try)
	}
}

// applyGroup leaves the error of a request that fails alone in the request, and returns what fails all others.
func (w *writer) applyGroup(group []*request) error {
	ctx := context.Background() // from here on the commit belongs to everybody in the group
	base := groupBase{engine: w.storage.engine, alone: len(group) == 1 && !w.storage.powers.Shared}
	defer base.close(w.storage)
	asking := w.decide(ctx, group, &base)
	if err := w.fits(group); err != nil {
		return err
	}
	b := Batch{Writes: w.merge(group), Base: base.snapshot}
	if asking {
		return w.applyAsking(ctx, group, b)
	}
	return w.apply(ctx, b)
}

// groupBase is the state that the conditions of a group are looked up in. A request alone reads the one row that it asks
// for; several must all see the same state, which is the base of their commit, and so must one beside whom others write.
type groupBase struct {
	engine   Engine
	alone    bool
	snapshot Snapshot // nil until it is needed
	err      error    // why there is none; whoever asks for nothing does not care
}

// get returns the value of the row at key, which is valid until held is released, if held is not nil, and the group's base
// is closed.
func (b *groupBase) get(ctx context.Context, key []byte) (value []byte, held Releaser, err error) {
	if b.alone {
		return b.engine.Get(ctx, key)
	}
	if b.snapshot == nil && b.err == nil {
		b.snapshot, b.err = b.engine.Snapshot(ctx)
	}
	if b.err != nil {
		return nil, nil, b.err
	}
	return b.snapshot.Get(ctx, key)
}

// has reports whether there is a row at key.
func (b *groupBase) has(ctx context.Context, key []byte) (found bool, err error) {
	_, held, err := b.get(ctx, key)
	if err == nil {
		releaseValue(held)
	}
	return foundRow(err)
}

// foundRow turns the error of a Get into its answer.
func foundRow(err error) (bool, error) {
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

func (b *groupBase) close(s *Storage) {
	if b.snapshot != nil {
		s.logClose(b.snapshot.Close())
	}
}

// leftRows are what the requests of a group leave behind, by key. A function that still runs is taken to write.
type leftRows map[string]leftRow

type leftRow struct {
	*Write
	by *request
}

// restore makes left what is left at key.
func (l leftRows) restore(key []byte, left leftRow) {
	switch {
	case l == nil: // the request is alone
	case left.by == nil:
		delete(l, string(key))
	default:
		l[string(key)] = left
	}
}

// decide settles the conditions of the group, in its order, and reports whether some are left to the engine.
func (w *writer) decide(ctx context.Context, group []*request, base *groupBase) (asking bool) {
	var seen leftRows
	defer func() { w.collect(seen) }() // also if the engine panics, or the leader's own function
	askable := w.askable(group)
	for _, r := range group {
		r.err, r.asks = nil, false
		if r.table != nil && r.table.dropped.Load() {
			r.err = ErrDropped
			continue
		}
		if w.functions.runs(r, seen) {
			w.answerOwn()
			w.collect(seen)
		}
		switch r.when {
		case always:
		case byFunction:
			r.look(ctx, base, seen)
		default:
			r.ask(askable)
			if r.asks {
				asking = true
			} else {
				r.decide(ctx, base, seen)
			}
		}
		if len(group) > 1 && (r.runs() || !r.writesNothing()) {
			seen = r.leave(seen)
		}
		if r.runs() {
			w.ask(r)
		}
	}
	w.answerOwn()
	return asking
}

// decide sets what the request found, and its error if that is not what it demands.
func (r *request) decide(ctx context.Context, base *groupBase, seen leftRows) {
	key := r.writes[0].Key
	left, known := seen[string(key)]
	existed := known && !left.Delete
	if !known {
		if existed, r.err = base.has(ctx, key); r.err != nil {
			return
		}
	}
	r.existed, r.relies = existed, known
	if r.when == ifAbsent && existed {
		r.err = ErrExists
	}
}

// leave records the rows that the request writes and deletes.
func (r *request) leave(seen leftRows) leftRows {
	if seen == nil {
		seen = make(leftRows)
	}
	for i := range r.writes {
		seen[string(r.writes[i].Key)] = leftRow{&r.writes[i], r}
	}
	return seen
}

// writesNothing: the request failed, or there is nothing to delete, or its function wants nothing.
func (r *request) writesNothing() bool {
	return r.err != nil || r.when == ifExists && !r.existed && !r.asks || r.when == byFunction && !r.modify.writes
}

// merge returns the writes of the group in the order of their keys; of equal keys the last one counts.
func (w *writer) merge(group []*request) []Write {
	if len(group) == 1 && !group[0].writesNothing() {
		return group[0].writes
	}
	all := w.merged[:0]
	for _, r := range group {
		if !r.writesNothing() {
			all = append(all, r.writes...)
		}
	}
	slices.SortStableFunc(all, func(a, b Write) int { return bytes.Compare(a.Key, b.Key) })
	kept := all[:0]
	for i, wr := range all {
		if i+1 == len(all) || !bytes.Equal(wr.Key, all[i+1].Key) {
			kept = append(kept, wr)
		}
	}
	w.merged = all
	return kept
}

// apply makes the writes durable. The caller has the turn. From here on the commit cannot be cancelled: an engine that
// gave up in its middle would leave the outcome unknown.
func (w *writer) apply(ctx context.Context, b Batch) error {
	if len(b.Writes) == 0 {
		return nil
	}
	w.failed = errUnsettled // unless Apply returns
	if ctx.Done() != nil {
		ctx = context.WithoutCancel(ctx)
	}
	err := w.storage.engine.Apply(ctx, b)
	w.failed = err
	clear(w.merged) // keep no caller's bytes alive
	if err != nil && goesOn(err) {
		w.failed = nil
	}
	return err
}

// goesOn reports whether Apply failed in a way after which it may be called again: the storage is as it was, or the engine
// vouches for its state.
func goesOn(err error) bool {
	return errors.Is(err, ErrTooLarge) || errors.Is(err, ErrConflict) || errors.Is(err, ErrNoRoom) ||
		errors.Is(err, ErrUnavailable) || errors.Is(err, ErrMaybe) || errors.Is(err, ErrSnapshotExpired)
}

// sound returns an error if an Apply failed before: what is on disk is known again only after reopening.
func (w *writer) sound() error {
	if w.failed == nil {
		return nil
	}
	return fmt.Errorf("an earlier write failed, reopen the storage to write again: %w", w.failed)
}

// backOff waits a little, longer with each try, so that writers in conflict get out of each other's way.
func backOff(try int) { time.Sleep(time.Duration(try*try) * 100 * time.Microsecond) }
