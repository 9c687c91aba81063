// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package pebble

import (
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// scheduler lets pebble merge tables as pebble's own scheduler does, with two differences.
// First, nothing is merged before the storage is open: if opening fails, pebble closes what its
// merging goroutines still use, and they end the process. Second, a merge for which the medium
// has no room is not tried again at once: pebble would write and remove tables without end, and
// take the room that everything else needs.
type scheduler struct {
	mu      sync.Mutex // never held while waiting for pebble
	db      pebble.DBForCompaction
	open    bool
	closed  bool
	running int
	asked   int           // how many calls wait for a merge, for which there is no pause
	pause   time.Duration // after the last merge, if there was no room for it
	until   time.Time     // when the pause ends

	poke chan struct{}
	stop chan struct{}
	done sync.WaitGroup
}

var _ pebble.CompactionScheduler = (*scheduler)(nil)

func newScheduler() *scheduler {
	return &scheduler{poke: make(chan struct{}, 1), stop: make(chan struct{})}
}

// listen lets the scheduler and h learn how merges end.
func (s *scheduler) listen(o *pebble.Options, h *health) {
	ended := o.EventListener.CompactionEnd
	o.EventListener.CompactionEnd = func(i pebble.CompactionInfo) {
		s.ended(i.Err)
		h.merged(i.Err)
		ended(i)
	}
}

// The first and the longest pause after a merge without room. Each pause is twice the one
// before.
const (
	firstPause   = 250 * time.Millisecond
	longestPause = 4 * time.Second
)

func (s *scheduler) ended(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case isFull(err):
		s.pause = min(max(2*s.pause, firstPause), longestPause)
		s.until = time.Now().Add(s.pause)
	case err == nil:
		s.pause = 0
	}
}

// Register is part of pebble.CompactionScheduler.
func (s *scheduler) Register(_ int, db pebble.DBForCompaction) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.db = db
}

// opened says that pebble is open.
func (s *scheduler) opened() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open = true
	s.done.Go(s.grant)
}

// wanted lets pebble merge without a pause until the function that it returns is called.
func (s *scheduler) wanted() (end func()) {
	s.mu.Lock()
	s.asked++
	s.mu.Unlock()
	s.UpdateGetAllowedWithoutPermission() // so that the granting goroutine looks at once
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.asked--
	}
}

// TrySchedule is part of pebble.CompactionScheduler. Pebble calls it with its own locks held.
func (s *scheduler) TrySchedule() (bool, pebble.CompactionGrantHandle) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.mayLocked() {
		return false, nil
	}
	s.running++
	return true, granted{s}
}

func (s *scheduler) mayLocked() bool {
	if !s.open || s.closed || s.asked == 0 && s.pause > 0 && time.Now().Before(s.until) {
		return false
	}
	return s.running < s.db.GetAllowedWithoutPermission()
}

// may reports whether one more merge may begin, so that pebble does not search for one in vain.
func (s *scheduler) may() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mayLocked()
}

// UpdateGetAllowedWithoutPermission is part of pebble.CompactionScheduler.
func (s *scheduler) UpdateGetAllowedWithoutPermission() {
	select {
	case s.poke <- struct{}{}:
	default:
	}
}

// Unregister is part of pebble.CompactionScheduler.
func (s *scheduler) Unregister() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	close(s.stop)
	s.done.Wait()
}

// grantEvery is how often a scheduler looks for waiting merges, as pebble's own does.
const grantEvery = 100 * time.Millisecond

// grant lets merges begin that were refused before.
func (s *scheduler) grant() {
	t := time.NewTicker(grantEvery)
	defer t.Stop()
	for {
		for s.grantOne() {
		}
		select {
		case <-t.C:
		case <-s.poke:
		case <-s.stop:
			return
		}
	}
}

func (s *scheduler) grantOne() bool {
	if !s.may() {
		return false
	}
	if waits, _ := s.db.GetWaitingCompaction(); !waits {
		return false
	}
	ok, handle := s.TrySchedule()
	if !ok {
		return false
	}
	if !s.db.Schedule(handle) {
		handle.Done()
		return false
	}
	return true
}

// granted is the permission to merge once.
type granted struct{ s *scheduler }

// Done is part of pebble.CompactionGrantHandle.
func (g granted) Done() {
	g.s.mu.Lock()
	g.s.running--
	g.s.mu.Unlock()
	g.s.UpdateGetAllowedWithoutPermission()
}

// Started is part of pebble.CompactionGrantHandle. Like the methods below, it has nothing to
// do.
func (granted) Started() {}

// MeasureCPU is part of pebble.CompactionGrantHandle.
func (granted) MeasureCPU(pebble.CompactionGoroutineKind) {}

// CumulativeStats is part of pebble.CompactionGrantHandle.
func (granted) CumulativeStats(pebble.CompactionGrantHandleStats) {}
