// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package decorate

import (
	"bytes"
	"context"
	"sync"

	"github.com/guardkv/guardkv/core"
)

// latecomers are batches of an engine that may still take effect after their calls have returned.
type latecomers struct {
	mu     sync.Mutex
	ended  bool
	giveUp []func()
}

// keep returns a function that applies a copy of b, once. The caller reuses b, so only its Base is
// kept as it is, and stays open.
func (l *latecomers) keep(ctx context.Context, e core.Engine, b core.Batch) func() error {
	ctx = context.WithoutCancel(ctx)
	leave := func() {}
	if s, ok := b.Base.(*faultSnapshot); ok {
		s.lasting.enter()
		leave = func() { s.lasting.leave(s.Snapshot.Close) }
	}
	kept := copied(b.Unwrapped())
	var once sync.Once
	l.mu.Lock()
	defer l.mu.Unlock()
	l.giveUp = append(l.giveUp, func() { once.Do(leave) })
	return func() error {
		l.mu.Lock()
		defer l.mu.Unlock()
		err := core.ErrClosed
		if l.ended {
			return err
		}
		once.Do(func() {
			err = e.Apply(ctx, kept)
			leave()
		})
		return err
	}
}

// end gives up the batches that have not taken effect yet, because the engine is being closed.
func (l *latecomers) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended = true
	for _, giveUp := range l.giveUp {
		giveUp()
	}
}

// copied returns a batch that shares no slice with b.
func copied(b core.Batch) core.Batch {
	writes := make([]core.Write, len(b.Writes))
	for i, w := range b.Writes {
		w.Key, w.Value, w.End = bytes.Clone(w.Key), bytes.Clone(w.Value), bytes.Clone(w.End)
		writes[i] = w
	}
	conditions := make([]core.Condition, len(b.Conditions))
	for i, c := range b.Conditions {
		conditions[i] = core.Condition{Key: bytes.Clone(c.Key), Value: bytes.Clone(c.Value)}
	}
	b.Writes, b.Conditions = writes, conditions
	if b.Met != nil {
		b.Met = make([]bool, len(b.Met))
	}
	return b
}

// lasting keeps something open until all of its users have left. The first user is the one that
// opened it.
type lasting struct {
	mu     sync.Mutex
	others int
}

func (l *lasting) enter() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.others++
}

// leave calls close if no user is left.
func (l *lasting) leave(close func() error) error {
	l.mu.Lock()
	l.others--
	last := l.others < 0
	l.mu.Unlock()
	if last {
		return close()
	}
	return nil
}
