// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"fmt"
	"html/template"
)

// Curve is how a figure depends on a size.
type Curve struct {
	Name   string
	Class  string // of the style sheet: the color, and whether the line is dashed
	Points []Point
}

// Point is one figure. Both are above zero, as the scales are logarithmic.
type Point struct{ X, Y float64 }

// Lines draws curves on logarithmic scales. xTick formats the sizes.
func Lines(
	title, xName, yName string, xTick func(float64) string, curves []Curve,
) template.HTML {
	const left, right, top, bottom = 70, 150, 14, 44
	s := newSVG(760, 320)
	var xs, ys []float64
	for _, c := range curves {
		for _, p := range c.Points {
			xs, ys = append(xs, p.X), append(ys, p.Y)
		}
	}
	x, y := newScale(xs, left, s.width-right), newScale(ys, s.height-bottom, top)
	for _, t := range y.ticks() {
		s.line(left, y.At(t), s.width-right, y.At(t), "grid")
		s.text(left-8, y.At(t)+4, "tick end", Number(t))
	}
	seen := make(map[float64]bool)
	for _, v := range xs {
		if !seen[v] {
			seen[v] = true
			s.line(x.At(v), top, x.At(v), s.height-bottom, "grid")
			s.text(x.At(v), s.height-bottom+16, "tick middle", xTick(v))
		}
	}
	s.text((left+s.width-right)/2, s.height-6, "label middle", xName)
	s.text(left, top-3, "tick", yName)
	for _, c := range curves {
		points := make([][2]float64, len(c.Points))
		for i, p := range c.Points {
			points[i] = [2]float64{x.At(p.X), y.At(p.Y)}
		}
		s.path(points, "curve "+c.Class)
		for i, p := range c.Points {
			s.dot(points[i][0], points[i][1], "dot "+c.Class,
				fmt.Sprintf("%s, %s: %s", c.Name, xTick(p.X), Number(p.Y)))
		}
	}
	s.names(curves, y, s.width-right+10)
	return s.element(title)
}

// names writes the names of curves where they end, without overlaps.
func (s *svg) names(curves []Curve, y Scale, x float64) {
	const apart = 15
	type name struct {
		Curve
		at float64
	}
	var names []name
	for _, c := range curves {
		if n := len(c.Points); n > 0 {
			names = append(names, name{c, y.At(c.Points[n-1].Y)})
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
		s.line(x, names[i].at, x+14, names[i].at, "curve "+names[i].Class)
		s.text(x+20, names[i].at+4, "value", names[i].Name)
	}
}
