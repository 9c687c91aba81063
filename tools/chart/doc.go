// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

// Package chart draws measurements as SVG, for pages that need no script and no other file. All
// scales are logarithmic, so that half as much and twice as much look alike.
//
// A page includes [Style] in its style sheet, defines the colors --ink, --dim and --rule, and gives
// the classes of its bars and curves their colors.
package chart

import (
	_ "embed"
	"fmt"
	"html/template"
	"strconv"
)

//go:embed style.css
var style string

// Style returns what charts need in the style sheet of their page.
func Style() template.CSS { return template.CSS(style) }

// Number formats a figure with three digits, or with commas between its thousands.
func Number(f float64) string {
	if f >= 10 {
		return grouped(int64(f + 0.5))
	}
	return fmt.Sprintf("%.3g", f)
}

func grouped(n int64) string {
	digits := strconv.FormatInt(n, 10)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}
