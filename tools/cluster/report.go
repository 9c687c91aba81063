// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"fmt"
	"io"
	"time"
)

// Report adds up what scenarios showed.
type Report struct {
	names []string
	of    map[string]*sum
}

// sum is what all runs of a scenario showed.
type sum struct {
	runs int
	Findings
}

// Add adds what a run of a scenario showed.
func (r *Report) Add(name string, f *Findings) {
	if r.of == nil {
		r.of = map[string]*sum{}
	}
	s := r.of[name]
	if s == nil {
		s = new(sum)
		r.of[name] = s
		r.names = append(r.names, name)
	}
	s.add(f)
}

func (s *sum) add(f *Findings) {
	s.runs++
	s.Acked += f.Acked
	s.Lost += f.Lost
	s.Settled += f.Settled
	s.Unknown += f.Unknown
	s.Made += f.Made
	s.Histories += f.Histories
	s.Undecided += f.Undecided
	s.Gap = max(s.Gap, f.Gap)
	s.Slowest = max(s.Slowest, f.Slowest)
}

// Write writes a table in Markdown. Its last row is the total.
func (r *Report) Write(w io.Writer) error {
	all := new(sum)
	lines := [][]any{{
		"what fails", "runs", "writes acknowledged", "commits without answer", "settled",
		"calls with `ErrMaybe`", "histories", "longest gap",
	}, {"---", "---:", "---:", "---:", "---:", "---:", "---:", "---:"}}
	for _, name := range r.names {
		s := r.of[name]
		lines = append(lines, s.line(name))
		runs := all.runs
		all.add(&s.Findings)
		all.runs = runs + s.runs
	}
	for _, cells := range append(lines, all.line("all")) {
		for _, cell := range cells {
			if _, err := fmt.Fprint(w, "| ", cell, " "); err != nil {
				return err
			}
		}
		if _, err := fmt.Fprintln(w, "|"); err != nil {
			return err
		}
	}
	return nil
}

func (s *sum) line(name string) []any {
	return []any{
		name, s.runs, s.Acked, s.Lost, s.Settled, s.Unknown, s.Histories,
		fmt.Sprintf("%.1f s", s.Gap.Round(100*time.Millisecond).Seconds()),
	}
}
