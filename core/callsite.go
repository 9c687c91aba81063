// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
)

// With WithTracking a storage remembers the call stack of whatever is opened, until it is
// closed. So the error of a Close that finds open guards says which lines of the program opened
// them. Without the option the list is nil, and all of its methods do nothing.

// callSites remembers where what is open was opened.
type callSites struct {
	mu   sync.Mutex
	open map[*callSite]struct{}
}

// callSite is one call stack, with what was opened there.
type callSite struct {
	what string
	pcs  [16]uintptr
	n    int
}

// add records the stack of the function that called the exported method; skip counts the frames
// between.
func (p *callSites) add(what string, skip int) *callSite {
	if p == nil {
		return nil
	}
	at := &callSite{what: what}
	at.n = runtime.Callers(skip+2, at.pcs[:])
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open[at] = struct{}{}
	return at
}

func (p *callSites) remove(at *callSite) {
	if at == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.open, at)
}

// String lists the places.
func (p *callSites) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var b strings.Builder
	for at := range p.open {
		b.WriteString(at.String())
	}
	return b.String()
}

// String shows the place like a goroutine's stack.
func (at *callSite) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s opened at:\n", at.what)
	frames := runtime.CallersFrames(at.pcs[:at.n])
	for {
		f, more := frames.Next()
		fmt.Fprintf(&b, "\t%s\n\t\t%s:%d\n", f.Function, f.File, f.Line)
		if !more {
			return b.String()
		}
	}
}
