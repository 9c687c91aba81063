// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package chart

import "math"

// Scale maps values to pixels, equal factors to equal lengths.
type Scale struct{ Low, High, From, To float64 }

// newScale covers all values with some room.
func newScale(values []float64, from, to float64) Scale {
	low, high := math.Inf(1), math.Inf(-1)
	for _, v := range values {
		if v > 0 {
			low, high = min(low, v), max(high, v)
		}
	}
	if low > high {
		low, high = 1, 10
	}
	return Scale{low / 1.15, high * 1.15, from, to}
}

// At returns the pixel of a value. Values off the scale are at its ends.
func (s Scale) At(v float64) float64 {
	v = min(max(v, s.Low), s.High)
	return s.From + (s.To-s.From)*math.Log(v/s.Low)/math.Log(s.High/s.Low)
}

// ticks are the round numbers on a scale: 1, 2 and 5 times powers of ten, or powers of ten alone
// if those are many.
func (s Scale) ticks() (ticks []float64) {
	steps := []float64{1, 2, 5}
	if s.High/s.Low > 200 {
		steps = []float64{1}
	}
	for power := math.Pow(10, math.Floor(math.Log10(s.Low))); power <= s.High; power *= 10 {
		for _, step := range steps {
			if v := power * step; v >= s.Low && v <= s.High {
				ticks = append(ticks, v)
			}
		}
	}
	return ticks
}
