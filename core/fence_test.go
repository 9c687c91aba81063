// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"
)

// lentSnapshot lends the value of every key, and counts what it got back. Its fence is "theirs".
type lentSnapshot struct {
	noRows
	value []byte
	lent  int
}

func (s *lentSnapshot) Release() { s.lent-- }

func (s *lentSnapshot) Get(context.Context, []byte) ([]byte, Releaser, error) {
	s.lent++
	return s.value, s, nil
}

func (s *lentSnapshot) Powers() SnapshotPowers {
	return SnapshotPowers{
		Fence: func(context.Context) ([]byte, error) { return []byte("theirs"), nil },
	}
}

// A value that is empty, and that an engine shows as nil, was not given back to the engine when
// the fence had changed.
func TestValuesUnderAnotherFenceAreGivenBack(t *testing.T) {
	for _, value := range [][]byte{nil, {}, []byte("value")} {
		for fenced, want := range map[string]error{"theirs": nil, "mine": errMoved} {
			engine := &lentSnapshot{value: value}
			snap := &fencedSnapshot{Snapshot: engine, fence: &fence{value: []byte(fenced)}}
			_, r, err := snap.Get(t.Context(), []byte("key"))
			if !errors.Is(err, want) {
				t.Errorf("with the fence %s Get gives %v; want %v", fenced, err, want)
			}
			if err == nil {
				r.Release()
			}
			if engine.lent != 0 {
				t.Errorf("value %q, fence %s: %d values were not given back", value, fenced,
					engine.lent)
			}
		}
	}
}

// sharedOn returns a shared storage on an engine, with a fence and one turn.
func sharedOn(t *testing.T, e *mapEngine) (*Storage, *fence) {
	t.Helper()
	e.powers.Begin = func(ctx context.Context, _ Use) (Snapshot, error) { return e.Snapshot(ctx) }
	s := newStorage("fake", e, newOptions(nil))
	if err := s.share(Sharing{Writers: 1}); err != nil {
		t.Fatal(err)
	}
	f := &fence{Epoch: "the first", value: []byte("the first")}
	s.catalog.fence.Store(f)
	return s, f
}

// Whoever knows the new fence may write to every table that is open: so the tables that a change
// closes are closed before. The other way round, a write that came between the two demanded the
// new fence, and went to a table that was dropped.
func TestAChangeClosesTablesBeforeItsFenceIsKnown(t *testing.T) {
	s, old := sharedOn(t, &mapEngine{})
	changed := false
	err := s.inTurn(t.Context(), func(turn *turn) error {
		return turn.applyFenced(t.Context(), nil, nil, func() {
			changed = true
			if s.catalog.fence.Load() != old {
				t.Error("the new fence is known before the tables are as it says")
			}
		})
	})
	if err != nil || !changed || s.catalog.fence.Load() == old {
		t.Errorf("the change returns %v; its tables are changed: %v", err, changed)
	}
}

// The same of a change that another process has made. There is no place between the two where a
// test could look, so it looks all the time, and there are so many tables that closing them takes
// a while.
func TestTablesAreClosedBeforeTheFenceOfOthersIsKnown(t *testing.T) {
	for range 10 {
		s, old := sharedOn(t, &mapEngine{})
		c := &s.catalog
		c.tables = map[string]*tableState{}
		var all []*tableState
		for n := range uint32(5000) {
			name := fmt.Sprint(n)
			c.tables[name] = newTableState(name, tableRecord{Number: n + 1})
			all = append(all, c.tables[name])
		}
		looked := make(chan int)
		go func() {
			for c.fence.Load() == old {
				runtime.Gosched()
			}
			open := 0
			for _, table := range all {
				if table.gone() == nil {
					open++
				}
			}
			looked <- open
		}()
		read := &catalog{tables: map[string]*tableState{}}
		read.fence.Store(&fence{Epoch: "the second"})
		c.adopt(read)
		if open := <-looked; open > 0 {
			t.Fatalf("%d tables that were dropped are open under the new fence", open)
		}
	}
}

// A group demands the fence that was known before it looked whether its tables are there. With one
// that became known later, it wrote to a table that was dropped in between.
func TestAGroupDemandsTheFenceOfBefore(t *testing.T) {
	e := new(mapEngine)
	s, old := sharedOn(t, e)
	e.before = func([]Write) error { // first the outcome row, which is made when the group begins
		s.catalog.fence.Store(&fence{Epoch: "the second", value: []byte("the second")})
		return nil
	}
	r := tableRecord{Number: 1}
	table := newTable(s, newTableState("t", r), r, fakeKeys{}, rawValues{})
	if err := table.Put(t.Context(), 1, nil); err != nil {
		t.Fatal(err)
	}
	if len(e.demands) != 2 {
		t.Fatalf("there were %d commits; want one of the outcome row and one of the Put",
			len(e.demands))
	}
	for i, demands := range e.demands {
		if got := demands[0]; string(got.Key) != FenceKey || !bytes.Equal(got.Value, old.value) {
			t.Errorf("commit %d demands %q of the row %q; want %q", i, got.Value, got.Key, old.value)
		}
	}
}
