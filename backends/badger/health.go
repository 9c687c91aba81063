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

// health knows whether badger can go on. After a commit whose outcome is unknown it must not.
// And if badger cannot write its tables, because the medium is full or the directory is gone,
// it tries again forever, and whatever waits for it would wait forever too: writes, Compact and
// Close.
type health struct {
	failed  atomic.Pointer[error] // the first failure
	stopped chan struct{}         // closed when badger has not been able to write tables for long

	mu      sync.Mutex
	flushes attempts // to make a table of a memtable; writers soon wait for it
	merges  attempts // of tables; writers wait for them when many are left undone
}

// attempts are failed attempts to write tables, without a longer pause between them.
type attempts struct {
	long        time.Duration // how long they may go on failing
	failed      int
	first, last time.Time
}

func newHealth() *health {
	return &health{
		stopped: make(chan struct{}),
		flushes: attempts{long: 2 * time.Second}, // badger makes one each second
		merges:  attempts{long: 30 * time.Second},
	}
}

// fail says that nothing may be written any more.
func (h *health) fail(err error) { h.failed.CompareAndSwap(nil, &err) }

// usable returns an error after a failure.
func (h *health) usable() error {
	if err := h.failed.Load(); err != nil {
		return fmt.Errorf("an earlier write failed; open the storage again: %w", *err)
	}
	return nil
}

// heard reads what badger logs, because only its log tells what fails in the background.
func (h *health) heard(format string, args []any) {
	const flushing, merging = "error flushing memtable to disk: ", "While running doCompact: "
	var a *attempts
	switch {
	case strings.HasPrefix(format, flushing):
		a = &h.flushes
	case strings.HasPrefix(format, merging):
		a = &h.merges
	default:
		return
	}
	for _, arg := range args {
		if err, ok := arg.(error); ok {
			h.stuck(a, err, time.Now())
		}
	}
}

// stuck is called for each attempt that fails, and stops badger after a while.
func (h *health) stuck(a *attempts, err error, at time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !a.fail(at) {
		return
	}
	select {
	case <-h.stopped:
	default:
		h.fail(fmt.Errorf("badger cannot write its tables: %w", system(err)))
		close(h.stopped)
	}
}

// fail counts an attempt, and reports whether they have failed for too long.
func (a *attempts) fail(at time.Time) bool {
	const (
		enough = 3
		pause  = 10 * time.Second // after which a failure counts as another one
	)
	if a.failed == 0 || at.Sub(a.last) > pause {
		a.failed, a.first = 0, at
	}
	a.failed, a.last = a.failed+1, at
	return a.failed >= enough && at.Sub(a.first) >= a.long
}

// unlessStopped runs fn, which may wait for badger. It does not wait for fn when badger is stuck;
// then nothing else ever uses what fn uses.
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

// protect is like the function protect, except that a panic after a failure is not damage:
// badger then lacks what it needs.
func (h *health) protect(fn func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer h.rescue(&err)
	return fn()
}

// rescue is like the function rescue, with the same exception.
func (h *health) rescue(err *error) {
	if r := recover(); r != nil {
		if *err = h.usable(); *err == nil {
			*err = gaveUp(r)
		}
	}
}
