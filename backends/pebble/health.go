// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package pebble

import (
	"fmt"
	"sync/atomic"
)

// health knows whether pebble has failed in a way after which it must not be written to, nor trusted to close.
type health struct {
	first   atomic.Pointer[error]
	stopped chan struct{} // closed after the first failure
}

func newHealth() *health { return &health{stopped: make(chan struct{})} }

func (h *health) fail(err error) {
	if h.first.CompareAndSwap(nil, &err) {
		close(h.stopped)
	}
}

func (h *health) failed() bool { return h.first.Load() != nil }

// check returns an error if pebble has failed.
func (h *health) check() error {
	if p := h.first.Load(); p != nil {
		return fmt.Errorf("an error has stopped the storage; open it again: %w", *p)
	}
	return nil
}

// unlessStopped runs fn, which may wait for pebble to write tables. It does not wait for fn when pebble has failed, because
// pebble would try for ever.
func (h *health) unlessStopped(fn func() error) error {
	done := make(chan error, 1)
	go func() {
		var err error
		defer func() { done <- err }()
		defer h.caught(&err)
		err = fn()
	}()
	select {
	case err := <-done:
		return err
	case <-h.stopped:
		return h.check()
	}
}
