// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package pebble

import (
	"fmt"
	"sync/atomic"
	"time"
)

// health knows whether pebble has failed in such a way that it must not be written to, nor
// trusted to close.
type health struct {
	first   atomic.Pointer[error]
	stopped chan struct{} // closed after the first failure

	// Pebble tries in vain to move rows to a table, because there is no room.
	stuck atomic.Bool

	// A damaged block was read. From then on its file and all others are checked more closely.
	damaged atomic.Bool

	// How many merges in a row have failed because there is no room.
	vain atomic.Int32

	// How long after began there last was no room for one or the other.
	began    time.Time
	lastFull atomic.Int64
}

func newHealth() *health { return &health{stopped: make(chan struct{}), began: time.Now()} }

func (h *health) fail(err error) {
	if h.first.CompareAndSwap(nil, &err) {
		close(h.stopped)
	}
}

func (h *health) failed() bool { return h.first.Load() != nil }

// wrote is called with the outcome of moving rows to a table.
func (h *health) wrote(err error) {
	if isFull(err) {
		h.lastFull.Store(int64(time.Since(h.began)))
	}
	h.stuck.Store(isFull(err))
}

// merged is called with the outcome of merging tables.
func (h *health) merged(err error) {
	if isFull(err) {
		h.lastFull.Store(int64(time.Since(h.began)))
		h.vain.Add(1)
	} else if err == nil {
		h.vain.Store(0)
	}
}

// manyInVain is how many merges must fail in a row before merging is expected to fail.
const manyInVain = 3

// full reports whether rows cannot be moved to tables, or tables cannot be merged, for lack of
// room.
func (h *health) full() bool { return h.stuck.Load() || h.vain.Load() >= manyInVain }

// foundFull reports whether full is true and was found to be since start. What was found before
// may be over: failed merges are not tried again as long as there is nothing to merge.
func (h *health) foundFull(start time.Time) bool {
	return h.full() && time.Duration(h.lastFull.Load()) >= start.Sub(h.began)
}

// cause returns the error that made pebble fail.
func (h *health) cause() error { return *h.first.Load() }

// check returns an error if pebble has failed.
func (h *health) check() error {
	if p := h.first.Load(); p != nil {
		return fmt.Errorf("an error has stopped the storage; open it again: %w", *p)
	}
	return nil
}

// roomPatience is how long a call waits for pebble while there is no room.
const roomPatience = 2 * time.Second

// unlessStopped runs fn, which may wait for pebble to write tables. When pebble has failed it
// does not wait for fn, because pebble would try forever. If there is no room for the tables,
// it waits no longer than some seconds, after which pebble counts as failed.
func (h *health) unlessStopped(fn func() error) error {
	return h.unlessStuck(fn, func(err error) error {
		h.fail(err)
		return h.check()
	})
}

// unlessFull is unlessStopped for work that may be given up when there is no room: pebble goes
// on.
func (h *health) unlessFull(fn func() error) error {
	return h.unlessStuck(fn, func(err error) error { return err })
}

func (h *health) unlessStuck(fn func() error, giveUp func(error) error) error {
	done := make(chan error, 1)
	go func() {
		var err error
		defer func() { done <- err }()
		defer h.caught(&err)
		err = fn()
	}()
	start := time.Now()
	look := time.NewTicker(roomPatience / 8)
	defer look.Stop()
	for {
		select {
		case err := <-done:
			return err
		case <-h.stopped:
			return h.check()
		case <-look.C:
			if h.foundFull(start) && time.Since(start) > roomPatience {
				return giveUp(fmt.Errorf("%w: pebble can neither move rows to tables nor merge "+
					"these", noRoom(fullErrors[0])))
			}
		}
	}
}
