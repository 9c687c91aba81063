// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// Modify is a write that only its own function can tell. The function has to see what the
// requests before it in the group leave behind, so it cannot run before the group is decided;
// and it has to run on the goroutine of its caller, so that its panic is the caller's.
// Therefore the leader asks: it hands the old row to the waiting caller and goes on when the
// function has answered. Functions that are about distinct rows are asked at once and run side
// by side.

// Change is what the function of [Table.Modify] wants done with the row.
type Change uint8

const (
	// Leave leaves the row as it is, or absent.
	Leave Change = iota
	// Store stores the value that the function returns.
	Store
	// Remove deletes the row, if there is one.
	Remove
)

// Modify replaces the row at k by what fn makes of it: fn gets the row, or the zero W and false if
// there is none, and returns Store and a new value, Remove, or Leave. No other write comes between
// the reading and the writing. It is a [Storage.Update] of one row that shares its commit with
// other single writes, as Put does, and like Put returns when the change is durable.
//
// If fn returns an error, nothing is written and Modify returns the error as it is. A panic of fn,
// or its runtime.Goexit, is the caller's, writes nothing, and fails no other write. A row that
// cannot be read returns ErrCorrupt, and stays. The other errors are those of Put. Canceling ctx
// works until the write has joined a commit, which it has when fn runs.
//
// fn runs on the goroutine of the caller while everybody else who writes waits for it: it
// should be short. Functions for other rows may run at the same time. It may run again, so it
// must set, not add to, what it leaves outside the storage. old is owned by the engine, must
// not be modified, and is valid until fn returns; what fn returns may refer to it, and may be
// reused when Modify returns. fn may read the storage, and sees there what is committed. A
// write to the storage inside of it returns ErrNestedWrite, if it is on the same goroutine; on
// another goroutine, for which fn waits, it is a deadlock. Modify may be called from any number
// of goroutines.
func (t *Table[K, V, W]) Modify(
	ctx context.Context, k K, fn func(old W, found bool) (V, Change, error),
) error {
	if fn == nil {
		return t.failAt("modify", k, errNoFunction)
	}
	r, _ := t.requests.Get().(*rowRequest)
	if r == nil {
		r = &rowRequest{request: request{done: make(chan struct{}, 1)}}
	}
	var failed error
	err := t.encode(r, byFunction, k, nil)
	if err == nil {
		r.modify = r.modification(func(old []byte, found bool) (bool, error) {
			writes, failure, err := t.modified(r, fn, old, found)
			failed = failure
			return writes, err
		})
		err = t.submit(ctx, &r.request)
		r.modify.run = nil
	}
	r.modify = nil
	t.reuse(r)
	if errors.Is(err, errFunction) {
		return failed
	}
	return t.failAt("modify", k, err)
}

// errFunction stands for the error of a caller's function.
var errFunction = errors.New("the function returned an error")

// modified calls fn, and makes the request what fn wants, if that is to write. The error of fn is
// failed.
func (t *Table[K, V, W]) modified(
	r *rowRequest, fn func(W, bool) (V, Change, error), stored []byte, found bool,
) (writes bool, failed, err error) {
	w := &r.one[0]
	key := w.Key
	var old W
	if found {
		lent, err := t.rows.viewLent(key, stored, &old)
		if err != nil {
			return false, nil, err
		}
		defer releaseValue(lent) // after what fn returned is encoded: that may refer to old
	}
	v, change, failed := fn(old, found)
	if failed != nil {
		return false, failed, errFunction
	}
	switch change {
	case Leave:
		return false, nil, nil
	case Remove:
		*w = Write{Key: key, Delete: true}
		r.bytes = len(key)
		return found, nil, nil
	case Store:
		r.row, err = t.rows.appendValue(r.row[:len(key)], v)
		n := len(key)
		*w = Write{Key: r.row[:n:n], Value: r.row[n:len(r.row):len(r.row)]}
		r.bytes = len(r.row)
		return err == nil, nil, err
	}
	return false, nil, fmt.Errorf("the function returned the unknown Change %d", change)
}

// modification is the part of a request whose function says what it writes. The leader of the group
// asks the goroutine of the request to run the function, and waits for it; so the two never use the
// request at the same time.
type modification struct {
	run     func(old []byte, found bool) (writes bool, err error)
	ask     chan *turn // who leads, when the function is to run
	old     []byte
	found   bool
	held    Releaser // keeps old valid, if it is not nil
	left    leftRow  // what was left at the key before, zero if nothing was
	running bool     // asked, and the answer not yet looked at
	writes  bool     // result: whether the request writes
	fled    bool     // the function panicked, or ended its goroutine
}

