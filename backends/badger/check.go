// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package badger

import (
	"context"
	"errors"
	"io/fs"

	"github.com/guardkv/guardkv/core"
)

// Check reads all tables and files of the value log, looks up every value, and compares the
// number of writes with the one that was recorded. Writers and readers go on meanwhile.
func (e *engine) Check(ctx context.Context) error {
	for _, step := range []func(context.Context) error{
		e.checkTables, e.checkValueLog, e.checkRows, e.checkTally,
	} {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := e.reachable(); err != nil {
			return err // nothing can be said of what is there now
		}
		if err := e.health.protect(func() error { return step(ctx) }); err != nil {
			return e.anchor.err(err)
		}
	}
	return nil
}

// checkTables reads the tables that badger has. A table that is gone was compacted meanwhile,
// if badger no longer has it. The manifest names a table before badger has it.
func (e *engine) checkTables(ctx context.Context) error {
	f := files{dir: e.anchor.dir}
	tables := e.db.Tables()
	named, err := readManifest(f.dir)
	if err != nil {
		return err
	}
	var c tableChecker
	for _, t := range tables {
		if err := ctx.Err(); err != nil {
			return err
		}
		path := f.path(t.ID, tableSuffix)
		compression, ok := named[t.ID]
		if ok {
			err = c.check(tableFile{path, compression})
		} else {
			err = corruptf("%s does not name %s", manifestName, path)
		}
		if err == nil || !e.hasTable(t.ID) {
			continue
		}
		if errors.Is(err, fs.ErrNotExist) {
			return corruptf("%s is missing", path)
		}
		return err
	}
	return nil
}

func (e *engine) hasTable(id uint64) bool {
	for _, t := range e.db.Tables() {
		if t.ID == id {
			return true
		}
	}
	return false
}

// checkValueLog reads the files of the value log that are no longer written: all but the
// newest.
func (e *engine) checkValueLog(ctx context.Context) error {
	f, err := listFiles(e.anchor.dir)
	if err != nil {
		return err
	}
	if !e.place.ReadOnly && len(f.values) > 0 {
		f.values = f.values[:len(f.values)-1]
	}
	for _, n := range f.values {
		if err := ctx.Err(); err != nil {
			return err
		}
		before := e.collected.Load()
		if _, err := checkValueFile(f.path(n, valueSuffix)); err != nil && !e.collects(before) {
			return err
		}
	}
	return nil
}

// collects reports whether badger has been deleting files of the value log since collected was
// before.
func (e *engine) collects(before uint64) bool {
	return before%2 == 1 ||
		e.collected.Load() != before
}

// checkRows reads every row, which finds values that the value log no longer has.
func (e *engine) checkRows(ctx context.Context) error {
	s, err := e.Snapshot(ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	c, err := s.Scan(ctx, core.ScanRange{})
	if err != nil {
		return err
	}
	defer c.Close()
	for _, _, ok := c.Next(); ok; _, _, ok = c.Next() {
	}
	return c.Err()
}

func (e *engine) checkTally(context.Context) error {
	return e.tally.Check(func() ([]byte, error) {
		row, _, err := e.tallyRow()
		return row, err
	})
}
