// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package memory

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"weak"

	"github.com/guardkv/guardkv/core"
)

func number(n int) []byte { return binary.BigEndian.AppendUint32(nil, uint32(n)) }

// numbered returns puts of n rows whose value is v.
func numbered(n int, v []byte) []core.Write {
	writes := make([]core.Write, n)
	for i := range writes {
		writes[i] = core.Write{Key: number(i), Value: v}
	}
	return writes
}

// TestReadersShareAStorage: each has an engine of its own, which refuses to write.
func TestReadersShareAStorage(t *testing.T) {
	b := New()
	kept(t, b, "a")
	for range 3 {
		e, err := claimed(t, b, "a", true).Open(t.Context(), core.EngineOptions{})
		do(t, err)
		defer e.Close()
		if v, _, err := e.Get(t.Context(), []byte("k")); string(v) != "a" || err != nil {
			t.Errorf("Get = %q, %v", v, err)
		}
		for _, err := range []error{
			e.Apply(t.Context(), core.Batch{Writes: numbered(1, nil)}),
			e.SetMark(t.Context(), nil),
		} {
			if !errors.Is(err, core.ErrReadOnly) {
				t.Errorf("a write gives %v; want ErrReadOnly", err)
			}
		}
	}
	holds(t, b, "a", "a")
}

// TestCancelledWrites: the context is looked at before anything is written.
func TestCancelledWrites(t *testing.T) {
	b := New()
	e := opened(t, b, "a")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, err := range []error{
		e.Apply(ctx, core.Batch{Writes: numbered(3, nil)}),
		e.SetMark(ctx, []byte("other")),
	} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("a write with a cancelled context gives %v", err)
		}
	}
	apply(t, e, core.Write{Key: []byte("k"), Value: []byte("a")})
	if size, _ := e.Powers().Size(); size != 2 {
		t.Errorf("%d bytes are stored; want 2", size)
	}
	do(t, e.Close())
	holds(t, b, "a", "a")
}

