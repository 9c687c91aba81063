// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package users

import (
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/backendtest/internal/kit"
)

// Transactions of several processes are serializable, and single reads and writes are
// transactions.
var sharedSerialPromises = []kit.Promise{
	{
		Name: "shared writes/storm", Check: checkStorm, Shared: true,
		Explanation: "many changes of one row through several processes all end, and none is " +
			"lost",
	},
	{
		Name: "shared writes/skew by insert", Check: checkSkewInsert, Shared: true,
		Explanation: "two processes that each insert a row if there is none do not both do so",
	},
	{
		Name: "shared writes/skew by delete", Check: checkSkewDelete, Shared: true,
		Explanation: "two processes that each delete a row if another one is left do not both " +
			"do so",
	},
	{
		Name: "shared writes/phantoms", Check: checkPhantoms, Shared: true,
		Explanation: "a transaction that finds the last row and writes the one behind it " +
			"overwrites none, whichever process wrote it",
	},
	{
		Name: "shared writes/blind put", Check: checkBlindPutBeside, Shared: true,
		Explanation: "a Put that depends on nothing takes its place in the order too: what a " +
			"View has seen is never computed from what was before it",
	},
	{
		Name: "shared writes/batches", Check: checkSharedBatches, Shared: true,
		Explanation: "PutAll, PutStream, Insert, Delete and Clear of several processes at once " +
			"do what they say",
	},
}

// counting returns a change that counts.
func counting(old string, found bool) (string, core.Change, error) {
	n := 0
	if found {
		n, _ = strconv.Atoi(old)
	}
	return strconv.Itoa(n + 1), core.Store, nil
}

func checkStorm(t *kit.Trial) {
	a, b, inA, inB := twoOf(t)
	const goroutines = 64 // each waits for many others
	each := t.Pick(5, 2)
	var all sync.WaitGroup
	for g := range goroutines {
		s, tab := a, inA
		if g%2 == 0 {
			s, tab = b, inB
		}
		all.Go(func() {
			for range each {
				if g%4 < 2 {
					t.Do("Modify", tab.Modify(t.Ctx, "counter", counting))
					continue
				}
				t.Do("Update", s.Update(t.Ctx, func(tx *core.Tx) error {
					in := tab.In(tx)
					has, err := in.Has(t.Ctx, "counter")
					if err != nil {
						return err
					}
					old := ""
					if has {
						if old, err = in.Load(t.Ctx, "counter"); err != nil {
							return err
						}
					}
					next, _, _ := counting(old, has)
					return in.Put(t.Ctx, "counter", next)
				}))
			}
		})
	}
	all.Wait()
	for _, tab := range []words{inA, inB} {
		reads(t, tab, "counter", strconv.Itoa(goroutines*each))
	}
}

// meeting lets two functions wait for each other, the first time that they run.
type meeting struct {
	here [2]sync.Once
	both sync.WaitGroup
}

func newMeeting() *meeting {
	m := new(meeting)
	m.both.Add(2)
	return m
}

func (m *meeting) wait(i int) {
	m.here[i].Do(m.both.Done)
	m.both.Wait()
}

// skewed runs fn in an Update of each process. Both have read before either writes.
func skewed(
	t *kit.Trial, stores []*core.Storage, tabs []words,
	fn func(i int, in txWords, met func()) error,
) {
	t.TB.Helper()
	m := newMeeting()
	var both sync.WaitGroup
	for i, s := range stores {
		both.Go(func() {
			t.Do("Update", s.Update(t.Ctx, func(tx *core.Tx) error {
				return fn(i, tabs[i].In(tx), func() { m.wait(i) })
			}))
		})
	}
	both.Wait()
}

// txWords is the table of words in a transaction.
type txWords = core.TxTable[string, string, string]

func checkSkewInsert(t *kit.Trial) {
	a, b, inA, inB := twoOf(t)
	for round := range t.Pick(20, 5) {
		prefix := fmt.Sprintf("round%02d/", round)
		stores, tabs := []*core.Storage{a, b}, []words{inA, inB}
		skewed(t, stores, tabs, func(i int, in txWords, met func()) error {
			n, err := in.Scan().Prefix(prefix).Count(t.Ctx)
			if err != nil {
				return err
			}
			met()
			if n > 0 {
				return nil
			}
			return in.Put(t.Ctx, fmt.Sprint(prefix, i), "the only one")
		})
		if got := scanned(t, inA.Scan().Prefix(prefix)); len(got) != 1 {
			t.Fatalf("two that insert a row if there is none left %v", got)
		}
	}
}

func checkSkewDelete(t *kit.Trial) {
	a, b, inA, inB := twoOf(t)
	for round := range t.Pick(20, 5) {
		put1(t, inA, "duty/0", "on")
		put1(t, inA, "duty/1", "on")
		stores, tabs := []*core.Storage{a, b}, []words{inA, inB}
		skewed(t, stores, tabs, func(i int, in txWords, met func()) error {
			n, err := in.Scan().Prefix("duty/").Count(t.Ctx)
			if err != nil {
				return err
			}
			met()
			if n < 2 {
				return nil
			}
			_, err = in.Delete(t.Ctx, fmt.Sprint("duty/", i))
			return err
		})
		if got := scanned(t, inB.Scan()); len(got) != 1 {
			t.Fatalf("round %d: two that go if another one stays left %v", round, got)
		}
	}
}

