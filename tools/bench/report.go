// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"fmt"
	"io"
	"strconv"
	"strings"
)

// textReport prints results as they come, and counts the targets that were met.
type textReport struct {
	w            io.Writer
	claimed, met int
}

// begin prints where the run takes place.
func (t *textReport) begin(r *Report) {
	m := r.Machine
	fmt.Fprintf(t.w, "GuardKV benchmarks: %s %s/%s, %d CPUs %s, databases in %s\n",
		m.Go, m.OS, m.Arch, m.CPUs, m.CPU, m.Dir)
	fmt.Fprintln(t.w,
		"All ways to do a work take turns. Their fastest turns are compared, or their medians if "+
			"the work waits for a disk.")
	fmt.Fprintln(t.w,
		"Half of the rounds lie between the ratios in brackets. cpu compares the processor time of "+
			"all threads,")
	fmt.Fprintln(t.w, "which a busy machine disturbs less.")
}

// result prints the sides of one piece of work, with each comparison in a line of its own.
func (t *textReport) result(r Result) {
	fmt.Fprintf(t.w, "\n%s: %s\n", r.Name, r.Title)
	disk, peak := false, false
	for _, s := range r.Sides {
		disk, peak = disk || s.Disk > 0, peak || s.Peak > 0
	}
	fmt.Fprintf(t.w, "  %-36s %12s %12s %8s %12s %10s", "", "min ns/"+r.Unit, "median", "spread",
		"allocs/"+r.Unit, "B/"+r.Unit)
	if disk {
		fmt.Fprintf(t.w, " %12s", "disk")
	}
	if peak {
		fmt.Fprintf(t.w, " %12s", "memory")
	}
	fmt.Fprintln(t.w)
	for _, s := range r.Sides {
		fmt.Fprintf(t.w, "  %-36s %12s %12s %7.0f%% %12s %10s",
			s.Name, figure(s.Min), figure(s.Median), 100*s.Spread,
			figure(s.Allocs), figure(s.Bytes))
		if disk {
			fmt.Fprintf(t.w, " %12s", mebibytes(s.Disk))
		}
		if peak {
			fmt.Fprintf(t.w, " %12s", mebibytes(s.Peak))
		}
		fmt.Fprintln(t.w)
	}
	for _, c := range r.Compared {
		t.compare(c)
	}
}

// compare prints one comparison.
func (t *textReport) compare(c Compare) {
	fmt.Fprintf(t.w, "  %-56s %14s  [%.2f, %.2f]", c.Side+" / "+c.Base, c.Figure, c.Low, c.High)
	if c.CPU > 0 {
		fmt.Fprintf(t.w, " cpu %.2f", c.CPU)
	}
	if c.Target != "" {
		t.claimed++
		word := "MISSED"
		if c.Met {
			t.met++
			word = "met"
		}
		fmt.Fprintf(t.w, "   target %-18s %s", c.Target, word)
	}
	fmt.Fprintln(t.w)
}

// conclude prints the last line.
func (t *textReport) conclude() { fmt.Fprintf(t.w, "\n%d of %d targets met\n", t.met, t.claimed) }

// figure formats a number with about four significant digits.
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
