// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package pebble

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/guardkv/guardkv/core"
)

// isFull reports whether an error says that a medium, or the user's share of it, has no room.
func isFull(err error) bool {
	for _, full := range fullErrors {
		if err != nil && errors.Is(err, full) {
			return true
		}
	}
	return false
}

// noRoom adds ErrNoRoom to an error of a medium without room. None of the caller's rows was
// written.
func noRoom(err error) error {
	if isFull(err) && !errors.Is(err, core.ErrNoRoom) {
		return fmt.Errorf("%w: %w", core.ErrNoRoom, err)
	}
	return err
}

// medium checks whether there is room for what pebble will write. Pebble acknowledges rows that
// are in its log, and has to move them to tables later, or it stalls; and a file that it must
// write and cannot ends it. So writers are refused earlier, while there is room for all that,
// and for deleting and merging. medium cannot see what others write to the medium at the same
// moment; the room for the rows themselves is reserved in the log.
type medium struct {
	fs    vfs.FS
	dir   string
	usage func(dir string) (free, total int64, known bool)

	// How many bytes of rows were written, and how many of them were in logs that are finished,
	// in those that pebble is moving to tables, and in those that it has moved.
	written                    atomic.Int64
	finished, moving, inTables atomic.Int64

	failedWith atomic.Int64 // what was free when a merge had failed for lack of room

	merge   int64 // pebble needs no more to merge tables by itself, as a rule
	asked   time.Time
	spare   int64 // what may be written until the medium is asked again
	tables  int64 // what the tables took
	counted time.Time
	before  int64 // what was written before the tables were counted
}

// floor is what is left for files that must be written: new logs, the list of tables, the
// witness, the mark.
const floor = 1 << 20

func newMedium(fs vfs.FS, dir string, ask func(string) (free, total int64, known bool)) *medium {
	if ask == nil {
		ask = usage
	}
	if vfs.Root(fs) != vfs.Default {
		ask = func(string) (free, total int64, known bool) { return 0, 0, false }
	}
	return &medium{fs: fs, dir: dir, usage: ask}
}

// memTable returns the size of tables in memory that suits the medium: the logs, together with
// the room that is kept for moving rows to tables, take a few times that size.
func (m *medium) memTable() uint64 {
	_, total, known := m.usage(m.dir)
	if !known {
		return memTableSize
	}
	const least, part = 512 << 10, 64
	return uint64(min(max(total/part, least), memTableSize))
}

// listen lets the medium follow what becomes of rows.
func (m *medium) listen(o *pebble.Options) {
	const tables = 8 // of the first level and those that overlap them
	m.merge = max(tables*int64(o.MemTableSize), o.LBaseMaxBytes)
	created, begun, flushed := o.EventListener.WALCreated, o.EventListener.FlushBegin,
		o.EventListener.FlushEnd
	merged := o.EventListener.CompactionEnd
	o.EventListener.CompactionEnd = func(i pebble.CompactionInfo) {
		if isFull(i.Err) {
			free, _, _ := m.usage(m.dir)
			m.failedWith.Store(free)
		}
		merged(i)
	}
	o.EventListener.WALCreated = func(i pebble.WALCreateInfo) {
		m.finished.Store(m.written.Load())
		created(i)
	}
	o.EventListener.FlushBegin = func(i pebble.FlushInfo) {
		m.moving.Store(m.finished.Load())
		if begun != nil {
			begun(i)
		}
	}
	o.EventListener.FlushEnd = func(i pebble.FlushInfo) {
		if i.Err == nil {
			m.inTables.Store(m.moving.Load())
		}
		flushed(i)
	}
}

// unmoved returns how much room the rows that are only in the log may take in tables.
func (m *medium) unmoved() int64 {
	n := m.written.Load() - m.inTables.Load()
	return n + n/8
}

// grant returns how many bytes of a table may be written before grant is called again,
// including the next n.
func (m *medium) grant(n int64) (spare int64, err error) {
	const step = 256 << 10
	free, _, known := m.usage(m.dir)
	if !known {
		return step, nil
	}
	if free < n+floor/2 {
		return 0, m.refusal(free, n+floor/2)
	}
	return min(step, free-n-floor/2), nil
}