func checkPhantoms(t *kit.Trial) {
	a, b, inA, inB := twoOf(t)
	const goroutines = 6
	each := t.Pick(20, 5)
	var all sync.WaitGroup
	for g := range goroutines {
		s, tab := []*core.Storage{a, b}[g%2], []words{inA, inB}[g%2]
		all.Go(func() {
			for range each {
				t.Do("Update", s.Update(t.Ctx,
					func(tx *core.Tx) error { return appendTo(t, tab.In(tx)) }))
			}
		})
	}
	all.Wait()
	if n, err := inA.Count(t.Ctx); n != goroutines*each || err != nil {
		t.Errorf("%d rows were written behind the last one, and there are %d, %v",
			goroutines*each, n, err)
	}
}

// appendTo puts a row behind the last one.
func appendTo(t *kit.Trial, in txWords) error {
	last := 0
	for k, err := range in.Scan().Reverse().Limit(1).Keys(t.Ctx) {
		if err != nil {
			return err
		}
		last, _ = strconv.Atoi(k)
	}
	return in.Put(t.Ctx, fmt.Sprintf("%08d", last+1), "v")
}

// checkBlindPutBeside counts in x by puts of one process, copies x to y in the other one, and
// looks at both from either process. If y changes after x was seen to be n, y must be n or more,
// because it was computed later.
func checkBlindPutBeside(t *kit.Trial) {
	a, b, inA, inB := twoOf(t)
	put1(t, inA, "x", "0")
	put1(t, inA, "y", "0")
	var stop atomic.Bool
	var beside sync.WaitGroup
	beside.Go(func() {
		for !stop.Load() && !t.Failed() {
			t.Do("Update", b.Update(t.Ctx, func(tx *core.Tx) error {
				x, err := inB.In(tx).Load(t.Ctx, "x")
				if err != nil {
					return err
				}
				return inB.In(tx).Put(t.Ctx, "y", x)
			}))
		}
	})
	for i, s := range []*core.Storage{a, b} {
		tab := []words{inA, inB}[i]
		beside.Go(func() {
			lastX, lastY := 0, 0
			for !stop.Load() && !t.Failed() {
				x, y := viewed(t, s, tab)
				if y != lastY && y < lastX {
					t.Errorf("y became %d after x was seen to be %d", y, lastX)
				}
				lastX, lastY = x, y
			}
		})
	}
	for i := range t.Pick(300, 80) {
		put1(t, inA, "x", strconv.Itoa(i))
	}
	stop.Store(true)
	beside.Wait()
}

// viewed returns x and y as one View sees them.
func viewed(t *kit.Trial, s *core.Storage, tab words) (x, y int) {
	t.TB.Helper()
	t.Do("View", s.View(t.Ctx, func(tx *core.Tx) error {
		in := tab.In(tx)
		atX, err := in.Load(t.Ctx, "x")
		if err != nil {
			return err
		}
		atY, err := in.Load(t.Ctx, "y")
		x, _ = strconv.Atoi(atX)
		y, _ = strconv.Atoi(atY)
		return err
	}))
	return x, y
}

func checkSharedBatches(t *kit.Trial) {
	_, _, inA, inB := twoOf(t)
	n := kit.Fits(t.Pick(400, 100), limitsOf(t).BatchRows/20*10) // of PutAll; divided below
	var all sync.WaitGroup
	inserted, deleted := atomic.Int64{}, atomic.Int64{}
	for i, tab := range []words{inA, inB, inA, inB} {
		prefix := string(rune('a' + i))
		rows := func(yield func(k, v string) bool) {
			for j := range n {
				if !yield(fmt.Sprintf("%s/%05d", prefix, j), "v") {
					return
				}
			}
		}
		all.Go(func() { t.Do("PutAll", tab.PutAll(t.Ctx, rows)) })
		all.Go(func() {
			_, err := tab.PutStream(t.Ctx, func(yield func(k, v string) bool) {
				for k, v := range rows {
					if !yield("stream/"+k, v) {
						return
					}
				}
			})
			t.Do("PutStream", err)
		})
		all.Go(func() {
			for j := range n / 10 {
				if err := tab.Insert(t.Ctx, fmt.Sprint("insert/", j), prefix); err == nil {
					inserted.Add(1)
				} else {
					t.Is("Insert", err, core.ErrExists)
				}
			}
		})
	}
	all.Wait()
	for _, tab := range []words{inA, inB, inA, inB} {
		all.Go(func() {
			for j := range n / 10 {
				there, err := tab.Delete(t.Ctx, fmt.Sprint("insert/", j))
				t.Do("Delete", err)
				if there {
					deleted.Add(1)
				}
			}
		})
	}
	all.Wait()
	if inserted.Load() != int64(n/10) || deleted.Load() != int64(n/10) {
		t.Errorf("%d rows were inserted %d times and deleted %d times",
			n/10, inserted.Load(), deleted.Load())
	}
	t.Do("Clear", inA.Scan().Prefix("stream/a").Clear(t.Ctx))
	if got, err := inB.Count(t.Ctx); got != 7*n || err != nil {
		t.Errorf("there are %d rows, %v; want %d", got, err, 7*n)
	}
}
