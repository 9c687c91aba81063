// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package badger

import (
	"fmt"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// health knows whether badger can go on. After a commit whose outcome is unknown it must not. And where badger cannot write its
// tables, because the medium is full or the directory is gone, it tries again for ever, and who waits for it would too: those who
// write, Compact and Close.
type health struct {
	failed  atomic.Pointer[error] // the first failure
	stopped chan struct{}         // closed when badger has not been able to write tables for long

	mu          sync.Mutex
	attempts    int // to write a table that failed, without a longer pause
	first, last time.Time
}

func newHealth() *health { return &health{stopped: make(chan struct{})} }

// fail says that nothing must be written any more.
func (h *health) fail(err error) { h.failed.CompareAndSwap(nil, &err) }

// usable returns an error after a failure.
func (h *health) usable() error {
	if err := h.failed.Load(); err != nil {
		return fmt.Errorf("an earlier write failed; open the storage again: %w", *err)
	}
	return nil
}

// heard takes notice of what badger logs, which is all that it says of what fails in the background.
func (h *health) heard(format string, args []any) {
	const flushing, compacting = "error flushing memtable to disk: ", "While running doCompact: "
	if !strings.HasPrefix(format, flushing) && !strings.HasPrefix(format, compacting) {
		return
	}
	for _, arg := range args {
		if err, ok := arg.(error); ok {
			h.stuck(err, time.Now())
		}
	}
}

// stuck is told of each attempt to write a table that fails, and stops badger after a while.
func (h *health) stuck(err error, at time.Time) {
	const (
		enough = 3
		long   = 2 * time.Second  // badger makes an attempt each second
		pause  = 10 * time.Second // after which it is another failure
	)
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.attempts == 0 || at.Sub(h.last) > pause {
		h.attempts, h.first = 0, at
	}
	h.attempts, h.last = h.attempts+1, at
	if h.attempts < enough || at.Sub(h.first) < long {
		return
	}
	select {
	case <-h.stopped:
	default:
		h.fail(fmt.Errorf("badger cannot write its tables: %w", system(err)))
		close(h.stopped)
	}
}

// unlessStopped runs fn, which may wait for badger. It does not wait for fn when badger is stuck: what fn uses then is never
// used by others again.
func (h *health) unlessStopped(fn func() error) error {
	done := make(chan error, 1)
	go func() { done <- h.protect(fn) }()
	select {
	case err := <-done:
		return err
	case <-h.stopped:
	}
	const grace = time.Second
	select {
	case err := <-done:
		return err
	case <-time.After(grace):
		return h.usable()
	}
}

// protect is protect, but that a panic after a failure is no damage: badger is left without what it needs.
func (h *health) protect(fn func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer h.rescue(&err)
	return fn()
}

// rescue is rescue, with the same exception.
func (h *health) rescue(err *error) {
	if r := recover(); r != nil {
		if *err = h.usable(); *err == nil {
			*err = gaveUp(r)
		}
	}
}
