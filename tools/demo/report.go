// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	textWidth = 62 // of a line's text, before its figures
	barWidth  = 40
	clearLine = "\r\x1b[K"
)

// report prints what the demo does, as it goes.
type report struct {
	w        io.Writer
	terminal bool // progress is drawn over itself
	step     int
	drawn    time.Time // when the bar was drawn last
}

// headline opens the report.
func (r *report) headline(text string) { fmt.Fprintln(r.w, text) }

// begin announces a step.
func (r *report) begin(title string) {
	r.step++
	fmt.Fprintf(r.w, "\n%2d  %s\n", r.step, title)
}

// line prints a detail of the step and, if they are known, how long it took and how fast it was.
func (r *report) line(l line) {
	text := "    " + l.text
	if l.took > 0 {
		text = padded(text, textWidth) + fmt.Sprintf("%10s", seconds(l.took))
	}
	if l.took > 0 && l.count > 0 {
		text += fmt.Sprintf("%14s %s/s", grouped(int64(float64(l.count)/l.took.Seconds())), l.unit)
	}
	fmt.Fprintln(r.w, text)
}

// progress shows how far a step has come: a bar on a terminal, nothing elsewhere.
func (r *report) progress(done, total int64) {
	if !r.terminal || time.Since(r.drawn) < 50*time.Millisecond {
		return
	}
	r.drawn = time.Now()
	filled := int(barWidth * done / max(total, 1))
	fmt.Fprintf(r.w, "%s    %s%s %3d %%", clearLine,
		strings.Repeat("█", filled), strings.Repeat("░", barWidth-filled), 100*done/max(total, 1))
}

// clear takes the bar away.
func (r *report) clear() {
	if r.terminal {
		fmt.Fprint(r.w, clearLine)
	}
}

// verified closes a step.
func (r *report) verified(facts int, err error) {
	if err != nil {
		fmt.Fprintf(r.w, "    ✗ %v\n", err)
		return
	}
	fmt.Fprintf(r.w, "    ✓ verified: %s facts\n", grouped(int64(facts)))
}

// line is one detail of a step.
type line struct {
	text  string
	took  time.Duration
	count int // of units, for the rate
	unit  string
}

// padded fills text up to a width in characters. Combining marks do not count.
func padded(text string, width int) string {
	return text + strings.Repeat(" ", max(1, width-utf8.RuneCountInString(text)))
}

// seconds formats a duration with three significant digits.
func seconds(d time.Duration) string {
	switch {
	case d >= 100*time.Second:
		return fmt.Sprintf("%.0f s", d.Seconds())
	case d >= time.Second:
		return fmt.Sprintf("%.2f s", d.Seconds())
	case d >= time.Millisecond:
		return fmt.Sprintf("%.3g ms", float64(d)/float64(time.Millisecond))
	}
	return fmt.Sprintf("%.3g µs", float64(d)/float64(time.Microsecond))
}

// grouped formats a number with commas between its thousands.
func grouped(n int64) string {
	digits := strconv.FormatInt(n, 10)
	for i := len(digits) - 3; i > 0 && digits[i-1] != '-'; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// formatSize formats a number of bytes.
func formatSize(n int64) string {
	if n < 1<<20 {
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
}
