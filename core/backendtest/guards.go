// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package backendtest

import (
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/values"
)

var guardPromises = []promise{
	{
		name: "guards/own goroutine writes", check: checkOwnGuard,
		explanation: "guards never block: a goroutine may write, by every verb, with its own guard or scan open",
	},
	{
		name: "guards/others proceed", check: checkOthersProceed,
		explanation: "while guards, scans or read transactions are open, writers, other readers and Compact proceed",
	},
	{
		name: "guards/growth", check: checkGuardGrowth, bareOnly: true,
		explanation: "guards never block: the storage may grow while they are open",
	},
	{
		name: "guards/keep bytes", check: checkGuardKeeps,
		explanation: "a guard keeps its bytes through overwrite, delete, drop, compaction, and Close of the storage",
	},
	{
		name: "guards/many", check: checkManyGuards,
		explanation: "any number of guards may be open, each with its own state of the row",
	},
	{
		name: "guards/copies", check: checkGuardCopies,
		explanation: "Close is idempotent, on every copy, from any goroutine",
	},
	{
		name: "guards/stale", check: checkGuardStale,
		explanation: "Value panics with ErrGuardClosed after Close, even when the state was reused, and a stale Close ends nobody else's guard",
	},
	{
		name: "guards/load", check: checkLoad,
		explanation: "View is the scoped form of Get, and Load returns a private copy",
	},
	{
		name: "guards/absent", check: checkGuardAbsent,
		explanation: "Get, View and Load of an absent row give ErrNotFound, and leave nothing open",
	},
}

func checkOwnGuard(t *trial) {
	s, tab := t.one()
	load(t, tab, 20)
	put1(t, tab, "held", "bytes")
	g := guard(t, tab, "held")
	for _, v := range writeVerbs {
		t.within(soon, v.name+" with an own guard", func() { t.do(v.name, v.do(t, s, tab)) })
		for r, err := range tab.Scan().Rows(t.ctx) {
			t.do("Rows", err)
			t.within(soon, v.name+" within an own scan", func() { t.do(v.name, v.do(t, s, tab)) })
			if r.Value == "" {
				t.Errorf("the value of %q is gone", r.Key)
			}
		}
		t.do("View", s.View(t.ctx, func(tx *core.Tx) error {
			t.within(soon, v.name+" within an own View", func() { t.do(v.name, v.do(t, s, tab)) })
			return nil
		}))
	}
	if got := g.Value(); got != "bytes" {
		t.Errorf("the guard's value became %q", got)
	}
	t.close(g)
}

func checkOthersProceed(t *trial) {
	s, tab := t.one()
	put1(t, tab, "held", "bytes")
	g := guard(t, tab, "held")
	t.do("View", s.View(t.ctx, func(tx *core.Tx) error {
		for range tab.Scan().Rows(t.ctx) {
			var others sync.WaitGroup
			for _, v := range writeVerbs {
				others.Go(func() {
					for range t.pick(10, 3) {
						if err := v.do(t, s, tab); err != nil {
							t.Errorf("%s: %v", v.name, err)
						}
						if _, err := tab.Has(t.ctx, "held"); err != nil {
							t.Errorf("Has: %v", err)
						}
					}
				})
			}
			t.within(soon, "the others", others.Wait)
		}
		return nil
	}))
	if got := g.Value(); got != "bytes" {
		t.Errorf("the guard's value became %q", got)
	}
	t.close(g)
}

func checkGuardGrowth(t *trial) {
	s := t.open()
	tab := table(t, s, "blobs", keys.Uint64(), values.Bytes())
	value := []byte(noise(256 << 10))
	put1(t, tab, 0, []byte("held"))
	g := guard(t, tab, 0)
	t.within(patience/2, "growing", func() {
		for i := range uint64(t.pick(64<<20, 4<<20) / len(value)) {
			put1(t, tab, i+1, value)
			if i%16 == 0 {
				defer func() { t.close(guard(t, tab, i+1)) }()
			}
		}
	})
	if got := string(g.Value()); got != "held" {
		t.Errorf("the guard's value became %q", got)
	}
	t.close(g)
}

