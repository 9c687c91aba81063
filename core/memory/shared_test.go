// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package memory

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/guardkv/guardkv/core"
)

// begun returns a snapshot that notes what is read through it.
func begun(t *testing.T, e core.Engine) core.Snapshot {
	t.Helper()
	s, err := e.Powers().Begin(t.Context(), core.ToUpdate)
	do(t, err)
	return s
}

// TestNothingIsLeftOfSharedClaims: paths must not pile up here either.
func TestNothingIsLeftOfSharedClaims(t *testing.T) {
	b := NewShared()
	do(t, claimed(t, b, "absent", false).Release())
	kept(t, b, "renamed", "removed", "kept")
	do(t, claimed(t, b, "renamed", false).Rename("kept.too"))
	do(t, claimed(t, b, "removed", false).Remove())
	c := claimed(t, b, "kept", false)
	if err := c.Rename("kept.too"); err == nil {
		t.Error("Rename took the place of a storage")
	}
	if len(b.places) != 2 {
		t.Errorf("the backend knows of %d paths; want kept and kept.too", len(b.places))
	}
	holds(t, b, "kept", "kept")
	holds(t, b, "kept.too", "renamed")
}

// TestClaimsToReadSharedStorages change nothing, and make nothing.
func TestClaimsToReadSharedStorages(t *testing.T) {
	b := NewShared()
	kept(t, b, "a")
	c := claimed(t, b, "a", true)
	e, err := claimed(t, b, "a", true).Open(t.Context(), core.EngineOptions{})
	do(t, err)
	_, opening := claimed(t, b, "absent", true).Open(t.Context(), core.EngineOptions{})
	for i, err := range []error{
		c.Rename("b"), c.Remove(), opening, e.SetMark(t.Context(), nil),
		e.Apply(t.Context(), core.Batch{Writes: numbered(1, nil)}),
	} {
		if !errors.Is(err, core.ErrReadOnly) {
			t.Errorf("call %d gives %v; want ErrReadOnly", i, err)
		}
	}
	listed(t, b, "", "a")
	holds(t, b, "a", "a")
}

// TestForeignBase: a base that the engine did not make was not looked at, so nothing that was
// read through it counted.
func TestForeignBase(t *testing.T) {
	b := NewShared()
	one, two := opened(t, b, "one"), opened(t, b, "two")
	plain, err := opened(t, New(), "three").Snapshot(t.Context())
	do(t, err)
	hidden := struct{ core.Snapshot }{begun(t, one)}
	for _, base := range []core.Snapshot{begun(t, two), plain, hidden} {
		err := one.Apply(t.Context(), core.Batch{Base: base, Writes: numbered(1, nil)})
		if err == nil || errors.Is(err, core.ErrConflict) {
			t.Errorf("a base of type %T gives %v", base, err)
		}
	}
}

// TestUnnotedBase: through a snapshot that notes nothing anything may have been read.
func TestUnnotedBase(t *testing.T) {
	e := opened(t, NewShared(), "a")
	base, err := e.Snapshot(t.Context())
	do(t, err)
	do(t, e.Apply(t.Context(), core.Batch{Base: base, Writes: numbered(1, nil)}))
	err = e.Apply(t.Context(), core.Batch{Base: base, Writes: numbered(1, nil)})
	if !errors.Is(err, core.ErrConflict) {
		t.Errorf("Apply gives %v; want ErrConflict", err)
	}
}

// read is a way to read a snapshot. It returns all that it found.
type read func(s core.Snapshot) string

