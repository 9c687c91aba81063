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
	turn    chan struct{} // holds one element while somebody has the turn
	closure atomic.Uint64 // the goroutine that runs an Update closure; 0 if none does

	mu    sync.Mutex
	queue []*request

	// What follows belongs to whoever has the turn.
	failed error // the Apply error after which nothing is written any more
	group  []*request
	merged []Write
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
	always   condition = iota
	ifAbsent           // else ErrExists
	ifExists           // else nothing is written, which is no error
)

// request is one atomic write on its way to a commit.
type request struct {
	table   *tableState // nil for rows of no table
	writes  []Write     // keys strictly increasing
	bytes   int
	when    condition
	existed bool // result: whether the key was there, unless when is always
	relies  bool // the result is true only if the requests before this one in the group are committed
	err     error
	done    chan struct{} // one element when the outcome is known
}

func (r *request) finish(err error) {
	r.err = err
	r.done <- struct{}{}
}

// commit returns when r is durable, or has failed. ctx ends the wait for a commit, not the commit.
func (w *writer) commit(ctx context.Context, r *request) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if w.nested() {
		return errNested
	}
	w.enqueue(r)
	alone := true
	select {
	case w.turn <- struct{}{}:
	default:
		alone = false
		select {
		case w.turn <- struct{}{}:
		case <-r.done:
			return r.err
		case <-ctx.Done():
			if w.withdraw(r) {
				return ctx.Err()
			}
			<-r.done
			return r.err
		}
	}
	w.lead(r, alone)
	w.release()
	return r.err
}

var errNested = fmt.Errorf("%w: use the Tx that Update passed to its function", ErrNestedWrite)

// nested reports whether this goroutine runs an Update closure, and would wait for itself.
func (w *writer) nested() bool {
	id := w.closure.Load()
	return id != 0 && id == goroutineID()
}

// acquire takes the turn.
func (w *writer) acquire(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if w.nested() {
		return errNested
	}
	select {
	case w.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	if err := w.sound(); err != nil {
		w.release()
		return err
	}
	return nil
}

func (w *writer) release() { <-w.turn }

func (w *writer) enqueue(r *request) {
	r.err, r.existed, r.relies = nil, false, false
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
	if !alone || len(w.group) > 1 {
		w.gather()
	}
	for {
		select {
		case <-own.done:
			return
		default:
			w.commitGroup(w.take())
			clear(w.group) // whose length stays: lead looks at it
		}
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
	n, size := 0, 0
	for n < len(w.queue) && n < groupRequests && (n == 0 || size+w.queue[n].bytes <= groupBytes) {
		size += w.queue[n].bytes
		n++
	}
	clear(w.group)
	w.group = append(w.group[:0], w.queue[:n]...)
	w.queue = slices.Delete(w.queue, 0, n)
	return w.group
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
	for _, r := range group {
		if err != nil && (r.err == nil || r.relies) {
			r.err = err
		}
		r.finish(r.err)
	}
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
	base, err := w.decide(ctx, group)
	if base != nil {
		defer base.Close()
	}
	if err != nil {
		return err
	}
	return w.apply(ctx, base, w.merge(group))
}

// decide settles the conditions of the group, in its order, and returns the snapshot that it looked at, if any.
func (w *writer) decide(ctx context.Context, group []*request) (base Snapshot, err error) {
	var seen map[string]bool // what the requests before this one leave behind
	for _, r := range group {
		r.err = nil
		if r.table != nil && r.table.dropped.Load() {
			r.err = errDropped
			continue
		}
		if r.when != always {
			if base == nil {
				if base, err = w.storage.engine.Snapshot(ctx); err != nil {
					return nil, err
				}
			}
			r.decide(ctx, base, seen)
		}
		if len(group) > 1 && !r.writesNothing() {
			seen = r.leave(seen)
		}
	}
	return base, nil
}

// decide sets what the request found, and its error if that is not what it demands.
func (r *request) decide(ctx context.Context, base Snapshot, seen map[string]bool) {
	key := r.writes[0].Key
	existed, known := seen[string(key)]
	if !known {
		_, value, err := base.Get(ctx, key)
		releaseValue(value)
		if err != nil && !errors.Is(err, ErrNotFound) {
			r.err = err
			return
		}
		existed = err == nil
	}
	r.existed, r.relies = existed, known
	if r.when == ifAbsent && existed {
		r.err = ErrExists
	}
}

// leave records which keys exist after the request.
func (r *request) leave(seen map[string]bool) map[string]bool {
	if seen == nil {
		seen = make(map[string]bool)
	}
	for _, wr := range r.writes {
		seen[string(wr.Key)] = !wr.Delete
	}
	return seen
}

// writesNothing: the request failed, or there is nothing to delete.
func (r *request) writesNothing() bool {
	return r.err != nil || r.when == ifExists && !r.existed
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
func (w *writer) apply(ctx context.Context, base Snapshot, writes []Write) error {
	if len(writes) == 0 {
		return nil
	}
	err := w.storage.engine.Apply(context.WithoutCancel(ctx), Batch{Base: base, Writes: writes})
	clear(w.merged) // keep no caller's bytes alive
	if err != nil && !nothingWritten(err) {
		w.failed = err
	}
	return err
}

// nothingWritten reports whether Apply failed in a way that leaves the storage as it was.
func nothingWritten(err error) bool {
	return errors.Is(err, ErrTooLarge) || errors.Is(err, ErrConflict) || errors.Is(err, ErrNoRoom)
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

// goroutineID reads the number of the running goroutine from the head of its stack trace, "goroutine 12 [".
// The runtime has no other way to tell it. It costs about a microsecond.
func goroutineID() (id uint64) {
	var buf [32]byte
	head := buf[len("goroutine "):runtime.Stack(buf[:], false)]
	for _, c := range head {
		if c < '0' || c > '9' {
			break
		}
		id = id*10 + uint64(c-'0')
	}
	return id
}
