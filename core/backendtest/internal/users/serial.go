// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package users

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/backendtest/internal/decorate"
	"github.com/guardkv/guardkv/core/backendtest/internal/kit"
)

var serialPromises = []kit.Promise{
	{
		Name: "transactions/lost update", Check: checkLostUpdate,
		Explanation: "transactions are serializable: no increment of concurrent counters is lost",
	},
	{
		Name: "transactions/write skew", Check: checkWriteSkew,
		Explanation: "transactions are serializable: two that read what the other writes do not " +
			"both commit on the old state",
	},
	{
		Name: "transactions/seen after return", Check: checkSeenAfterReturn,
		Explanation: "after a write returns, every read sees it, by whatever verb",
	},
	{
		Name: "transactions/conflict", Check: checkConflict,
		Explanation: "a closure may be told to run again: ErrConflict of the engine is tried " +
			"again, and typed on exhaustion",
	},
	{
		Name: "transactions/too large", Check: checkTxTooLarge, BareOnly: true,
		Explanation: "an Update over the engine's limits fails whole with ErrTooLarge",
	},
	{
		Name: "transactions/foreign tx", Check: checkForeignTx,
		Explanation: "a Tx of another storage is refused",
	},
}

// numberIn reads a row that holds a number; an absent one is 0.
func numberIn(t *kit.Trial, in core.TxTable[string, string, string], k string) int {
	v, err := in.Get(t.Ctx, k)
	if errors.Is(err, core.ErrNotFound) {
		return 0
	}
	n, _ := strconv.Atoi(v)
	return n
}

func checkLostUpdate(t *kit.Trial) {
	s, tab := openOne(t)
	const goroutines = 8
	each := t.Pick(50, 15)
	var all sync.WaitGroup
	for g := range goroutines {
		all.Go(func() {
			for i := range each {
				err := s.Update(t.Ctx, func(tx *core.Tx) error {
					in := tab.In(tx)
					return in.Put(t.Ctx, "counter", strconv.Itoa(numberIn(t, in, "counter")+1))
				})
				if err != nil {
					t.Errorf("Update: %v", err)
				}
				if err := tab.Put(t.Ctx, fmt.Sprintf("noise %d", g), strconv.Itoa(i)); err != nil {
					t.Errorf("Put: %v", err)
				}
			}
		})
	}
	all.Wait()
	reads(t, tab, "counter", strconv.Itoa(goroutines*each))
}

func checkWriteSkew(t *kit.Trial) {
	s, tab := openOne(t)
	for range t.Pick(30, 10) {
		put1(t, tab, "a", "1")
		put1(t, tab, "b", "1")
		var both sync.WaitGroup
		for _, k := range []string{"a", "b"} {
			both.Go(func() { // goes off duty only if the other stays
				err := s.Update(t.Ctx, func(tx *core.Tx) error {
					in := tab.In(tx)
					if numberIn(t, in, "a")+numberIn(t, in, "b") < 2 {
						return nil
					}
					return in.Put(t.Ctx, k, "0")
				})
				if err != nil {
					t.Errorf("Update: %v", err)
				}
			})
		}
		both.Wait()
		left := 0
		t.Do("View", s.View(t.Ctx, func(tx *core.Tx) error {
			left = numberIn(t, tab.In(tx), "a") + numberIn(t, tab.In(tx), "b")
			return nil
		}))
		if left != 1 {
			t.Fatalf("%d are on duty; want 1", left)
		}
	}
}

func checkSeenAfterReturn(t *kit.Trial) {
	s, tab := openOne(t)
	var all sync.WaitGroup
	for g := range 4 {
		all.Go(func() {
			k := fmt.Sprintf("key %d", g)
			for i := range t.Pick(50, 10) {
				v := strconv.Itoa(i)
				if err := tab.Put(t.Ctx, k, v); err != nil {
					t.Fatalf("Put: %v", err)
				}
				wantEverywhere(t, s, tab, k, v)
				if existed, err := tab.Delete(t.Ctx, k); !existed || err != nil {
					t.Fatalf("Delete = %v, %v; want true", existed, err)
				}
				absent(t, tab, k)
			}
		})
	}
	all.Wait()
}

