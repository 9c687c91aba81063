// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package backendtest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/backendtest/internal/contract"
	"github.com/guardkv/guardkv/core/backendtest/internal/kit"
	"github.com/guardkv/guardkv/core/backendtest/internal/users"
)

// recorder is a test whose failures are looked at instead of reported.
type recorder struct {
	*testing.T
	mu     sync.Mutex
	errors []string
	notes  []string // reports that are no failures
}

func (r *recorder) Errorf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.errors = append(r.errors, fmt.Sprintf(format, args...))
}

func (r *recorder) Logf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if strings.HasPrefix(format, "NOTE: ") {
		r.notes = append(r.notes, fmt.Sprintf(format, args...))
	}
}

// verdicts returns what a backend fails at, by the promise's name.
func verdicts(t *testing.T, promises []kit.Promise, open func() core.Backend) map[string][]string {
	failed := map[string][]string{}
	for _, p := range promises {
		b := open()
		target := kit.Target{Backend: b, Path: "place"}
		if b.Sharing().Shared() {
			target.Second = b
		}
		if !p.Applies(b.Sharing()) {
			continue
		}
		r := &recorder{T: t}
		tr := kit.NewTrial(r, &p, target, false)
		tr.Short = true
		tr.Run()
		if len(r.errors) > 0 {
			failed[p.Name] = r.errors
		}
	}
	return failed
}

func TestPlain(t *testing.T) {
	Run(t, func(t *testing.T) Target { return Target{Backend: newPlain(""), Path: "place"} })
}

// TestBrokenBackends breaks one promise at a time. The promises whose checks rest on it fail too.
func TestBrokenBackends(t *testing.T) {
	for _, c := range []struct {
		breaks string
		want   string // all that fail; with "..." at the end, some that do
	}{
		{"kept value", "apply/arguments"},
		{
			"order",
			"cursor/arguments, cursor/bytes, cursor/keys only, cursor/limit, cursor/ranges, cursor/reverse, cursor/seek, cursor/side by side, model/random programs, powers/scan, snapshot/unchanging",
		},
		{
			"high",
			"cursor/arguments, cursor/keys only, cursor/ranges, cursor/reverse, cursor/seek, model/random programs, powers/count, powers/scan",
		},
		{"atomic", "apply/atomic"},
		{"stale get", "get/fresh, values/empty ..."},
		{"shared keep", "get/kept ..."},
		{
			"lock",
			"claim/cancelled, claim/engine keeps the lock, claim/exclusive, claim/release, claim/shared",
		},
		{"set mark", "open/set mark, open/set mark argument"},
		{"durable", "apply/durable, open/reopen, model/random programs ..."},
		{"compact", "apply/arguments, get/kept, model/random programs, powers/compact"},
		{
			"snapshot",
			"apply/base, model/random programs, powers/compact, powers/count, snapshot/concurrent, snapshot/get, snapshot/many, snapshot/unchanging",
		},
		{"count", "powers/count"},
		{"end", "cursor/end"},
		{"cancel", "cursor/cancelled, powers/scan"},
		{"stale scan", "cursor/limit, powers/scan"},
		{"seek back", "cursor/limit, cursor/seek"},
		{"seek reverse", "cursor/limit, cursor/seek"},
		{"limit", "cursor/limit"},
		{
			"conditions",
			"conditions/durable, conditions/large batch, conditions/one, conditions/with other writes",
		},
		{"answers", "conditions/large batch, conditions/one, conditions/with other writes"},
		{"limits", "limits/batch bytes, limits/batch rows, limits/key, limits/value"},
		{"list", "backend/list"},
		{"resolve", "backend/resolve"},
		{"race", "open/race"},
		{"rename", "claim/rename onto"},
		{"lent mark", "claim/mark"},
		{"read-only", "open/read-only"},
	} {
		t.Run(c.breaks, func(t *testing.T) {
			want, open := strings.CutSuffix(c.want, " ...")
			promises := contract.Promises()
			// finding the fault needs one check; that nothing else fails needs all others
			if testing.Short() {
				promises = slices.DeleteFunc(promises, func(p kit.Promise) bool {
					return !slices.Contains(strings.Split(want, ", "), p.Name)
				})
			}
			failed := verdicts(t, promises, func() core.Backend { return newPlain(c.breaks) })
			got := slices.Sorted(maps.Keys(failed))
			for _, name := range strings.Split(want, ", ") {
				if failed[name] == nil {
					t.Errorf("%s is broken, and nobody noticed", name)
				}
			}
			if !open && strings.Join(got, ", ") != want {
				t.Errorf("broken are %q; want %q", got, want)
			}
		})
	}
}

