// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package users

import (
	"sync"
	"time"

	"github.com/guardkv/guardkv/core/backendtest/internal/decorate"
	"github.com/guardkv/guardkv/core/backendtest/internal/kit"
)

// crowd has all writers write at once, behind an Apply that is held up until they have queued.
// It returns after all are done.
func crowd(t *kit.Trial, b *decorate.Faults, tab words, write func(i int)) {
	t.TB.Helper()
	gate, reached := make(chan struct{}), make(chan struct{})
	b.Fail(decorate.Failure{Op: decorate.OpApply, N: 1, Do: func() { close(reached); <-gate }})
	var all sync.WaitGroup
	all.Go(func() { put1(t, tab, "first", "in line") })
	<-reached
	for i := range writers {
		all.Go(func() { write(i) })
	}
	// for the group's size alone: no verdict depends on who is in it
	time.Sleep(20 * time.Millisecond)
	close(gate)
	t.Within(kit.Soon, "group commit", all.Wait)
}

// writers is how many goroutines write at once.
const writers = 64