// modification returns the request's own, with another function.
func (r *rowRequest) modification(run func(old []byte, found bool) (bool, error)) *modification {
	if r.modified == nil {
		r.modified = &modification{ask: make(chan *turn, 1)}
	}
	r.modified.run = run
	return r.modified
}

// asked is where the goroutine of the request is asked to run its function; nil if there is none.
func (r *request) asked() <-chan *turn {
	if r.modify == nil {
		return nil
	}
	return r.modify.ask
}

// runs reports whether the request's function was asked, and the answer not yet looked at.
func (r *request) runs() bool { return r.modify != nil && r.modify.running }

// fled reports whether the request's function panicked, or ended its goroutine.
func (r *request) fled() bool { return r.modify != nil && r.modify.fled }

// functions are those of a group that were asked and not yet looked at. They are about distinct
// rows, so that none has to see what another one writes, and run at the same time.
type functions struct {
	asked   []*request
	unheard sync.WaitGroup // those that have not answered, without the leader's own
}

// look finds the row that the request's function gets.
func (r *request) look(ctx context.Context, base *groupBase, seen leftRows) {
	m := r.modify
	if m.fled { // in a group that is decided anew
		r.err = errFled
		return
	}
	key := r.writes[0].Key
	if m.left, r.relies = seen[string(key)]; r.relies {
		m.old, m.found = m.left.Value, !m.left.Delete
	} else {
		value, held, err := base.get(ctx, key)
		if m.found, r.err = foundRow(err); r.err != nil {
			return
		}
		m.old, m.held = value, held
	}
	m.running = true
}

// ask asks the request's function what is written. From here on the request is its goroutine's,
// until collect got the answer.
func (t *turn) ask(r *request) {
	t.functions.asked = append(t.functions.asked, r)
	if r != t.own {
		t.functions.unheard.Add(1)
		r.modify.ask <- t
	}
}

// runs reports whether the function of a request still runs that writes one of r's keys.
func (f *functions) runs(r *request, seen leftRows) bool {
	if len(f.asked) == 0 {
		return false
	}
	for i := range r.writes {
		if by := seen[string(r.writes[i].Key)].by; by != nil && by.runs() {
			return true
		}
	}
	return false
}

// answerOwn runs the leader's own function, if it was asked.
func (t *turn) answerOwn() {
	if t.own != nil && t.own.runs() {
		t.answer(t.own)
	}
}

// answer runs the request's function, on the goroutine of the request, while whoever leads waits
// for it.
func (t *turn) answer(r *request) {
	m := r.modify
	m.fled, m.writes, r.err = true, false, errFled
	if r != t.own {
		defer t.functions.unheard.Done()
	}
	t.runner.run(func() { m.writes, r.err = m.run(m.old, m.found) })
	m.fled = false
}

// collect waits for the functions that were asked. Those that write nothing leave what was there.
func (t *turn) collect(seen leftRows) {
	f := &t.functions
	f.unheard.Wait()
	for i, r := range f.asked {
		m := r.modify
		if m.held != nil {
			releaseValue(m.held)
		}
		if r.writesNothing() {
			seen.restore(r.writes[0].Key, m.left)
		}
		m.old, m.held, m.left, m.running = nil, nil, leftRow{}, false
		f.asked[i] = nil
	}
	f.asked = f.asked[:0]
}

var errFled = errors.New("the function panicked, or ended its goroutine; nothing was written")

// leadWithout is how a leader goes whose own function panicked, or ended its goroutine, in the
// middle of a group. The other requests, which have nothing to do with that, are decided anew and
// committed.
func (t *turn) leadWithout(own *request) {
	rest := t.group[:0]
	for _, r := range t.group {
		if r != nil && r != own {
			rest = append(rest, r)
		}
	}
	clear(t.group[len(rest):])
	t.group = rest
	led := false
	defer func() {
		if !led {
			t.abandon()
		}
	}()
	if len(rest) > 0 {
		t.commitGroup(rest)
	}
	led = true
}

// groupMost is how many bytes a group may have once its functions have said what they write: until
// then nobody knows.
const groupMost = 16 << 20

// fits returns ErrTooLarge if the functions of a group made it too large, so that its requests are
// written one by one.
func (t *turn) fits(group []*request) error {
	modifies, rows, size := false, 0, 0
	for _, r := range group {
		modifies = modifies || r.when == byFunction
		if !r.writesNothing() {
			rows, size = rows+len(r.writes), size+r.bytes
		}
	}
	switch {
	case !modifies:
		return nil
	case len(group) > 1 && size > groupMost:
		return fmt.Errorf("%w: a group of %d bytes", ErrTooLarge, size)
	}
	return t.storage.limits.checkBatch(rows, size)
}
