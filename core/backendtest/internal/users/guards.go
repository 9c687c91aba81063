// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package users

import (
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/backendtest/internal/decorate"
	"github.com/guardkv/guardkv/core/backendtest/internal/kit"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/values"
)

var guardPromises = []kit.Promise{
	{
		Name: "guards/own goroutine writes", Check: checkOwnGuard,
		Explanation: "guards never block: a goroutine may write, by every verb, with its own " +
			"guard or scan open",
	},
	{
		Name: "guards/others proceed", Check: checkOthersProceed,
		Explanation: "while guards, scans or read transactions are open, writers, other readers " +
			"and Compact proceed",
	},
	{
		Name: "guards/growth", Check: checkGuardGrowth, BareOnly: true,
		Explanation: "guards never block: the storage may grow while they are open",
	},
	{
		Name: "guards/keep bytes", Check: checkGuardKeeps,
		Explanation: "a guard keeps its bytes through overwrite, delete, drop, compaction, and " +
			"Close of the storage",
	},
	{
		Name: "guards/many", Check: checkManyGuards,
		Explanation: "any number of guards may be open, each with its own state of the row",
	},
	{
		Name: "guards/copies", Check: checkGuardCopies,
		Explanation: "Close is idempotent, on every copy, from any goroutine",
	},
	{
		Name: "guards/stale", Check: checkGuardStale,
		Explanation: "Value panics with ErrGuardClosed after Close, even when the state was " +
			"reused, and a stale Close ends nobody else's guard",
	},
	{
		Name: "guards/load", Check: checkLoad,
		Explanation: "View is the scoped form of Get, and Load returns a private copy",
	},
	{
		Name: "guards/absent", Check: checkGuardAbsent,
		Explanation: "Get, View and Load of an absent row give ErrNotFound, and leave nothing open",
	},
}

func checkOwnGuard(t *kit.Trial) {
	s, tab := openOne(t)
	load(t, tab, 20)
	put1(t, tab, "held", "bytes")
	g := guard(t, tab, "held")
	for _, v := range writeVerbs {
		t.Within(kit.Soon, v.name+" with an own guard", func() { t.Do(v.name, v.do(t, s, tab)) })
		for r, err := range tab.Scan().Rows(t.Ctx) {
			t.Do("Rows", err)
			t.Within(kit.Soon, v.name+" within an own scan",
				func() { t.Do(v.name, v.do(t, s, tab)) })
			if r.Value == "" {
				t.Errorf("the value of %q is gone", r.Key)
			}
		}
		t.Do("View", s.View(t.Ctx, func(tx *core.Tx) error {
			t.Within(kit.Soon, v.name+" within an own View",
				func() { t.Do(v.name, v.do(t, s, tab)) })
			return nil
		}))
	}
	if got := g.Value(); got != "bytes" {
		t.Errorf("the guard's value became %q", got)
	}
	t.Close(g)
}

func checkOthersProceed(t *kit.Trial) {
	s, tab := openOne(t)
	put1(t, tab, "held", "bytes")
	g := guard(t, tab, "held")
	t.Do("View", s.View(t.Ctx, func(tx *core.Tx) error {
		for range tab.Scan().Rows(t.Ctx) {
			var others sync.WaitGroup
			for _, v := range writeVerbs {
				others.Go(func() {
					for range t.Pick(10, 3) {
						if err := v.do(t, s, tab); err != nil {
							t.Errorf("%s: %v", v.name, err)
						}
						if _, err := tab.Has(t.Ctx, "held"); err != nil {
							t.Errorf("Has: %v", err)
						}
					}
				})
			}
			t.Within(kit.Soon, "the others", others.Wait)
		}
		return nil
	}))
	if got := g.Value(); got != "bytes" {
		t.Errorf("the guard's value became %q", got)
	}
	t.Close(g)
}

func checkGuardGrowth(t *kit.Trial) {
	s := open(t)
	tab := table(t, s, "blobs", keys.Uint64(), values.Bytes())
	value := []byte(kit.Incompressible(256 << 10))
	put1(t, tab, 0, []byte("held"))
	g := guard(t, tab, 0)
	t.Within(kit.MaxWait/2, "growing", func() {
		for i := range uint64(t.Pick(64<<20, 4<<20) / len(value)) {
			put1(t, tab, i+1, value)
			if i%16 == 0 {
				defer func() { t.Close(guard(t, tab, i+1)) }()
			}
		}
	})
	if got := string(g.Value()); got != "held" {
		t.Errorf("the guard's value became %q", got)
	}
	t.Close(g)
}

