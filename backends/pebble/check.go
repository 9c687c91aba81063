// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package pebble

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/sstable"
)

// Check compares the number of writes with the one that was recorded, reads every block of
// every table from the files, and checks that the levels agree.
func (e *engine) Check(ctx context.Context) (err error) {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := e.health.check(); err != nil {
		return err
	}
	if err := e.tally.Check(e.tallyRow); err != nil {
		return err
	}
	if err := e.checkTables(ctx); err != nil {
		return err
	}
	defer e.cache.spare()()
	return e.checkLevels()
}

// checkTables reads all tables, and those that take their place meanwhile.
func (e *engine) checkTables(ctx context.Context) (err error) {
	defer e.health.caught(&err)
	checked := map[string]bool{}
	for {
		names, err := e.tables()
		if err != nil {
			return damage(err)
		}
		before := len(checked)
		for _, name := range names {
			if checked[name] {
				continue
			}
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := e.checkTable(ctx, name); err != nil {
				return err
			}
			checked[name] = true
		}
		if len(checked) == before {
			return nil
		}
	}
}

// tables returns the names of the files of all tables.
func (e *engine) tables() (names []string, err error) {
	levels, err := e.db.SSTables()
	for _, level := range levels {
		for _, t := range level {
			names = append(names, tableName(t))
		}
	}
	return names, err
}

func tableName(t pebble.SSTableInfo) string {
	return fmt.Sprintf("%06d.sst",
		uint64(t.BackingSSTNum))
}

// checkTable reads every block of a table. A table that is gone was merged into others, unless
// pebble still refers to it.
func (e *engine) checkTable(ctx context.Context, name string) error {
	err := e.readTable(ctx, name)
	if errors.Is(err, fs.ErrNotExist) {
		names, failed := e.tables()
		for _, n := range names {
			if n == name {
				return corruptf("table %s is missing", name)
			}
		}
		return damage(failed)
	}
	if err != nil {
		if pebble.IsCorruptionError(err) {
			e.health.damaged.Store(true) // pebble does not report this in any other way
		}
		return damage(fmt.Errorf("table %s: %w", name, err))
	}
	return nil
}

func (e *engine) readTable(ctx context.Context, name string) error {
	f, err := e.fs.Open(e.fs.PathJoin(e.place.Dir, name))
	if err != nil {
		return err
	}
	readable, err := sstable.NewSimpleReadable(f)
	if err != nil {
		return errors.Join(err, f.Close())
	}
	// closes it after an error
	r, err := sstable.NewReader(ctx, readable, e.opts.MakeReaderOptions())
	if err != nil {
		return err
	}
	return errors.Join(r.ValidateBlockChecksums(), r.Close())
}

func (e *engine) checkLevels() (err error) {
	defer e.health.caught(&err)
	return damage(e.db.CheckLevels(nil))
}