func (m *medium) refusal(free, need int64) error {
	return fmt.Errorf("%w: %d bytes are free in %s, and pebble may need %d: %w",
		core.ErrNoRoom, free, m.dir, need, syscall.ENOSPC)
}

// often is how long a measurement of the medium counts as current.
const often = 10 * time.Millisecond

// take makes sure that there is room for n bytes of rows. Deleting may use what is kept back
// for merging.
func (m *medium) take(n int64, deleting bool) error {
	if m.spare < n || time.Since(m.asked) > often {
		if err := m.ask(n, deleting); err != nil {
			m.spare = 0
			return err
		}
	}
	m.spare -= n
	return nil
}

func (m *medium) ask(n int64, deleting bool) error {
	free, _, known := m.usage(m.dir)
	if !known {
		m.asked, m.spare = time.Now(), 1<<40
		return nil
	}
	need := m.need(n, deleting)
	if free < need && m.since() > 0 { // perhaps the tables take less than assumed
		m.count()
		need = m.need(n, deleting)
	}
	if free < need {
		return m.refusal(free, need)
	}
	m.asked, m.spare = time.Now(), (free-need)/4 // others write as well
	if deleting {
		m.spare = 0
	}
	return nil
}

// need returns how much must be free before n bytes of rows are written.
func (m *medium) need(n int64, deleting bool) int64 {
	need := 2*n + floor // in the log, and in a table
	if deleting {
		return need + m.unmoved()
	}
	// moved rows leave the log, and merging may use that room
	return need + floor + max(m.unmoved(), min(m.merge, m.inUse()))
}

// mayMerge reports whether there is room for a merge that failed before.
func (m *medium) mayMerge() bool {
	free, _, known := m.usage(m.dir)
	if !known {
		return false
	}
	m.count()
	need := floor + max(m.unmoved(), min(m.merge, m.inUse()))
	// a quota may be full although the medium is not: there must be more room than before
	return free > m.failedWith.Load()+need
}

// toMove makes sure that rows can be moved from the log to tables.
func (m *medium) toMove() error {
	free, _, known := m.usage(m.dir)
	if need := m.unmoved() + floor; known && free < need {
		return m.refusal(free, need)
	}
	return nil
}

// rest waits until pebble neither writes nor removes files by itself, but no longer than
// roomPatience.
func (e *engine) rest(ctx context.Context) (err error) {
	defer e.health.caught(&err)
	for deadline := time.Now().Add(roomPatience); busy(e.db.Metrics()) &&
		time.Now().Before(deadline); {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-e.health.stopped:
			return e.health.check()
		case <-time.After(time.Millisecond):
		}
	}
	return nil
}

func busy(m *pebble.Metrics) bool {
	return m.Flush.NumInProgress+m.Compact.NumInProgress+m.Table.ObsoleteCount > 0
}

// least is the room that pebble needs to open a closed storage, or to make one.
const least = 256 << 10

// toOpen makes sure that a storage can be opened none of whose rows is only in the log.
func (m *medium) toOpen() error {
	free, _, known := m.usage(m.dir)
	if known && free < least {
		return m.refusal(free, least)
	}
	return nil
}

// inUse returns how much of the medium the tables take at most.
func (m *medium) inUse() int64 {
	if time.Since(m.counted) >= time.Second {
		m.count()
	}
	return m.tables + m.since()
}

// since returns how much was written since the tables were counted, all of which may be in
// tables now.
func (m *medium) since() int64 { return m.written.Load() - m.before }

// count counts what the tables take, and with them what is only in the log.
func (m *medium) count() {
	before := m.inTables.Load()
	n, err := sizes(m.fs, m.dir, func(name string) bool { return filepath.Ext(name) == ".sst" })
	if err == nil { // otherwise the directory is gone; pebble will find that out
		m.tables, m.counted, m.before = n, time.Now(), before
	}
}

// sizes returns how much of the medium the files in a directory take whose names fit.
func sizes(disk vfs.FS, dir string, fit func(name string) bool) (size int64, err error) {
	names, err := disk.List(dir)
	if err != nil {
		return 0, err
	}
	for _, name := range names {
		if !fit(name) {
			continue
		}
		info, err := disk.Stat(disk.PathJoin(dir, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue // pebble removes files while it runs
		} else if err != nil {
			return 0, err
		}
		size += sizeOf(info)
	}
	return size, nil
}
