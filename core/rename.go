// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core

import (
	"bytes"
	"context"
	"fmt"
	"slices"
)

// A table is a number, and its name is one row of the catalog that leads to the number. So
// giving it another name replaces that row, and touches none of the table's own. Handles refer
// to the state of the table, and not to its name: they go on.

// RenameTable gives a table another name, in one atomic write, whatever its size. Its open handles
// go on, and show the new name in errors; so do guards, scans and transactions. It returns
// ErrNotFound if there is no table of the old name, and ErrExists if there is one of the new name,
// which may be the same.
func (s *Storage) RenameTable(ctx context.Context, from, to string) error {
	err := s.counted("write", func() error {
		return s.changeTables(ctx, func(t *turn) error { return t.renameTable(ctx, from, to) })
	})
	return s.fail("rename table", from, nil, err)
}

// renameTable replaces the row of the old name by one of the new name, in one write.
func (t *turn) renameTable(ctx context.Context, from, to string) error {
	c := &t.storage.catalog
	state := c.find(from)
	if state == nil {
		return fmt.Errorf("%w: there is no table %q", ErrNotFound, from)
	}
	if err := checkTableName(to); err != nil {
		return err
	}
	if c.find(to) != nil {
		return fmt.Errorf("%w: there is a table %q", ErrExists, to)
	}
	row, err := state.record.Load().row(to)
	if err != nil {
		return err
	}
	old, err := state.record.Load().row(from)
	if err != nil {
		return err
	}
	writes := []Write{deletion(old), row}
	slices.SortFunc(writes, func(a, b Write) int { return bytes.Compare(a.Key, b.Key) })
	return t.applyCatalog(ctx, writes, func() {
		delete(c.tables, from)
		c.tables[to] = state
		state.named.Store(&to)
	})
}

// checkTableName returns an error if a new table cannot have this name.
func checkTableName(name string) error {
	if n := len(name); n == 0 || n > maxTableName {
		return fmt.Errorf("a new table's name has 1 to %d bytes, not %d", maxTableName, n)
	}
	return nil
}
