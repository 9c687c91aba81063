// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

// Package bench compares work done through GuardKV with the same work done on the engine by hand,
// on the same data and in one process.
//
// A work is one benchmark, such as bbolt/get/128B. Its sides are the ways to do it: by hand, in
// native_*.go, and through GuardKV, in work_*.go. The sides take turns, so that a busy moment of
// the machine hits all of them, and only the ratio of their times is compared with a target. The
// targets come from the design; docs/performance.md says what they are and which of them are met.
// [Run] measures works, and [Gate] holds a dozen of them to generous bounds in half a minute.
package bench

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"time"
)

// work is one piece of work that is done in several ways.
type work struct {
	name   string // for -run: "bbolt/get/128B"
	title  string
	unit   string // what an operation is: "op", "row"
	group  string // which works are shown beside it: "get"
	engine string
	format string // "raw" for bytes
	shape  shape
	// setup makes the sides. The first one is the baseline of all claims that name no other.
	// cleanup is called when all rounds are over.
	setup func(context.Context, *env) (sides []side, cleanup func() error, err error)
	// ops is the fixed number of operations of a turn, with at most rounds of them; 0 means as
	// many operations as fill a turn.
	ops    int
	rounds int
	// waits says that the work waits for a disk. Its medians are compared, because the fastest
	// turns only show who had luck with the disk.
	waits bool
	// peaks says that the memory of the process is watched during the turns.
	peaks bool
}

// side is one way of doing the work.
type side struct {
	name   string
	run    func(n int) error // does n operations
	native bool              // by hand, on the engine: never slowed down
	claims []claim
	ops    int                   // of a turn, in place of the work's
	before func() error          // prepares a turn, which is not measured; may be nil
	after  func() error          // ends a turn, which is not measured; may be nil
	disk   func() (int64, error) // how many bytes lie on the disk after the last turn; may be nil
}

// turn is what one operation of a side took, on average, in one round.
type turn struct {
	nanos, allocs, bytes float64
	// processor time in nanoseconds, of all threads of the process; 0 if unknown
	cpu float64
	// how much the memory of the process grew during the turn, if that was watched
	peak int64
}

// series is what one side took in all rounds.
type series struct {
	side  side
	turns []turn
	waits bool
	disk  int64
}

// harness says how long and how often things are measured.
type harness struct {
	rounds   int
	turn     time.Duration // how long a turn should take
	slowdown float64       // slows the other sides by this fraction of the baseline's time
	progress func(part float64)
}

// measure finds out how many operations fill a turn, then takes the turns.
func (h harness) measure(w work, sides []side) ([]series, error) {
	if len(sides) == 0 {
		return nil, nil
	}
	if w.waits { // a turn has many waits, or its beginning and end weigh too much
		h.turn, h.rounds = 5*h.turn, max(3, h.rounds/3)
	}
	ops := make([]int, len(sides))
	for i, s := range sides {
		n, err := h.operations(w, s)
		if err != nil {
			return nil, fmt.Errorf("%s: %s: %w", w.name, s.name, err)
		}
		ops[i] = n
	}
	extra, err := h.extraSpins(sides[0], ops[0])
	if err != nil {
		return nil, err
	}
	return h.takeTurns(w, sides, ops, extra)
}

// takeTurns lets all sides take turns, so that a noisy moment hits all of them. Another side goes
// first in each round. A turn has as many operations as ops says for its side; extra spins slow
// each of them down.
func (h harness) takeTurns(w work, sides []side, ops []int, extra int) ([]series, error) {
	results := make([]series, len(sides))
	for i, s := range sides {
		results[i].side, results[i].waits = s, w.waits
	}
	rounds := h.rounds
	if w.rounds > 0 {
		rounds = min(rounds, w.rounds)
	}
	for round := range rounds {
		for i := range sides {
			i = (i + round) % len(sides)
			t, err := takeTurn(sides[i], ops[i], extra, w.peaks)
			if err != nil {
				return nil, fmt.Errorf("%s: %s: %w", w.name, sides[i].name, err)
			}
			results[i].turns = append(results[i].turns, t)
		}
		if h.progress != nil {
			h.progress(float64(round+1) / float64(rounds))
		}
	}
	for i, s := range sides {
		if s.disk != nil {
			n, err := s.disk()
			if err != nil {
				return nil, err
			}
			results[i].disk = n
		}
	}
	return results, nil
}

// operations finds how many operations of a side fill a turn, which warms it up too.
func (h harness) operations(w work, s side) (int, error) {
	if s.ops > 0 {
		return s.ops, nil
	}
	if w.ops > 0 {
		return w.ops, nil
	}
	for n := 1; ; n *= 2 {
		begun := time.Now()
		if err := s.run(n); err != nil {
			return 0, err
		}
		if took := time.Since(begun); took >= h.turn/4 {
			return max(1, int(float64(n)*float64(h.turn)/float64(took))), nil
		}
	}
}

