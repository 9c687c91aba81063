// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package backendtest

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// Outcomes is a table of what becomes of a damaged storage: a row for each part, a column for
// each kind of damage, and in the cells the outcomes that were met. It is in a Markdown file
// between two comments, <!-- Name --> and <!-- end of Name -->, where users read it and tests
// compare it.
type Outcomes struct {
	Name    string   // of the table in the file
	Of      string   // the head of the first column
	Damages []string // the heads of the others
	Parts   []string // the first cell of each row
	// Met has, for each part, one list for each kind of damage. Lists may repeat what they hold.
	Met [][][]string
}

// String returns the table in Markdown. A cell joins what was met by "or"; an empty one is "-".
func (o Outcomes) String() string {
	var s strings.Builder
	fmt.Fprintf(&s, "| %s | %s |\n|---|%s\n", o.Of, strings.Join(o.Damages, " | "),
		strings.Repeat("---|", len(o.Damages)))
	for i, part := range o.Parts {
		fmt.Fprintf(&s, "| %s |", part)
		for _, met := range o.Met[i] {
			met = slices.Compact(slices.Sorted(slices.Values(met)))
			if len(met) == 0 {
				met = []string{"-"}
			}
			fmt.Fprintf(&s, " %s |", strings.Join(met, " or "))
		}
		s.WriteString("\n")
	}
	return s.String()
}

// Compare fails the test if an outcome was met that the table in the file does not have. If all
// is true, it also fails if the table has an outcome that was not met. If update is true, it
// rewrites the table instead.
func (o Outcomes) Compare(tb testing.TB, file string, all, update bool) {
	tb.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		tb.Fatal(err)
	}
	begin, end := "<!-- "+o.Name+" -->\n", "<!-- end of "+o.Name+" -->"
	before, rest, ok := strings.Cut(string(content), begin)
	documented, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		tb.Fatalf("%s has no table between %s and %s", file, begin, end)
	}
	if update {
		err := os.WriteFile(file, []byte(before+begin+o.String()+end+after), 0o644)
		if err != nil {
			tb.Fatal(err)
		}
		return
	}
	got, want := strings.Split(o.String(), "\n"), strings.Split(documented, "\n")
	for i := range max(len(got), len(want)) {
		g, w := line(got, i), line(want, i)
		if g != w && (all || !covers(w, g)) {
			tb.Errorf("%s says\n%s\nand what was met is\n%s\n"+
				"if that is right, run the test with -update", file, w, g)
		}
	}
}

func line(of []string, i int) string {
	if i < len(of) {
		return of[i]
	}
	return ""
}

// covers reports whether each outcome in a line is in the documented line too.
func covers(documented, met string) bool {
	d, m := strings.Split(documented, "|"), strings.Split(met, "|")
	for i := range min(len(d), len(m)) {
		said := strings.Split(strings.TrimSpace(d[i]), " or ")
		for outcome := range strings.SplitSeq(strings.TrimSpace(m[i]), " or ") {
			if !slices.Contains(said, outcome) {
				return false
			}
		}
	}
	return len(d) == len(m)
}
