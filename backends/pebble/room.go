// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package pebble

import (
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
)

// room knows whether the next commit is certain not to wait for pebble to write tables. A
// commit that may wait needs a goroutine of its own, so that it can be given up if pebble
// fails, and that takes longer than most commits.
//
// Pebble makes a commit wait in one place only: before it begins a new table in memory, because
// the last one has no room for the batch. It does so once per commit, whatever the size, and
// looks at the sum of the sizes of those tables, and at how many tables of level 0 lie above
// each other. If both are below their limits, the commit does not wait. The sizes grow only
// when the goroutine that writes begins a table in memory or ingests one: pebble reports the
// new log, or the table, before that call returns. Level 0 grows when tables are ingested, and
// at any time when pebble moves tables there from memory, by no more than one for each of
// these. (In theory a merge within level 0 may make one table lie above more others before room
// hears of it. Then a commit waits that was certain not to, and cannot be given up if pebble
// fails just then.) So what was true when both were checked holds for the next commit, unless
// pebble has reported something since.
type room struct {
	memory uint64 // the limit of the sizes of the tables in memory
	depth  int64  // the limit of the tables of level 0 that lie above each other

	changed atomic.Bool // what room knows is out of date
	enough  bool
	deep    bool // a commit may wait for tables of level 0 to be merged
}

func newRoom(o *pebble.Options) *room {
	r := &room{
		memory: uint64(o.MemTableStopWritesThreshold) * o.MemTableSize,
		depth:  int64(o.L0StopWritesThreshold),
	}
	r.changed.Store(true)
	created := o.EventListener.WALCreated
	o.EventListener.WALCreated = func(i pebble.WALCreateInfo) { created(i); r.changed.Store(true) }
	o.EventListener.TableIngested = func(pebble.TableIngestInfo) { r.changed.Store(true) }
	merged := o.EventListener.CompactionEnd
	o.EventListener.CompactionEnd = func(i pebble.CompactionInfo) {
		merged(i)
		r.changed.Store(true)
	}
	flushed := o.EventListener.FlushEnd
	o.EventListener.FlushEnd = func(i pebble.FlushInfo) { flushed(i); r.changed.Store(true) }
	return r
}

// certain reports whether the next commit is certain not to wait. If it is not, look may find
// that it has become so.
func (r *room) certain() bool { return r.enough && !r.changed.Load() }

// look updates what r knows. It may wait for pebble, and is called by the goroutine that
// writes, or on its behalf.
func (r *room) look(db *pebble.DB) {
	if r.changed.Swap(false) {
		m := db.Metrics()
		r.enough, r.deep = r.fits(m), r.isDeep(m)
	}
}

func (r *room) fits(m *pebble.Metrics) bool { return m.MemTable.Size < r.memory && !r.isDeep(m) }

func (r *room) isDeep(m *pebble.Metrics) bool {
	return int64(m.Levels[0].Sublevels)+m.MemTable.Count >= r.depth
}
