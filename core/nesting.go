// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core

import (
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
)

// An Update has the turn to write while its function runs. A function that writes to the
// storage past its Tx would wait for that turn, which is to say for itself, forever. This file
// finds such writes, so that they return ErrNestedWrite instead. It must not take a write of
// another goroutine, which may well wait, for one of them.

// functionRunner runs the functions of Updates and Modifies of a storage. A write to the
// storage inside of one would wait for itself, and is found by the stack of its goroutine,
// where frames spell the storage's number. The runtime tells no goroutine who it is but in the
// text of its stack trace, which takes ten times as long.
type functionRunner struct {
	number  uint64       // of the storage, in this process
	running atomic.Int32 // so that writes need not look at their stack while there are none
}

// storages counts those that were opened.
var storages atomic.Uint64

// run calls fn.
func (f *functionRunner) run(fn func()) {
	f.running.Add(1)
	defer f.running.Add(-1)
	spellNumber(f.number, fn)
}

// here reports whether this goroutine is in one of the functions.
func (f *functionRunner) here() bool {
	return f.running.Load() != 0 && spelledHere(f.number)
}

var errNested = fmt.Errorf("%w: inside an Update use the Tx that it passed to its function; "+
	"inside a Modify return what is to be written",
	ErrNestedWrite)

// spellNumber calls fn below frames that spell a number: itself, then spellZero or spellOne for
// each bit, the lowest first. Each of the three has one call, so that a single program counter
// tells it.
//
//go:noinline
func spellNumber(n uint64, fn func()) { spellRest(n, fn) }

//go:noinline
func spellZero(rest uint64, fn func()) { spellRest(rest, fn) }

//go:noinline
func spellOne(rest uint64, fn func()) { spellRest(rest, fn) }

//go:noinline
func spellRest(n uint64, fn func()) {
	switch {
	case n == 0:
		fn()
	case n%2 == 0:
		spellZero(n/2, fn)
	default:
		spellOne(n/2, fn)
	}
}

// spelling are the program counters of the calls in spellNumber, spellZero and spellOne.
var spelling = func() (s struct{ number, zero, one uintptr }) {
	var pcs []uintptr
	spellNumber(2, func() { pcs = stack(make([]uintptr, 64)) }) // 2 has a zero and a one
	for _, pc := range pcs {
		// one frame of the machine is one frame of the language here: nothing is inlined
		frame, _ := runtime.CallersFrames([]uintptr{pc}).Next()
		switch {
		case strings.HasSuffix(frame.Function, ".spellNumber"):
			s.number = pc
		case strings.HasSuffix(frame.Function, ".spellZero"):
			s.zero = pc
		case strings.HasSuffix(frame.Function, ".spellOne"):
			s.one = pc
		}
	}
	return s
}()

// spelledHere reports whether the stack of this goroutine spells the number. It may spell others
// too, those of storages whose functions call each other.
func spelledHere(number uint64) bool {
	var buf [64]uintptr
	var n uint64
	for _, pc := range stack(buf[:]) { // the innermost frame, so the highest bit, comes first
		switch pc {
		case spelling.zero:
			n *= 2
		case spelling.one:
			n = n*2 + 1
		case spelling.number:
			if n == number {
				return true
			}
			n = 0
		}
	}
	return false
}

// stack returns the program counters of this goroutine's stack, in buf if it has room for all.
func stack(buf []uintptr) []uintptr {
	for {
		n := runtime.Callers(1, buf)
		if n < len(buf) {
			return buf[:n]
		}
		buf = make([]uintptr, 2*len(buf))
	}
}