// TestScanEndsWithItsContext: ctx holds for the cursor too.
func TestScanEndsWithItsContext(t *testing.T) {
	e := opened(t, New(), "a")
	defer e.Close()
	apply(t, e, numbered(100, nil)...)
	s, err := e.Snapshot(t.Context())
	do(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	c, err := s.Scan(ctx, core.ScanRange{})
	do(t, err)
	if _, _, ok := c.Next(); !ok || c.Err() != nil {
		t.Fatalf("no first row: %v", c.Err())
	}
	cancel()
	for range 2 {
		if k, _, ok := c.Next(); ok || !errors.Is(c.Err(), context.Canceled) {
			t.Errorf("row %x after the end of the context, error %v", k, c.Err())
		}
	}
}

// TestScanBoundsMayBeReused, also while rows are still to come.
func TestScanBoundsMayBeReused(t *testing.T) {
	e := opened(t, New(), "a")
	defer e.Close()
	apply(t, e, numbered(300, nil)...)
	s, err := e.Snapshot(t.Context())
	do(t, err)
	for _, reverse := range []bool{false, true} {
		r := core.ScanRange{Low: number(100), High: number(200), Reverse: reverse}
		c, err := s.Scan(t.Context(), r)
		do(t, err)
		clear(r.Low)
		clear(r.High)
		n := 0
		for _, _, ok := c.Next(); ok; _, _, ok = c.Next() {
			n++
		}
		if n != 100 {
			t.Errorf("reverse %v: %d rows; want 100", reverse, n)
		}
	}
}

// TestSize keeps count beside a model, through puts, replacements and deletions, of absent keys
// too.
func TestSize(t *testing.T) {
	const seed = 7
	r := rand.New(rand.NewPCG(seed, 1))
	b := New()
	e := opened(t, b, "a")
	model := map[string]int64{}
	for range 500 {
		key := strings.Repeat("k", 1+r.IntN(20))
		w := core.Write{Key: []byte(key), Value: make([]byte, r.IntN(50)), Delete: r.IntN(3) == 0}
		apply(t, e, w)
		delete(model, key)
		if !w.Delete {
			model[key] = int64(len(key) + len(w.Value))
		}
		var want int64
		for _, n := range model {
			want += n
		}
		if got, err := e.Powers().Size(); got != want || err != nil {
			t.Fatalf("Size() = %d, %v; want %d (seed %d)", got, err, want, seed)
		}
	}
}

// TestRowsAreFreedOneByOne: what is replaced or deleted must not stay in memory because of rows
// that were written with it, and must stay as long as a snapshot shows it.
func TestRowsAreFreedOneByOne(t *testing.T) {
	e := opened(t, New(), "a")
	defer e.Close()
	apply(t, e, numbered(3, make([]byte, 1000))...)
	rows := make([]weak.Pointer[byte], 3)
	for i := range rows {
		v, _, err := e.Get(t.Context(), number(i))
		do(t, err)
		rows[i] = weak.Make(&v[0])
	}
	s, err := e.Snapshot(t.Context())
	do(t, err)
	apply(t, e, core.Write{Key: number(0), Delete: true}, core.Write{Key: number(1)})
	checkAlive(t, rows, "under a snapshot", true, true, true)
	do(t, s.Close())
	runtime.KeepAlive(s)
	s = nil
	checkAlive(t, rows, "after the snapshot", false, false, true)
}

func checkAlive(t *testing.T, rows []weak.Pointer[byte], when string, want ...bool) {
	t.Helper()
	runtime.GC()
	for i, p := range rows {
		if alive := p.Value() != nil; alive != want[i] {
			t.Errorf("%s: row %d in memory: %v; want %v", when, i, alive, want[i])
		}
	}
}

// TestApplyKeepsNothing of the slices that it gets.
func TestApplyKeepsNothing(t *testing.T) {
	e := opened(t, New(), "a")
	defer e.Close()
	key, value := []byte("key"), []byte("value")
	apply(t, e, core.Write{Key: key, Value: value})
	clear(key)
	clear(value)
	if v, _, err := e.Get(t.Context(), []byte("key")); string(v) != "value" || err != nil {
		t.Errorf("Get = %q, %v", v, err)
	}
}

// TestValuesHaveNoRoom: appending to a value must not write over the key behind it.
func TestValuesHaveNoRoom(t *testing.T) {
	e := opened(t, New(), "a")
	defer e.Close()
	for _, value := range []string{"", "value"} {
		apply(t, e, core.Write{Key: []byte("key"), Value: []byte(value)})
		v, _, err := e.Get(t.Context(), []byte("key"))
		if v == nil || string(v) != value || len(v) != cap(v) || err != nil {
			t.Errorf("Get = %#v with room for %d, %v; want %q", v, cap(v), err, value)
		}
	}
}

// TestConcurrentReaders: every batch gives all rows the same value, the number of the batch.
// Readers must see whole batches, none older than one that was seen before, by whatever way.
// Run with -race.
func TestConcurrentReaders(t *testing.T) {
	const batches, rows = 300, 150
	e := opened(t, New(), "a")
	defer e.Close()
	apply(t, e, numbered(rows, number(0))...)
	var done atomic.Bool
	var readers sync.WaitGroup
	for r := range 3 {
		readers.Go(func() {
			last := 0
			for !done.Load() {
				seen, err := readBatch(t.Context(), e, rows, r%2 == 0)
				if err != nil || seen < last {
					t.Errorf("batch %d after %d was seen, %v", seen, last, err)
					return
				}
				v, rel, err := e.Get(t.Context(), number(seen%rows))
				if err != nil {
					t.Error(err)
					return
				}
				last = int(binary.BigEndian.Uint32(v))
				rel.Release()
				if last < seen {
					t.Errorf("Get shows batch %d after a snapshot showed %d", last, seen)
				}
			}
		})
	}
	for i := 1; i <= batches; i++ {
		apply(t, e, numbered(rows, number(i))...)
	}
	done.Store(true)
	readers.Wait()
}

// readBatch returns the value that all rows of one snapshot have.
func readBatch(ctx context.Context, e core.Engine, rows int, reverse bool) (int, error) {
	s, err := e.Snapshot(ctx)
	if err != nil {
		return 0, err
	}
	defer s.Close()
	first, _, err := s.Get(ctx, number(0))
	if err != nil {
		return 0, err
	}
	c, err := s.Scan(ctx, core.ScanRange{Reverse: reverse})
	if err != nil {
		return 0, err
	}
	defer c.Close()
	n := 0
	for k, v, ok := c.Next(); ok; k, v, ok = c.Next() {
		if string(v) != string(first) {
			return 0, fmt.Errorf("row %x has %x where row 0 has %x", k, v, first)
		}
		n++
	}
	if n != rows {
		return 0, fmt.Errorf("%d rows, want %d", n, rows)
	}
	return int(binary.BigEndian.Uint32(first)), c.Err()
}

func TestAllocations(t *testing.T) {
	const rows = 1000
	ctx := t.Context()
	e := opened(t, New(), "a")
	defer e.Close()
	writes := numbered(rows, make([]byte, 100))
	apply(t, e, writes...)
	key, low, high := number(77), number(100), number(200)
	tests := []struct {
		name string
		most float64
		run  func()
	}{
		{"Get", 0, func() {
			_, r, _ := e.Get(ctx, key)
			r.Release()
		}},
		{"Snapshot", 0, func() {
			s, _ := e.Snapshot(ctx)
			s.Get(ctx, key)
			s.Close()
		}},
		{"Scan", 2, func() { // the cursor and one bound
			s, _ := e.Snapshot(ctx)
			c, _ := s.Scan(ctx, core.ScanRange{Low: low, High: high})
			for _, _, ok := c.Next(); ok; _, _, ok = c.Next() {
			}
			c.Close()
			s.Close()
		}},
		// one per row, and the nodes of the tree
		{"Apply", rows * 1.1, func() { e.Apply(ctx, core.Batch{Writes: writes}) }},
	}
	for _, test := range tests {
		if got := testing.AllocsPerRun(20, test.run); got > test.most {
			t.Errorf("%s allocates %v times, want at most %v", test.name, got, test.most)
		}
	}
}