// wantEverywhere ends the goroutine unless all verbs read v at k.
func wantEverywhere(t *kit.Trial, s *core.Storage, tab words, k, v string) {
	t.TB.Helper()
	reads(t, tab, k, v)
	g := guard(t, tab, k)
	if g.Value() != v {
		t.Errorf("Get reads %q after %q was put", g.Value(), v)
	}
	t.Close(g)
	if got := scanned(t, tab.Scan().From(k).Limit(1)); len(got) != 1 || got[0] != kit.KV(k, v) {
		t.Errorf("a scan reads %v after %q was put at %q", got, v, k)
	}
	for name, run := range kit.ByName(map[string]func(func(*core.Tx) error) error{
		"View":   func(fn func(*core.Tx) error) error { return s.View(t.Ctx, fn) },
		"Update": func(fn func(*core.Tx) error) error { return s.Update(t.Ctx, fn) },
	}) {
		t.Do(name, run(func(tx *core.Tx) error {
			if got, err := tab.In(tx).Get(t.Ctx, k); got != v || err != nil {
				t.Errorf("%s reads %q, %v after %q was put", name, got, err, v)
			}
			return nil
		}))
	}
}

func checkConflict(t *kit.Trial) {
	b := decorate.Fault(t.Backend)
	s := openOn(t, b)
	tab := openWords(t, s, "words")
	conflict := fmt.Errorf("somebody was faster: %w", core.ErrConflict)
	for range 3 {
		b.Fail(decorate.Failure{Op: decorate.OpApply, N: 1, Err: conflict})
	}
	runs := 0
	update(t, s, func(tx *core.Tx) error {
		runs++
		return tab.In(tx).Insert(t.Ctx, "k", strconv.Itoa(runs))
	})
	if runs != 4 {
		t.Errorf("with three conflicts the function ran %d times; want 4", runs)
	}
	reads(t, tab, "k", "4")
	b.Fail(decorate.Failure{Op: decorate.OpApply, N: 1, Err: conflict})
	put1(t, tab, "put", "again")
	b.Fail(decorate.Failure{Op: decorate.OpApply, Err: conflict})
	ctx := t.Ctx
	if t.Shared() { // others may be in the way for long there: the context ends the tries
		short, cancel := context.WithTimeout(t.Ctx, 50*time.Millisecond)
		defer cancel()
		ctx = short
	}
	err := s.Update(ctx, func(tx *core.Tx) error { return tab.In(tx).Put(t.Ctx, "k", "lost") })
	if !t.Shared() || !errors.Is(err, context.DeadlineExceeded) {
		t.Is("Update with conflicts without end", err, core.ErrConflict)
	}
	err = tab.Put(ctx, "k", "lost")
	if !t.Shared() || !errors.Is(err, context.DeadlineExceeded) {
		t.Is("Put with conflicts without end", err, core.ErrConflict)
	}
	b.Heal()
	put1(t, tab, "after", "conflicts")
	holds(t, tab, kit.KV("after", "conflicts"), kit.KV("k", "4"), kit.KV("put", "again"))
}

func checkTxTooLarge(t *kit.Trial) {
	s, tab := openOne(t)
	put1(t, tab, "k", "v")
	size := tooMuch(t)
	if size == 0 {
		return
	}
	err := s.Update(t.Ctx, func(tx *core.Tx) error {
		return putMuch(size, func(k, v string) error { return tab.In(tx).Put(t.Ctx, k, v) })
	})
	t.Is("Update", err, core.ErrTooLarge)
	holds(t, tab, kit.KV("k", "v"))
	put1(t, tab, "l", "v")
}

func checkForeignTx(t *kit.Trial) {
	s, tab := openOne(t)
	put1(t, tab, "k", "v")
	other, err := core.Open(t.Ctx, t.Path+".other", t.Backend, core.WithoutSync())
	t.Do("Open", err)
	defer closeStorage(t, other)
	update(t, other, func(tx *core.Tx) error {
		if err := tab.In(tx).Put(t.Ctx, "k", "foreign"); err == nil {
			t.Errorf("a Tx of another storage was taken")
		}
		if _, err := tab.In(tx).Get(t.Ctx, "k"); err == nil {
			t.Errorf("a Tx of another storage was taken")
		}
		return nil
	})
	closeStorage(t, s)
}
