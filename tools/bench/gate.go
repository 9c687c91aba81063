// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"
)

// gate bounds what one side of a work may cost. Allocations are the same on every machine. Times
// are not, so their bounds are generous: they let noise pass, and stop a change that costs half as
// much again.
type gate struct {
	work, side string
	allocs     float64 // of an operation, rounded
	moreAllocs float64 // how many more may pass: an engine's own, which depend on chance
	ratio      float64 // to the first side; 0 is no bound
	// nanoseconds above the second side, the same read without a guard; 0 is no bound
	excess float64
}

var gates = []gate{
	{work: "bbolt/get/128B", side: "guardkv Get+Close", ratio: 1},
	{work: "bbolt/get/128B", side: "guardkv View", ratio: 1},
	{work: "bbolt/scan", side: "guardkv Scan.Rows", ratio: 2.75},
	{work: "bbolt/range", side: "guardkv Scan.Rows", allocs: 6, ratio: 2.5},
	{work: "bbolt/load-random", side: "guardkv PutStream", allocs: 7, moreAllocs: 1, ratio: 0.6},
	{work: "bbolt/guard/[]byte", side: "guardkv Get+Close", excess: 70},
	{work: "pebble/get/128B", side: "guardkv Get+Close", allocs: 1, ratio: 1.6},
	{work: "pebble/scan", side: "guardkv Scan.Rows", ratio: 2},
	{work: "badger/get/128B", side: "guardkv Get+Close", allocs: 16, moreAllocs: 1, ratio: 1.5},
	{work: "badger/scan", side: "guardkv Scan.Rows", ratio: 2},
	{work: "memory/guard/string", side: "guardkv Get+Close", excess: 70},
	{work: "memory/guard/view40", side: "guardkv Get+Close", excess: 90},
}

// gateTries is how often a work is measured before it fails: noise goes away, a slowdown stays.
const gateTries = 3

// Gate measures all works that have gates, in less than half a minute, and returns an error that
// says what has got worse.
func Gate(ctx context.Context, cfg Config) error {
	cfg.Short = true
	e, err := newEnv(cfg)
	if err != nil {
		return err
	}
	e.sizes.small, e.sizes.load = shape{50_000, 128}, shape{50_000, 128}
	e.harness = harness{rounds: 9, turn: 15 * time.Millisecond, slowdown: cfg.Slowdown}
	var failed error
	for _, w := range e.works() {
		if gated := gatesOf(w.name); len(gated) > 0 {
			failed = errors.Join(failed, e.pass(ctx, w, gated))
		}
	}
	return errors.Join(failed, e.drop(""), e.remove())
}

func gatesOf(work string) (gated []gate) {
	for _, g := range gates {
		if g.work == work {
			gated = append(gated, g)
		}
	}
	return gated
}

// pass measures a work until it is within its bounds.
func (e *env) pass(ctx context.Context, w work, gated []gate) error {
	var failed error
	for range gateTries {
		r, err := e.do(ctx, w)
		if err != nil {
			return err
		}
		failed = nil
		for _, g := range gated {
			failed = errors.Join(failed, g.check(r))
		}
		if failed == nil {
			fmt.Fprintf(e.cfg.Out, "%-24s ok\n", w.name)
			return nil
		}
	}
	fmt.Fprintf(e.cfg.Out, "%-24s FAILED\n%v\n", w.name, failed)
	return failed
}

// check compares a result with the bounds.
func (g gate) check(r *Result) error {
	for _, s := range r.Sides {
		if s.Name == g.side {
			return errors.Join(g.checkAllocs(s), g.checkTime(s, r.Sides))
		}
	}
	return fmt.Errorf("%s: no side is called %q", g.work, g.side)
}

func (g gate) checkAllocs(s Side) error {
	if n := math.Round(s.Allocs); n < g.allocs || n > g.allocs+g.moreAllocs {
		return fmt.Errorf("%s: %s: %.2f allocations, not %.0f: if that is meant, change the gate",
			g.work, g.side, s.Allocs, g.allocs)
	}
	return nil
}

func (g gate) checkTime(s Side, sides []Side) error {
	ratio := s.Min / sides[0].Min
	if cpu := s.CPU / sides[0].CPU; cpu > 0 { // 0 if it is unknown
		ratio = min(ratio, cpu)
	}
	if g.ratio > 0 && ratio > g.ratio {
		return fmt.Errorf("%s: %s takes %.2f times as long as %s, more than %.2f",
			g.work, g.side, ratio, sides[0].Name, g.ratio)
	}
	if excess := s.Min - sides[1].Min; g.excess > 0 && excess > g.excess {
		return fmt.Errorf("%s: %s takes %.0f ns longer than %s, more than %.0f",
			g.work, g.side, excess, sides[1].Name, g.excess)
	}
	return nil
}
