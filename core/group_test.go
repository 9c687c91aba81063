// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core

import (
	"errors"
	"fmt"
	"slices"
	"testing"
)

// 64 Puts that waited for an engine that takes 63 rows were refused as a group, and then took a
// commit each.
func TestAGroupIsCutToWhatTheEngineTakes(t *testing.T) {
	for _, c := range []struct {
		limits Limits
		want   int
	}{
		{Limits{}, 2},
		{Limits{BatchRows: 63}, 3},
		{Limits{BatchRows: 16}, 5},
		{Limits{BatchBytes: 32 * 6}, 3}, // rows of 6 bytes
	} {
		tb, e, g := gathered(t)
		tb.storage.limits = c.limits
		hold := e.before
		e.before = func(writes []Write) error {
			size := 0
			for _, w := range writes {
				size += len(w.Key) + len(w.Value)
			}
			if !c.limits.batchFits(len(writes), size) {
				return fmt.Errorf("%d rows of %d bytes: %w", len(writes), size, ErrTooLarge)
			}
			return hold(writes)
		}
		var writes []func() error
		for i := range uint64(64) {
			writes = append(writes, func() error { return tb.Put(t.Context(), i+1, []byte("v")) })
		}
		if err := errors.Join(behindGate(t, tb, g, writes...)...); err != nil {
			t.Error(err)
		}
		if got := len(e.applied); got != c.want {
			t.Errorf("%+v: 65 writes took %d commits, want %d", c.limits, got, c.want)
		}
	}
}

// An Insert for which there was no snapshot failed the Puts of its group, which need none.
func TestAFailedSnapshotFailsOnlyWhoNeedsIt(t *testing.T) {
	tb, e, g := gathered(t)
	e.noSnapshot = errors.New("too many open files")
	errs := behindGate(t, tb, g,
		func() error { return tb.Put(t.Context(), 1, []byte("a")) },
		func() error { return tb.Insert(t.Context(), 2, []byte("b")) },
		// knows of the Put before it
		func() error { return tb.Insert(t.Context(), 1, []byte("c")) },
		func() error { return tb.Put(t.Context(), 3, []byte("d")) },
	)
	for i, want := range []error{nil, e.noSnapshot, ErrExists, nil} {
		if !errors.Is(errs[i], want) {
			t.Errorf("write %d: %v, want %v", i, errs[i], want)
		}
	}
	if e.snapshots != 1 {
		t.Errorf("%d snapshots were asked for, want 1", e.snapshots)
	}
	e.noSnapshot = nil
	if err := tb.Insert(t.Context(), 2, []byte("b")); err != nil {
		t.Errorf("later: %v", err)
	}
}

// A snapshot costs some engines more than the write. An Insert or Delete that is alone in its
// commit reads its one row.
func TestALoneConditionIsReadWithoutASnapshot(t *testing.T) {
	tb, e, g := gathered(t)
	close(g.opened)
	ctx := t.Context()
	if err := tb.Insert(ctx, 1, []byte("a")); err != nil {
		t.Error(err)
	}
	if err := tb.Insert(ctx, 1, []byte("b")); !errors.Is(err, ErrExists) {
		t.Errorf("Insert again: %v, want ErrExists", err)
	}
	for _, want := range []bool{true, false} {
		if existed, err := tb.Delete(ctx, 1); existed != want || err != nil {
			t.Errorf("Delete = %v, %v; want %v", existed, err, want)
		}
	}
	if e.gets != 4 || e.snapshots != 0 {
		t.Errorf("%d reads and %d snapshots, want 4 and none", e.gets, e.snapshots)
	}
}

// What a group's conditions were looked up in is the base of its commit, so that an engine with
// writers elsewhere can tell that the answer has changed.
func TestAGroupIsBasedOnWhatItRead(t *testing.T) {
	tb, e, g := gathered(t)
	errs := behindGate(t, tb, g,
		func() error { return tb.Put(t.Context(), 1, nil) },
		func() error { return tb.Insert(t.Context(), 2, nil) },
		func() error { return tb.Insert(t.Context(), 3, nil) },
	)
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	if e.snapshots != 1 || len(e.bases) != 2 || e.bases[0] != nil || e.bases[1] == nil {
		t.Errorf("%d snapshots, commits based on %v; want one, for the second",
			e.snapshots, e.bases)
	}
}

