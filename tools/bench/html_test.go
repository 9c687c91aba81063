// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"encoding/xml"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
)

// sampleReport has a result for every part of the page.
func sampleReport() *Report {
	side := func(name string, native bool, nanos float64) Side {
		return Side{Name: name, Native: native, Min: nanos, Median: nanos, Disk: 1 << 20}
	}
	compare := func(target string, met bool) []Compare {
		return []Compare{{
			Side: "guardkv Get+Close", Base: "bbolt get by hand",
			Ratio: 0.5, Low: 0.4, High: 0.7, Figure: "0.5", Target: target, Met: met,
		}}
	}
	result := func(group, engine string, size, rows int) Result {
		return Result{
			Name: engine + "/" + group, Title: "a <title> & more",
			Group: group, Engine: engine, Format: "cbor", Size: size, Rows: rows, Unit: "op",
			Sides: []Side{
				side("bbolt get by hand", true, 1000),
				side("guardkv Get+Close", false, 500), side("guardkv, one field", false, 500),
			},
			Compared: compare("<= 0.75, 0 allocs", true),
		}
	}
	missed := result("put", "bbolt", 128, 0)
	missed.Compared = compare(">= 8 x", false)
	return &Report{Results: []Result{
		result("get", "bbolt", 128, 1000), result("get", "bbolt", 16384, 1000),
		result("record", "bbolt", 200, 1000), result("record", "pebble", 200, 1000),
		result("scale: get", "bbolt", 100, 10_000),
		result("scale: get", "bbolt", 100, 1_000_000), missed,
	}}
}

func TestPageIsWholeAndAlone(t *testing.T) {
	var b strings.Builder
	if err := sampleReport().writeHTML(&b); err != nil {
		t.Fatal(err)
	}
	got := b.String()
	for _, want := range []string{
		"Targets: 6 of 7 met", "read one field of a record of 200 B",
		"Cost against the size of a record",
		"get against the size of the table",
		`class="target"`, "a &lt;title&gt; &amp; more", "</html>",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	for _, never := range []string{"ZgotmplZ", "http:", "https:", "<script", "NaN", "Inf"} {
		if strings.Contains(got, never) {
			t.Errorf("the page has %q", never)
		}
	}
	if n := strings.Count(got, "<svg"); n < 5 {
		t.Errorf("the page has %d charts", n)
	}
}

func TestChartsAreWellFormed(t *testing.T) {
	charts := []string{
		string(barChart("a & b", []bar{{
			label: "<x>", engine: "bbolt",
			ratio: 0.001, low: 0.0005, high: 3, target: 0.4, hint: `"`,
		}})),
		string(barChart("none", nil)),
		string(lineChart("one point", "x", "y",
			number, []curve{{name: "a", class: "bbolt", points: []point{{1, 1}}}})),
		string(lineChart("none", "x", "y", number, nil)),
	}
	for _, c := range charts {
		d := xml.NewDecoder(strings.NewReader(c))
		for {
			_, err := d.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%v in %s", err, c)
			}
		}
	}
}

func TestScale(t *testing.T) {
	s := newScale([]float64{1, 0, 100}, 0, 200)
	if at := s.at(10); at < 99.9 || at > 100.1 {
		t.Errorf("10 is not in the middle of 1 and 100 but at %v", at)
	}
	if got, want := s.ticks(), []float64{1, 2, 5, 10, 20, 50, 100}; !slices.Equal(got, want) {
		t.Errorf("ticks are %v, not %v", got, want)
	}
	if a, b := s.at(0), s.at(1e9); a != 0 || b < 199.9 || b > 200.1 {
		t.Errorf("what is off the scale is at %v and %v", a, b)
	}
}