func checkGuardKeeps(t *trial) {
	s, tab := t.one()
	other := t.words(s, "other")
	long := noise(100_000)
	for _, k := range []string{"overwritten", "deleted", "empty", "untouched"} {
		put1(t, tab, k, strings.Repeat("x", len(k)/6)+long)
		put1(t, other, k, k)
	}
	put1(t, tab, "empty", "")
	want, guards := map[string]string{}, map[string]core.Guard[string]{}
	for _, k := range []string{"overwritten", "deleted", "empty", "untouched"} {
		guards[k] = guard(t, tab, k)
		want[k] = copyOf(guards[k].Value())
	}
	compact := func() { _, err := s.Compact(t.ctx); t.do("Compact", err) }
	steps := []struct {
		name string
		do   func()
	}{
		{"overwriting", func() { put1(t, tab, "overwritten", "new") }},
		{"deleting", func() { _, err := tab.Delete(t.ctx, "deleted"); t.do("Delete", err) }},
		{"Compact", compact},
		{"DropTable", func() { t.do("DropTable", s.DropTable(t.ctx, "words")) }},
		{"many writes", func() { load(t, other, t.pick(20_000, 2_000)) }},
		{"another Compact", compact},
		{"Close", func() { t.is("Close", s.Close(), core.ErrGuardsOpen) }},
	}
	for _, step := range steps {
		step.do()
		for k, g := range guards {
			if got := g.Value(); got != want[k] {
				t.Fatalf("after %s the guard of %q holds %s; want %s", step.name, k, brief(got), brief(want[k]))
			}
		}
	}
	for _, g := range guards {
		t.close(g)
	}
}

func checkManyGuards(t *trial) {
	_, tab := t.one()
	n := t.pick(1000, 200)
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

func checkGuardCopies(t *trial) {
	s, tab := t.one()
	put1(t, tab, "k", "v")
	for range t.pick(200, 50) {
		g := guard(t, tab, "k")
		var closers sync.WaitGroup
		for range 4 {
			copied := g
			closers.Go(func() { t.close(copied); t.close(copied) })
		}
		closers.Wait()
	}
	var zero core.Guard[string]
	t.close(zero)
	t.closeStorage(s)
}

// valuePanics ends the check unless Value panics with ErrGuardClosed.
func valuePanics[W any](t *trial, g core.Guard[W]) {
	t.tb.Helper()
	defer func() {
		t.tb.Helper()
		p := recover()
		if err, ok := p.(error); !ok || !errors.Is(err, core.ErrGuardClosed) {
			t.Errorf("Value after Close: panic is %v; want ErrGuardClosed", p)
		}
	}()
	g.Value()
}

func checkGuardStale(t *trial) {
	_, tab := t.one()
	put1(t, tab, "k", "v")
	put1(t, tab, "l", "another")
	valuePanics(t, core.Guard[string]{})
	var stale []core.Guard[string]
	for range 50 {
		g := guard(t, tab, "k")
		t.close(g)
		valuePanics(t, g)
		stale = append(stale, g)
		fresh := guard(t, tab, "l")
		for _, g := range stale {
			t.close(g)
			valuePanics(t, g)
		}
		if got := fresh.Value(); got != "another" {
			t.Fatalf("a stale Close changed a guard's value to %q", got)
		}
		t.close(fresh)
	}
}

func checkLoad(t *trial) {
	s := t.open()
	tab := table(t, s, "blobs", keys.Uint64(), values.Bytes())
	put1(t, tab, 1, []byte("value"))
	mine, err := tab.Load(t.ctx, 1)
	t.do("Load", err)
	failure := errors.New("of the caller")
	err = tab.View(t.ctx, 1, func(v []byte) error {
		put1(t, tab, 1, []byte("other"))
		if string(v) != "value" {
			t.Errorf("within View the value became %q", v)
		}
		return failure
	})
	if err != failure {
		t.Errorf("View gives %v; want the function's own error", err)
	}
	t.closeStorage(s)
	if string(mine) != "value" {
		t.Errorf("what Load returned became %q", mine)
	}
	spoil(mine)
	tab = table(t, t.open(), "blobs", keys.Uint64(), values.Bytes())
	if v, err := tab.Load(t.ctx, 1); err != nil || string(v) != "other" {
		t.Errorf("Load = %q, %v; want %q", v, err, "other")
	}
}

func checkGuardAbsent(t *trial) {
	s, tab := t.one()
	put1(t, tab, "kk", "v")
	for _, k := range []string{"", "k", "kkk", "l", "kk\x00"} {
		_, err := tab.Get(t.ctx, k)
		t.is("Get", err, core.ErrNotFound)
		t.is("View", tab.View(t.ctx, k, func(string) error { t.Errorf("View calls its function"); return nil }), core.ErrNotFound)
		absent(t, tab, k)
		if found, err := tab.Has(t.ctx, k); found || err != nil {
			t.Errorf("Has %q = %v, %v", k, found, err)
		}
	}
	var e *core.Error
	if _, err := tab.Get(t.ctx, "k"); !errors.As(err, &e) || e.Op == "" || e.Table != "words" || e.Key != "k" || e.Path != t.path {
		t.Errorf("the error is %#v; want a *core.Error that names operation, storage, table and key", err)
	}
	t.closeStorage(s)
}