// TestVerdicts tests the verdict of a trial on checks that go wrong in every way.
func TestVerdicts(t *testing.T) {
	for _, c := range []struct {
		name  string
		check func(*kit.Trial)
		want  string
	}{
		{"passes", func(t *kit.Trial) {}, ""},
		{"fails", func(t *kit.Trial) { t.Errorf("wrong") }, "wrong\n\tpromise: it is so"},
		{
			"ends", func(t *kit.Trial) { t.Fatalf("wrong"); panic("not reached") },
			"wrong\n\tpromise: it is so",
		},
		{"panics", func(t *kit.Trial) { panic("oops") }, "panic: oops"},
		{"blocks", func(t *kit.Trial) { select {} }, "blocked for 50ms; all goroutines:"},
		{"fails elsewhere", func(t *kit.Trial) {
			t.Within(time.Second, "it", func() { t.Fatalf("wrong") })
		}, "wrong"},
		{"blocks a part", func(t *kit.Trial) {
			t.Within(time.Millisecond, "a part", func() { select {} })
		}, "a part is blocked for 1ms"},
		{
			"leaks a claim",
			func(t *kit.Trial) { t.Backend.Claim(t.Ctx, t.Path, false) }, "claim: never closed",
		},
		{
			"leaks an engine",
			func(t *kit.Trial) { t.Create().Closed = true }, "engine: never closed",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := &recorder{T: t}
			p := kit.Promise{Name: c.name, Explanation: "it is so", Check: c.check}
			tr := kit.NewTrial(r, &p, kit.Target{Backend: newPlain(""), Path: "place"}, false)
			if c.name == "blocks" {
				tr.Wait = 50 * time.Millisecond
			}
			tr.Run()
			got := strings.Join(r.errors, "\n")
			if (got == "") != (c.want == "") || !strings.HasPrefix(got, c.want) {
				t.Errorf("the verdict is %q; want %q", got, c.want)
			}
		})
	}
}

// TestVerdictOnSlowEngine: an engine that wrote all of its rows at every Apply was told that it
// is blocked, and its author looked for a deadlock. How long it takes until an Apply returns
// depends on the machine, so there is more time until one does.
func TestVerdictOnSlowEngine(t *testing.T) {
	for wait := 50 * time.Millisecond; ; wait *= 2 {
		r := &recorder{T: t}
		stop, stopped := make(chan struct{}), make(chan struct{})
		p := kit.Promise{Explanation: "it is so", Check: func(t *kit.Trial) {
			defer close(stopped)
			s := t.Create()
			for {
				select {
				case <-stop:
					return
				default:
					s.MustApply(kit.Put("k", "v"))
				}
			}
		}}
		tr := kit.NewTrial(r, &p, kit.Target{Backend: newPlain(""), Path: "place"}, false)
		tr.Wait = wait
		tr.Run()
		close(stop)
		<-stopped
		got := strings.Join(r.errors, "\n")
		switch {
		case strings.HasPrefix(got, fmt.Sprintf("not over after %v, though not blocked: ", wait)):
			return
		case !strings.HasPrefix(got, "blocked for ") || wait > 10*time.Second:
			t.Fatalf("the verdict after %v is %q", wait, got)
		}
	}
}

// TestLateVerdict: a report of a goroutine that a check left behind must not reach a test that is
// over.
func TestLateVerdict(t *testing.T) {
	r := &recorder{T: t}
	gate, done := make(chan struct{}), make(chan struct{})
	p := kit.Promise{Check: func(t *kit.Trial) {
		go func() {
			defer close(done)
			<-gate
			t.Logf("late")
			t.Errorf("late")
		}()
	}}
	kit.NewTrial(r, &p, kit.Target{Backend: newPlain("")}, false).Run()
	close(gate)
	<-done
	if len(r.errors) != 0 {
		t.Errorf("the verdict changed to %q", r.errors)
	}
}

// TestPromises: names are unique, because they name subtests, and every promise says what it is.
func TestPromises(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range slices.Concat(users.AlonePromises, contract.Promises(), users.Promises()) {
		if seen[p.Name] || p.Explanation == "" || p.Check == nil {
			t.Errorf("promise %q is twice or incomplete", p.Name)
		}
		seen[p.Name] = true
	}
}

// TestCausesComeFirst: when many subtests failed, those of the engine's own contract were
// somewhere among those that rest on it.
func TestCausesComeFirst(t *testing.T) {
	var mu sync.Mutex
	var order []string
	first := newPhase()
	over := make([]<-chan struct{}, 20)
	for i := range over {
		over[i] = first.begin(func() {
			mu.Lock()
			defer mu.Unlock()
			order = append(order, "contract")
		})
	}
	first.wait()
	mu.Lock()
	order = append(order, "core")
	mu.Unlock()
	for _, done := range over {
		<-done
	}
	if len(order) != 21 || order[20] != "core" {
		t.Errorf("the order is %q", order)
	}
}

// TestPromiseBeforeStacks: a report began with what happened, and named the promise after some
// thousand lines.
func TestPromiseBeforeStacks(t *testing.T) {
	r := &recorder{T: t}
	p := kit.Promise{
		Explanation: "it is so",
		Check:       func(t *kit.Trial) { t.Errorf("wrong:\na stack\nof lines") },
	}
	kit.NewTrial(r, &p, kit.Target{Backend: newPlain(""), Path: "place"}, false).Run()
	if want := "wrong:\n\tpromise: it is so\na stack\nof lines"; len(r.errors) != 1 ||
		r.errors[0] != want {
		t.Errorf("the verdict is %q, want %q", r.errors, want)
	}
}
