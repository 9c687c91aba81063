// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package bench

import (
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
