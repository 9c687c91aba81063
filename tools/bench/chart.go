// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"fmt"
	"html"
	"html/template"
	"math"
	"strings"
)

// svg draws a chart. Coordinates are pixels from the upper left corner.
type svg struct {
	b             strings.Builder
	width, height float64
}

func newSVG(width, height float64) *svg { return &svg{width: width, height: height} }

// String returns the chart as an element of a page.
func (s *svg) element(label string) template.HTML {
	return template.HTML(fmt.Sprintf(`<svg viewBox="0 0 %.0f %.0f" width="%.0f" height="%.0f" role="img" aria-label="%s">%s</svg>`,
		s.width, s.height, s.width, s.height, html.EscapeString(label), s.b.String()))
}

func (s *svg) line(x1, y1, x2, y2 float64, class string) {
	fmt.Fprintf(&s.b, `<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" class="%s"/>`, x1, y1,
		x2, y2, class)
}

func (s *svg) rect(x, y, w, h float64, class, title string) {
	fmt.Fprintf(&s.b,
		`<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" class="%s"><title>%s</title></rect>`,
		x, y, w, h, class, html.EscapeString(title))
}

func (s *svg) text(x, y float64, class, text string) {
	fmt.Fprintf(&s.b, `<text x="%.1f" y="%.1f" class="%s">%s</text>`, x, y, class,
		html.EscapeString(text))
}

func (s *svg) dot(x, y float64, class, title string) {
	fmt.Fprintf(&s.b, `<circle cx="%.1f" cy="%.1f" r="3.5" class="%s"><title>%s</title></circle>`,
		x, y, class, html.EscapeString(title))
}

func (s *svg) path(points [][2]float64, class string) {
	for i, p := range points {
		verb := "L"
		if i == 0 {
			verb = `<path d="M`
		}
		fmt.Fprintf(&s.b, "%s%.1f %.1f", verb, p[0], p[1])
	}
	fmt.Fprintf(&s.b, `" class="%s"/>`, class)
}

// scale maps values to pixels, equal factors to equal lengths.
type scale struct{ low, high, from, to float64 }

// newScale covers all values with some room.
func newScale(values []float64, from, to float64) scale {
	low, high := math.Inf(1), math.Inf(-1)
	for _, v := range values {
		if v > 0 {
			low, high = min(low, v), max(high, v)
		}
	}
	if low > high {
		low, high = 1, 10
	}
	return scale{low / 1.15, high * 1.15, from, to}
}

func (s scale) at(v float64) float64 {
	v = min(max(v, s.low), s.high)
	return s.from + (s.to-s.from)*math.Log(v/s.low)/math.Log(s.high/s.low)
}

// ticks are the round numbers on a scale: 1, 2 and 5 times powers of ten, or powers alone where
// there are many.
func (s scale) ticks() (ticks []float64) {
	steps := []float64{1, 2, 5}
	if s.high/s.low > 200 {
		steps = []float64{1}
	}
	for power := math.Pow(10, math.Floor(math.Log10(s.low))); power <= s.high; power *= 10 {
		for _, step := range steps {
			if v := power * step; v >= s.low && v <= s.high {
				ticks = append(ticks, v)
			}
		}
	}
	return ticks
}

// bar is a ratio beside others.
type bar struct {
	label, engine    string
	ratio, low, high float64
	target           float64 // 0 is none
	hint             string
}

