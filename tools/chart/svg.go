// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"fmt"
	"html"
	"html/template"
	"strings"
)

// svg draws a chart. Coordinates are pixels from the upper left corner.
type svg struct {
	b             strings.Builder
	width, height float64
}

func newSVG(width, height float64) *svg { return &svg{width: width, height: height} }

// element returns the chart as an element of a page.
func (s *svg) element(label string) template.HTML {
	return template.HTML(fmt.Sprintf(`<svg viewBox="0 0 %.0f %.0f" width="%.0f" height="%.0f" `+
		`role="img" aria-label="%s">%s</svg>`, s.width, s.height, s.width, s.height, html.EscapeString(label), s.b.String()))
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
