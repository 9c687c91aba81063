// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/memory"
	"github.com/guardkv/guardkv/tools/history"
	"github.com/guardkv/guardkv/tools/internal/broken"
)

// sessions lets two sessions use a storage of b for a while, and checks it through whole, the
// backend inside b that is not broken. A call may take three times as long as patience.
func sessions(t *testing.T, whole, b core.Backend, patience time.Duration) *Findings {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	if err := Prepare(ctx, whole, "storage"); err != nil {
		t.Fatal(err)
	}
	const each = 6
	var running []*Session
	for i := range 2 {
		s, err := NewSession(ctx, b, Plan{
			Path: "storage", First: each * i, Clients: each, All: 2 * each, Seed: uint64(i),
			Timeout: patience, Commits: patience, Slack: patience, Pause: time.Millisecond,
		})
		if err != nil {
			t.Fatal(err)
		}
		running = append(running, s)
	}
	for _, s := range running {
		if err := s.Working(ctx); err != nil {
			t.Error(err)
		}
	}
	time.Sleep(time.Second)
	var logs []Log
	for _, s := range running {
		log, err := s.Stop()
		if err != nil {
			t.Error(err)
		}
		logs = append(logs, log)
	}
	f, err := Check(ctx, whole, "storage", logs)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// A storage that keeps its promises has no faults, and what the network loses is settled.
func TestSessions(t *testing.T) {
	whole := memory.NewShared()
	b, wait := history.Unreliable(whole)
	f := sessions(t, whole, b, 20*time.Second)
	wait()
	t.Log(f)
	if err := f.Err(); err != nil {
		t.Error(err)
	}
	if f.Acked == 0 || f.Lost == 0 || f.Settled == 0 || f.Histories == 0 {
		t.Error("nothing was tried")
	}
}

// every reports true for each nth call.
func every(n int64) func() bool {
	var calls atomic.Int64
	return func() bool { return calls.Add(1)%n == 0 }
}

const hanging = "calls hang"

// Each fault of a storage is found by the check that is there for it.
func TestBrokenStoragesAreFound(t *testing.T) {
	now := every(20)
	for name, c := range map[string]struct {
		apply func(ctx context.Context, e core.Engine, b core.Batch) error
		finds []string // one of these
	}{
		"acknowledged writes get lost": {
			func(ctx context.Context, e core.Engine, b core.Batch) error {
				if now() {
					// keep the row of the outcome, so that the next commit works
					b.Writes = b.Writes[len(b.Writes)-1:]
				}
				return e.Apply(ctx, b)
			},
			[]string{"was acknowledged, and is not there"},
		},
		"transactions are cut": {
			func(ctx context.Context, e core.Engine, b core.Batch) error {
				if n := len(b.Writes); n > 3 && now() {
					b.Writes = append(b.Writes[:1:1], b.Writes[2:]...)
				}
				return e.Apply(ctx, b)
			},
			[]string{"of 3 rows", "want 6400"},
		},
		"writes do not look at what they depend on": {
			func(ctx context.Context, e core.Engine, b core.Batch) error {
				time.Sleep(2 * time.Millisecond) // other commits come in between
				b.Base = nil
				return e.Apply(ctx, b)
			},
			[]string{"the accounts are", "want 6400"},
		},
		"what got no answer is written twice": {
			func(ctx context.Context, e core.Engine, b core.Batch) error {
				if err := e.Apply(ctx, b); err != nil || !now() {
					return err
				}
				return core.ErrConflict // core repeats a commit that took effect
			},
			[]string{"the accounts are", "not linearizable", "; it was"},
		},
		"what failed is written": {
			func(ctx context.Context, e core.Engine, b core.Batch) error {
				if err := e.Apply(ctx, b); err != nil || !now() {
					return err
				}
				return core.ErrUnavailable
			},
			[]string{"failed, and is there"},
		},
		hanging: {
			func(ctx context.Context, e core.Engine, b core.Batch) error {
				if now() {
					time.Sleep(400 * time.Millisecond)
				}
				return e.Apply(ctx, b)
			},
			[]string{"which is more than"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			whole := memory.NewShared()
			patience := 20 * time.Second
			if name == hanging {
				patience = 100 * time.Millisecond
			}
			f := sessions(t, whole, broken.Backend{Backend: whole, Apply: c.apply}, patience)
			err := f.Err()
			if err == nil {
				t.Fatal("no fault is found")
			}
			for _, fault := range f.Faults {
				for _, text := range c.finds {
					if strings.Contains(fault, text) {
						return
					}
				}
			}
			t.Errorf("the faults do not say %q: %v", c.finds, err)
		})
	}
}
