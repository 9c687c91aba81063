// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package users

import (
	"sync"
	"time"

	"github.com/guardkv/guardkv/core/backendtest/internal/decorate"
	"github.com/guardkv/guardkv/core/backendtest/internal/kit"
)

// crowd makes all writers write at once, after an Apply that is held up until they have queued.
// It returns when all are done. Where several processes write, a few groups are on their way at
// once, so every Apply is held up: otherwise a fast engine would use the free turns to write
// before anybody queues.
func crowd(t *kit.Trial, b *decorate.Faults, tab words, write func(i int)) {
	t.TB.Helper()
	gate, reached := make(chan struct{}), make(chan struct{})
	var first sync.Once
	held := decorate.Failure{Op: decorate.OpApply, N: 1, Do: func() {
		first.Do(func() { close(reached) })
		<-gate
	}}
	if t.Shared() {
		held.N = 0
		defer b.Heal()
	}
	b.Fail(held)
	var all sync.WaitGroup
	all.Go(func() { put1(t, tab, "first", "in line") })
	<-reached
	for i := range writers {
		all.Go(func() { write(i) })
	}
	// this makes the group larger; no verdict depends on who is in it
	time.Sleep(20 * time.Millisecond)
	close(gate)
	t.Within(kit.Soon, "group commit", all.Wait)
}

// writers is how many goroutines write at once.
const writers = 64
