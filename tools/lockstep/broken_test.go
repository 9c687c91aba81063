// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package lockstep

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/memory"
)

// broken is a backend with one bug.
type broken struct {
	*memory.Backend
	bug     string
	deletes int
}

type brokenClaim struct {
	core.Claim
	b *broken
}

type brokenEngine struct {
	core.Engine
	b *broken
}

type brokenSnapshot struct {
	core.Snapshot
	e *brokenEngine
	b *broken
}

type brokenCursor struct {
	core.RowCursor
	r core.ScanRange
	b *broken
}

func (b *broken) Claim(ctx context.Context, path string, readOnly bool) (core.Claim, error) {
	c, err := b.Backend.Claim(ctx, path, readOnly)
	if err != nil {
		return nil, err
	}
	return &brokenClaim{c, b}, nil
}

func (c *brokenClaim) Open(ctx context.Context, opts core.EngineOptions) (core.Engine, error) {
	e, err := c.Claim.Open(ctx, opts)
	if err != nil {
		return nil, err
	}
	return &brokenEngine{e, c.b}, nil
}

// Powers leaves out Conditions: Apply would have to renumber their answers when it forgets a
// write.
func (e *brokenEngine) Powers() core.Powers {
	p := e.Engine.Powers()
	p.Conditions = false
	return p
}

func (e *brokenEngine) Apply(ctx context.Context, b core.Batch) error {
	var kept []core.Write
	for _, w := range b.Writes {
		if w.Delete {
			if e.b.deletes++; e.b.bug == "forgets every 50th delete" && e.b.deletes%50 == 0 {
				continue
			}
		}
		if e.b.bug == "clips values" && len(w.Value) > 4096 {
			w.Value = w.Value[:4096]
		}
		kept = append(kept, w)
	}
	return e.Engine.Apply(ctx, core.Batch{Writes: kept})
}

func (e *brokenEngine) Get(ctx context.Context, key []byte) ([]byte, core.Releaser, error) {
	v, r, err := e.Engine.Get(ctx, key)
	if errors.Is(err, core.ErrNotFound) && e.b.bug == "says the wrong error" {
		err = core.ErrCorrupt
	}
	return v, r, err
}

func (e *brokenEngine) Snapshot(ctx context.Context) (core.Snapshot, error) {
	s, err := e.Engine.Snapshot(ctx)
	return &brokenSnapshot{s, e, e.b}, err
}

func (s *brokenSnapshot) Get(ctx context.Context, key []byte) ([]byte, core.Releaser, error) {
	if s.b.bug == "reads past a snapshot" {
		return s.e.Engine.Get(ctx, key)
	}
	return s.Snapshot.Get(ctx, key)
}

func (s *brokenSnapshot) Scan(ctx context.Context, r core.ScanRange) (core.RowCursor, error) {
	if s.b.bug == "takes high as inclusive" && r.High != nil {
		r.High = append(r.High[:len(r.High):len(r.High)], 0)
	}
	c, err := s.Snapshot.Scan(ctx, r)
	return &brokenCursor{c, r, s.b}, err
}

func (c *brokenCursor) Seek(key []byte) {
	c.RowCursor.Seek(key)
	if c.b.bug == "seeks too far" {
		c.RowCursor.Next()
	}
}

func (c *brokenCursor) Next() (key, value []byte, ok bool) {
	key, value, ok = c.RowCursor.Next()
	if ok && c.b.bug == "leaves out empty values" && len(value) == 0 && c.r.KeysOnly {
		return c.RowCursor.Next()
	}
	if ok && c.b.bug == "turns back too early" && c.r.Reverse && c.r.Low != nil &&
		string(key) == string(c.r.Low) {
		return nil, nil, false
	}
	return key, value, ok
}

// TestBugsAreFound: every bug shows within a few programs, and the program that shows it shrinks
// to a few operations.
func TestBugsAreFound(t *testing.T) {
	for _, c := range []struct {
		bug  string
		most int // operations
	}{
		{"forgets every 50th delete", 6},
		{"clips values", 2},
		{"says the wrong error", 1},
		{"takes high as inclusive", 3},
		{"leaves out empty values", 3},
		{"turns back too early", 2},
		{"seeks too far", 2},
		{"reads past a snapshot", 5},
	} {
		t.Run(c.bug, func(t *testing.T) {
			err := verifyMany([]Backend{{
				"broken",
				func() core.Backend { return &broken{Backend: memory.New(), bug: c.bug} },
			}}, 100)
			var f *Failure
			if !errors.As(err, &f) {
				t.Fatalf("nobody noticed: %v", err)
			}
			if f.Program.size() > c.most {
				t.Errorf("%d operations are left, want at most %d: %v", f.Program.size(), c.most, f)
			}
			again := f.Program.Run([]Backend{{
				"broken",
				func() core.Backend { return &broken{Backend: memory.New(), bug: c.bug} },
			}})
			if again == nil || again.Error() != f.Err.Error() {
				t.Errorf("run again the program gives %v, not %v", again, f.Err)
			}
		})
	}
}

// verifyMany returns the first failure of some seeds.
func verifyMany(backends []Backend, seeds uint64) error {
	for seed := range seeds {
		if err := Verify(seed, 60, backends); err != nil {
			return err
		}
	}
	return nil
}

// TestGenerateIsDeterministic: a seed that was printed must make the same program again.
func TestGenerateIsDeterministic(t *testing.T) {
	for seed := range uint64(5) {
		if a, b := Generate(seed, 50).String(), Generate(seed, 50).String(); a != b {
			t.Errorf("seed %d makes two programs:\n%s\n%s", seed, a, b)
		}
	}
	if Generate(1, 50).String() == Generate(2, 50).String() {
		t.Error("two seeds make the same program")
	}
}

// TestShrink: only the operations that are needed are left, in their order, inside transactions
// too.
func TestShrink(t *testing.T) {
	p := Program{{Verb: Put, N: 1}, {Verb: Get}, {Verb: Update, Ops: []Op{
		{Verb: Get},
		{Verb: Insert, N: 2},
		{Verb: Has},
	}}, {Verb: Count}, {Verb: Put, N: 3}, {Verb: Has}}
	fails := func(p Program) bool {
		sum := 0
		for _, o := range p {
			sum = sum*10 + o.N
			for _, in := range o.Ops {
				sum = sum*10 + in.N
			}
		}
		text := fmt.Sprint(sum)
		return containsInOrder(text, "123")
	}
	got := p.Shrink(fails)
	want := Program{{Verb: Put, N: 1}, {Verb: Insert, N: 2}, {Verb: Put, N: 3}}
	if got.String() != want.String() {
		t.Errorf("left is\n%swant\n%s", got, want)
	}
}

// containsInOrder reports whether the bytes of part are in s, in their order.
func containsInOrder(s, part string) bool {
	for i := 0; i < len(s) && part != ""; i++ {
		if s[i] == part[0] {
			part = part[1:]
		}
	}
	return part == ""
}
