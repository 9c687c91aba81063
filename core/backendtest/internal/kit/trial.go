// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package kit

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
	"github.com/guardkv/guardkv/core/backendtest/internal/decorate"
)

// TB is the part of testing.T that the suite uses. It lets the suite's own tests see its
// verdicts.
type TB interface {
	Helper()
	Errorf(format string, args ...any)
	Logf(format string, args ...any)
	TempDir() string
}

// MaxWait is how long a check may take. Checks end in seconds, but disks can be slow, and some
// checks open many storages.
const MaxWait = 3 * time.Minute

// Trial is the test of one promise at a fresh place. Unlike those of testing.T, its methods may be
// called from any goroutine; Fatalf ends the goroutine that calls it.
type Trial struct {
	promise *Promise
	Target  Target
	Tracker *decorate.Tracker // of Backend
	Backend core.Backend      // the target's, tracked, and spoiled in that mode
	Second  core.Backend      // the target's other process, treated alike; nil if there is none
	Path    string
	Ctx     context.Context
	Wait    time.Duration // how long the check may take
	Short   bool

	trackers []*decorate.Tracker

	mu       sync.Mutex
	TB       TB
	failed   bool
	problem  string // the first line of the first report
	over     bool   // the verdict is in: goroutines left behind can no longer change it
	cleanups []func()
}

func NewTrial(t TB, p *Promise, target Target, spoiled bool) *Trial {
	a := decorate.NewTracker(target.Backend)
	tr := &Trial{
		promise: p, Target: target, Tracker: a, Backend: a, Path: target.Path, TB: t,
		Ctx: context.Background(), Wait: MaxWait, Short: testing.Short(),
	}
	tr.trackers = append(tr.trackers, a)
	if target.Second != nil {
		second := decorate.NewTracker(target.Second)
		tr.trackers, tr.Second = append(tr.trackers, second), second
	}
	if spoiled {
		tr.Backend = decorate.Spoil(a)
	}
	if spoiled && tr.Second != nil {
		tr.Second = decorate.Spoil(tr.Second)
	}
	return tr
}

// Run makes the check in a goroutine of its own, because a check that blocks must become a report.
func (t *Trial) Run() {
	t.TB.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		t.check()
	}()
	if writes, over := t.await(done); !over {
		t.Errorf("%s; all goroutines:\n%s", late(t.Wait, writes), stacks())
	}
	t.mu.Lock()
	t.over = true
	t.mu.Unlock()
}

// await waits until the check is over, and reports false if it is not over in time. writes is
// how many calls of Apply then returned in the second half of the time.
func (t *Trial) await(done <-chan struct{}) (writes int64, over bool) {
	for range 2 {
		before := t.Tracker.Applies.Load()
		select {
		case <-done:
			return 0, true
		case <-time.After(t.Wait / 2):
			writes = t.Tracker.Applies.Load() - before
		}
	}
	return writes, false
}

// late says what to look for when a check is not over in time: for what is blocked, unless the
// engine still writes.
func late(wait time.Duration, writes int64) string {
	if writes == 0 {
		return fmt.Sprintf("blocked for %v", wait)
	}
	return fmt.Sprintf("not over after %v, though not blocked: %d calls of Apply returned in the "+
		"second half of that. Is Apply slow? What it costs should depend on its batch, and not "+
		"on how much is stored", wait, writes)
}

// check runs the promise's check and its cleanups, and then complains about what is still open.
// A check that failed need not have closed anything.
func (t *Trial) check() {
	defer t.balance()
	defer t.cleanUp()
	defer func() {
		if p := recover(); p != nil {
			t.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	t.promise.Check(t)
}

func (t *Trial) cleanUp() {
	for len(t.cleanups) > 0 {
		last := t.cleanups[len(t.cleanups)-1]
		t.cleanups = t.cleanups[:len(t.cleanups)-1]
		last()
	}
}

func (t *Trial) balance() {
	if t.Failed() {
		return
	}
	for _, tracker := range t.trackers {
		for _, problem := range tracker.Problems() {
			t.Errorf("%s", problem)
		}
	}
}

// Cleanup has f called after the check, the last one first.
func (t *Trial) Cleanup(f func()) { t.cleanups = append(t.cleanups, f) }

func (t *Trial) Failed() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.failed
}

// Problem returns the first line of the first report, or "" if there was none.
func (t *Trial) Problem() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.problem
}

// Errorf reports that the promise is broken, and which promise it is.
func (t *Trial) Errorf(format string, args ...any) {
	t.TB.Helper()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.failed = true
	if !t.over {
		cause, rest, long := strings.Cut(fmt.Sprintf(format, args...), "\n")
		if t.problem == "" {
			t.problem = cause
		}
		if long { // stacks: print the promise before them
			rest = "\n" + rest
		}
		t.TB.Errorf("%s\n\tpromise: %s%s", cause, t.promise.Explanation, rest)
	}
}

// Fatalf is Errorf that ends the goroutine.
func (t *Trial) Fatalf(format string, args ...any) {
	t.TB.Helper()
	t.Errorf(format, args...)
	runtime.Goexit()
}

func (t *Trial) Logf(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.over {
		t.TB.Logf(format, args...)
	}
}

// Do ends the check if err is not nil.
func (t *Trial) Do(what string, err error) {
	t.TB.Helper()
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

// Pick returns the smaller amount of work if tests should be short.
func (t *Trial) Pick(full, short int) int {
	if t.Short {
		return short
	}
	return full
}

func stacks() []byte {
	buf := make([]byte, 1<<20)
	return buf[:runtime.Stack(buf, true)]
}

// Is ends the check unless err is want.
func (t *Trial) Is(what string, err, want error) {
	t.TB.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("%s gives %v; want %v", what, err, want)
	}
}

// Within ends the check if f takes longer than d. f goes on in that case.
func (t *Trial) Within(d time.Duration, what string, f func()) {
	t.TB.Helper()
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
