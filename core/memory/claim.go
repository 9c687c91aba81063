// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package memory

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"

	"github.com/guardkv/guardkv/core"
)

// lock is a lock on a path. The claim that takes it hands it over to the engine that it opens.
type lock struct {
	backend  *Backend
	path     string
	readOnly bool
}

func (l *lock) release() { l.backend.give(l.path, l.readOnly) }

// change runs fn, which changes the backend, on the place that the lock is on.
func (l *lock) change(fn func(*place) error) error {
	if l.readOnly {
		return fmt.Errorf("%w: the storage was claimed to be read", core.ErrReadOnly)
	}
	l.backend.mu.Lock()
	defer l.backend.mu.Unlock()
	return fn(l.backend.places[l.path])
}

// storage returns what is at the path, or nil.
func (l *lock) storage() *storage {
	l.backend.mu.Lock()
	defer l.backend.mu.Unlock()
	return l.backend.places[l.path].storage
}

// claim is a lock whose storage is not open. lock is nil once it was given back or handed over.
type claim struct{ lock *lock }

var _ core.Claim = (*claim)(nil)

var errReleased = fmt.Errorf("%w: the claim was released, or opened", core.ErrClosed)

// Mark returns a copy of the storage's mark, or nil if nothing is there.
func (c *claim) Mark() ([]byte, error) {
	if c.lock == nil {
		return nil, errReleased
	}
	s := c.lock.storage()
	if s == nil {
		return nil, nil
	}
	return append([]byte{}, s.mark...), nil
}

// Rename moves the storage to a path where nothing is and that nobody has claimed.
func (c *claim) Rename(to string) error {
	if c.lock == nil {
		return errReleased
	}
	return c.lock.change(func(p *place) error { return c.lock.move(p, to) })
}

// move moves the storage of the lock's place to another path. The caller has the mutex.
func (l *lock) move(p *place, to string) error {
	if p == nil || p.storage == nil {
		return fmt.Errorf("rename %q to %q: %w", l.path, to, fs.ErrNotExist)
	}
	target := l.backend.place(to)
	switch {
	case target.storage != nil:
		return fmt.Errorf("rename %q to %q: %w", l.path, to, fs.ErrExist)
	case target.claimed():
		return fmt.Errorf("rename %q to %q: %w: the new path is claimed",
			l.path, to, core.ErrLocked)
	}
	target.storage, p.storage = p.storage, nil
	return nil
}

// Remove deletes the storage, if there is one.
func (c *claim) Remove() error {
	if c.lock == nil {
		return errReleased
	}
	return c.lock.change(func(p *place) error {
		p.storage = nil
		return nil
	})
}

// Open opens the storage, or creates it. It never returns ErrConflict, because a claim also
// covers a path where nothing is.
func (c *claim) Open(ctx context.Context, opts core.EngineOptions) (core.Engine, error) {
	if c.lock == nil {
		return nil, errReleased
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s := c.lock.storage()
	if s == nil {
		s = newStorage(bytes.Clone(opts.Mark))
		err := c.lock.change(func(p *place) error {
			p.storage = s
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("nothing is at %q: %w", c.lock.path, err)
		}
	}
	e := &engine{lock: c.lock, storage: s}
	c.lock = nil
	return e, nil
}

// Release gives the lock back.
func (c *claim) Release() error {
	if c.lock != nil {
		c.lock.release()
		c.lock = nil
	}
	return nil
}
