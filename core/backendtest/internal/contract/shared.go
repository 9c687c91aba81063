// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package contract

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/backendtest/internal/kit"
)

// These are the demands of core/sharing.go on storages that several processes write to. The checks
// have two processes: the trial's backend and its second one.
var sharedPromises = []kit.Promise{
	{
		Name: "shared/begin", Check: checkBegin, Shared: true,
		Explanation: "Begin returns a snapshot for any use, which is one unchanging state, the " +
			"last one when Begin was called or later",
	},
	{
		Name: "shared/fresh", Check: checkSharedFresh, Shared: true,
		Explanation: "a read sees every write that was applied before it was called, by " +
			"whichever process",
	},
	{
		Name: "shared/never back", Check: checkNeverBack, Shared: true,
		Explanation: "no read shows an older state than one that was seen before, in whichever " +
			"process",
	},
	{
		Name: "shared/fence", Check: checkFence, Shared: true,
		Explanation: "Fence returns the row at FenceKey in the state of the snapshot's reads, " +
			"nil if there is none",
	},
	{
		Name: "shared/conditions", Check: checkConditions, Shared: true,
		Explanation: "Apply returns ErrConflict and writes nothing unless every Condition holds; " +
			"an empty value demands a row with an empty value, nil demands that there is no row",
	},
	{
		Name: "shared/one wins", Check: checkOneWins, Shared: true,
		Explanation: "if several Applies at once demand the same value of a row and change it, " +
			"exactly one succeeds",
	},
	{
		Name: "shared/deadline", Check: checkDeadline, Shared: true,
		Explanation: "an Apply whose context ends has written everything and returns nil, has " +
			"written nothing and never will, or returns ErrMaybe; the engine goes on",
	},
}

// uses are what snapshots may be for.
var uses = []core.Use{core.ToRead, core.ToReadOnce, core.ToUpdate, core.ToKeep}

func checkBegin(t *kit.Trial) {
	one, two := t.Pair()
	one.MustApply(kit.Put("a", "1"), kit.Put("b", "2"))
	for _, use := range uses {
		for name, read := range readers {
			snap := two.Begin(use)
			got, err := read(t, snap, "b")
			t.Do(name, err)
			if got != "2" {
				t.Errorf("use %d: %s = %q; want %q", use, name, got, "2")
			}
			t.Close(snap)
		}
	}
	for _, use := range []core.Use{core.ToRead, core.ToUpdate} {
		snap := two.Begin(use)
		two.Fence(snap) // this settles the state
		one.MustApply(kit.Put("b", "changed"), kit.Put("c", "new"))
		if got := t.Rows(snap, core.ScanRange{}); !slices.Equal(got,
			[]kit.Row{kit.KV("a", "1"), kit.KV("b", "2")}) {
			t.Errorf("use %d: the snapshot became %v", use, got)
		}
		t.Close(snap)
		one.MustApply(kit.Put("b", "2"), kit.Del("c"))
	}
}

// readers are the ways to read one row of a snapshot; "" stands for an absent row.
var readers = map[string]func(t *kit.Trial, snap core.Snapshot, key string) (string, error){
	"Get": func(t *kit.Trial, snap core.Snapshot, key string) (string, error) {
		v, err := kit.ValueIn(snap, t.Ctx, key)
		if errors.Is(err, core.ErrNotFound) {
			return "", nil
		}
		return v, err
	},
	"Scan": func(t *kit.Trial, snap core.Snapshot, key string) (string, error) {
		c, err := snap.Scan(t.Ctx, core.ScanRange{Low: []byte(key), High: []byte(key + "\x00")})
		if err != nil {
			return "", err
		}
		defer t.Close(c)
		_, v, _ := c.Next()
		return string(v), c.Err()
	},
	"GetMany": func(t *kit.Trial, snap core.Snapshot, key string) (value string, err error) {
		many := snap.Powers().GetMany
		if many == nil {
			return kit.ValueIn(snap, t.Ctx, key)
		}
		err = many(t.Ctx, [][]byte{[]byte(key)}, func(_ int, v []byte) error {
			value = string(v)
			return nil
		})
		return value, err
	},
}

// readNow returns the value of key, read in the i-th of all ways.
func readNow(s *kit.Store, key string, i int) (value string, err error) {
	if i %= len(uses) + 2; i == 0 {
		v, r, err := s.Get(s.T.Ctx, []byte(key))
		if err != nil {
			return "", err
		}
		defer r.Release()
		return string(v), nil
	} else if i == 1 {
		snap, err := s.Snapshot(s.T.Ctx)
		if err != nil {
			return "", err
		}
		defer s.T.Close(snap)
		return readers["Get"](s.T, snap, key)
	}
	snap, err := s.Powers().Begin(s.T.Ctx, uses[i-2])
	if err != nil {
		return "", err
	}
	defer s.T.Close(snap)
	return readers[[]string{"Get", "Scan", "GetMany", "Get"}[i-2]](s.T, snap, key)
}

