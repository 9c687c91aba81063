// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"strings"
	"testing"
)

// TestGatesHaveWorks keeps a gate from guarding nothing after a work was renamed.
func TestGatesHaveWorks(t *testing.T) {
	e := env{sizes: shortSizes}
	names := make(map[string]bool)
	for _, w := range e.works() {
		if names[w.name] {
			t.Errorf("two works are called %s", w.name)
		}
		names[w.name] = true
	}
	for _, g := range gates {
		if !names[g.work] {
			t.Errorf("no work is called %s", g.work)
		}
	}
}

func TestGateStopsWhatGotWorse(t *testing.T) {
	g := gate{work: "engine/get", side: "guardkv", allocs: 2, ratio: 1.5}
	measured := func(allocs, nanos float64) *Result {
		return &Result{Sides: []Side{
			{Name: "by hand", Min: 100},
			{Name: "guardkv", Min: nanos, Allocs: allocs},
		}}
	}
	for _, c := range []struct {
		name          string
		allocs, nanos float64
		want          string
	}{
		{"as it was", 2.02, 140, ""},
		{"one allocation more", 3, 140, "3.00 allocations, not 2"},
		{"one allocation less, which the gate should know", 1, 140, "1.00 allocations, not 2"},
		{"slower", 2, 160, "takes 1.60 times as long as by hand"},
	} {
		err := g.check(measured(c.allocs, c.nanos))
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", c.name, err, c.want)
		}
	}
	e := gate{work: "engine/guard", side: "guardkv", excess: 25}
	sides := []Side{
		{Name: "no formats", Min: 50},
		{Name: "by hand", Min: 100},
		{Name: "guardkv", Min: 120},
	}
	if err := e.check(&Result{Sides: sides}); err != nil {
		t.Error(err)
	}
	sides[2].Min = 130
	if err := e.check(&Result{Sides: sides}); err == nil {
		t.Error("30 ns more pass a gate of 25")
	}
	if err := g.check(&Result{}); err == nil {
		t.Error("a side that is gone passes")
	}
}
