// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"fmt"
	"io"
	"time"
)

// progress keeps one line of a terminal up to date: what is done, and how long the rest will take.
type progress struct {
	w       io.Writer // nil is none
	works   []work
	weights []float64
	total   float64
	done    float64 // the weights of the works that are done
	now     int
	begun   time.Time
	shown   time.Time
}

func newProgress(w io.Writer, works []work, h harness) *progress {
	p := &progress{w: w, works: works, begun: time.Now()}
	for _, w := range works {
		weight := w.weight(h)
		p.weights = append(p.weights, weight)
		p.total += weight
	}
	return p
}

// weight estimates the seconds that a work takes. It only has to be right in proportion to the
// other estimates.
func (w work) weight(h harness) float64 {
	rounds, turn := float64(h.rounds), h.turn.Seconds()
	if w.rounds > 0 {
		rounds = min(rounds, float64(w.rounds))
	}
	if w.ops > 10_000 {
		turn = float64(w.ops) * 2e-6
	}
	return 0.2 + float64(w.shape.rows*max(w.shape.size, 100))/2e8 + 2.5*rounds*turn
}

// begin starts work i.
func (p *progress) begin(i int) {
	for ; p.now < i; p.now++ {
		p.done += p.weights[p.now]
	}
	p.shown = time.Time{}
	p.part(0)
}

// part shows that some part of the work is done.
func (p *progress) part(part float64) {
	if p.w == nil || time.Since(p.shown) < 200*time.Millisecond {
		return
	}
	p.shown = time.Now()
	done := (p.done + part*p.weights[p.now]) / p.total
	left := "?"
	if took := time.Since(p.begun); done > 0.02 {
		left = time.Duration(float64(took) * (1 - done) / done).Round(time.Second).String()
	}
	fmt.Fprintf(p.w, "\r\x1b[K%3.0f %%  %s left  %s", 100*done, left, p.works[p.now].name)
}

// clear makes room for the report.
func (p *progress) clear() {
	if p.w != nil {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
}
