// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"strings"
	"testing"
	"time"
)

func TestNumbers(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0", 7: "7", 999: "999", 1000: "1,000", 288767: "288,767", 1234567: "1,234,567",
		-100: "-100", -1000: "-1,000",
	} {
		if got := grouped(n); got != want {
			t.Errorf("grouped(%d) = %q, not %q", n, got, want)
		}
	}
	for d, want := range map[time.Duration]string{
		1500 * time.Nanosecond:   "1.5 µs",
		12345 * time.Microsecond: "12.3 ms",
		2340 * time.Millisecond:  "2.34 s",
		125 * time.Second:        "125 s",
	} {
		if got := seconds(d); got != want {
			t.Errorf("seconds(%v) = %q, not %q", d, got, want)
		}
	}
	for n, want := range map[int64]string{512: "0.5 KiB", 3 << 20: "3.0 MiB"} {
		if got := formatSize(n); got != want {
			t.Errorf("formatSize(%d) = %q, not %q", n, got, want)
		}
	}
}

func TestProgressIsDrawnOnATerminalOnly(t *testing.T) {
	for _, terminal := range []bool{true, false} {
		var out strings.Builder
		r := &report{w: &out, terminal: terminal}
		r.progress(1, 4)
		r.progress(2, 4) // too soon after the first
		r.clear()
		want := ""
		if terminal {
			want = clearLine + "    " + strings.Repeat("█", 10) + strings.Repeat("░",
				30) + "  25 %" + clearLine
		}
		if got := out.String(); got != want {
			t.Errorf("terminal %t: %q, not %q", terminal, got, want)
		}
	}
}

func TestLinesAreAligned(t *testing.T) {
	var out strings.Builder
	r := &report{w: &out}
	r.line(line{"λ short", time.Second, 1000, "rows"})
	r.line(line{"a longer text than that", 2 * time.Millisecond, 10, "rows"})
	lines := strings.Split(out.String(), "\n")
	if a, b := []rune(lines[0]), []rune(lines[1]); len(a) != len(b) {
		t.Errorf("%d and %d characters:\n%s", len(a), len(b), out.String())
	}
}
