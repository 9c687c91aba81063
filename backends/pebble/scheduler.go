// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package pebble

import (
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// scheduler lets pebble merge tables as it does by itself, but not before the storage is open. A pebble that cannot be opened
// closes what its merging goroutines go on to use, and they end the process.
type scheduler struct {
	pebble.CompactionScheduler // of which nothing but this is known to grant only when asked

	mu   sync.Mutex
	db   pebble.DBForCompaction
	open bool
	poke chan struct{}
	stop chan struct{}
	done sync.WaitGroup
}

var _ pebble.CompactionScheduler = (*scheduler)(nil)

func newScheduler() *scheduler {
	return &scheduler{
		CompactionScheduler: pebble.NewConcurrencyLimitSchedulerWithNoPeriodicGrantingForTest(),
		poke:                make(chan struct{}, 1),
		stop:                make(chan struct{}),
	}
}

// Register is part of pebble.CompactionScheduler.
func (s *scheduler) Register(perCompaction int, db pebble.DBForCompaction) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.db = db
	s.CompactionScheduler.Register(perCompaction, db)
}

// opened says that pebble is open.
func (s *scheduler) opened() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open = true
	s.done.Go(s.grant)
}

func (s *scheduler) isOpen() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open
}

// TrySchedule is part of pebble.CompactionScheduler.
func (s *scheduler) TrySchedule() (bool, pebble.CompactionGrantHandle) {
	if !s.isOpen() {
		return false, nil
	}
	return s.CompactionScheduler.TrySchedule()
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
	close(s.stop)
	s.done.Wait()
	s.CompactionScheduler.Unregister()
}

// grantEvery is how often a scheduler of pebble looks for what waits.
const grantEvery = 100 * time.Millisecond

// grant lets merging begin that was refused before.
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
	if waits, _ := s.db.GetWaitingCompaction(); !waits {
		return false
	}
	ok, handle := s.CompactionScheduler.TrySchedule()
	if !ok {
		return false
	}
	if !s.db.Schedule(handle) {
		handle.Done()
		return false
	}
	return true
}
