// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/guardkv/guardkv/core/internal/ordered"
)

// mapEngine is an engine whose Apply can be held up and made to fail.
type mapEngine struct {
	Engine
	mu      sync.Mutex
	rows    ordered.Map[[]byte]
	applied [][]Write
	bases   []Snapshot                 // of each Apply
	demands [][]Condition              // of each Apply, which does not look at them
	before  func(writes []Write) error // may be nil
	limits  Limits
	powers  Powers // of which it looks at Conditions alone

	gets, snapshots int
	open            atomic.Int32     // snapshots
	noSnapshot      error            // what opening one fails with
	reading         func(key []byte) // of a snapshot; may be nil
}

func (e *mapEngine) Limits() Limits { return e.limits }
func (e *mapEngine) Powers() Powers { return e.powers }
func (e *mapEngine) Close() error   { return nil }

func (e *mapEngine) Apply(_ context.Context, b Batch) error {
	if e.before != nil {
		if err := e.before(b.Writes); err != nil {
			return err
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	var copied []Write
	for i, w := range b.Writes {
		if w.When != Unconditional {
			_, found := e.rows.Get(w.Key)
			if b.Met[i] = w.When.Met(found); !b.Met[i] {
				continue
			}
		}
		w.Key, w.Value = append([]byte(nil), w.Key...), append([]byte(nil), w.Value...)
		copied = append(copied, w)
		if w.Delete {
			e.rows.Delete(w.Key)
		} else {
			e.rows.Set(w.Key, w.Value)
		}
	}
	e.applied, e.bases = append(e.applied, copied), append(e.bases, b.Base)
	e.demands = append(e.demands, b.Conditions)
	return nil
}

func (e *mapEngine) Get(_ context.Context, key []byte) ([]byte, Releaser, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.gets++
	if v, ok := e.rows.Get(key); ok {
		return v, e, nil
	}
	return nil, nil, ErrNotFound
}

func (e *mapEngine) Release() {}

func (e *mapEngine) Snapshot(context.Context) (Snapshot, error) {
	e.snapshots++
	if e.noSnapshot != nil {
		return nil, e.noSnapshot
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.open.Add(1)
	return &mapSnapshot{engine: e, rows: e.rows.Clone()}, nil
}

type mapSnapshot struct {
	Snapshot
	engine *mapEngine
	rows   ordered.Map[[]byte]
}

func (s *mapSnapshot) Close() error {
	s.engine.open.Add(-1)
	return nil
}

func (s *mapSnapshot) Get(_ context.Context, key []byte) ([]byte, Releaser, error) {
	if s.engine.reading != nil {
		s.engine.reading(key)
	}
	if v, ok := s.rows.Get(key); ok {
		return v, nil, nil
	}
	return nil, nil, ErrNotFound
}

// gate holds up the first Apply until it is opened, so that a group can gather behind it.
type gate struct {
	entered, opened chan struct{}
	once            sync.Once
}

func newGate() *gate { return &gate{entered: make(chan struct{}), opened: make(chan struct{})} }

func (g *gate) hold(writes []Write) error {
	g.once.Do(func() {
		close(g.entered)
		<-g.opened
	})
	return nil
}

// gathered is a table on a mapEngine whose first write is held up at the gate.
func gathered(t *testing.T) (*Table[uint64, []byte, []byte], *mapEngine, *gate) {
	t.Helper()
	return gatheredOn(t, Powers{})
}

func gatheredOn(t *testing.T, p Powers) (*Table[uint64, []byte, []byte], *mapEngine, *gate) {
	t.Helper()
	g := newGate()
	e := &mapEngine{before: g.hold, powers: p}
	s := newStorage("fake", e, newOptions(nil))
	r := tableRecord{Number: 1}
	tb := newTable(s, newTableState("t", r), r, fakeKeys{}, rawValues{})
	return tb, e, g
}

// rawValues are bytes as they are.
type rawValues struct{}

func (rawValues) ID() string                                { return "raw" }
func (rawValues) Append(d []byte, v []byte) ([]byte, error) { return append(d, v...), nil }
func (rawValues) View(b []byte) ([]byte, error)             { return b, nil }

// queued waits until n requests stand in the queue. A write that returned instead never will.
func queued(t *testing.T, w *writer, n int, returned <-chan error) {
	t.Helper()
	for {
		w.mu.Lock()
		have := len(w.queue)
		w.mu.Unlock()
		if have == n {
			return
		}
		if len(returned) > 0 {
			t.Fatalf("a write that should wait has returned %v", <-returned)
		}
		time.Sleep(100 * time.Microsecond)
	}
}

// behindGate runs the writes one after another, so that they queue in this order while the
// first is held up.
func behindGate(
	t *testing.T, tb *Table[uint64, []byte, []byte], g *gate, writes ...func() error,
) []error {
	t.Helper()
	errs := make([]error, len(writes)+1)
	var wg sync.WaitGroup
	wg.Go(func() { errs[0] = tb.Put(context.Background(), 0, []byte("first")) })
	<-g.entered
	for i, write := range writes {
		returned := make(chan error, 1)
		wg.Go(func() {
			errs[i+1] = write()
			returned <- errs[i+1]
		})
		queued(t, &tb.storage.writer, i+1, returned)
	}
	close(g.opened)
	wg.Wait()
	if errs[0] != nil {
		t.Fatal(errs[0])
	}
	return errs[1:]
}

func TestWritesThatWaitShareOneCommit(t *testing.T) {
	tb, e, g := gathered(t)
	var writes []func() error
	for i := range uint64(50) {
		writes = append(writes,
			func() error { return tb.Put(context.Background(), i+1, []byte("v")) })
	}
	for i, err := range behindGate(t, tb, g, writes...) {
		if err != nil {
			t.Errorf("write %d: %v", i, err)
		}
	}
	if got := len(e.applied); got != 2 {
		t.Errorf("51 writes took %d commits, want 2", got)
	}
}

// In one group, each write sees what those before it did, and one that fails leaves the others
// alone.
func TestGroupDecidesInOrder(t *testing.T) {
	ctx := context.Background()
	tb, e, g := gathered(t)
	var existed [3]bool
	errs := behindGate(t, tb, g,
		func() error { return tb.Insert(ctx, 7, []byte("a")) },
		func() error { return tb.Insert(ctx, 7, []byte("b")) },
		func() (err error) { existed[0], err = tb.Delete(ctx, 7); return err },
		func() (err error) { existed[1], err = tb.Delete(ctx, 7); return err },
		func() error { return tb.Insert(ctx, 7, []byte("c")) },
		func() error { return tb.Put(ctx, 8, []byte("old")) },
		func() error { return tb.Put(ctx, 8, []byte("new")) },
		func() (err error) { existed[2], err = tb.Delete(ctx, 0); return err },
	)
	want := []error{nil, ErrExists, nil, nil, nil, nil, nil, nil}
	for i := range want {
		if !errors.Is(errs[i], want[i]) {
			t.Errorf("write %d: %v, want %v", i, errs[i], want[i])
		}
	}
	if existed != [3]bool{true, false, true} {
		t.Errorf("deletes found %v, want the first and the last to find a row", existed)
	}
	if got := len(e.applied); got != 2 {
		t.Errorf("%d commits, want 2", got)
	}
	for key, want := range map[byte]string{7: "c", 8: "new"} {
		if v, _ := e.rows.Get([]byte{0, 0, 0, 1, key}); string(v) != want {
			t.Errorf("row %d is %q, want %q", key, v, want)
		}
	}
	if _, ok := e.rows.Get([]byte{0, 0, 0, 1, 0}); ok {
		t.Error("the deleted row is there")
	}
}

// What the engine refuses to take in one piece is written one by one, and only the row at fault
// fails.
func TestRefusedGroupIsWrittenOneByOne(t *testing.T) {
	for _, refusal := range []error{ErrTooLarge, ErrConflict} {
		ctx := context.Background()
		tb, e, g := gathered(t)
		e.before = func(writes []Write) error {
			for _, w := range writes {
				if string(w.Value) == "bad" {
					return fmt.Errorf("refused: %w", refusal)
				}
			}
			return g.hold(writes)
		}
		errs := behindGate(t, tb, g,
			func() error { return tb.Put(ctx, 1, []byte("good")) },
			func() error { return tb.Put(ctx, 2, []byte("bad")) },
			func() error { return tb.Put(ctx, 3, []byte("good")) },
		)
		if errs[0] != nil || !errors.Is(errs[1], refusal) || errs[2] != nil {
			t.Errorf("%v: errors are %v, want only the second", refusal, errs)
		}
		if err := tb.Put(ctx, 4, []byte("later")); err != nil {
			t.Errorf("%v: a later write: %v", refusal, err)
		}
	}
}

func TestConflictIsTriedAgain(t *testing.T) {
	tb, e, _ := gathered(t)
	tries := 0
	e.before = func([]Write) error {
		if tries++; tries < 4 {
			return ErrConflict
		}
		return nil
	}
	if err := tb.Put(context.Background(), 1, nil); err != nil || tries != 4 {
		t.Errorf("%v after %d tries, want success at the fourth", err, tries)
	}
	tries = 0
	runs := 0
	err := tb.storage.Update(context.Background(), func(tx *Tx) error {
		runs++
		return tb.In(tx).Put(context.Background(), 1, nil)
	})
	if err != nil || runs != 4 {
		t.Errorf("Update: %v after %d runs, want success at the fourth", err, runs)
	}
}

// After a failed sync it is unknown what is on disk: a later write that seemed to succeed could be
// lost.
func TestFailedCommitFailsItsGroupAndLaterWrites(t *testing.T) {
	ctx := context.Background()
	tb, e, g := gathered(t)
	broken := errors.New("input/output error")
	first := true
	e.before = func(writes []Write) error {
		if first {
			first = false
			return g.hold(writes)
		}
		return broken
	}
	errs := behindGate(t, tb, g,
		func() error { return tb.Put(ctx, 1, nil) },
		func() error { return tb.Put(ctx, 2, nil) },
	)
	e.before = nil
	errs = append(errs, tb.Put(ctx, 3, nil),
		tb.storage.Update(ctx, func(tx *Tx) error { return nil }))
	for i, err := range errs {
		if !errors.Is(err, broken) {
			t.Errorf("write %d: %v, want the engine's error", i, err)
		}
	}
	if got := len(e.applied); got != 1 {
		t.Errorf("%d commits, want only the first", got)
	}
}

// An Insert that found the row of another Insert of its group was told that it exists, although
// the group's commit had failed; and its request, used again, told that to a later Put.
func TestFailedGroupTellsNobodyWhatItWouldHaveLeft(t *testing.T) {
	ctx := context.Background()
	tb, e, g := gathered(t)
	full := errors.New("disk full")
	first := true
	e.before = func(writes []Write) error {
		if first {
			first = false
			return g.hold(writes)
		}
		return full
	}
	insert := func() error { return tb.Insert(ctx, 7, []byte("v")) }
	for i, err := range behindGate(t, tb, g, insert, insert, insert) {
		if !errors.Is(err, full) {
			t.Errorf("insert %d: %v, want the engine's error", i, err)
		}
	}
	for range 4 {
		if err := tb.Put(ctx, 7, []byte("v")); !errors.Is(err, full) {
			t.Errorf("a later put: %v, want the engine's error", err)
		}
	}
}

func TestCancelWorksUntilTheCommitIsJoined(t *testing.T) {
	tb, e, g := gathered(t)
	ctx, cancel := context.WithCancel(context.Background())
	joined, leave := context.WithCancel(context.Background())
	entered := make(chan error, 1)
	go func() { entered <- tb.Put(joined, 0, nil) }()
	<-g.entered
	waiting := make(chan error, 1)
	go func() { waiting <- tb.Put(ctx, 1, nil) }()
	queued(t, &tb.storage.writer, 1, waiting)
	cancel()
	if err := <-waiting; !errors.Is(err, context.Canceled) {
		t.Errorf("the waiting write: %v, want context.Canceled", err)
	}
	leave()
	close(g.opened)
	if err := <-entered; err != nil {
		t.Errorf("the write whose commit was under way: %v", err)
	}
	if _, ok := e.rows.Get([]byte{0, 0, 0, 1, 1}); ok || len(e.applied) != 1 {
		t.Error("the cancelled write was committed")
	}
}

func TestLargeRequestsAreNotGrouped(t *testing.T) {
	tb, e, g := gathered(t)
	large := make([]byte, groupBytes)
	errs := behindGate(t, tb, g,
		func() error { return tb.Put(context.Background(), 1, large) },
		func() error { return tb.Put(context.Background(), 2, large) },
	)
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	if got := len(e.applied); got != 3 {
		t.Errorf("%d commits, want one for each", got)
	}
}

// A write for which there is no room is refused and leaves nothing. When there is room again,
// writing goes on. After any other error of the engine it is unknown what is on disk.
func TestWritesGoOnWhenThereIsRoom(t *testing.T) {
	for _, c := range []struct {
		refusal error
		goesOn  bool
	}{
		{ErrNoRoom, true},
		{ErrTooLarge, true},
		{ErrUnavailable, true},
		{ErrMaybe, true},
		{ErrSnapshotExpired, true},
		{errors.New("the disk is full"), false},
	} {
		tb, e, _ := gathered(t)
		e.before = func([]Write) error { return fmt.Errorf("refused: %w", c.refusal) }
		if err := tb.Put(t.Context(), 1, []byte("a")); !errors.Is(err, c.refusal) {
			t.Errorf("got %v, want %v", err, c.refusal)
		}
		e.before = nil
		if err := tb.Put(t.Context(), 1, []byte("b")); (err == nil) != c.goesOn {
			t.Errorf("after %v: %v", c.refusal, err)
		}
	}
}

// The storage kept the last commit's rows in memory, all of a stream's chunk, until the next one.
func TestAWriterKeepsNoRequest(t *testing.T) {
	tb, _, g := gathered(t)
	close(g.opened)
	if err := tb.Put(t.Context(), 1, []byte("a")); err != nil {
		t.Fatal(err)
	}
	turn := <-tb.storage.writer.groups
	for i, r := range turn.group {
		if r != nil {
			t.Errorf("request %d of %d is kept", i, len(turn.group))
		}
	}
}
