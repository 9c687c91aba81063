// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"time"
)

// memoryName is the name of the measurement of memory, which compares PutStream with itself.
const memoryName = "rss"

// order is the order in which rows are streamed.
type order struct {
	name string
	key  func(i uint64) uint64
}

var orders = []order{
	{"ascending", func(i uint64) uint64 { return i }},
	{"random", func(i uint64) uint64 { return i * 0x9E3779B97F4A7C15 }}, // an odd factor permutes the keys
}

// resident is what a process has in memory, in bytes.
type resident struct {
	all       int64 // pages of mapped files included, which the system takes back when it needs them
	anonymous int64 // what only the process can give back
}

// max returns the greater of each.
func (r resident) max(s resident) resident {
	return resident{max(r.all, s.all), max(r.anonymous, s.anonymous)}
}

// milestone is what PutStream had taken when it had put some number of rows.
type milestone struct {
	rows int64
	peak resident
	took time.Duration
}

// measureMemory streams many rows into a storage, and reports the peaks of its memory on the way.
func (e *env) measureMemory(ctx context.Context, r *report, by order) error {
	rows, step := 5_000_000, int64(1_000_000)
	if e.cfg.Short {
		rows, step = 1_200_000, 400_000
	}
	fmt.Fprintf(r.w, "\nrss: memory of PutStream of %s rows of %d B in %s order\n", grouped(int64(rows)), valueSize, by.name)
	debug.FreeOSMemory()
	before, err := residentNow()
	if errors.Is(err, os.ErrNotExist) {
		fmt.Fprintf(r.w, "  not measured: this system has no %s\n", statusFile)
		return nil
	}
	if err != nil {
		return err
	}
	milestones, err := e.streamWatched(ctx, by, rows, step)
	if err != nil {
		return err
	}
	fmt.Fprintf(r.w, "  %14s %16s %16s %12s   (before: %s, anonymous %s)\n",
		"rows", "peak RSS", "peak anonymous", "rows/s", mebibytes(before.all), mebibytes(before.anonymous))
	for _, m := range milestones {
		fmt.Fprintf(r.w, "  %14s %16s %16s %12s\n", grouped(m.rows), mebibytes(m.peak.all), mebibytes(m.peak.anonymous),
			grouped(int64(float64(m.rows)/m.took.Seconds())))
	}
	r.verdict("  growth of the anonymous peak from the first line to the last", flatness(milestones))
	return nil
}

// flatness judges whether memory grows with the number of rows.
func flatness(milestones []milestone) verdict {
	const most = 1.25
	first, last := milestones[0].peak.anonymous, milestones[len(milestones)-1].peak.anonymous
	growth := float64(last) / float64(first)
	return verdict{figure: fmt.Sprintf("%.2f x", growth), target: fmt.Sprintf("<= %.2f x", most), met: growth <= most}
}

// streamWatched streams rows into an empty storage and notes the peaks at every step.
func (e *env) streamWatched(ctx context.Context, by order, rows int, step int64) ([]milestone, error) {
	p, err := e.newPair(ctx, "memory-"+by.name)
	if err != nil {
		return nil, err
	}
	w := watchMemory()
	begun := time.Now()
	var milestones []milestone
	reached := func(done int64) { milestones = append(milestones, milestone{done, w.peak(), time.Since(begun)}) }
	source := func(yield func(uint64, []byte) bool) {
		for i := range uint64(rows) {
			if i > 0 && int64(i)%step == 0 {
				reached(int64(i))
			}
			if !yield(by.key(i), valueOf(i)) {
				return
			}
		}
	}
	stats, err := p.table.PutStream(ctx, source)
	reached(stats.Rows)
	return milestones, errors.Join(err, w.stop(), p.close())
}

// watcher looks at the memory of the process all the time.
type watcher struct {
	mu      sync.Mutex
	highest resident
	err     error
	quit    chan struct{}
	done    chan struct{}
}

// watchMemory starts a watcher.
func watchMemory() *watcher {
	w := &watcher{quit: make(chan struct{}), done: make(chan struct{})}
	go func() {
		defer close(w.done)
		ticks := time.NewTicker(5 * time.Millisecond)
		defer ticks.Stop()
		for {
			select {
			case <-ticks.C:
				w.look()
			case <-w.quit:
				return
			}
		}
	}()
	return w
}

// look takes one sample.
func (w *watcher) look() {
	now, err := residentNow()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.highest, w.err = w.highest.max(now), errors.Join(w.err, err)
}

// peak returns the highest samples so far.
func (w *watcher) peak() resident {
	w.look()
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.highest
}

// stop ends the watching.
func (w *watcher) stop() error {
	close(w.quit)
	<-w.done
	return w.err
}

// statusFile is where Linux tells about a process.
const statusFile = "/proc/self/status"

// residentNow asks the system.
func residentNow() (resident, error) {
	f, err := os.Open(statusFile)
	if err != nil {
		return resident{}, err
	}
	defer f.Close()
	var r resident
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), ":")
		switch name {
		case "VmRSS":
			r.all, err = kibibytes(value)
		case "RssAnon":
			r.anonymous, err = kibibytes(value)
		}
		if err != nil {
			return r, fmt.Errorf("%s: %q: %w", statusFile, lines.Text(), err)
		}
	}
	return r, lines.Err()
}

// kibibytes reads a value such as "  1234 kB".
func kibibytes(value string) (int64, error) {
	n, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
	return n << 10, err
}

// mebibytes formats a size.
func mebibytes(n int64) string { return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20)) }
