// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"html/template"
	"math"
)

// Bar is a ratio beside others.
type Bar struct {
	Label            string
	Class            string // of the style sheet: the color
	Ratio, Low, High float64
	Target           float64 // 0 is none
	Hint             string  // shown under the mouse
}

// Bars draws ratios on a logarithmic scale, from a line at 1, where both sides take the same time.
// Shorter is better.
func Bars(title string, bars []Bar) template.HTML {
	const left, right, row, top, bottom = 210, 70, 22, 8, 26
	values := []float64{0.5, 2}
	for _, b := range bars {
		values = append(values, b.Ratio, b.Low, b.High, b.Target)
	}
	s := newSVG(760, float64(top+bottom+row*len(bars)))
	x := newScale(values, left, s.width-right)
	for _, t := range x.ticks() {
		s.line(x.At(t), top, x.At(t), s.height-bottom, "grid")
		s.text(x.At(t), s.height-bottom+16, "tick middle", Number(t))
	}
	for i, b := range bars {
		y := float64(top + i*row)
		from, to := x.At(1), x.At(b.Ratio)
		s.text(left-8, y+15, "label end", b.Label)
		s.rect(min(from, to), y+4, max(1, math.Abs(to-from)), row-8, "bar "+b.Class, b.Hint)
		s.line(x.At(b.Low), y+row/2, x.At(b.High), y+row/2, "error")
		s.line(x.At(b.Low), y+row/2-4, x.At(b.Low), y+row/2+4, "error")
		s.line(x.At(b.High), y+row/2-4, x.At(b.High), y+row/2+4, "error")
		if b.Target > 0 {
			s.line(x.At(b.Target), y+1, x.At(b.Target), y+row-1, "target")
		}
		s.text(max(to, x.At(b.High), from)+8, y+15, "value", Number(b.Ratio))
	}
	s.line(x.At(1), top, x.At(1), s.height-bottom, "one")
	return s.element(title)
}