// A group that was refused is decided anew, request by request: what a request found the first
// time, in a group with a request that turned out to be too large, does not count.
func TestARefusedGroupIsDecidedAnew(t *testing.T) {
	tb, e, g := gathered(t)
	hold := e.before
	e.before = func(writes []Write) error {
		for _, w := range writes {
			if string(w.Value) == "large" {
				return ErrTooLarge
			}
		}
		return hold(writes)
	}
	errs := behindGate(t, tb, g,
		func() error { return tb.Insert(t.Context(), 1, []byte("large")) },
		func() error { return tb.Insert(t.Context(), 1, []byte("small")) },
	)
	if !errors.Is(errs[0], ErrTooLarge) || errs[1] != nil {
		t.Errorf("got %v, want ErrTooLarge for the first alone", errs)
	}
	if v, _ := e.rows.Get([]byte{0, 0, 0, 1, 1}); string(v) != "small" {
		t.Errorf("the row is %q", v)
	}
}

// A Put that waited for its turn while its table was dropped was written behind the table, and
// answered nil.
func TestAPutThatWaitsBehindADropIsRefused(t *testing.T) {
	tb, e, g := gathered(t)
	record := tableRecord{Number: 1}
	tb.storage.catalog.tables = map[string]*tableState{"t": tb.state}
	tb.storage.catalog.dropped = map[uint32]bool{}
	tb.state.record.Store(&record)
	drop, put := make(chan error, 1), make(chan error, 1)
	go func() {
		drop <- tb.storage.inTurn(t.Context(),
			func(turn *turn) error { return turn.unlist(t.Context(), tb.state) })
	}()
	<-g.entered
	go func() { put <- tb.Put(t.Context(), 1, []byte("late")) }()
	queued(t, &tb.storage.writer, 1, put)
	close(g.opened)
	if err := <-drop; err != nil {
		t.Fatal(err)
	}
	if err := <-put; !errors.Is(err, ErrClosed) {
		t.Errorf("the Put: %v, want ErrClosed", err)
	}
	if _, ok := e.rows.Get([]byte{0, 0, 0, 1, 1}); ok {
		t.Error("the row of a dropped table was written")
	}
}

// A batch is in the order of its keys, whose first part is the number of the table: engines rely on
// that. Rows with the same key in two tables are two rows.
func TestAGroupOfTwoTablesIsInOrder(t *testing.T) {
	tb, e, g := gathered(t)
	r := tableRecord{Number: 2}
	other := newTable(tb.storage, newTableState("u", r), r, fakeKeys{}, rawValues{})
	put := func(tb *Table[uint64, []byte, []byte], k uint64, v string) func() error {
		return func() error { return tb.Put(t.Context(), k, []byte(v)) }
	}
	errs := behindGate(t, tb, g,
		put(other, 1, "u1"), put(tb, 2, "t2"), put(other, 3, "u3"), put(tb, 1, "t"),
		put(other, 2, "u2"), put(tb, 1, "t1"))
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, w := range e.applied[len(e.applied)-1] {
		got = append(got, string(w.Value))
	}
	if want := []string{"t1", "t2", "u1", "u2", "u3"}; !slices.Equal(got, want) {
		t.Errorf("the rows of the batch are %q; want %q", got, want)
	}
}

// The writer kept the keys and values of the largest group in memory.
func TestAWriterKeepsNoRows(t *testing.T) {
	tb, _, g := gathered(t)
	put := func(k uint64) func() error {
		return func() error { return tb.Put(t.Context(), k, []byte("v")) }
	}
	if err := errors.Join(behindGate(t, tb, g, put(1), put(2), put(3))...); err != nil {
		t.Fatal(err)
	}
	merged := (<-tb.storage.writer.groups).merged
	for _, w := range merged[:cap(merged)] {
		if w.Key != nil || w.Value != nil {
			t.Errorf("the row %x is kept", w.Key)
		}
	}
}

// A panic of the engine left those who waited for its commit waiting forever, and the turn taken.
func TestAPanicOfTheEngineIsAnErrorForTheOthers(t *testing.T) {
	tb, e, g := gathered(t)
	hold, calls := e.before, 0
	e.before = func(writes []Write) error {
		if calls++; calls == 2 {
			panic("the engine")
		}
		return hold(writes)
	}
	panicked := make(chan any, 2)
	put := func(k uint64) func() error {
		return func() (err error) {
			defer func() {
				if p := recover(); p != nil {
					panicked <- p
				}
			}()
			return tb.Put(t.Context(), k, nil)
		}
	}
	errs := behindGate(t, tb, g, put(1), put(2), put(3))
	if len(panicked) != 1 {
		t.Errorf("%d writers panicked, want the one that led", len(panicked))
	}
	told := 0
	for _, err := range errs {
		if errors.Is(err, errUnsettled) {
			told++
		}
	}
	if told != 2 {
		t.Errorf("errors are %v, want two that say so", errs)
	}
	if err := tb.Put(t.Context(), 4, nil); !errors.Is(err, errUnsettled) {
		t.Errorf("a later write: %v, want a refusal: nobody knows what is on disk", err)
	}
	if err := tb.storage.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
}
