// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core

import (
	"context"
	"errors"
	"fmt"
)

// Check goes from the outside in: the engine's own structures, then the catalog, then every
// stored row, which must belong to a table that the catalog knows and be readable by it.

// Check reads everything and returns ErrCorrupt, saying what and where, if it finds damage: the
// engine's own structures, the catalog, and every row. Of a table that is open, every key is
// decoded and every value validated; of the others, what has a checksum is compared with it.
func (s *Storage) Check(ctx context.Context) error {
	v, err := s.enter("call")
	if err != nil {
		return s.fail("check", "", nil, err)
	}
	defer v.leave()
	for try := 1; ; try++ {
		seen := s.catalog.fence.Load()
		err := s.checkNow(ctx)
		if !s.sharing.Shared() || !errors.Is(err, ErrConflict) {
			return s.fail("check", "", nil, err)
		}
		// The engine of a shared storage cannot put what the snapshot reads into an order with
		// what others write. Nothing of it was shown yet.
		if err := s.again(ctx, try, err, seen); err != nil {
			return s.fail("check", "", nil, err)
		}
	}
}

// checkNow checks one snapshot.
func (s *Storage) checkNow(ctx context.Context) error {
	snap, err := s.current(ctx)
	if err != nil {
		return err
	}
	defer func() { s.logClose(snap.Close()) }()
	return s.check(ctx, snap)
}

func (s *Storage) check(ctx context.Context, snap Snapshot) error {
	if s.powers.Check != nil {
		if err := s.powers.Check(ctx); err != nil {
			return err
		}
	}
	var c catalog // as it is in the snapshot
	if err := c.load(ctx, snap); err != nil {
		return err
	}
	if err := c.distinct(); err != nil {
		return err
	}
	checks := s.rowChecks(&c)
	steps := 0
	return eachRow(ctx, snap, ScanRange{Once: true}, func(key, stored []byte) error {
		if steps++; steps%ctxSteps == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		return checkRow(checks, key, stored)
	})
}

// checkRow finds a row of no table, and one that its table cannot read.
func checkRow(checks map[uint32]rowCheck, key, stored []byte) error {
	n, err := storedTable(key)
	if err != nil {
		return err
	}
	c, ok := checks[n]
	if !ok {
		return strayRow(key, n)
	}
	if err := c.check(key, stored); err != nil {
		if !errors.Is(err, ErrCorrupt) {
			err = fmt.Errorf("%w: %w", ErrCorrupt, err)
		}
		return fmt.Errorf("table %q, the row with the encoded key %s: %w",
			c.table, shortKey(key[tableNumberSize:]), err)
	}
	return nil
}

// storedTable returns the table number of a row.
func storedTable(key []byte) (uint32, error) {
	if len(key) < tableNumberSize {
		return 0, fmt.Errorf("%w: a key of %d bytes belongs to no table", ErrCorrupt, len(key))
	}
	return tableNumber(key), nil
}

// strayRow is the error of a row of no table.
func strayRow(key []byte, n uint32) error {
	return fmt.Errorf("%w: a row with the encoded key %s belongs to table number %d, which is "+
		"not in the catalog", ErrCorrupt, shortKey(key), n)
}

// rowCheck is what can be checked of the rows of one table.
type rowCheck struct {
	table string
	check func(key, stored []byte) error
}

// rowChecks returns the checks by table number. The catalog's own rows were checked when it was
// read.
func (s *Storage) rowChecks(c *catalog) map[uint32]rowCheck {
	nothing := func(key, stored []byte) error { return nil }
	checks := map[uint32]rowCheck{catalogNumber: {"", nothing}, outcomeNumber: {"", nothing}}
	for n := range c.dropped {
		checks[n] = rowCheck{"", nothing}
	}
	open := make(map[uint32]*tableState)
	for _, t := range s.catalog.names() {
		open[t.record.Load().Number] = t
	}
	for name, t := range c.tables {
		r := t.record.Load()
		checks[r.Number] = rowCheck{name, r.rowCheck(open[r.Number])}
	}
	return checks
}

// rowCheck returns what can be checked of a row: all of it if the table is open. open is what
// its handles share, under whatever name it has by now, nil if it was dropped.
func (r *tableRecord) rowCheck(open *tableState) func(key, stored []byte) error {
	if open != nil {
		if check := open.check.Load(); check != nil {
			return *check
		}
	}
	if !r.Checksums {
		return func(key, stored []byte) error { return nil }
	}
	return func(key, stored []byte) error {
		_, err := checkRowSum(key[tableNumberSize:], stored)
		return err
	}
}
