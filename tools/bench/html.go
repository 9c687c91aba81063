// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package bench

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"

	"github.com/guardkv/guardkv/tools/chart"
)

//go:embed page.gohtml
var pageText string

var pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{
	"figure": figure, "mebibytes": mebibytes, "number": chart.Number,
	"percent": func(f float64) string { return fmt.Sprintf("%.0f %%", 100*f) },
}).Parse(pageText))

// page is what the template shows.
type page struct {
	*Report
	Targets  []target
	Matrices []matrix
	Ratios   []titled
	Sizes    []titled
	Scales   []titled
}

// titled is one chart with its heading.
type titled struct {
	Title string
	Note  string
	SVG   template.HTML
}

// target is a claim and what came of it.
type target struct {
	Work string
	Compare
}

// writeHTML writes a page that needs no other file.
func (r *Report) writeHTML(w io.Writer) error {
	p := page{
		Report: r, Targets: r.targets(), Matrices: r.matrices(), Ratios: r.ratios(),
		Sizes: r.sizeCharts(), Scales: r.scaleCharts(),
	}
	return pageTemplate.Execute(w, p)
}

// Style returns what the charts need in the page's style sheet.
func (page) Style() template.CSS { return chart.Style() }

// Met counts the targets that were met.
func (p page) Met() int {
	met := 0
	for _, t := range p.Targets {
		if t.Met {
			met++
		}
	}
	return met
}

func (r *Report) targets() (all []target) {
	for _, res := range r.Results {
		for _, c := range res.Compared {
			if c.Target != "" {
				all = append(all, target{res.Name, c})
			}
		}
	}
	return all
}

// ratios draws the ratios to the engine by hand, one chart for each group of works.
func (r *Report) ratios() (charts []titled) {
	var groups []string
	bars := make(map[string][]chart.Bar)
	for _, res := range r.Results {
		if strings.HasPrefix(res.Group, "memory of ") || res.Group == "guard" {
			continue // they do not compare with an engine by hand
		}
		for _, c := range res.Compared {
			if !slices.Contains(groups, res.Group) {
				groups = append(groups, res.Group)
			}
			bars[res.Group] = append(bars[res.Group], barOf(res, c))
		}
	}
	for _, g := range groups {
		charts = append(charts, titled{Title: g, SVG: chart.Bars("ratios: "+g, bars[g])})
	}
	return charts
}

// barOf makes the bar of one comparison.
func barOf(res Result, c Compare) chart.Bar {
	label := res.Engine
	switch res.Group {
	case "get":
		label += " " + byteSize(res.Size)
	case "record":
		label += " " + res.Format + " " + byteSize(res.Size)
	case "scale: get", "scale: scan", "scale: load":
		label += " " + rowsName(res.Rows)
	}
	way := strings.TrimPrefix(strings.TrimPrefix(c.Side, "guardkv, "), "guardkv ")
	if !strings.HasSuffix(c.Base, "by hand") && res.Group != "record" {
		way += " / " + strings.TrimPrefix(c.Base, res.Engine+" ")
	}
	b := chart.Bar{
		Label: label + " " + way, Class: res.Engine, Ratio: c.Ratio, Low: c.Low, High: c.High,
		Hint: fmt.Sprintf("%s: %s / %s = %s", res.Title, c.Side, c.Base, chart.Number(c.Ratio)),
	}
	var limit float64
	if n, _ := fmt.Sscanf(c.Target, "<= %f", &limit); n == 1 {
		b.Target = limit
	} else if n, _ := fmt.Sscanf(c.Target, ">= %f x", &limit); n == 1 && limit > 0 {
		b.Target = 1 / limit
	}
	return b
}

// matrix is what one kind of record costs, engine by format.
type matrix struct {
	Title   string
	Formats []string
	Rows    []matrixRow
}

type matrixRow struct {
	Engine string
	Cells  []cell
}

