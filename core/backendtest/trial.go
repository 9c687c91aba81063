// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package backendtest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/guardkv/guardkv/core"
)

// tb is what the suite uses of testing.T, so that the suite's own tests can look at its verdicts.
type tb interface {
	Helper()
	Errorf(format string, args ...any)
	Logf(format string, args ...any)
	TempDir() string
}

// patience is how long a check may take before it counts as blocked. Checks end in seconds, but disks
// can be slow, and some checks open many storages.
const patience = 3 * time.Minute

// trial is one promise put to the test at a fresh place. Unlike those of testing.T its methods may be called from
// any goroutine; Fatalf ends the goroutine that calls it.
type trial struct {
	promise *promise
	target  Target
	account *account
	backend core.Backend // the target's, counted by account, and spoiled in that mode
	path    string
	ctx     context.Context
	wait    time.Duration // how long the check may take
	short   bool

	mu       sync.Mutex
	tb       tb
	failed   bool
	over     bool // the verdict is in: a goroutine left behind has no say any more
	cleanups []func()
}

func newTrial(t tb, p *promise, target Target, spoiled bool) *trial {
	a := newAccount(target.Backend)
	tr := &trial{
		promise: p, target: target, account: a, backend: a, path: target.Path, tb: t,
		ctx: context.Background(), wait: patience, short: testing.Short(),
	}
	if spoiled {
		tr.backend = Spoil(a)
	}
	return tr
}

// run makes the check in a goroutine of its own, because a check that blocks must become a report.
func (t *trial) run() {
	t.tb.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		t.check()
	}()
	select {
	case <-done:
	case <-time.After(t.wait):
		t.Errorf("blocked for %v; all goroutines:\n%s", t.wait, stacks())
	}
	t.mu.Lock()
	t.over = true
	t.mu.Unlock()
}

// check runs the promise's check, what it left to be cleaned up, and then balances the account. A check that
// failed need not have closed anything.
func (t *trial) check() {
	defer t.balance()
	defer t.cleanUp()
	defer func() {
		if p := recover(); p != nil {
			t.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	t.promise.check(t)
}

func (t *trial) cleanUp() {
	for len(t.cleanups) > 0 {
		last := t.cleanups[len(t.cleanups)-1]
		t.cleanups = t.cleanups[:len(t.cleanups)-1]
		last()
	}
}

func (t *trial) balance() {
	if t.Failed() {
		return
	}
	for _, problem := range t.account.problems() {
		t.Errorf("%s", problem)
	}
}

// Cleanup has f called after the check, the last one first.
func (t *trial) Cleanup(f func()) { t.cleanups = append(t.cleanups, f) }

func (t *trial) Failed() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.failed
}

// Errorf reports that the promise is broken, and which it is.
func (t *trial) Errorf(format string, args ...any) {
	t.tb.Helper()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.failed = true
	if !t.over {
		cause, rest, long := strings.Cut(fmt.Sprintf(format, args...), "\n")
		if long { // stacks: the promise is not to be looked for behind them
			rest = "\n" + rest
		}
		t.tb.Errorf("%s\n\tpromise: %s%s", cause, t.promise.explanation, rest)
	}
}

// Fatalf is Errorf that ends the goroutine.
func (t *trial) Fatalf(format string, args ...any) {
	t.tb.Helper()
	t.Errorf(format, args...)
	runtime.Goexit()
}

func (t *trial) Logf(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.over {
		t.tb.Logf(format, args...)
	}
}

// do ends the check if err is not nil.
func (t *trial) do(what string, err error) {
	t.tb.Helper()
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

// pick returns the smaller amount of work if tests are to be short.
func (t *trial) pick(full, short int) int {
	if t.short {
		return short
	}
	return full
}

func stacks() []byte {
	buf := make([]byte, 1<<20)
	return buf[:runtime.Stack(buf, true)]
}

// is ends the check unless err is what is wanted.
func (t *trial) is(what string, err, want error) {
	t.tb.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("%s gives %v; want %v", what, err, want)
	}
}

// within ends the check if f takes longer than the time that nothing should take. f goes on then.
func (t *trial) within(d time.Duration, what string, f func()) {
	t.tb.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	select {
	case <-done:
	case <-time.After(d):
		t.Fatalf("%s is blocked for %v; all goroutines:\n%s", what, d, stacks())
	}
}
