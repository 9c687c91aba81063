// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
)

// Dropping a table takes its name away at once and its rows when there is time: a catalog row
// that names the number keeps it from being given to another table until the last of its rows
// is gone.

// DropTable deletes a table with all its rows. From then on its open handles return ErrClosed;
// open guards stay valid. The table disappears in one atomic write. An engine that can delete a
// range deletes the rows in the same write. On the others the rows are deleted afterwards, in
// chunks, so that other writes go on in between; if that is interrupted, the next Compact or
// DropTable continues it.
func (s *Storage) DropTable(ctx context.Context, name string) error {
	err := s.counted("write", func() error {
		err := s.inTurn(ctx, func() error {
			t := s.catalog.find(name)
			if t == nil {
				return fmt.Errorf("%w: the storage has no such table", ErrNotFound)
			}
			return s.unlist(ctx, t)
		})
		if err != nil {
			return err
		}
		return s.purge(ctx)
	})
	return s.fail("drop", name, nil, err)
}

// unlist takes a table from the catalog, and deletes its rows or marks them for deletion. The
// caller has the turn.
func (s *Storage) unlist(ctx context.Context, t *tableState) error {
	r := t.record.Load()
	row, err := r.row(t.name())
	if err != nil {
		return err
	}
	writes := []Write{droppedRow(r.Number), deletion(row)}
	if s.powers.DeleteRange {
		low := appendTableNumber(nil, r.Number)
		writes = []Write{deletion(row), {Key: low, Delete: true, End: prefixEnd(low)}}
	}
	if err := s.applyCatalog(ctx, writes); err != nil {
		return err
	}
	t.dropped.Store(true)
	s.catalog.change(func() {
		delete(s.catalog.tables, t.name())
		if !s.powers.DeleteRange {
			s.catalog.dropped[r.Number] = true
		}
	})
	return nil
}

// purge deletes the rows of dropped tables. It takes the turn for each chunk, so the caller
// must not have it.
func (s *Storage) purge(ctx context.Context) error {
	for _, n := range s.catalog.purgeable() {
		low := appendTableNumber(nil, n)
		err := s.clearRange(ctx, low, prefixEnd(low), func() error {
			if !s.catalog.dropped[n] {
				return errStop // somebody else has deleted the last of it
			}
			return nil
		})
		if err == nil {
			err = s.inTurn(ctx, func() error { return s.forget(ctx, n) })
		}
		if err != nil && !errors.Is(err, errStop) {
			return err
		}
	}
	return nil
}

// purgeable returns the numbers of dropped tables in their order.
func (c *catalog) purgeable() []uint32 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Sorted(maps.Keys(c.dropped))
}

// forget takes a dropped table that has no row any more out of the catalog.
func (s *Storage) forget(ctx context.Context, n uint32) error {
	if !s.catalog.dropped[n] {
		return nil
	}
	if err := s.writer.apply(ctx, Batch{Writes: []Write{deletion(droppedRow(n))}}); err != nil {
		return err
	}
	s.catalog.change(func() { delete(s.catalog.dropped, n) })
	return nil
}
