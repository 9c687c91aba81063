// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"time"
)

// Config says what is measured and where it is reported.
type Config struct {
	Run   *regexp.Regexp // the names of the works to do; nil is all
	Short bool           // less data and fewer rounds
	// slows GuardKV's sides down by this fraction of the baseline's time, to test the harness
	Slowdown float64
	Dir      string    // where the databases are made; "" is the system's temporary folder
	Yours    Yours     // the user's own data; zero runs the works of the design
	Out      io.Writer // the table
	Progress io.Writer // one line that is rewritten; nil is none
	JSON     io.Writer // nil is none
	HTML     io.Writer // nil is none
}

// Run does the works that cfg asks for, one after the other.
func Run(ctx context.Context, cfg Config) error {
	e, err := newEnv(cfg)
	if err != nil {
		return err
	}
	var wanted []work
	for _, w := range e.works() {
		if cfg.Run == nil || cfg.Run.MatchString(w.name) {
			wanted = append(wanted, w)
		}
	}
	if len(wanted) == 0 {
		return errors.Join(fmt.Errorf("no work matches %q; -list prints the names", cfg.Run),
			e.remove())
	}
	return e.run(ctx, wanted)
}

// run runs works, reports what they measured, and deletes all databases.
func (e *env) run(ctx context.Context, works []work) (err error) {
	defer func() { err = errors.Join(err, e.drop(""), e.remove()) }()
	report := &Report{
		Machine: thisMachine(e.dir), Short: e.cfg.Short,
		Begun: time.Now().UTC().Truncate(time.Second),
	}
	text := &textReport{w: e.cfg.Out}
	text.begin(report)
	p := newProgress(e.cfg.Progress, works, e.harness)
	e.harness.progress = p.part
	for i, w := range works {
		p.begin(i)
		r, err := e.do(ctx, w)
		p.clear()
		if err != nil {
			return err
		}
		if r != nil {
			report.Results = append(report.Results, *r)
			text.result(*r)
		}
	}
	text.conclude()
	report.Seconds = time.Since(report.Begun).Seconds()
	return report.write(e.cfg)
}

// env is what the works share.
type env struct {
	cfg     Config
	harness harness
	dir     string
	sizes   sizes
	shared  map[dataKey]*pair
	fresh   int // how many paths freshPath has returned
}

// sizes is how much data the works have.
type sizes struct {
	small, middle, large shape
	change               shape // for deleting, opening and compacting
	load                 shape
	scale                []shape
	// rows of two tables that should need the same memory; zero if that takes too long
	flat   [2]int
	writes int // by 64 goroutines in a turn
}

var (
	fullSizes = sizes{
		small: shape{1_000_000, 128}, middle: shape{200_000, 1024}, large: shape{20_000, 16 << 10},
		change: shape{1_000_000, 128}, load: shape{1_000_000, 128},
		scale: []shape{{10_000, 100}, {1_000_000, 100}, {20_000_000, 100}},
		flat:  [2]int{1_000_000, 4_000_000}, writes: 8192,
	}
	shortSizes = sizes{
		small: shape{100_000, 128}, middle: shape{10_000, 1024}, large: shape{1000, 16 << 10},
		change: shape{50_000, 128}, load: shape{50_000, 128},
		scale:  []shape{{1000, 100}, {10_000, 100}, {100_000, 100}},
		writes: 1024,
	}
)

// newEnv chooses the sizes.
func newEnv(cfg Config) (*env, error) {
	dir, err := os.MkdirTemp(cfg.Dir, "guardkv-bench-")
	if err != nil {
		return nil, err
	}
	e := &env{
		cfg: cfg, dir: dir, sizes: fullSizes, shared: make(map[dataKey]*pair),
		harness: harness{rounds: 15, turn: 100 * time.Millisecond, slowdown: cfg.Slowdown},
	}
	if cfg.Short {
		e.sizes = shortSizes
		e.harness.rounds, e.harness.turn = 7, 12*time.Millisecond
	}
	return e, nil
}

// do measures one work. The result is nil if the work has no side yet.
func (e *env) do(ctx context.Context, w work) (*Result, error) {
	if err := errors.Join(ctx.Err(), e.drop(w.engine)); err != nil {
		return nil, err
	}
	sides, cleanup, err := w.setup(ctx, e)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", w.name, err)
	}
	measured, err := e.harness.measure(w, sides)
	if err := errors.Join(err, cleanup()); err != nil {
		return nil, err
	}
	if len(measured) == 0 {
		return nil, nil
	}
	r := newResult(w, measured)
	return &r, nil
}

// remove deletes all databases.
func (e *env) remove() error { return os.RemoveAll(e.dir) }

// List prints the names of all works.
func List(cfg Config) error {
	e := env{cfg: cfg, sizes: fullSizes}
	if cfg.Short {
		e.sizes = shortSizes
	}
	for _, w := range e.works() {
		if _, err := fmt.Fprintf(cfg.Out, "%-36s %s\n", w.name, w.title); err != nil {
			return err
		}
	}
	return nil
}
