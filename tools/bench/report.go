// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// report prints results and counts the targets that were met.
type report struct {
	w            io.Writer
	claimed, met int
}

// work prints the sides of one piece of work, with each claim in a line of its own.
func (r *report) work(title, unit string, results []series) {
	fmt.Fprintf(r.w, "\n%s\n", title)
	fmt.Fprintf(r.w, "  %-34s %12s %12s %10s %10s\n", "", "min ns/"+unit, "median", "allocs/"+unit, "B/"+unit)
	for _, s := range results {
		times := s.over(nanos)
		fmt.Fprintf(r.w, "  %-34s %12s %12s %10s %10s\n", s.side.name,
			figure(slices.Min(times)), figure(median(times)), figure(median(s.over(allocs))), figure(median(s.over(heap))))
	}
	for _, s := range results {
		for _, c := range s.side.claims {
			r.claim(c, s, baseOf(c, results))
		}
	}
}

// baseOf finds the side that a claim compares with.
func baseOf(c claim, results []series) series {
	for _, s := range results {
		if s.side.name == c.base {
			return s
		}
	}
	return results[0]
}

// claim prints one comparison.
func (r *report) claim(c claim, s, base series) {
	v := c.judge(s, base)
	text := fmt.Sprintf("  %s / %s", s.side.name, base.side.name)
	r.verdict(text, v)
}

// verdict prints a figure beside its target.
func (r *report) verdict(text string, v verdict) {
	fmt.Fprintf(r.w, "%-60s %14s", text, v.figure)
	if !v.none {
		r.claimed++
		word := "MISSED"
		if v.met {
			r.met++
			word = "met"
		}
		fmt.Fprintf(r.w, "   target %-22s %s", v.target, word)
	}
	fmt.Fprintln(r.w)
}

// conclude prints the last line.
func (r *report) conclude() {
	fmt.Fprintf(r.w, "\n%d of %d targets met\n", r.met, r.claimed)
}

// figure formats a number with about four digits that matter.
func figure(f float64) string {
	if f < 10 {
		return strings.TrimSuffix(strings.TrimRight(strconv.FormatFloat(f, 'f', 2, 64), "0"), ".")
	}
	return grouped(int64(f + 0.5))
}

// grouped formats a number with commas between its thousands.
func grouped(n int64) string {
	digits := strconv.FormatInt(n, 10)
	for i := len(digits) - 3; i > 0 && digits[i-1] != '-'; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}
