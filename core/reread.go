// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core

import (
	"bytes"
	"context"
	"errors"
)

// Reads outside a transaction, from a shared storage. Each is a snapshot of its own, and is
// repeated if it runs into a conflict before the caller has seen anything of it.

// readShared begins a snapshot for one read of a table and runs read, again and again until it
// runs into no conflict or, as it reports, has shown something.
func (s *Storage) readShared(
	ctx context.Context, table *tableState, read func(Snapshot) (shown bool, err error),
) error {
	for try := 1; ; try++ {
		shown, seen, err := s.tryRead(ctx, table, read)
		if shown || !errors.Is(err, ErrConflict) {
			return err
		}
		if err := s.again(ctx, try, err, seen); err != nil {
			return err
		}
	}
}

func (s *Storage) tryRead(
	ctx context.Context, table *tableState, read func(Snapshot) (shown bool, err error),
) (shown bool, seen *fence, err error) {
	snap, err := s.fenced(ctx, ToReadOnce)
	if err != nil {
		return false, s.catalog.fence.Load(), err
	}
	defer func() { s.logClose(snap.Close()) }()
	if err := table.gone(); err != nil { // which is looked at after the snapshot's fence
		return false, nil, err
	}
	shown, err = read(snap)
	return shown, snap.fence, err
}

// getShared is Engine.Get for a shared storage.
func (s *Storage) getShared(
	ctx context.Context, table *tableState, key []byte,
) (value []byte, r Releaser, err error) {
	err = s.readShared(ctx, table, func(snap Snapshot) (bool, error) {
		stored, held, err := snap.Get(ctx, key)
		if err == nil {
			value = beyond(stored, held)
		}
		return false, err
	})
	if err != nil {
		return nil, nil, err
	}
	return value, ownBytes{}, nil
}

// beyond returns bytes that are valid beyond their snapshot: those of the engine if it gives them
// away, else a copy.
func beyond(stored []byte, held Releaser) []byte {
	if k, ok := held.(Keeper); ok && k.Keep() {
		return stored
	}
	defer releaseValue(held)
	return append([]byte{}, stored...)
}

// ownBytes is the Releaser of bytes that only the caller has.
type ownBytes struct{}

func (ownBytes) Release() {}

// Keep gives the bytes away.
func (ownBytes) Keep() bool { return true }

// sharedScan is a cursor over a table of a shared storage. It begins with its first row.
type sharedScan struct {
	ctx     context.Context
	storage *Storage
	table   *tableState
	r       ScanRange
	from    []byte // where Seek moved it before it began, nil if it did not

	snapshot *fencedSnapshot // nil before it begins
	rows     RowCursor
	err      error
}

func (s *Storage) newSharedScan(ctx context.Context, table *tableState, r ScanRange) *sharedScan {
	r.Low, r.High = bytes.Clone(r.Low), bytes.Clone(r.High)
	return &sharedScan{ctx: ctx, storage: s, table: table, r: r}
}

// Next returns the next row.
func (c *sharedScan) Next() (key, value []byte, ok bool) {
	if c.err != nil {
		return nil, nil, false
	}
	if c.rows != nil {
		return c.rows.Next()
	}
	for try := 1; ; try++ {
		key, value, ok = c.first()
		if ok || !errors.Is(c.err, ErrConflict) {
			return key, value, ok
		}
		seen := c.storage.catalog.fence.Load()
		if c.snapshot != nil {
			seen = c.snapshot.fence
		}
		err := c.end()
		if err == nil {
			err = c.storage.again(c.ctx, try, c.err, seen)
		}
		if c.err = err; err != nil {
			return nil, nil, false
		}
	}
}

// first begins, and returns the first row.
func (c *sharedScan) first() (key, value []byte, ok bool) {
	c.snapshot, c.err = c.storage.fenced(c.ctx, ToReadOnce)
	if c.err != nil {
		return nil, nil, false
	}
	if c.err = c.table.gone(); c.err != nil {
		return nil, nil, false
	}
	if c.rows, c.err = c.snapshot.Scan(c.ctx, c.r); c.err != nil {
		return nil, nil, false
	}
	if c.from != nil {
		c.rows.Seek(c.from)
	}
	key, value, ok = c.rows.Next()
	c.err = c.rows.Err()
	return key, value, ok
}

// Seek moves the cursor.
func (c *sharedScan) Seek(key []byte) {
	if c.rows != nil {
		c.rows.Seek(key)
		return
	}
	c.from = append([]byte{}, key...)
}

// Err returns the error that ended the rows early.
func (c *sharedScan) Err() error {
	if c.err != nil || c.rows == nil {
		return c.err
	}
	return c.rows.Err()
}

// Close gives the snapshot back.
func (c *sharedScan) Close() error { return c.end() }

// end closes what first made.
func (c *sharedScan) end() (err error) {
	if c.rows != nil {
		err = c.rows.Close()
		c.rows = nil
	}
	if c.snapshot != nil {
		err = errors.Join(err, c.snapshot.Close())
		c.snapshot = nil
	}
	return err
}
