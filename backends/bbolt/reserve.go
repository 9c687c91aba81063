// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package bbolt

import (
	"fmt"
	"sync"

	"github.com/guardkv/guardkv/core"
)

// space is the address space that the files of this process are mapped with.
//
// bbolt waits for all readers before it remaps a file, and lets no reader begin while it waits.
// Only a mapping that never has to grow keeps readers and the writer out of each other's way.
// It costs address space, not memory. But the Go heap, and whatever else the program maps, need
// address space too, so all storages together take only a part of it.
type space struct {
	mu    sync.Mutex
	free  func(size int64) bool // replaced in tests
	total int64                 // what was free at first, a power of two; 0: not known yet
	taken int64
}

var processSpace = space{free: isFree}

const (
	gib = 1 << 30
	tib = 1 << 40
)

// sizes are the sizes that a file may be mapped with, each with the part of all space, in
// eighths, that may be taken by then. The more storages a process has open, the less each gets.
var sizes = []struct{ size, eighths int64 }{
	{16 * tib, 4},
	{1 * tib, 2},
	{64 * gib, 5},
	{8 * gib, 6},
}

// take returns how many bytes of address space a file may be mapped with, or 0 if too few are
// free.
func (s *space) take(fileSize int64) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.total == 0 {
		for s.total = 64 * tib; s.total > gib && !s.free(s.total); {
			s.total /= 2
		}
	}
	for _, c := range sizes {
		if c.size/4 < fileSize {
			return 0
		}
		if c.size > tib && fileSize < tib/8 || s.taken+c.size > s.total/8*c.eighths ||
			!s.free(c.size) {
			continue
		}
		s.taken += c.size
		return int(c.size)
	}
	return 0
}

// again takes size once more, for a file that replaces one of that size: both are mapped only
// for a short time.
func (s *space) again(size int) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.free(int64(size)) {
		return 0,
			fmt.Errorf("%w: there is no address space for a second mapping of %d bytes; close "+
				"other storages", core.ErrTooLarge, size)
	}
	s.taken += int64(size)
	return size, nil
}

// give takes back what take or again returned.
func (s *space) give(size int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.taken -= int64(size)
}
