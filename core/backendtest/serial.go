// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package backendtest

import (
	"errors"
	"fmt"
	"strconv"
	"sync"

	"github.com/guardkv/guardkv/core"
)

var serialPromises = []promise{
	{
		name: "transactions/lost update", check: checkLostUpdate,
		explanation: "transactions are serializable: no increment of concurrent counters is lost",
	},
	{
		name: "transactions/write skew", check: checkWriteSkew,
		explanation: "transactions are serializable: two that read what the other writes do not both commit on the old state",
	},
	{
		name: "transactions/seen after return", check: checkSeenAfterReturn,
		explanation: "after a write returns, every read sees it, by whatever verb",
	},
	{
		name: "transactions/conflict", check: checkConflict,
		explanation: "a closure may be told to run again: ErrConflict of the engine is tried again, and typed on exhaustion",
	},
	{
		name: "transactions/too large", check: checkTxTooLarge, bareOnly: true,
		explanation: "an Update over the engine's limits fails whole with ErrTooLarge",
	},
	{
		name: "transactions/foreign tx", check: checkForeignTx,
		explanation: "a Tx of another storage is refused",
	},
}

// numberIn reads a row that holds a number; an absent one is 0.
func numberIn(t *trial, in core.TxTable[string, string, string], k string) int {
	v, err := in.Get(t.ctx, k)
	if errors.Is(err, core.ErrNotFound) {
		return 0
	}
	n, _ := strconv.Atoi(v)
	return n
}

func checkLostUpdate(t *trial) {
	s, tab := t.one()
	const goroutines = 8
	each := t.pick(50, 15)
	var all sync.WaitGroup
	for g := range goroutines {
		all.Go(func() {
			for i := range each {
				err := s.Update(t.ctx, func(tx *core.Tx) error {
					in := tab.In(tx)
					return in.Put(t.ctx, "counter", strconv.Itoa(numberIn(t, in, "counter")+1))
				})
				if err != nil {
					t.Errorf("Update: %v", err)
				}
				if err := tab.Put(t.ctx, fmt.Sprintf("noise %d", g), strconv.Itoa(i)); err != nil {
					t.Errorf("Put: %v", err)
				}
			}
		})
	}
	all.Wait()
	reads(t, tab, "counter", strconv.Itoa(goroutines*each))
}

func checkWriteSkew(t *trial) {
	s, tab := t.one()
	for range t.pick(30, 10) {
		put1(t, tab, "a", "1")
		put1(t, tab, "b", "1")
		var both sync.WaitGroup
		for _, k := range []string{"a", "b"} {
			both.Go(func() { // goes off duty only if the other stays
				err := s.Update(t.ctx, func(tx *core.Tx) error {
					in := tab.In(tx)
					if numberIn(t, in, "a")+numberIn(t, in, "b") < 2 {
						return nil
					}
					return in.Put(t.ctx, k, "0")
				})
				if err != nil {
					t.Errorf("Update: %v", err)
				}
			})
		}
		both.Wait()
		left := 0
		t.do("View", s.View(t.ctx, func(tx *core.Tx) error {
			left = numberIn(t, tab.In(tx), "a") + numberIn(t, tab.In(tx), "b")
			return nil
		}))
		if left != 1 {
			t.Fatalf("%d are on duty; want 1", left)
		}
	}
}

func checkSeenAfterReturn(t *trial) {
	s, tab := t.one()
	var all sync.WaitGroup
	for g := range 4 {
		all.Go(func() {
			k := fmt.Sprintf("key %d", g)
			for i := range t.pick(50, 10) {
				v := strconv.Itoa(i)
				if err := tab.Put(t.ctx, k, v); err != nil {
					t.Fatalf("Put: %v", err)
				}
				seen(t, s, tab, k, v)
				if existed, err := tab.Delete(t.ctx, k); !existed || err != nil {
					t.Fatalf("Delete = %v, %v; want true", existed, err)
				}
				absent(t, tab, k)
			}
		})
	}
	all.Wait()
}

// seen ends the goroutine unless all verbs read v at k.
func seen(t *trial, s *core.Storage, tab words, k, v string) {
	t.tb.Helper()
	reads(t, tab, k, v)
	g := guard(t, tab, k)
	if g.Value() != v {
		t.Errorf("Get reads %q after %q was put", g.Value(), v)
	}
	t.close(g)
	if got := scanned(t, tab.Scan().From(k).Limit(1)); len(got) != 1 || got[0] != (row{k, v}) {
		t.Errorf("a scan reads %v after %q was put at %q", got, v, k)
	}
	for name, run := range byName(map[string]func(func(*core.Tx) error) error{
		"View":   func(fn func(*core.Tx) error) error { return s.View(t.ctx, fn) },
		"Update": func(fn func(*core.Tx) error) error { return s.Update(t.ctx, fn) },
	}) {
		t.do(name, run(func(tx *core.Tx) error {
			if got, err := tab.In(tx).Get(t.ctx, k); got != v || err != nil {
				t.Errorf("%s reads %q, %v after %q was put", name, got, err, v)
			}
			return nil
		}))
	}
}

func checkConflict(t *trial) {
	b := Fault(t.backend)
	s := t.openOn(b)
	tab := t.words(s, "words")
	conflict := fmt.Errorf("somebody was faster: %w", core.ErrConflict)
	for range 3 {
		b.Fail(Failure{Op: OpApply, N: 1, Err: conflict})
	}
	runs := 0
	update(t, s, func(tx *core.Tx) error {
		runs++
		return tab.In(tx).Insert(t.ctx, "k", strconv.Itoa(runs))
	})
	if runs != 4 {
		t.Errorf("with three conflicts the function ran %d times; want 4", runs)
	}
	reads(t, tab, "k", "4")
	b.Fail(Failure{Op: OpApply, N: 1, Err: conflict})
	put1(t, tab, "put", "again")
	b.Fail(Failure{Op: OpApply, Err: conflict})
	err := s.Update(t.ctx, func(tx *core.Tx) error { return tab.In(tx).Put(t.ctx, "k", "lost") })
	t.is("Update with conflicts without end", err, core.ErrConflict)
	t.is("Put with conflicts without end", tab.Put(t.ctx, "k", "lost"), core.ErrConflict)
	b.Heal()
	put1(t, tab, "after", "conflicts")
	holds(t, tab, row{"after", "conflicts"}, row{"k", "4"}, row{"put", "again"})
}

func checkTxTooLarge(t *trial) {
	s, tab := t.one()
	put1(t, tab, "k", "v")
	size := t.tooMuch()
	if size == 0 {
		return
	}
	err := s.Update(t.ctx, func(tx *core.Tx) error {
		return putMuch(size, func(k, v string) error { return tab.In(tx).Put(t.ctx, k, v) })
	})
	t.is("Update", err, core.ErrTooLarge)
	holds(t, tab, row{"k", "v"})
	put1(t, tab, "l", "v")
}

func checkForeignTx(t *trial) {
	s, tab := t.one()
	put1(t, tab, "k", "v")
	other, err := core.Open(t.ctx, t.path+".other", t.backend, core.WithoutSync())
	t.do("Open", err)
	defer t.closeStorage(other)
	update(t, other, func(tx *core.Tx) error {
		if err := tab.In(tx).Put(t.ctx, "k", "foreign"); err == nil {
			t.Errorf("a Tx of another storage was taken")
		}
		if _, err := tab.In(tx).Get(t.ctx, "k"); err == nil {
			t.Errorf("a Tx of another storage was taken")
		}
		return nil
	})
	t.closeStorage(s)
}