// takeTurn measures one turn. extra is the number of spins that slow each operation down.
func takeTurn(s side, n, extra int, peaks bool) (t turn, err error) {
	if s.before != nil {
		if err := s.before(); err != nil {
			return turn{}, err
		}
	}
	if s.after != nil {
		defer func() { err = errors.Join(err, s.after()) }()
	}
	runtime.GC()
	var w *watcher
	if peaks {
		if w, err = watchMemory(); err != nil {
			return turn{}, err
		}
		defer func() {
			var grown int64
			grown, err2 := w.grown()
			t.peak, err = grown, errors.Join(err, err2)
		}()
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	cpu, begun := processorTime(), time.Now()
	err = s.run(n)
	if !s.native {
		spin(n * extra)
	}
	took := time.Since(begun)
	cpu = processorTime() - cpu
	runtime.ReadMemStats(&after)
	return turn{
		nanos:  float64(took.Nanoseconds()) / float64(n),
		cpu:    float64(cpu.Nanoseconds()) / float64(n),
		allocs: float64(after.Mallocs-before.Mallocs) / float64(n),
		bytes:  float64(after.TotalAlloc-before.TotalAlloc) / float64(n),
	}, err
}

// extraSpins turns the slowdown into a fixed amount of computation for each operation.
func (h harness) extraSpins(baseline side, ops int) (int, error) {
	if h.slowdown == 0 {
		return 0, nil
	}
	work, spins := series{}, series{}
	begun := time.Now()
	for i := range tries {
		// long turns are seldom disturbed from end to end
		if i >= 2 && time.Since(begun) > time.Second {
			break
		}
		t, err := takeTurn(baseline, ops, 0, false)
		if err != nil {
			return 0, err
		}
		work.turns = append(work.turns, t)
		t, err = takeTurn(side{native: true, run: func(n int) error { spin(n); return nil }},
			2_000_000, 0, false)
		if err != nil {
			return 0, err
		}
		spins.turns = append(spins.turns, t)
	}
	return int(h.slowdown * work.ratio(spins)), nil
}

// tries is how often the slowdown's figures are taken: the fastest ones count.
const tries = 15

// spun keeps the compiler from leaving the spins out.
var spun uint64

// spin computes something that takes the same time whenever it is done.
//
//go:noinline
func spin(n int) {
	x := spun
	for range n {
		x = x*6364136223846793005 + 1442695040888963407
	}
	spun = x
}

// over returns the values of some figure in all turns.
func (s series) over(figure func(turn) float64) []float64 {
	values := make([]float64, len(s.turns))
	for i, t := range s.turns {
		values[i] = figure(t)
	}
	return values
}

func nanos(t turn) float64  { return t.nanos }
func cpu(t turn) float64    { return t.cpu }
func allocs(t turn) float64 { return t.allocs }
func heap(t turn) float64   { return t.bytes }

// typical is the time that stands for the side. Noise only ever adds to the time of a computation,
// so its fastest turn is the one that was least disturbed. Waiting for a disk has no such floor,
// so the median counts.
func (s series) typical() float64 {
	if s.waits {
		return median(s.over(nanos))
	}
	return slices.Min(s.over(nanos))
}

// ratio compares a side with another one.
func (s series) ratio(base series) float64 { return s.typical() / base.typical() }

// spread returns the ratios to another side between which half of the rounds lie. It compares
// round by round, because both sides of a round met the same noise.
func (s series) spread(base series) (low, high float64) {
	var ratios []float64
	for i := range min(len(s.turns), len(base.turns)) {
		ratios = append(ratios, s.turns[i].nanos/base.turns[i].nanos)
	}
	if len(ratios) == 0 {
		return 0, 0
	}
	slices.Sort(ratios)
	return ratios[(len(ratios)-1)/4], ratios[len(ratios)-1-(len(ratios)-1)/4]
}

// noise is how wide the middle half of a side's rounds is, as a fraction of the median.
func (s series) noise() float64 {
	times := s.over(nanos)
	middle := median(times) // sorts
	if middle == 0 {
		return 0
	}
	quarter := (len(times) - 1) / 4
	return (times[len(times)-1-quarter] - times[quarter]) / middle
}

// peak is the highest growth of memory in any round.
func (s series) peak() int64 {
	var most int64
	for _, t := range s.turns {
		most = max(most, t.peak)
	}
	return most
}

// cpuRatio compares the processor time of two sides, which other processes of a busy machine
// disturb less than time. It is 0 where that says nothing: the time is unknown, or the work waits
// for a disk.
func (s series) cpuRatio(base series) float64 {
	mine, other := slices.Min(s.over(cpu)), slices.Min(base.over(cpu))
	if s.waits || other == 0 {
		return 0
	}
	return mine / other
}

// excess is how much longer a side takes than another one.
func (s series) excess(base series) float64 { return s.typical() - base.typical() }

// median returns the middle of the values, which it sorts.
func median(values []float64) float64 {
	slices.Sort(values)
	n := len(values)
	if n == 0 {
		return 0
	}
	return (values[(n-1)/2] + values[n/2]) / 2
}