// barChart draws ratios on a scale of factors, around a line where both sides need the same
// time. Shorter is better.
func barChart(title string, bars []bar) template.HTML {
	const left, right, row, top, bottom = 210, 70, 22, 8, 26
	values := []float64{0.5, 2}
	for _, b := range bars {
		values = append(values, b.ratio, b.low, b.high, b.target)
	}
	s := newSVG(760, float64(top+bottom+row*len(bars)))
	x := newScale(values, left, s.width-right)
	for _, t := range x.ticks() {
		s.line(x.at(t), top, x.at(t), s.height-bottom, "grid")
		s.text(x.at(t), s.height-bottom+16, "tick middle", number(t))
	}
	for i, b := range bars {
		y := float64(top + i*row)
		from, to := x.at(1), x.at(b.ratio)
		s.text(left-8, y+15, "label end", b.label)
		s.rect(min(from, to), y+4, max(1, math.Abs(to-from)), row-8, "bar "+b.engine, b.hint)
		s.line(x.at(b.low), y+row/2, x.at(b.high), y+row/2, "error")
		s.line(x.at(b.low), y+row/2-4, x.at(b.low), y+row/2+4, "error")
		s.line(x.at(b.high), y+row/2-4, x.at(b.high), y+row/2+4, "error")
		if b.target > 0 {
			s.line(x.at(b.target), y+1, x.at(b.target), y+row-1, "target")
		}
		s.text(max(to, x.at(b.high), from)+8, y+15, "value", number(b.ratio))
	}
	s.line(x.at(1), top, x.at(1), s.height-bottom, "one")
	return s.element(title)
}

// curve is how a figure depends on a size.
type curve struct {
	name, class string
	points      []point
}

type point struct{ x, y float64 }

// lineChart draws curves on scales of factors.
func lineChart(
	title, xName, yName string, xTick func(float64) string, curves []curve,
) template.HTML {
	const left, right, top, bottom = 70, 150, 14, 44
	s := newSVG(760, 320)
	var xs, ys []float64
	for _, c := range curves {
		for _, p := range c.points {
			xs, ys = append(xs, p.x), append(ys, p.y)
		}
	}
	x, y := newScale(xs, left, s.width-right), newScale(ys, s.height-bottom, top)
	for _, t := range y.ticks() {
		s.line(left, y.at(t), s.width-right, y.at(t), "grid")
		s.text(left-8, y.at(t)+4, "tick end", number(t))
	}
	seen := make(map[float64]bool)
	for _, v := range xs {
		if !seen[v] {
			seen[v] = true
			s.line(x.at(v), top, x.at(v), s.height-bottom, "grid")
			s.text(x.at(v), s.height-bottom+16, "tick middle", xTick(v))
		}
	}
	s.text((left+s.width-right)/2, s.height-6, "label middle", xName)
	s.text(left, top-3, "tick", yName)
	for _, c := range curves {
		points := make([][2]float64, len(c.points))
		for i, p := range c.points {
			points[i] = [2]float64{x.at(p.x), y.at(p.y)}
		}
		s.path(points, "curve "+c.class)
		for i, p := range c.points {
			s.dot(points[i][0], points[i][1], "dot "+c.class,
				fmt.Sprintf("%s, %s: %s", c.name, xTick(p.x), figure(p.y)))
		}
	}
	s.names(curves, y, s.width-right+10)
	return s.element(title)
}

// names writes the names of curves where they end, without writing one over the other.
func (s *svg) names(curves []curve, y scale, x float64) {
	const apart = 15
	type name struct {
		curve
		at float64
	}
	var names []name
	for _, c := range curves {
		if n := len(c.points); n > 0 {
			names = append(names, name{c, y.at(c.points[n-1].y)})
		}
	}
	for i := range names { // few: the simplest order will do
		for j := range i {
			if names[i].at < names[j].at {
				names[i], names[j] = names[j], names[i]
			}
		}
	}
	for i := range names {
		if i > 0 {
			names[i].at = max(names[i].at, names[i-1].at+apart)
		}
	}
	limit := s.height - 20
	for i := len(names) - 1; i >= 0; i-- {
		names[i].at = min(names[i].at, limit)
		limit = names[i].at - apart
		s.line(x, names[i].at, x+14, names[i].at, "curve "+names[i].class)
		s.text(x+20, names[i].at+4, "value", names[i].name)
	}
}

// number formats a figure of a chart.
func number(f float64) string {
	if f >= 10 {
		return grouped(int64(f + 0.5))
	}
	return fmt.Sprintf("%.3g", f)
}
