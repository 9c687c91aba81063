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

// writer gives out the turn to write and groups single writes into commits. A lone write waits for
// nobody, no timer is involved, and no goroutine has to be stopped.
type writer struct {
	storage *Storage
	turn    chan struct{}            // holds one element while somebody has the turn
	holder  atomic.Pointer[callSite] // where the turn was taken, if that is tracked

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

// wait returns when r is done, or withdrawn, or its goroutine has the turn. Meanwhile it runs
// r's function for whoever leads.
func (w *writer) wait(
	ctx context.Context, r *request, cancelled <-chan struct{},
) (done bool, err error) {
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
	if w.storage.usage.sites != nil {
		w.holder.Store(nil)
	}
	<-w.turn
}

// hold records who has the turn, if that is tracked.
func (w *writer) hold() {
	if w.storage.usage.sites == nil {
		return
	}
	at := &callSite{what: "write"}
	at.n = runtime.Callers(2, at.pcs[:])
	w.holder.Store(at)
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

// lead commits groups until own is done. The caller has the turn, so own is queued or done
// already. alone says that the turn was free.
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

// desert is how the leader goes if its function or the engine panicked, or ended the goroutine:
// those whom it led must not wait forever, and its own request may be used by nobody any more,
// itself included.
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
func (w *writer) take() []*request {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := w.groupLen()
	w.group = append(w.group[:0], w.queue[:n]...)
	w.queue = slices.Delete(w.queue, 0, n)
	return w.group
}

// groupLen returns how many requests of the queue make a group. What the engine would refuse is
// not offered to it: a refused group is written one by one.
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

// backOff waits a little, longer with each try, so that writers in conflict get out of each
// other's way.
func backOff(try int) { time.Sleep(time.Duration(try*try) * 100 * time.Microsecond) }
