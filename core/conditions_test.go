// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
)

// An Insert or Delete read its row before it wrote it, also where the engine could look for
// itself: over a network, two trips and a conflict for one.
func TestInsertAndDeleteLeaveTheirConditionToTheEngine(t *testing.T) {
	tb, e, g := gatheredOn(t, Powers{Conditions: true})
	close(g.opened)
	ctx := t.Context()
	del := func() error {
		found, err := tb.Delete(ctx, 1)
		if err == nil && !found {
			err = ErrNotFound
		}
		return err
	}
	for i, c := range []struct {
		do   func() error
		want error
		row  string
	}{
		{del, ErrNotFound, ""},
		{func() error { return tb.Insert(ctx, 1, []byte("a")) }, nil, "a"},
		{func() error { return tb.Insert(ctx, 1, []byte("b")) }, ErrExists, "a"},
		{func() error { return tb.Put(ctx, 1, []byte("c")) }, nil, "c"},
		{func() error { return tb.Insert(ctx, 1, []byte("d")) }, ErrExists, "c"},
		{del, nil, ""},
		{del, ErrNotFound, ""},
		{func() error { return tb.Insert(ctx, 1, []byte("e")) }, nil, "e"},
	} {
		if err := c.do(); !errors.Is(err, c.want) {
			t.Errorf("write %d: %v; want %v", i, err, c.want)
		}
		rowIs(t, e, 1, c.row)
	}
	if e.gets+e.snapshots > 0 || len(e.applied) != 8 {
		t.Errorf("%d reads, %d snapshots and %d commits; want 8 commits alone",
			e.gets, e.snapshots, len(e.applied))
	}
}

// A group finds and leaves behind the same whether core or the engine looks at its conditions. Of
// several requests for one key, all but the first depend on what the first one found.
func TestGroupsFindTheSameWhoeverLooks(t *testing.T) {
	for seed := range uint64(12) {
		var want string
		for i, p := range []Powers{
			{},
			{Conditions: true},
		} {
			got := runGroup(t, seed, p)
			if i == 0 {
				want = got
			}
			if got != want {
				t.Fatalf("seed %d: with %+v\n%s\nwithout\n%s", seed, p, got, want)
			}
		}
	}
}

// runGroup runs a random group, and returns what its requests found and what is there then.
func runGroup(t *testing.T, seed uint64, p Powers) string {
	ctx := t.Context()
	rnd := rand.New(rand.NewPCG(seed, 0))
	tb, e, g := gatheredOn(t, p)
	for k := range byte(10) {
		if rnd.IntN(2) == 0 {
			e.rows.Set([]byte{0, 0, 0, 1, k}, []byte("old"))
		}
	}
	const n = 12
	var found [n]bool
	var writes []func() error
	for i := range n {
		k, v := 1+rnd.Uint64N(12), fmt.Appendf(nil, "write %d", i)
		writes = append(writes, [...]func() error{
			func() error { return tb.Put(ctx, k, v) },
			func() error { return tb.Insert(ctx, k, v) },
			func() (err error) { found[i], err = tb.Delete(ctx, k); return err },
			func() error {
				return tb.Modify(ctx, k, func(old []byte, was bool) ([]byte, Change, error) {
					found[i] = was
					return append(v, old...), Store, nil
				})
			},
			func() error {
				return tb.PutAll(ctx,
					func(yield func(uint64, []byte) bool) { _ = yield(k, v) && yield(k+1, v) })
			},
		}[rnd.IntN(5)])
	}
	var said []bool
	for i, err := range behindGate(t, tb, g, writes...) {
		if said = append(said, errors.Is(err, ErrExists)); err != nil && !said[i] {
			t.Fatalf("write %d: %v", i, err)
		}
	}
	if len(e.applied) > 2 {
		t.Errorf("%d commits, want 2", len(e.applied))
	}
	state := ""
	c := e.rows.Scan(nil, nil, false)
	for k, v, ok := c.Next(); ok; k, v, ok = c.Next() {
		state += fmt.Sprintf(" %d=%s", k[4], v)
	}
	return fmt.Sprint("existed ", said, " found ", found, state)
}

// A group that the engine refuses is decided anew, request by request. Conditions that the group
// left to the engine may then be decided here, and the other way round.
func TestRefusedGroupWithConditions(t *testing.T) {
	for _, refusal := range []error{ErrTooLarge, ErrConflict} {
		ctx := t.Context()
		tb, e, g := gatheredOn(t, Powers{Conditions: true})
		e.rows.Set([]byte{0, 0, 0, 1, 9}, []byte("old"))
		e.before = func(writes []Write) error {
			if len(writes) > 1 {
				return refusal
			}
			return g.hold(writes)
		}
		var deleted, again bool
		errs := behindGate(t, tb, g,
			func() error { return tb.Insert(ctx, 7, []byte("a")) },
			func() error { return tb.Insert(ctx, 7, []byte("b")) },
			func() error { return tb.Insert(ctx, 9, []byte("c")) },
			func() (err error) { deleted, err = tb.Delete(ctx, 9); return err },
			func() (err error) { again, err = tb.Delete(ctx, 9); return err },
			func() error { return tb.Insert(ctx, 8, []byte("d")) },
		)
		for i, want := range []error{nil, ErrExists, ErrExists, nil, nil, nil} {
			if !errors.Is(errs[i], want) {
				t.Errorf("%v: write %d: %v; want %v", refusal, i, errs[i], want)
			}
		}
		if !deleted || again {
			t.Errorf("%v: the Deletes found %v, %v; want the first to find a row",
				refusal, deleted, again)
		}
		rowIs(t, e, 7, "a")
		rowIs(t, e, 8, "d")
		rowIs(t, e, 9, "")
	}
}

// A commit that fails reports no condition as met, and a request that is reused knows nothing of
// it.
func TestFailedCommitAnswersNoCondition(t *testing.T) {
	tb, e, _ := gatheredOn(t, Powers{Conditions: true})
	e.rows.Set([]byte{0, 0, 0, 1, 1}, []byte("old"))
	e.before = func([]Write) error { return ErrNoRoom }
	if existed, err := tb.Delete(t.Context(), 1); existed || !errors.Is(err, ErrNoRoom) {
		t.Errorf("Delete: %v, %v", existed, err)
	}
	if err := tb.Insert(t.Context(), 1, nil); !errors.Is(err, ErrNoRoom) ||
		errors.Is(err, ErrExists) {
		t.Errorf("Insert: %v", err)
	}
	e.before = nil
	if err := tb.Put(t.Context(), 1, []byte("new")); err != nil {
		t.Errorf("Put: %v", err)
	}
	rowIs(t, e, 1, "new")
}