// TestNotedReads compares with the definition, on random reads and writes: there is a conflict
// if the same reads find something else now, and only then.
func TestNotedReads(t *testing.T) {
	const seed, rounds = 11, 3000
	r := rand.New(rand.NewPCG(seed, 1))
	conflicts := 0
	for round := range rounds {
		e := opened(t, NewShared(), "a")
		apply(t, e, randomWrites(r, 8)...)
		base := begun(t, e)
		var reads []read
		for range 1 + r.IntN(2) {
			reads = append(reads, randomRead(t.Context(), r))
		}
		before := found(base, reads)
		for range 1 + r.IntN(2) {
			apply(t, e, randomWrites(r, 1+r.IntN(2))...)
		}
		now, err := e.Snapshot(t.Context())
		do(t, err)
		after := found(now, reads)
		err = e.Apply(t.Context(), core.Batch{Base: base, Writes: []core.Write{{Key: number(999)}}})
		if err != nil {
			conflicts++
		}
		if before == after && err != nil || before != after && !errors.Is(err, core.ErrConflict) {
			t.Fatalf("seed %d, round %d: Apply gives %v, where was read\n%s\nand is now\n%s",
				seed, round, err, before, after)
		}
	}
	if conflicts < rounds/10 || conflicts > rounds*9/10 {
		t.Errorf("of %d rounds %d had conflicts: that tests little", rounds, conflicts)
	}
}

// found makes the reads. A cursor of the last one may still be where it stands.
func found(s core.Snapshot, reads []read) (all string) {
	for _, read := range reads {
		all += read(s) + "\n"
	}
	return all
}

func randomWrites(r *rand.Rand, n int) []core.Write {
	var writes []core.Write
	for i := range 16 {
		if r.IntN(16) < n {
			w := core.Write{Key: number(i), Value: number(r.IntN(2)), Delete: r.IntN(3) == 0}
			writes = append(writes, w)
		}
	}
	return writes
}

func randomRead(ctx context.Context, r *rand.Rand) read {
	key := number(r.IntN(16))
	switch r.IntN(5) {
	case 0:
		return func(s core.Snapshot) string {
			v, _, err := s.Get(ctx, key)
			return fmt.Sprintf("Get %x: %x, %v", key, v, err)
		}
	case 1:
		return func(s core.Snapshot) (all string) {
			err := s.Powers().GetMany(ctx, [][]byte{key, number(3)}, func(i int, v []byte) error {
				all += fmt.Sprintf("GetMany %x, %d: %x", key, i, v)
				return nil
			})
			return all + fmt.Sprint(err)
		}
	}
	scan := core.ScanRange{Reverse: r.IntN(2) == 0, KeysOnly: r.IntN(4) == 0}
	bounds := []int{r.IntN(17), r.IntN(17)}
	slices.Sort(bounds)
	if bounds[0] > 0 {
		scan.Low = number(bounds[0])
	}
	if bounds[1] < 16 {
		scan.High = number(bounds[1])
	}
	steps := make([]int, r.IntN(7)) // below 0 is Next, else Seek
	for i := range steps {
		steps[i] = r.IntN(16) - r.IntN(2)*16
	}
	return func(s core.Snapshot) string { return walk(ctx, s, scan, steps) }
}

// walk takes steps with a cursor, and returns what it found.
func walk(ctx context.Context, s core.Snapshot, scan core.ScanRange, steps []int) string {
	c, err := s.Scan(ctx, scan)
	all := fmt.Sprintf("Scan %+v: %v", scan, err)
	for _, step := range steps {
		if step >= 0 {
			key := number(step)
			c.Seek(key)
			clear(key)
			continue
		}
		k, v, ok := c.Next()
		if scan.KeysOnly {
			v = nil
		}
		all += fmt.Sprintf(" %x=%x,%v", k, v, ok)
	}
	return all
}

// TestInterruptedCursor: a cursor whose context ended has not passed the rows that it did not
// reach.
func TestInterruptedCursor(t *testing.T) {
	e := opened(t, NewShared(), "a")
	apply(t, e, numbered(3, nil)...)
	base := begun(t, e)
	ctx, cancel := context.WithCancel(t.Context())
	c, err := base.Scan(ctx, core.ScanRange{})
	do(t, err)
	c.Next()
	cancel()
	c.Next()
	apply(t, e, core.Write{Key: number(2), Value: []byte("changed")})
	do(t, e.Apply(t.Context(), core.Batch{Base: base, Writes: numbered(1, []byte("new"))}))
}