// cell is one figure; Shade is how expensive it is beside the others, from 0 to 1.
type cell struct {
	Text  string
	Shade float64
}

// matrices shows raw values and records through GuardKV, a table for each size and use.
func (r *Report) matrices() (all []matrix) {
	var sizes []int
	for _, res := range r.Results {
		if res.Group == "record" && !slices.Contains(sizes, res.Size) {
			sizes = append(sizes, res.Size)
		}
	}
	for _, size := range sizes {
		for _, use := range []string{"one field", "all fields"} {
			all = append(all, r.matrix(size, use))
		}
	}
	return all
}

func (r *Report) matrix(size int, use string) matrix {
	m := matrix{Title: fmt.Sprintf("read %s of a record of %s, ns", use, byteSize(size))}
	times := make(map[[2]string]float64)
	var engines []string
	lowest, highest := 0.0, 0.0
	for _, res := range r.Results {
		if res.Group != "record" || res.Size != size {
			continue
		}
		for _, s := range res.Sides {
			if s.Name != "guardkv, "+use {
				continue
			}
			times[[2]string{res.Engine, res.Format}] = s.Min
			if lowest == 0 || s.Min < lowest {
				lowest = s.Min
			}
			highest = max(highest, s.Min)
			if !slices.Contains(engines, res.Engine) {
				engines = append(engines, res.Engine)
			}
			if !slices.Contains(m.Formats, res.Format) {
				m.Formats = append(m.Formats, res.Format)
			}
		}
	}
	shades := chart.Scale{Low: lowest, High: max(highest, lowest*1.01), From: 0, To: 1}
	for _, en := range engines {
		row := matrixRow{Engine: en}
		for _, f := range m.Formats {
			if t, ok := times[[2]string{en, f}]; ok {
				row.Cells = append(row.Cells, cell{figure(t), shades.At(t)})
			} else {
				row.Cells = append(row.Cells, cell{Text: "-"})
			}
		}
		m.Rows = append(m.Rows, row)
	}
	return m
}

// sizeCharts show what a read costs against the size of the value.
func (r *Report) sizeCharts() []titled {
	curves := r.curves("get", func(res Result) float64 { return float64(res.Size) })
	if len(curves) == 0 {
		return nil
	}
	return []titled{{
		Title: "random Get against the size of the value",
		SVG: chart.Lines("get against size", "size of the value", "ns",
			func(x float64) string { return byteSize(int(x)) }, curves),
	}}
}

// scaleCharts show what the works cost against the size of the table.
func (r *Report) scaleCharts() (charts []titled) {
	for _, verb := range []string{"get", "scan", "load"} {
		curves := r.curves("scale: "+verb, func(res Result) float64 { return float64(res.Rows) })
		if len(curves) == 0 {
			continue
		}
		charts = append(charts, titled{
			Title: verb + " against the size of the table, rows of 100 B",
			SVG: chart.Lines(verb+" against rows", "rows", "ns",
				func(x float64) string { return rowsName(int(x)) }, curves),
		})
	}
	return charts
}

// curves collects the figures of a group, by hand and through GuardKV, for each engine.
func (r *Report) curves(group string, x func(Result) float64) (curves []chart.Curve) {
	for _, en := range engines {
		for _, native := range []bool{true, false} {
			c := chart.Curve{Name: en.name + ", GuardKV", Class: en.name}
			if native {
				c = chart.Curve{Name: en.name + " by hand", Class: en.name + " hand"}
			}
			for _, res := range r.Results {
				if res.Group == group && res.Engine == en.name {
					for _, s := range res.Sides {
						if s.Native == native { // the first of each kind
							c.Points = append(c.Points, chart.Point{X: x(res), Y: s.Min})
							break
						}
					}
				}
			}
			slices.SortFunc(c.Points, func(a, b chart.Point) int { return int(a.X - b.X) })
			if len(c.Points) > 0 {
				curves = append(curves, c)
			}
		}
	}
	return curves
}
