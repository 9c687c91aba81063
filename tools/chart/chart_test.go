// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"encoding/xml"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
)

func TestChartsAreWellFormed(t *testing.T) {
	charts := []string{
		string(Bars("a & b", []Bar{{
			Label: "<x>", Class: "bbolt",
			Ratio: 0.001, Low: 0.0005, High: 3, Target: 0.4, Hint: `"`,
		}})),
		string(Bars("none", nil)),
		string(Lines("one point", "x", "y",
			Number, []Curve{{Name: "a", Class: "bbolt", Points: []Point{{1, 1}}}})),
		string(Lines("none", "x", "y", Number, nil)),
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
	if at := s.At(10); at < 99.9 || at > 100.1 {
		t.Errorf("10 is not in the middle of 1 and 100 but at %v", at)
	}
	if got, want := s.ticks(), []float64{1, 2, 5, 10, 20, 50, 100}; !slices.Equal(got, want) {
		t.Errorf("ticks are %v, not %v", got, want)
	}
	if a, b := s.At(0), s.At(1e9); a != 0 || b < 199.9 || b > 200.1 {
		t.Errorf("what is off the scale is at %v and %v", a, b)
	}
}

func TestNumber(t *testing.T) {
	for f, want := range map[float64]string{
		0.12345: "0.123", 1: "1", 9.876: "9.88", 10: "10", 999.6: "1,000", 1234567: "1,234,567",
	} {
		if got := Number(f); got != want {
			t.Errorf("Number(%v) = %q; want %q", f, got, want)
		}
	}
}