// again calls f until it returns something other than a conflict, as core does.
func again(t *kit.Trial, f func() error) error {
	for i := 0; ; i++ {
		err := f()
		if !errors.Is(err, core.ErrConflict) || i > 100_000 {
			return err
		}
		time.Sleep(time.Duration(i%10) * 10 * time.Microsecond)
	}
}

// reading is readNow, which reads again after a conflict.
func reading(s *kit.Store, key string, i int) (value string) {
	s.T.TB.Helper()
	s.T.Do("reading", again(s.T, func() (err error) {
		value, err = readNow(s, key, i)
		return err
	}))
	return value
}

func checkSharedFresh(t *kit.Trial) {
	one, two := t.Pair()
	for i := range t.Pick(200, 50) {
		v := strconv.Itoa(i)
		one.MustApply(kit.Put("k", v))
		for _, s := range []*kit.Store{two, one} {
			if got := reading(s, "k", i); got != v {
				t.Fatalf("after %s was applied, reading shows %q", v, got)
			}
		}
		one, two = two, one
	}
}

func checkNeverBack(t *kit.Trial) {
	one, two := t.Pair()
	one.MustApply(kit.Put("k", "0"))
	var stop atomic.Bool
	var reads atomic.Int64
	var readers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			seen := 0
			for i := 0; !stop.Load() && !t.Failed(); i++ {
				reads.Add(1)
				got, _ := strconv.Atoi(reading([]*kit.Store{one, two}[i%2], "k", i/2))
				if got < seen {
					t.Errorf("%d is seen after %d", got, seen)
				}
				seen = got
			}
		})
	}
	for i := range t.Pick(300, 60) {
		s := []*kit.Store{one, two}[i%2]
		write := core.Batch{Writes: []core.Write{kit.Put("k", strconv.Itoa(i))}}
		t.Do("Apply", again(t, func() error { return s.Apply(t.Ctx, write) }))
		for before := reads.Load(); reads.Load() < before+6 && !t.Failed(); {
			runtime.Gosched()
		}
	}
	stop.Store(true)
	readers.Wait()
}

func checkFence(t *kit.Trial) {
	one, two := t.Pair()
	snap := two.Begin(core.ToRead)
	if v, found := two.Fence(snap); found {
		t.Errorf("the fence of a new storage is %q; want none", v)
	}
	t.Close(snap)
	one.MustApply(kit.Put(core.FenceKey, "0"), kit.Put("k", "0"))
	for name, read := range readers {
		snap := two.Begin(core.ToRead)
		got, err := read(t, snap, "k")
		t.Do(name, err)
		one.MustApply(kit.Put(core.FenceKey, got+"'"), kit.Put("k", got+"'"))
		if fence, _ := two.Fence(snap); fence != got {
			t.Errorf("the fence is %q beside the row %q, which was read with %s",
				fence, got, name)
		}
		t.Close(snap)
	}
	checkFenceRace(t, one, two)
}

// checkFenceRace reads fence and row, in either order, while both change in one batch.
func checkFenceRace(t *kit.Trial, one, two *kit.Store) {
	var stop atomic.Bool
	var readers sync.WaitGroup
	for r := range 2 {
		readers.Go(func() {
			for i := r; !stop.Load() && !t.Failed(); i++ {
				use, fenceFirst := uses[i%len(uses)], i%2 == 0
				if use == core.ToReadOnce { // Fence is called after such a read
					fenceFirst = false
				}
				snap := two.Begin(use)
				if fence, row, err := both(two, snap, fenceFirst); err == nil && fence != row {
					t.Errorf("the fence is %q, the row %q", fence, row)
				} else if err != nil && !errors.Is(err, core.ErrConflict) {
					t.Errorf("reading a row and the fence: %v", err)
				}
				t.Close(snap)
			}
		})
	}
	for i := range t.Pick(300, 60) {
		v := strconv.Itoa(i)
		one.MustApply(kit.Put(core.FenceKey, v), kit.Put("k", v))
	}
	stop.Store(true)
	readers.Wait()
}

func both(s *kit.Store, snap core.Snapshot, fenceFirst bool) (fence, row string, err error) {
	if fenceFirst {
		fence, _ = s.Fence(snap)
	}
	row, err = kit.ValueIn(snap, s.T.Ctx, "k")
	if err == nil && !fenceFirst {
		fence, _ = s.Fence(snap)
	}
	return fence, row, err
}

