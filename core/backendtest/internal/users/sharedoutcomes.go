// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package users

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/backendtest/internal/decorate"
	"github.com/guardkv/guardkv/core/backendtest/internal/kit"
)

// These say what becomes of writes when answers get lost or servers cannot be reached.
var sharedOutcomePromises = []kit.Promise{
	{
		Name: "shared outcomes/lost answers", Check: checkLostAnswers, Shared: true,
		Explanation: "a write to which no answer comes is made exactly once, whether it was " +
			"lost, took effect, or takes effect long after it was given up",
	},
	{
		Name: "shared outcomes/again and again", Check: checkLostAgain, Shared: true,
		Explanation: "the same holds when answers are lost one after the other, with other " +
			"commits in between",
	},
	{
		Name: "shared outcomes/insert and delete", Check: checkLostConditions, Shared: true,
		Explanation: "Insert and Delete whose answer is lost are done exactly once; if they took " +
			"effect, and it is unknown whether there was a row, they return ErrMaybe",
	},
	{
		Name: "shared outcomes/typed", Check: checkSharedTyped, Shared: true,
		Explanation: "ErrUnavailable and ErrSnapshotExpired fail one call, are typed, and none " +
			"after it fails; so does an error that the engine does not explain",
	},
}

// lostAnswers are the ways to lose the answer to an Apply.
var lostAnswers = map[string]func(late *[]func() error) decorate.Failure{
	"before it took effect": func(*[]func() error) decorate.Failure {
		return decorate.Failure{Err: core.ErrMaybe}
	},
	"after it took effect": func(*[]func() error) decorate.Failure {
		return decorate.Failure{Err: core.ErrMaybe, After: true}
	},
	"by a connection that broke": func(*[]func() error) decorate.Failure {
		return decorate.Failure{Err: errors.New("connection reset"), After: true}
	},
	"long before it takes effect": func(late *[]func() error) decorate.Failure {
		return decorate.Failure{
			Err:   core.ErrMaybe,
			Later: func(apply func() error) { *late = append(*late, apply) },
		}
	},
}

// arrive lets late batches take effect, if they can.
func arrive(t *kit.Trial, late *[]func() error) {
	t.TB.Helper()
	for _, apply := range *late {
		if err := apply(); err != nil {
			t.Is("an Apply that arrives late", err, core.ErrConflict)
		}
	}
	*late = nil
}

// twoFaulty is twoOf with calls of the first process that can fail. That process has written
// before.
func twoFaulty(t *kit.Trial) (f *decorate.Faults, a *core.Storage, inA, inB words) {
	t.TB.Helper()
	f = decorate.Fault(t.Backend)
	a = openOn(t, f)
	inA = openWords(t, a, "words")
	put1(t, inA, "warm", "up")
	return f, a, inA, openWords(t, openOn(t, t.Second), "words")
}

func checkLostAnswers(t *kit.Trial) {
	f, a, inA, inB := twoFaulty(t)
	verbs := map[string]func(k string) error{
		"Put": func(k string) error { return inA.Put(t.Ctx, k, "1") },
		"PutAll": func(k string) error {
			return inA.PutAll(t.Ctx, func(yield func(k, v string) bool) { yield(k, "1") })
		},
		"PutStream": func(k string) error {
			_, err := inA.PutStream(t.Ctx, func(yield func(k, v string) bool) { yield(k, "1") })
			return err
		},
		"Modify": func(k string) error { return inA.Modify(t.Ctx, k, counting) },
		"Update": func(k string) error {
			return a.Update(t.Ctx, func(tx *core.Tx) error {
				return inA.In(tx).Put(t.Ctx, k, strconv.Itoa(1+numberIn(t, inA.In(tx), k)))
			})
		},
	}
	for how, lose := range kit.ByName(lostAnswers) {
		for verb, write := range kit.ByName(verbs) {
			for _, n := range []int{1, 2} { // only the commit, or also the commit that settles it
				var late []func() error
				k := fmt.Sprint(verb, " ", how, " ", n)
				for range n {
					x := lose(&late)
					x.Op, x.N = decorate.OpApply, 1
					f.Fail(x)
				}
				if err := write(k); err != nil {
					t.Errorf("%s whose answer is lost %s, %d times, gives %v", verb, how, n, err)
				}
				f.Heal()
				reads(t, inB, k, "1")
				put1(t, inB, k, "theirs")
				arrive(t, &late)
				reads(t, inB, k, "theirs")
				put1(t, inA, "next", k)
			}
		}
	}
}

