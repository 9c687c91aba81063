// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package pebble

import (
	"fmt"
	"sync/atomic"
	"time"
)

// health knows whether pebble has failed in a way after which it must not be written to, nor
// trusted to close.
type health struct {
	first   atomic.Pointer[error]
	stopped chan struct{} // closed after the first failure

	// Pebble tries in vain to move rows to a table because there is no room.
	stuck atomic.Bool

	// A damaged block was read. Its file is looked at more closely from then on, and so are all
	// others.
	damaged atomic.Bool

	// How many merges in a row have failed because there is no room.
	vain atomic.Int32

	// How long after began there was last no room for one or the other.
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

// wrote says how moving rows to a table ended.
func (h *health) wrote(err error) {
	if isFull(err) {
		h.lastFull.Store(int64(time.Since(h.began)))
	}
	h.stuck.Store(isFull(err))
}

// merged says how merging tables ended.
func (h *health) merged(err error) {
	if isFull(err) {
		h.lastFull.Store(int64(time.Since(h.began)))
		h.vain.Add(1)
	} else if err == nil {
		h.vain.Store(0)
	}
}

// manyInVain is how many merges have to fail in a row before no more is expected of merging.
const manyInVain = 3

// full reports whether rows are not moved to tables, or tables are not merged, because there is
// no room.
func (h *health) full() bool { return h.stuck.Load() || h.vain.Load() >= manyInVain }

// foundFull reports whether that is so and was found since start. What was found before may be
// over: merges that failed are not tried again as long as nothing is there to be merged.
func (h *health) foundFull(start time.Time) bool {
	return h.full() && time.Duration(h.lastFull.Load()) >= start.Sub(h.began)
}

// cause returns the error that has made pebble fail.
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

// unlessStopped runs fn, which may wait for pebble to write tables. It does not wait for fn
// when pebble has failed, because pebble would try forever; and if there is no room for them,
// not longer than some seconds, after which pebble has failed.
func (h *health) unlessStopped(fn func() error) error {
	return h.unlessStuck(fn, func(err error) error {
		h.fail(err)
		return h.check()
	})
}

// unlessFull is unlessStopped for what may be given up when there is no room: pebble goes on.
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
