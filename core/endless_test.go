// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core

import (
	"bytes"
	"context"
	"errors"
	"sync/atomic"
	"testing"
)

// endless is an engine whose scans have no end, know no context, and are kept.
type endless struct {
	oneRow
	ranges []ScanRange
}

type endlessSnapshot struct {
	Snapshot
	engine *endless
}

type endlessRows struct{ RowCursor }

func (e *endless) Snapshot(context.Context) (Snapshot, error) {
	return endlessSnapshot{engine: e},
		nil
}

func (s endlessSnapshot) Scan(_ context.Context, r ScanRange) (RowCursor, error) {
	s.engine.ranges = append(s.engine.ranges, r)
	return endlessRows{}, nil
}

func (endlessSnapshot) Powers() SnapshotPowers { return SnapshotPowers{} }
func (endlessSnapshot) Close() error           { return nil }

func (endlessRows) Next() (key, value []byte, ok bool) { return []byte{0, 0, 0, 1, 7}, nil, true }
func (endlessRows) Err() error                         { return nil }
func (endlessRows) Close() error                       { return nil }

// A scan ends with its context, whatever the engine does, and soon.
func TestScanLooksAtItsContextItself(t *testing.T) {
	const before, most = 3 * ctxSteps, 4 * ctxSteps
	e := new(endless)
	tab := fakeTableOn(newStorage("fake", e, newOptions(nil)), func(b []byte) []byte { return b })
	for name, scan := range map[string]func(ctx context.Context, row func() bool) error{
		"Rows": func(ctx context.Context, row func() bool) (last error) {
			for _, err := range tab.Scan().Rows(ctx) {
				if last = err; err == nil && !row() {
					break
				}
			}
			return last
		},
		"Keys": func(ctx context.Context, row func() bool) (last error) {
			for _, err := range tab.Scan().Keys(ctx) {
				if last = err; err == nil && !row() {
					break
				}
			}
			return last
		},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		rows := 0
		err := scan(ctx, func() bool {
			if rows++; rows == before {
				cancel()
			}
			return rows < 2*most
		})
		if !errors.Is(err, context.Canceled) || rows > most {
			t.Errorf("%s: %d rows, %v; want at most %d", name, rows, err, most)
		}
	}
}

// An engine is never asked for a range whose bounds exclude each other: to some that is a
// mistake of their caller.
func TestBoundsThatExcludeEachOther(t *testing.T) {
	e := new(endless)
	tab := fakeTableOn(newStorage("fake", e, newOptions(nil)), func(b []byte) []byte { return b })
	scans := []Scan[uint64, []byte, []byte]{
		tab.Scan().From(9).To(3), tab.Scan().To(3).From(9).Reverse(), tab.Scan().After(9).To(3),
		tab.Scan().To(0).After(255),
	}
	for _, s := range scans {
		for range s.Limit(1).Keys(t.Context()) {
		}
	}
	if len(e.ranges) != len(scans) {
		t.Fatalf("%d ranges, want %d", len(e.ranges), len(scans))
	}
	for i, r := range e.ranges {
		if bytes.Compare(r.Low, r.High) > 0 {
			t.Errorf("scan %d asks for %x to %x", i, r.Low, r.High)
		}
	}
}

// bulky is a view that takes long to copy.
type bulky [1 << 16]uint64

// A guard that is closed and used again while its value is copied is no longer a guard: Value does
// not return what belongs to the next one, in part or in whole.
func TestValueOfAGuardThatIsReusedMeanwhile(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector finds what Value finds")
	}
	var tenant uint64
	tab := fakeTable(func([]byte) (v bulky) {
		for i := range v {
			v[i] = tenant
		}
		return v
	})
	for round := range 100 {
		tenant++
		g, err := tab.Get(t.Context(), 1)
		if err != nil {
			t.Fatal(err)
		}
		want := tenant
		var started atomic.Bool
		done := make(chan bool)
		go func() {
			sound := true
			defer func() {
				recover()
				done <- sound
			}()
			started.Store(true)
			v := g.Value()
			sound = v[0] == want && v[len(v)/2] == want && v[len(v)-1] == want
		}()
		for !started.Load() {
		}
		for range round * 100 { // into the copy, somewhere
			started.Load()
		}
		g.Close()
		tenant++
		next, err := tab.Get(t.Context(), 1)
		if err != nil {
			t.Fatal(err)
		}
		if !<-done {
			t.Fatalf("round %d: Value returned what belongs to another guard", round)
		}
		next.Close()
	}
}
