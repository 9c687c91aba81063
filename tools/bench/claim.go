// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package bench

import "fmt"

// claim is a target of the design: how a side compares with its baseline.
type claim struct {
	base  string // the side to compare with; "" is the first
	kind  kind
	limit float64 // 0 compares without a target
	// the side must not allocate, rounding aside; for an excess, not more than the baseline
	noAlloc bool
}

// kind says what is compared with the limit.
type kind uint8

const (
	ratioAtMost kind = iota // time divided by that of the baseline
	timesFaster             // time of the baseline divided by that of the side
	excessNanos             // nanoseconds above the baseline
	diskTimes               // bytes on the disk divided by those of the baseline
	// memory divided by that of the baseline, with room for what a garbage collector has not
	// collected
	memoryTimes
)

// verdict is a claim held against figures.
type verdict struct {
	figure string // "0.68", "9.1 x faster", "+18 ns"
	target string // "<= 0.75, 0 allocs"
	met    bool
	none   bool // there is no target
}

// judge compares a side with its baseline.
func (c claim) judge(s, base series) verdict {
	v := verdict{none: c.limit == 0 && !c.noAlloc}
	switch c.kind {
	case ratioAtMost:
		ratio := s.ratio(base)
		v.figure, v.target, v.met = fmt.Sprintf("%.3g", ratio), fmt.Sprintf("<= %.2f",
			c.limit), ratio <= c.limit
	case timesFaster:
		times := 1 / s.ratio(base)
		v.figure, v.target, v.met = fmt.Sprintf("%.1f x faster", times), fmt.Sprintf(">= %.0f x",
			c.limit), times >= c.limit
	case excessNanos:
		excess := s.excess(base)
		v.figure, v.target, v.met = fmt.Sprintf("%+.0f ns", excess), fmt.Sprintf("<= +%.0f ns",
			c.limit), excess <= c.limit
	case diskTimes:
		times := float64(s.disk) / float64(max(base.disk, 1))
		v.figure, v.target, v.met = fmt.Sprintf("%.2f x disk", times), fmt.Sprintf("<= %.2f x",
			c.limit), times <= c.limit
	case memoryTimes:
		const slack = 32 << 20
		times := float64(s.peak()+slack) / float64(base.peak()+slack)
		v.figure, v.target, v.met = fmt.Sprintf("%.2f x memory", times), fmt.Sprintf("<= %.2f x",
			c.limit), times <= c.limit
	}
	if c.noAlloc {
		v.target += ", 0 allocs"
		more := median(s.over(allocs))
		if c.kind == excessNanos {
			more -= median(base.over(allocs))
		}
		v.met = v.met && more < 0.01
	}
	if v.none {
		v.target = ""
	}
	return v
}
