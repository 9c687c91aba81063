// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"time"
)

// watcher samples the memory of the process: what only the process can give back, not pages of
// mapped files, which the system takes when it needs them.
type watcher struct {
	before, highest int64
	err             error
	quit            chan struct{}
	done            chan struct{}
}

// watchMemory starts a watcher. It does nothing on a system that does not tell how much a process
// has.
func watchMemory() (*watcher, error) {
	debug.FreeOSMemory()
	before, err := residentNow()
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	w := &watcher{
		before: before, highest: before, quit: make(chan struct{}),
		done: make(chan struct{}),
	}
	if err != nil {
		close(w.done)
		return w, nil
	}
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
	return w, nil
}

// look takes one sample.
func (w *watcher) look() {
	now, err := residentNow()
	w.highest, w.err = max(w.highest, now), errors.Join(w.err, err)
}

// grown stops watching, and returns how far the memory grew at most.
func (w *watcher) grown() (int64, error) {
	close(w.quit)
	<-w.done
	return w.highest - w.before, w.err
}

// statusFile is where Linux tells about a process.
const statusFile = "/proc/self/status"

// residentNow asks the system.
func residentNow() (int64, error) {
	f, err := os.Open(statusFile)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), ":")
		if name == "RssAnon" {
			n, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
			if err != nil {
				return 0, fmt.Errorf("%s: %q: %w", statusFile, lines.Text(), err)
			}
			return n << 10, nil
		}
	}
	return 0, lines.Err()
}

// mebibytes formats a size.
func mebibytes(n int64) string {
	m := float64(n) / (1 << 20)
	if m >= 100 {
		return grouped(int64(m+0.5)) + " MiB"
	}
	return fmt.Sprintf("%.1f MiB", m)
}