func checkConditions(t *kit.Trial) {
	one, two := t.Pair()
	one.MustApply(kit.Put("empty", ""), kit.Put("k", "value"), kit.Put("l", "other"))
	holds := func(key string, value []byte) core.Condition {
		return core.Condition{Key: []byte(key), Value: value}
	}
	for _, c := range []struct {
		name       string
		conditions []core.Condition
		want       error
	}{
		{"no condition", nil, nil},
		{"the value it has", []core.Condition{holds("k", []byte("value"))}, nil},
		{"another value", []core.Condition{holds("k", []byte("values"))}, core.ErrConflict},
		{"the begin of its value", []core.Condition{holds("k", []byte("val"))}, core.ErrConflict},
		{"an empty value for another", []core.Condition{holds("k", []byte{})}, core.ErrConflict},
		{"no row, where one is", []core.Condition{holds("k", nil)}, core.ErrConflict},
		{"no row, where none is", []core.Condition{holds("absent", nil)}, nil},
		{"a value of no row", []core.Condition{holds("absent", []byte("v"))}, core.ErrConflict},
		{"an empty value of no row", []core.Condition{holds("absent", []byte{})}, core.ErrConflict},
		{"an empty value", []core.Condition{holds("empty", []byte{})}, nil},
		{"no row for an empty value", []core.Condition{holds("empty", nil)}, core.ErrConflict},
		{"two that hold", []core.Condition{
			holds("k", []byte("value")), holds("l", []byte("other")),
		}, nil},
		{"one that holds, and one that does not", []core.Condition{
			holds("k", []byte("value")), holds("l", nil),
		}, core.ErrConflict},
		{"one that does not hold, and one that does", []core.Condition{
			holds("k", nil), holds("l", []byte("other")),
		}, core.ErrConflict},
		{"the value of a row that the batch changes", []core.Condition{
			holds("written", nil),
		}, nil},
	} {
		err := two.ApplyOnly(c.conditions, kit.Put("written", c.name))
		if !errors.Is(err, c.want) {
			t.Errorf("%s: Apply gives %v; want %v", c.name, err, c.want)
		}
		if v, found := one.Read("written"); found != (c.want == nil) {
			t.Errorf("%s: Apply gives %v, and there is a row: %v, with %q", c.name, err, found, v)
		}
		one.MustApply(kit.Del("written"))
	}
	if err := two.ApplyOnly([]core.Condition{holds("k", nil)}); !errors.Is(err, core.ErrConflict) {
		t.Errorf("a batch without writes gives %v; want ErrConflict", err)
	}
}

// checkOneWins lets both processes count in one row. In each round all have read the same
// number before the first one writes the next.
func checkOneWins(t *kit.Trial) {
	one, two := t.Pair()
	one.MustApply(kit.Put("counter", "0"))
	stores := []*kit.Store{one, two, one, two, one, two}
	rounds, sum := t.Pick(60, 20), 0
	for round := range rounds {
		var read, over sync.WaitGroup
		var won atomic.Int32
		read.Add(len(stores))
		for _, s := range stores {
			over.Go(func() {
				if counted(s, round%2 == 0, &read) {
					won.Add(1)
				}
			})
		}
		over.Wait()
		if n := won.Load(); n > 1 {
			t.Fatalf("of %d that counted from %d at once, %d succeed", len(stores), sum, n)
		}
		sum += int(won.Load())
		if got := reading(two, "counter", round); got != strconv.Itoa(sum) {
			t.Fatalf("the counter is %s after %d succeeded", got, sum)
		}
	}
	if sum < rounds/2 {
		t.Errorf("nobody wins in %d of %d rounds", rounds-sum, rounds)
	}
}

// counted adds one to the counter when all others have read it, by a base or a condition, and
// reports whether that succeeded.
func counted(s *kit.Store, byBase bool, read *sync.WaitGroup) bool {
	use := core.ToReadOnce
	if byBase {
		use = core.ToUpdate
	}
	snap := s.Begin(use)
	defer s.T.Close(snap)
	old, err := kit.ValueIn(snap, s.T.Ctx, "counter")
	read.Done()
	read.Wait()
	if err == nil {
		n, _ := strconv.Atoi(old)
		next := kit.Put("counter", strconv.Itoa(n+1))
		if byBase {
			err = s.ApplyOn(snap, next)
		} else {
			was := core.Condition{Key: []byte("counter"), Value: []byte(old)}
			err = s.ApplyOnly([]core.Condition{was}, next)
		}
	}
	if err != nil && !errors.Is(err, core.ErrConflict) {
		s.T.Errorf("counting gives %v", err)
	}
	return err == nil
}

// checkDeadline lets the contexts of Applies end at any time.
func checkDeadline(t *kit.Trial) {
	one, two := t.Pair()
	want := map[string]string{} // what each key must have; ErrMaybe allows both values
	for i := range t.Pick(300, 60) {
		key := fmt.Sprintf("k%03d", i)
		ctx, cancel := context.WithTimeout(t.Ctx, time.Duration(i*i)*100*time.Nanosecond)
		err := again(t, func() error {
			return one.Apply(ctx, core.Batch{Writes: []core.Write{kit.Put(key, key)}})
		})
		cancel()
		switch {
		case err == nil:
			want[key] = key
		case errors.Is(err, core.ErrMaybe):
		case errors.Is(err, context.DeadlineExceeded), errors.Is(err, core.ErrUnavailable):
			want[key] = ""
		default:
			t.Errorf("an Apply whose context ends gives %v", err)
		}
	}
	one.MustApply(kit.Put("after", "all"))
	for key, value := range kit.ByName(want) {
		if got, found := two.Read(key); found != (value != "") {
			t.Errorf("%s was written: %v, with %q; want %q", key, found, got, value)
		}
	}
}
