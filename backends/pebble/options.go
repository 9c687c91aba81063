// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package pebble

import (
	"log/slog"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// format is the version of pebble's files in which storages are created, and to which old ones
// are upgraded. It is the first with checksums in the footers of tables, and with logs that can
// tell damage from their end.
const format = pebble.FormatTableFormatV6

const (
	// the size of a table in memory, and what a crash leaves to be read from the log; less on a
	// small medium
	memTableSize = 32 << 20
	bitsPerKey   = 10 // of bloom filters: one lookup in a hundred is wasted
)

// options returns pebble's options for one storage.
func (b Backend) options(fs vfs.FS, l *slog.Logger, h *health, m *medium) *pebble.Options {
	o := &pebble.Options{
		FS: fs,
		// whoever opens a storage releases it
		Cache:                       pebble.NewCache(b.CacheSize),
		FormatMajorVersion:          format,
		MemTableSize:                m.memTable(),
		MemTableStopWritesThreshold: 4,
		CompactionConcurrencyRange:  func() (lower, upper int) { return 1, 2 },
		EventListener:               listener(l, h),
		Logger:                      logger{to: l, h: h},
	}
	// and the levels below, by pebble's rule
	o.Levels[0].FilterPolicy = bloom.FilterPolicy(bitsPerKey)
	// where pebble does not look at filters
	o.Levels[len(o.Levels)-1].FilterPolicy = pebble.NoFilterPolicy
	merging := newScheduler()
	o.Experimental.CompactionScheduler = merging
	o.EnsureDefaults()
	m.listen(o)
	merging.listen(o, h)
	return o
}
