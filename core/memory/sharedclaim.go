// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package memory

import (
	"bytes"
	"context"
	"fmt"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/internal/ordered"
)

// sharedClaim is the claim of a shared storage. It locks nothing: it remembers what it saw, and
// changes nothing if that has changed meanwhile. Its lock is a lock in name only: it says where
// the storage is. lock is nil once it was given back or handed on.
type sharedClaim struct {
	lock   *lock
	looked bool
	seen   sight
}

var _ core.Claim = (*sharedClaim)(nil)

// sight is what somebody saw at a path.
type sight struct {
	storage *storage // nil if nothing was there
	mark    []byte
}

// sight returns what is at the lock's path. The caller has the backend's mutex.
func (l *lock) sight() sight {
	p := l.backend.places[l.path]
	if p == nil || p.storage == nil {
		return sight{}
	}
	p.storage.mu.Lock()
	defer p.storage.mu.Unlock()
	return sight{p.storage, p.storage.mark} // the slice is replaced, never changed
}

// Mark returns a copy of the storage's mark, or nil if nothing is there, and remembers both.
func (c *sharedClaim) Mark() ([]byte, error) {
	if c.lock == nil {
		return nil, errReleased
	}
	b := c.lock.backend
	b.mu.Lock()
	defer b.mu.Unlock()
	c.seen, c.looked = c.lock.sight(), true
	if c.seen.storage == nil {
		return nil, nil
	}
	return append([]byte{}, c.seen.mark...), nil
}

// Rename moves the storage to a path where nothing is.
func (c *sharedClaim) Rename(to string) error {
	return c.change(func() error {
		l := c.lock
		if err := l.move(l.backend.places[l.path], to); err != nil {
			return err
		}
		c.seen.storage.unfence(false)
		l.forget()
		c.seen = sight{}
		return nil
	})
}

// Remove deletes the storage, if there is one. Whoever has it open finds no rows any more.
func (c *sharedClaim) Remove() error {
	return c.change(func() error {
		if c.seen.storage == nil {
			return nil
		}
		c.lock.backend.places[c.lock.path].storage = nil
		c.seen.storage.unfence(true)
		c.lock.forget()
		c.seen = sight{}
		return nil
	})
}

// change runs fn, which changes what is at the path, with the mutex of the backend.
func (c *sharedClaim) change(fn func() error) error {
	if c.lock == nil {
		return errReleased
	}
	if c.lock.readOnly {
		return fmt.Errorf("%w: the storage was claimed to be read", core.ErrReadOnly)
	}
	b := c.lock.backend
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := c.unchanged(); err != nil {
		return err
	}
	return fn()
}

// unchanged returns ErrConflict unless what the claim saw is still at the path. A claim that
// has not looked yet does so now. The caller has the backend's mutex.
func (c *sharedClaim) unchanged() error {
	now := c.lock.sight()
	if !c.looked {
		c.seen, c.looked = now, true
	}
	switch {
	case now.storage != c.seen.storage:
		return fmt.Errorf("%w: somebody else created, moved or removed the storage at %q",
			core.ErrConflict, c.lock.path)
	case !bytes.Equal(now.mark, c.seen.mark):
		return fmt.Errorf("%w: somebody else changed the mark of the storage at %q",
			core.ErrConflict, c.lock.path)
	}
	return nil
}

// Open opens the storage that Mark saw, or creates one if it saw none.
func (c *sharedClaim) Open(ctx context.Context, opts core.EngineOptions) (core.Engine, error) {
	if c.lock == nil {
		return nil, errReleased
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	b := c.lock.backend
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := c.unchanged(); err != nil {
		return nil, err
	}
	if c.seen.storage == nil {
		if c.lock.readOnly {
			return nil, fmt.Errorf("nothing is at %q: %w: the storage was claimed to be read",
				c.lock.path, core.ErrReadOnly)
		}
		mark := bytes.Clone(opts.Mark)
		c.seen = sight{newStorage(mark), mark}
		b.place(c.lock.path).storage = c.seen.storage
	}
	e := &sharedEngine{engine: engine{c.lock, c.seen.storage}, mark: c.seen.mark}
	c.lock = nil
	return e, nil
}

// Release forgets what the claim saw.
func (c *sharedClaim) Release() error {
	c.lock = nil
	return nil
}

// forget drops what is known about a path where nothing is. The caller has the mutex.
func (l *lock) forget() {
	if p := l.backend.places[l.path]; p != nil && p.storage == nil {
		delete(l.backend.places, l.path)
	}
}

// unfence deletes the fence, so that whoever has the storage open notices. With remove it
// deletes all other rows too.
func (s *storage) unfence(remove bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if remove {
		s.removed = true
		s.rows, s.size = ordered.Map[[]byte]{}, 0
	} else {
		s.delete([]byte(core.FenceKey))
	}
	s.publish()
}
