// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package contract

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/backendtest/internal/kit"
)

var sharedClaimPromises = []kit.Promise{
	{
		Name: "shared/claims", Check: checkSharedClaims, Shared: true,
		Explanation: "a claim locks nothing: a storage may be claimed and open any number of " +
			"times, also while somebody creates it",
	},
	{
		Name: "shared/stale claims", Check: checkStaleClaims, Shared: true,
		Explanation: "Rename, Remove and Open return ErrConflict and change nothing unless the " +
			"path still has what the claim saw, with the same mark",
	},
	{
		Name: "shared/claims at once", Check: checkClaimsAtOnce, Shared: true,
		Explanation: "if several claims at once saw the same, exactly one renames the storage, " +
			"and exactly one creates it",
	},
	{
		Name: "shared/renamed while open", Check: checkRenamedOpen, Shared: true,
		Explanation: "Rename deletes the row at FenceKey; an engine that has the storage open " +
			"goes on with it, wherever it is",
	},
	{
		Name: "shared/removed while open", Check: checkRemovedOpen, Shared: true,
		Explanation: "after Remove an engine that has the storage open finds no row and no " +
			"fence, and its Apply returns ErrConflict or ErrClosed",
	},
	{
		Name: "shared/set mark", Check: checkSharedSetMark, Shared: true,
		Explanation: "SetMark returns ErrConflict if the mark is not the one that the claim saw, " +
			"or that this engine set last",
	},
}

// marked ends the check unless a claim finds this mark.
func marked(t *kit.Trial, c core.Claim, want []byte) {
	t.TB.Helper()
	if m, err := c.Mark(); !bytes.Equal(m, want) || (m == nil) != (want == nil) || err != nil {
		t.Fatalf("Mark = %q, %v; want %q", m, err, want)
	}
}

// opening returns the error of opening a storage that cannot be opened.
func opening(t *kit.Trial, c core.Claim) error {
	t.TB.Helper()
	e, err := c.Open(t.Ctx, core.EngineOptions{
		Mark: []byte("late"), NoSync: true, Logger: slog.New(slog.DiscardHandler),
	})
	if err == nil {
		t.Do("Close", e.Close())
	}
	return err
}

func checkSharedClaims(t *kit.Trial) {
	one, two := t.Claim(t.Path, false), t.ClaimIn(t.Second, t.Path, false)
	marked(t, one, nil)
	marked(t, two, nil)
	first := t.OpenClaim(one, t.Path, core.EngineOptions{Mark: kit.SomeMark, NoSync: true})
	t.Is("Open of what somebody else created meanwhile", opening(t, two), core.ErrConflict)
	marked(t, two, kit.SomeMark)
	second := t.OpenClaim(two, t.Path, core.EngineOptions{Mark: []byte("other"), NoSync: true})
	reader := t.OpenClaim(t.ClaimIn(t.Second, t.Path, true), t.Path, core.EngineOptions{})
	third := t.Create()
	for i, s := range []*kit.Store{first, second, third} {
		key := fmt.Sprint(i)
		s.MustApply(kit.Put(key, "v"))
		for _, other := range []*kit.Store{first, second, third, reader} {
			other.Wants(key, "v")
		}
	}
	first.MustClose()
	second.MustApply(kit.Put("3", "v"))
	third.Wants("3", "v")
	if m := t.Mark(t.Path); !bytes.Equal(m, kit.SomeMark) {
		t.Errorf("Mark = %q; want that of the one who created the storage", m)
	}
}

// stale ends the check unless all calls of a claim return ErrConflict.
func stale(t *kit.Trial, when string, c core.Claim) {
	t.TB.Helper()
	t.Is(when+" Rename", c.Rename(t.Path+".stale"), core.ErrConflict)
	t.Is(when+" Remove", c.Remove(), core.ErrConflict)
	t.Is(when+" Open", opening(t, c), core.ErrConflict)
}

func checkStaleClaims(t *kit.Trial) {
	s := t.Create()
	s.MustApply(kit.Put("k", "v"))
	aside := t.Path + ".aside"
	late, marks := t.ClaimIn(t.Second, t.Path, false), t.Claim(t.Path, false)
	marked(t, late, kit.SomeMark)
	marked(t, marks, kit.SomeMark)

	t.Do("SetMark", s.SetMark(t.Ctx, []byte("changed")))
	stale(t, "after the mark was changed", late)
	stale(t, "after the mark was changed", marks)
	marked(t, late, []byte("changed"))

	early := t.Claim(t.Path, false)
	marked(t, early, []byte("changed"))
	t.Do("Rename", early.Rename(aside))
	stale(t, "after the storage was renamed", late)
	fresh := t.OpenClaim(early, t.Path, core.EngineOptions{Mark: []byte("changed"), NoSync: true})
	fresh.MustApply(kit.Put("fresh", "v"))
	stale(t, "after the storage was replaced, by one with the same mark,", late)
	if got, want := t.List(t.Path), []string{t.Path, aside}; !slices.Equal(got, want) {
		t.Errorf("List gives %q; want %q", got, want)
	}
	fresh.Has(kit.KV("fresh", "v"))
	s.Has(kit.KV("k", "v"))

	nothing := t.Path + ".nothing"
	absent := t.ClaimIn(t.Second, nothing, false)
	marked(t, absent, nil)
	t.OpenStore(nothing, core.EngineOptions{Mark: kit.SomeMark, NoSync: true})
	t.Is("Remove of what was not there", absent.Remove(), core.ErrConflict)
	if got := t.List(nothing); len(got) != 1 {
		t.Errorf("List gives %q; want %q", got, nothing)
	}
}

