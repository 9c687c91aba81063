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
		err := s.changeTables(ctx, func(t *turn) error {
			table := s.catalog.find(name)
			if table == nil {
				return fmt.Errorf("%w: the storage has no such table", ErrNotFound)
			}
			return t.unlist(ctx, table)
		})
		if err != nil {
			return err
		}
		return s.purge(ctx)
	})
	return s.fail("drop", name, nil, err)
}

// unlist takes a table from the catalog, and deletes its rows or marks them for deletion.
func (t *turn) unlist(ctx context.Context, table *tableState) error {
	r := table.record.Load()
	row, err := r.row(table.name())
	if err != nil {
		return err
	}
	writes := []Write{droppedRow(r.Number), deletion(row)}
	ranges := t.storage.powers.DeleteRange
	if ranges {
		low := appendTableNumber(nil, r.Number)
		writes = []Write{deletion(row), {Key: low, Delete: true, End: prefixEnd(low)}}
	}
	c := &t.storage.catalog
	return t.applyCatalog(ctx, writes, func() {
		table.end(ErrDropped)
		delete(c.tables, table.name())
		if !ranges {
			c.dropped[r.Number] = true
		}
	})
}

// purge deletes the rows of dropped tables. It takes the turn for each chunk, so the caller
// must not have it.
func (s *Storage) purge(ctx context.Context) error {
	for _, n := range s.catalog.purgeable() {
		low := appendTableNumber(nil, n)
		err := s.clearRange(ctx, low, prefixEnd(low), func() error {
			if !s.catalog.purges(n) {
				return errStop // somebody else has deleted the last of it
			}
			return nil
		})
		if err == nil {
			err = s.changeTables(ctx, func(t *turn) error { return t.forget(ctx, n) })
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

// purges reports whether the rows of a dropped table are still to be deleted.
func (c *catalog) purges(n uint32) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.dropped[n]
}

// forget takes a dropped table that has no row any more out of the catalog.
func (t *turn) forget(ctx context.Context, n uint32) error {
	c := &t.storage.catalog
	if !c.purges(n) {
		return nil
	}
	return t.applyCatalog(ctx, []Write{deletion(droppedRow(n))}, func() { delete(c.dropped, n) })
}
