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
	"runtime"
	"time"
)

// Config says what is measured and where it is reported.
type Config struct {
	Run      *regexp.Regexp // the names of the works to do; nil is all
	Short    bool           // less data and fewer rounds
	Slowdown float64        // slows GuardKV's sides down by this part of the baseline's time, to test the harness
	Dir      string         // where the databases are made; "" is the system's temporary folder
	Out      io.Writer
}

// works is everything that can be measured.
var works = []work{
	getWork, getBesideWriterWork, scanWork,
	putWork, putConcurrentlyWork, bulkWork,
	guardWork("memory", "[]byte"), guardWork("memory", "string"), guardWork("memory", "view32"), guardWork("memory", "view40"),
	guardWork("bbolt", "[]byte"), guardWork("bbolt", "string"), guardWork("bbolt", "view32"), guardWork("bbolt", "view40"),
}

// Names returns the names of all works.
func Names() []string {
	names := []string{memoryName}
	for _, w := range works {
		names = append(names, w.name)
	}
	return names
}

// Run does the works that cfg asks for, one after the other.
func Run(ctx context.Context, cfg Config) error {
	e, err := newEnv(cfg)
	if err != nil {
		return err
	}
	defer e.remove()
	r := &report{w: cfg.Out}
	fmt.Fprintf(cfg.Out, "GuardKV benchmarks: %s %s/%s, %d CPUs, databases in %s\n",
		runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.GOMAXPROCS(0), e.dir)
	fmt.Fprintln(cfg.Out, "All sides of a work take turns. Compared are the fastest ones, or the medians where a disk is waited for.")
	if e.wants(memoryName) { // first, while the process has little else in memory
		for _, order := range orders {
			if err := e.measureMemory(ctx, r, order); err != nil {
				return err
			}
		}
	}
	for _, w := range works {
		if e.wants(w.name) {
			if err := e.do(ctx, w, r); err != nil {
				return err
			}
		}
	}
	runtime.KeepAlive(seen)
	r.conclude()
	return e.close()
}

// env is what the works share.
type env struct {
	cfg     Config
	harness harness
	dir     string
	rows    int // of the databases that are read
	bulk    int // rows that are loaded
	pair    *pair
}

// newEnv chooses the sizes.
func newEnv(cfg Config) (*env, error) {
	dir, err := os.MkdirTemp(cfg.Dir, "guardkv-bench-")
	if err != nil {
		return nil, err
	}
	e := &env{
		cfg: cfg, dir: dir, rows: 1_000_000, bulk: 1_000_000,
		harness: harness{rounds: 21, turn: 100 * time.Millisecond, slowdown: cfg.Slowdown},
	}
	if cfg.Short {
		e.rows, e.bulk = 200_000, 100_000
		e.harness.rounds, e.harness.turn = 9, 30*time.Millisecond
	}
	return e, nil
}

// wants reports whether a work is asked for.
func (e *env) wants(name string) bool { return e.cfg.Run == nil || e.cfg.Run.MatchString(name) }

// do measures and reports one work.
func (e *env) do(ctx context.Context, w work, r *report) error {
	sides, cleanup, err := w.setup(ctx, e)
	if err != nil {
		return fmt.Errorf("%s: %w", w.name, err)
	}
	results, err := e.harness.measure(w, e, sides)
	if err := errors.Join(err, cleanup()); err != nil {
		return err
	}
	r.work(w.title(e), w.unit, results)
	return nil
}

// close closes what the works shared.
func (e *env) close() error {
	if e.pair == nil {
		return nil
	}
	return e.pair.close()
}

// remove deletes all databases.
func (e *env) remove() { os.RemoveAll(e.dir) }