func checkClaimsAtOnce(t *kit.Trial) {
	for round := range t.Pick(20, 5) {
		path := fmt.Sprintf("%s-%d", t.Path, round)
		create := someClaims(t, path, nil)
		once(t, "created", create, func(i int, c core.Claim) error { return opening(t, c) })
		rename := someClaims(t, path, []byte("late"))
		once(t, "renamed", rename, func(i int, c core.Claim) error {
			return c.Rename(fmt.Sprintf("%s.aside-%d", path, i))
		})
		if got := t.List(path + "."); len(got) != 1 {
			t.Errorf("after one was renamed there are %q", got)
		}
	}
}

// someClaims returns claims of both processes that have seen this mark.
func someClaims(t *kit.Trial, path string, mark []byte) (claims []core.Claim) {
	t.TB.Helper()
	for range 3 {
		for _, b := range []core.Backend{t.Backend, t.Second} {
			c := t.ClaimIn(b, path, false)
			marked(t, c, mark)
			claims = append(claims, c)
		}
	}
	return claims
}

// once ends the check unless fn succeeds for one of the claims, and is a conflict for the others.
func once(t *kit.Trial, what string, claims []core.Claim, fn func(int, core.Claim) error) {
	t.TB.Helper()
	var succeeded atomic.Int32
	var all sync.WaitGroup
	for i, c := range claims {
		all.Go(func() {
			if err := fn(i, c); err == nil {
				succeeded.Add(1)
			} else if !errors.Is(err, core.ErrConflict) {
				t.Errorf("a storage that is %s by several gives %v; want ErrConflict", what, err)
			}
		})
	}
	all.Wait()
	if n := succeeded.Load(); n != 1 {
		t.Fatalf("a storage was %s by %d of %d", what, n, len(claims))
	}
	for _, c := range claims {
		t.Release(c)
	}
}

func checkRenamedOpen(t *kit.Trial) {
	one, two := t.Pair()
	one.MustApply(kit.Put("k", "v"), kit.Put(core.FenceKey, "fence"))
	c := t.Claim(t.Path, false)
	aside := t.Path + ".aside"
	t.Do("Rename", c.Rename(aside))
	fenceless(t, one, two)
	fresh := t.OpenClaim(c, t.Path, core.EngineOptions{Mark: []byte("fresh"), NoSync: true})
	fresh.MustApply(kit.Put(core.FenceKey, "fence"))
	fenceless(t, one, two)
	two.MustApply(kit.Put("l", "w"))
	one.Has(kit.KV("k", "v"), kit.KV("l", "w"))
	fresh.Has(kit.KV(core.FenceKey, "fence"))
	moved := t.OpenSecond(aside)
	moved.Has(kit.KV("k", "v"), kit.KV("l", "w"))
}

// fenceless ends the check unless the fence is gone for all that have the storage open.
func fenceless(t *kit.Trial, all ...*kit.Store) {
	t.TB.Helper()
	for _, s := range all {
		snap := s.Begin(core.ToReadOnce)
		if fence, found := s.Fence(snap); found {
			t.Errorf("the fence is %q; want none", fence)
		}
		t.Close(snap)
		fence := core.Condition{Key: []byte(core.FenceKey), Value: []byte("fence")}
		err := s.ApplyOnly([]core.Condition{fence}, kit.Put("behind", "the fence"))
		if !errors.Is(err, core.ErrConflict) && !errors.Is(err, core.ErrClosed) {
			t.Errorf("an Apply that demands the fence gives %v; want ErrConflict", err)
		}
	}
}

func checkRemovedOpen(t *kit.Trial) {
	one, two := t.Pair()
	one.MustApply(kit.Put("k", "v"), kit.Put(core.FenceKey, "fence"))
	c := t.Claim(t.Path, false)
	t.Do("Remove", c.Remove())
	fenceless(t, one, two)
	fresh := t.OpenClaim(c, t.Path, core.EngineOptions{Mark: kit.SomeMark, NoSync: true})
	fresh.MustApply(kit.Put("fresh", "v"), kit.Put(core.FenceKey, "fence"))
	fenceless(t, one, two)
	for _, s := range []*kit.Store{one, two} {
		s.Lacks("k")
		s.Lacks("fresh")
		err := s.ApplyOnly(nil, kit.Put("late", "v"))
		if !errors.Is(err, core.ErrConflict) && !errors.Is(err, core.ErrClosed) {
			t.Errorf("Apply to a storage that was removed gives %v; want ErrClosed", err)
		}
	}
	fresh.Has(kit.KV(core.FenceKey, "fence"), kit.KV("fresh", "v"))
}

func checkSharedSetMark(t *kit.Trial) {
	one, two := t.Pair()
	t.Do("SetMark", one.SetMark(t.Ctx, []byte("first")))
	t.Do("SetMark again", one.SetMark(t.Ctx, []byte("second")))
	t.Is("SetMark by another one", two.SetMark(t.Ctx, []byte("theirs")), core.ErrConflict)
	t.Is("the same again", two.SetMark(t.Ctx, []byte("second")), core.ErrConflict)
	two.MustClose()
	two = t.OpenSecond(t.Path)
	t.Do("SetMark after opening", two.SetMark(t.Ctx, []byte("theirs")))
	t.Is("SetMark by the first one", one.SetMark(t.Ctx, []byte("third")), core.ErrConflict)
	if m := t.Mark(t.Path); string(m) != "theirs" {
		t.Errorf("Mark = %q; want %q", m, "theirs")
	}
}