func checkGuardKeeps(t *kit.Trial) {
	s, tab := openOne(t)
	other := openWords(t, s, "other")
	long := kit.Incompressible(100_000)
	for _, k := range []string{"overwritten", "deleted", "empty", "untouched"} {
		put1(t, tab, k, strings.Repeat("x", len(k)/6)+long)
		put1(t, other, k, k)
	}
	put1(t, tab, "empty", "")
	want, guards := map[string]string{}, map[string]core.Guard[string]{}
	for _, k := range []string{"overwritten", "deleted", "empty", "untouched"} {
		guards[k] = guard(t, tab, k)
		want[k] = kit.CopyOf(guards[k].Value())
	}
	compact := func() { _, err := s.Compact(t.Ctx); t.Do("Compact", err) }
	steps := []struct {
		name string
		do   func()
	}{
		{"overwriting", func() { put1(t, tab, "overwritten", "new") }},
		{"deleting", func() { _, err := tab.Delete(t.Ctx, "deleted"); t.Do("Delete", err) }},
		{"Compact", compact},
		{"DropTable", func() { t.Do("DropTable", s.DropTable(t.Ctx, "words")) }},
		{"many writes", func() { load(t, other, t.Pick(20_000, 2_000)) }},
		{"another Compact", compact},
		{"Close", func() { t.Is("Close", s.Close(), core.ErrGuardsOpen) }},
	}
	for _, step := range steps {
		step.do()
		for k, g := range guards {
			if got := g.Value(); got != want[k] {
				t.Fatalf("after %s the guard of %q holds %s; want %s",
					step.name, k, kit.Brief(got), kit.Brief(want[k]))
			}
		}
	}
	for _, g := range guards {
		t.Close(g)
	}
}

func checkManyGuards(t *kit.Trial) {
	_, tab := openOne(t)
	n := t.Pick(1000, 200)
	var guards []core.Guard[string]
	for i := range n {
		put1(t, tab, "k", fmt.Sprint(i))
		guards = append(guards, guard(t, tab, "k"))
	}
	var closers sync.WaitGroup
	for part := range 4 {
		closers.Go(func() {
			for i := part; i < n; i += 4 {
				if got := guards[i].Value(); got != fmt.Sprint(i) {
					t.Errorf("guard %d holds %q", i, got)
				}
				guards[i].Close()
			}
		})
	}
	closers.Wait()
}

func checkGuardCopies(t *kit.Trial) {
	s, tab := openOne(t)
	put1(t, tab, "k", "v")
	for range t.Pick(200, 50) {
		g := guard(t, tab, "k")
		var closers sync.WaitGroup
		for range 4 {
			copied := g
			closers.Go(func() { t.Close(copied); t.Close(copied) })
		}
		closers.Wait()
	}
	var zero core.Guard[string]
	t.Close(zero)
	closeStorage(t, s)
}

// valuePanics ends the check unless Value panics with ErrGuardClosed.
func valuePanics[W any](t *kit.Trial, g core.Guard[W]) {
	t.TB.Helper()
	defer func() {
		t.TB.Helper()
		p := recover()
		if err, ok := p.(error); !ok || !errors.Is(err, core.ErrGuardClosed) {
			t.Errorf("Value after Close: panic is %v; want ErrGuardClosed", p)
		}
	}()
	g.Value()
}

func checkGuardStale(t *kit.Trial) {
	_, tab := openOne(t)
	put1(t, tab, "k", "v")
	put1(t, tab, "l", "another")
	valuePanics(t, core.Guard[string]{})
	var stale []core.Guard[string]
	for range 50 {
		g := guard(t, tab, "k")
		t.Close(g)
		valuePanics(t, g)
		stale = append(stale, g)
		fresh := guard(t, tab, "l")
		for _, g := range stale {
			t.Close(g)
			valuePanics(t, g)
		}
		if got := fresh.Value(); got != "another" {
			t.Fatalf("a stale Close changed a guard's value to %q", got)
		}
		t.Close(fresh)
	}
}

func checkLoad(t *kit.Trial) {
	s := open(t)
	tab := table(t, s, "blobs", keys.Uint64(), values.Bytes())
	put1(t, tab, 1, []byte("value"))
	mine, err := tab.Load(t.Ctx, 1)
	t.Do("Load", err)
	failure := errors.New("of the caller")
	err = tab.View(t.Ctx, 1, func(v []byte) error {
		put1(t, tab, 1, []byte("other"))
		if string(v) != "value" {
			t.Errorf("within View the value became %q", v)
		}
		return failure
	})
	if err != failure {
		t.Errorf("View gives %v; want the function's own error", err)
	}
	closeStorage(t, s)
	if string(mine) != "value" {
		t.Errorf("what Load returned became %q", mine)
	}
	decorate.Overwrite(mine)
	tab = table(t, open(t), "blobs", keys.Uint64(), values.Bytes())
	if v, err := tab.Load(t.Ctx, 1); err != nil || string(v) != "other" {
		t.Errorf("Load = %q, %v; want %q", v, err, "other")
	}
}

func checkGuardAbsent(t *kit.Trial) {
	s, tab := openOne(t)
	put1(t, tab, "kk", "v")
	for _, k := range []string{"", "k", "kkk", "l", "kk\x00"} {
		_, err := tab.Get(t.Ctx, k)
		t.Is("Get", err, core.ErrNotFound)
		t.Is("View", tab.View(t.Ctx, k, func(string) error {
			t.Errorf("View calls its function")
			return nil
		}), core.ErrNotFound)
		absent(t, tab, k)
		if found, err := tab.Has(t.Ctx, k); found || err != nil {
			t.Errorf("Has %q = %v, %v", k, found, err)
		}
	}
	var e *core.Error
	if _, err := tab.Get(t.Ctx, "k"); !errors.As(err,
		&e) || e.Op == "" || e.Table != "words" || e.Key != "k" || e.Path != t.Path {
		t.Errorf("the error is %#v; want a *core.Error with operation, storage, table and key", err)
	}
	closeStorage(t, s)
}
