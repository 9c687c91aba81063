// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package memory

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/internal/ordered"
)

// storage is what stays at a path when nobody has it open.
type storage struct {
	mark []byte // changed by the one writer, read when there is none
	rows ordered.Map[[]byte]
	size int64 // of all keys and values in rows

	// state is what readers see. The writer publishes a new one with every batch and never
	// changes an old one.
	state atomic.Pointer[snapshot]

	// mu is only for shared storages, which several handles change. It guards everything but
	// state.
	mu      sync.Mutex
	removed bool // by a claim, while somebody may have it open
}

func newStorage(mark []byte) *storage {
	s := &storage{mark: mark}
	s.publish()
	return s
}

func (s *storage) publish() { s.state.Store(&snapshot{rows: s.rows.Clone(), size: s.size}) }

// apply changes rows, but not yet what readers see. It reports whether it changed any. Each key
// is in one write, so a condition finds the rows as they were.
func (s *storage) apply(b core.Batch) (changed bool) {
	for i := range b.Writes {
		w := &b.Writes[i]
		if w.When != core.Unconditional {
			_, found := s.rows.Get(w.Key)
			if b.Met[i] = w.When.Met(found); !b.Met[i] {
				continue
			}
		}
		changed = true
		switch {
		case !w.Delete:
			s.put(w.Key, w.Value)
		case w.End != nil:
			s.deleteRange(w.Key, w.End)
		default:
			s.delete(w.Key)
		}
	}
	return changed
}

// put copies the row into one allocation of its own: when the row is replaced or deleted and
// its last reader is gone, all of it is free, whatever else its batch wrote. The value is in
// front, where it is aligned best.
func (s *storage) put(key, value []byte) {
	row := make([]byte, 0, len(value)+len(key))
	row = append(append(row, value...), key...)
	n := len(value)
	if old, replaced := s.rows.Set(row[n:], row[:n:n]); replaced {
		s.size -= int64(len(key) + len(old))
	}
	s.size += int64(len(row))
}

func (s *storage) delete(key []byte) {
	if old, ok := s.rows.Get(key); ok {
		s.rows.Delete(key)
		s.size -= int64(len(key) + len(old))
	}
}

// deleteRange deletes the keys from low up to high. The published rows, which readers still
// have, tell it the keys.
func (s *storage) deleteRange(low, high []byte) {
	rows := s.rows.Clone()
	c := rows.Scan(low, high, false)
	for key, _, ok := c.Next(); ok; key, _, ok = c.Next() {
		s.delete(key)
	}
}

// engine is an open storage. Several readers may have one storage open, each in an engine of
// its own.
type engine struct {
	lock    *lock
	storage *storage
}

var _ core.Engine = (*engine)(nil)

// Get returns the stored bytes. They stay as they are forever, so there is nothing to release.
func (e *engine) Get(_ context.Context, key []byte) ([]byte, core.Releaser, error) {
	v, ok := e.storage.state.Load().rows.Get(key)
	if !ok {
		return nil, nil, core.ErrNotFound
	}
	return v, noRelease{}, nil
}

// noRelease is the Releaser of bytes that the garbage collector releases.
type noRelease struct{}

func (noRelease) Release() {}

// Snapshot returns the published state.
func (e *engine) Snapshot(context.Context) (core.Snapshot, error) {
	return e.storage.state.Load(), nil
}

// Apply makes the writes visible all at once. It does not look at Base: nobody else can write.
func (e *engine) Apply(ctx context.Context, b core.Batch) error {
	if err := e.writable(ctx); err != nil {
		return err
	}
	if e.storage.apply(b) {
		e.storage.publish()
	}
	return nil
}

// SetMark replaces the mark.
func (e *engine) SetMark(ctx context.Context, mark []byte) error {
	if err := e.writable(ctx); err != nil {
		return err
	}
	e.storage.mark = bytes.Clone(mark)
	return nil
}

func (e *engine) writable(ctx context.Context) error {
	if e.lock.readOnly {
		return fmt.Errorf("%w: the storage was opened to be read", core.ErrReadOnly)
	}
	return ctx.Err()
}

// Limits returns no limits.
func (e *engine) Limits() core.Limits { return core.Limits{} }

// Powers returns that the engine knows its size, has nothing to sync, deletes ranges, and looks
// at conditions.
func (e *engine) Powers() core.Powers {
	return core.Powers{Size: e.Size, Sync: e.Sync, DeleteRange: true, Conditions: true}
}

// Size returns the bytes of all keys and values. The tree that holds them takes some more.
func (e *engine) Size() (int64, error) { return e.storage.state.Load().size, nil }

// Sync does nothing: memory is never durable.
func (e *engine) Sync(ctx context.Context) error { return e.writable(ctx) }

// Close gives the lock back.
func (e *engine) Close() error {
	e.lock.release()
	return nil
}
