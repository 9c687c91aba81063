// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package backendtest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/backendtest/internal/kit"
)

// results collects the broken promises. The subtests end in any order; the report has the order
// of the specification, in which a promise follows those that its check rests on.
type results struct {
	sharing core.Sharing

	mu     sync.Mutex
	tried  int
	broken []result
	apart  []string // names of subtests that do not apply to the backend
}

// result is a promise that is broken.
type result struct {
	place   int // in the specification
	promise *kit.Promise
	spoiled bool
	problem string // the first that was found
}

// run makes the check of a promise and keeps its result.
func (v *results) run(t *kit.Trial, place int, p *kit.Promise, spoiled bool) {
	t.Run()
	v.mu.Lock()
	defer v.mu.Unlock()
	v.tried++
	if problem := t.Problem(); problem != "" {
		v.broken = append(v.broken, result{place, p, spoiled, problem})
	}
}

// mustApply skips the subtest of a promise that does not apply to the backend.
func (v *results) mustApply(t *testing.T, p *kit.Promise, spoiled bool) {
	t.Helper()
	if p.Applies(v.sharing) {
		return
	}
	v.mu.Lock()
	v.apart = append(v.apart, result{promise: p, spoiled: spoiled}.name())
	v.mu.Unlock()
	t.Skip("does not apply: several processes write, and a claim keeps nobody out")
}

// inapplicable says which subtests do not apply to the backend.
func (v *results) inapplicable() string {
	v.mu.Lock()
	defer v.mu.Unlock()
	slices.Sort(v.apart)
	return fmt.Sprintf("%d checks were made; %d do not apply, because several processes write, "+
		"and a claim keeps nobody out: %s", v.tried, len(v.apart), strings.Join(v.apart, ", "))
}

// report says what to fix first: the promises of the first group in which one is broken. It returns
// "" if none is.
func (v *results) report() string {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.broken) == 0 {
		return ""
	}
	slices.SortStableFunc(v.broken, func(a, b result) int {
		if a.spoiled != b.spoiled { // a failure without Spoil explains one behind it
			return cmp.Compare(len(a.mode()), len(b.mode()))
		}
		return cmp.Compare(a.place, b.place)
	})
	var s strings.Builder
	fmt.Fprintf(&s, "%d of %d checks failed. Fix these first:\n", len(v.broken), v.tried)
	first := v.broken[0]
	n := slices.IndexFunc(v.broken, func(x result) bool {
		return x.group() != first.group() || x.spoiled != first.spoiled
	})
	if n < 0 {
		n = len(v.broken)
	}
	for _, x := range v.broken[:n] {
		fmt.Fprintf(&s, "\t%s: %s\n\t\tpromise: %s\n", x.name(), x.problem, x.promise.Explanation)
	}
	if n < len(v.broken) {
		s.WriteString("The others may follow from them. In the order in which they rest on each " +
			"other:\n")
	}
	for _, x := range v.broken[n:] {
		fmt.Fprintf(&s, "\t%s: %s\n", x.name(), x.problem)
	}
	return s.String()
}

func (x result) mode() string {
	if x.spoiled {
		return "spoiled"
	}
	return "bare"
}

func (x result) name() string { return x.mode() + "/" + x.promise.Name }

// group returns the part of the name before the slash, which promises on one subject share.
func (x result) group() string {
	group, _, _ := strings.Cut(x.promise.Name, "/")
	return group
}