// checkLostAgain counts while many answers get lost. Late batches arrive at any time.
func checkLostAgain(t *kit.Trial) {
	f, _, inA, inB := twoFaulty(t)
	rnd := rand.New(rand.NewPCG(31, 0))
	var late []func() error
	ways := slices.Sorted(maps.Keys(lostAnswers))
	n := t.Pick(400, 100)
	for i := range n {
		for range rnd.IntN(3) {
			x := lostAnswers[ways[rnd.IntN(len(ways))]](&late)
			x.Op, x.N = decorate.OpApply, 1+rnd.IntN(3)
			f.Fail(x)
		}
		t.Do("Modify", inA.Modify(t.Ctx, "counter", counting))
		if rnd.IntN(4) == 0 {
			arrive(t, &late)
		}
		if rnd.IntN(4) == 0 {
			t.Do("Modify", inB.Modify(t.Ctx, "counter", counting))
			n++
		}
		if rnd.IntN(8) == 0 {
			put1(t, inA, fmt.Sprint("beside", i), "v")
		}
	}
	f.Heal()
	arrive(t, &late)
	reads(t, inB, "counter", strconv.Itoa(n))
	reads(t, inA, "counter", strconv.Itoa(n))
}

func checkLostConditions(t *kit.Trial) {
	f, _, inA, inB := twoFaulty(t)
	for how, lose := range kit.ByName(lostAnswers) {
		var late []func() error
		x := lose(&late)
		x.Op, x.N = decorate.OpApply, 1
		f.Fail(x)
		err := inA.Insert(t.Ctx, how, "mine")
		if err != nil && !(x.After && errors.Is(err, core.ErrMaybe)) {
			t.Errorf("Insert whose answer is lost %s gives %v", how, err)
		}
		reads(t, inB, how, "mine")
		t.Is("Insert again", inA.Insert(t.Ctx, how, "again"), core.ErrExists)
		arrive(t, &late)
		f.Fail(x)
		there, err := inA.Delete(t.Ctx, how)
		if err == nil && !there || err != nil && !(x.After && errors.Is(err, core.ErrMaybe)) {
			t.Errorf("Delete whose answer is lost %s gives %v, %v", how, there, err)
		}
		absent(t, inB, how)
		put1(t, inB, how, "theirs")
		arrive(t, &late)
		reads(t, inA, how, "theirs")
	}
}

func checkSharedTyped(t *kit.Trial) {
	f, a, inA, inB := twoFaulty(t)
	put1(t, inB, "k", "v")
	fail := func(op decorate.Op, err error) { f.Fail(decorate.Failure{Op: op, N: 1, Err: err}) }
	for verb, call := range kit.ByName(everyVerb(t.Ctx, a)) {
		for _, op := range []decorate.Op{decorate.OpSnapshot, decorate.OpApply} {
			fail(op, core.ErrUnavailable)
			if err := call(inA); err != nil {
				t.Is(verb+" with "+string(op)+" to a server that cannot be reached", err,
					core.ErrUnavailable)
			}
			f.Heal()
			for range 2 {
				_, err := inB.Delete(t.Ctx, "new") // Insert may have put it
				t.Do("Delete", err)
				t.Do(verb+" after that", call(inA))
			}
		}
	}
	for read, call := range kit.ByName(everyRead(t.Ctx, a)) {
		for _, op := range []decorate.Op{decorate.OpSnapshotGet, decorate.OpNext} {
			fail(op, core.ErrSnapshotExpired)
			if err := call(inA); err != nil {
				t.Is(read+" of a severed snapshot", err, core.ErrSnapshotExpired)
			}
			f.Heal()
			t.Do(read+" after that", call(inA))
		}
	}
	fail(decorate.OpApply, core.ErrUnavailable)
	t.Is("Put", inA.Put(t.Ctx, "k", "lost"), core.ErrUnavailable)
	fail(decorate.OpSnapshotGet, core.ErrSnapshotExpired)
	_, err := inA.Load(t.Ctx, "k")
	t.Is("Load", err, core.ErrSnapshotExpired)
	put1(t, inA, "k", "after")
	reads(t, inB, "k", "after")
}
