// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package bbolt

import (
	"bytes"
	"errors"
	"sync"
	"sync/atomic"

	bolt "go.etcd.io/bbolt"

	"github.com/guardkv/guardkv/core"
)

// reads is how an engine serves its readers. There are two implementations: mapped, and copied
// for systems that lack address space.
type reads interface {
	// get returns the value of key in the newest state.
	get(key []byte) ([]byte, core.Releaser, error)

	// snapshot returns the newest state, with a reference for the caller.
	snapshot() (*state, error)

	// refresh shows readers the newest state of f. The writer calls it after every commit,
	// before the commit is reported, and with another file after a compaction. After an error
	// readers still see what they saw before.
	refresh(f *file) error

	// loosen lets the next commit use the pages that the last one has freed, if that is
	// possible, and reports whether it did. Then refresh or tighten follows before any other
	// commit.
	loosen() bool

	// tighten undoes loosen, after a commit that failed.
	tighten(f *file) error

	// stop drops what is kept for future readers. There will be none.
	stop()
}

// mapped shares one read transaction between all readers. They read the file where it is mapped.
type mapped struct {
	newest atomic.Pointer[state]
}

func (m *mapped) get(key []byte) ([]byte, core.Releaser, error) {
	s := m.acquire()
	value, err := s.rows.get(key)
	if err != nil {
		s.Release()
		return nil, nil, err
	}
	return value, s, nil
}

func (m *mapped) snapshot() (*state, error) { return m.acquire(), nil }

// acquire returns the newest state. It tries again only if a commit replaced the state meanwhile.
func (m *mapped) acquire() *state {
	for {
		if s := m.newest.Load(); s.acquire() {
			return s
		}
	}
}

func (m *mapped) refresh(f *file) error {
	var s *state
	err := protect(func() error {
		tx, err := f.db.Begin(false)
		if err != nil {
			return err
		}
		if s, err = newState(f, tx, false); err != nil {
			tx.Rollback()
		}
		return err
	})
	if err != nil {
		return err
	}
	f.refs.Add(1)
	old := m.newest.Load()
	if old != nil && old.tx == nil {
		s.refs.Add(1)
		old.keeper = s
	}
	m.newest.Store(s)
	if old != nil {
		old.Release()
	}
	return nil
}

// loosen ends the read transaction of the newest state, unless somebody uses that state. bbolt
// keeps what a commit has freed for as long as a transaction that began before the next commit
// is open, although no reader can see these pages: a load would take the room of one more commit.
// The newest state needs no transaction: its pages are in use, the next commit does not change
// them, and what that commit frees is kept by the transaction of the following state.
func (m *mapped) loosen() bool {
	s := m.newest.Load()
	if s == nil || s.tx == nil || s.refs.Load() > 1 { // whoever comes later finds the state as it is
		return false
	}
	err := protect(s.tx.Rollback)
	s.tx = nil
	return err == nil
}

func (m *mapped) tighten(f *file) error {
	s := m.newest.Load()
	return protect(func() error {
		tx, err := f.db.Begin(false)
		if err != nil {
			return err
		}
		if tx.ID() != s.txid {
			return errors.Join(errors.New("bbolt shows another state"), tx.Rollback())
		}
		s.tx = tx
		return nil
	})
}

func (m *mapped) stop() {
	if s := m.newest.Swap(nil); s != nil {
		s.Release()
	}
}

// copied is for systems without spare address space: no transaction stays open between calls,
// so the writer never waits long for readers when it has to remap the file. Values are copied,
// and so is the whole storage for a snapshot, once for all snapshots of one state.
type copied struct {
	mu   sync.RWMutex // held while file is read, and to replace it
	file *file

	building sync.Mutex
	newest   *state // the last copy; nil if none can be used
}

// nothing is the Releaser of a value that is a copy.
type nothing struct{}

func (nothing) Release() {}

func (c *copied) get(key []byte) (value []byte, r core.Releaser, err error) {
	err = c.view(func(tx *bolt.Tx) error {
		s, err := newState(c.file, tx, false)
		if err != nil {
			return err
		}
		found, err := s.rows.get(key)
		value = bytes.Clone(found)
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	return value, nothing{}, nil
}

func (c *copied) snapshot() (s *state, err error) {
	c.building.Lock()
	defer c.building.Unlock()
	err = c.view(func(tx *bolt.Tx) (err error) {
		if c.newest == nil || c.newest.txid != tx.ID() {
			c.newest, err = newState(c.file, tx, true)
		}
		return err
	})
	if err != nil {
		c.newest = nil
		return nil, err
	}
	c.newest.refs.Add(1)
	return c.newest, nil
}

// view runs fn in a read transaction.
func (c *copied) view(fn func(tx *bolt.Tx) error) error {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return protect(func() error {
		tx, err := c.file.db.Begin(false)
		if err != nil {
			return err
		}
		defer tx.Rollback()
		return fn(tx)
	})
}

func (c *copied) loosen() bool { return false }

func (c *copied) tighten(*file) error { return nil }

func (c *copied) refresh(f *file) error {
	c.mu.Lock()
	c.file = f
	c.mu.Unlock()
	c.stop()
	return nil
}

func (c *copied) stop() {
	c.building.Lock()
	defer c.building.Unlock()
	c.newest = nil
}
