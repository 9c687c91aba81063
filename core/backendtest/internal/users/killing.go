// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package users

import (
	"fmt"
	"runtime"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/backendtest/internal/decorate"
)

// errKilled says that nothing was done. After any other error on a shared storage, core would try
// to find out the outcome, for up to the time of two commits.
var errKilled = fmt.Errorf("%w: as if the process were killed", core.ErrUnavailable)

// killedAt returns a backend in which nothing works from the n-th call of op on, until its
// locks are given back.
func killedAt(b core.Backend, op decorate.Op, n int) *decorate.Faults {
	f := decorate.Fault(b)
	f.Fail(decorate.Failure{Op: op, N: n, Err: errKilled, Do: func() {
		for _, op := range restoreOps {
			f.Fail(decorate.Failure{Op: op, Err: errKilled})
		}
	}})
	return f
}

// restoreOps are the calls of a Restore.
var restoreOps = []decorate.Op{
	decorate.OpClaim, decorate.OpMark, decorate.OpOpen, decorate.OpApply,
	decorate.OpSetMark, decorate.OpRename,
}

// survive runs f, whatever it does to its goroutine.
func survive(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() { recover() }()
		f()
	}()
	<-done
}

// abruptEnds are the ways in which a callback does not return.
var abruptEnds = map[string]func(){
	"panic":  func() { panic("a callback") },
	"Goexit": runtime.Goexit,
}
