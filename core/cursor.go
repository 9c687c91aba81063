// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core

import (
	"bytes"
	"context"

	"github.com/guardkv/guardkv/core/internal/ordered"
)

// This is the engine-facing half of a scan: stored keys and values, no types. Outside a
// transaction a cursor passes over one snapshot. Inside one it merges two ordered sequences,
// the snapshot and the transaction's own pending writes, where a pending write hides the row of
// the same key.

// cursor passes over stored rows for a scan: those of a snapshot, and in a transaction those of
// its pending writes over them.
type cursor struct {
	ctx      context.Context
	snapshot Snapshot // nil if the engine's cursor needs none
	rows     RowCursor
	steps    int // before the context is looked at again
	failed   error
	closed   bool
	lent     Releaser // of the last row's view, nil if the format lends nothing

	visit visit // outside a transaction

	// inside a transaction
	tx      *Tx
	pending ordered.Cursor[pendingWrite]
	over    aheadRow // the pending write that is next
	row     aheadRow // the snapshot's row that is next, unless it was returned already:
	rowUsed bool     // then it stays, because its bytes are valid until the next call
	reverse bool
}

// aheadRow is a row that one side of a merge has ready.
type aheadRow struct {
	key, value []byte
	deleted    bool
	ok         bool
}

// ctxSteps is after how many rows a cursor looks whether its context has ended.
const ctxSteps = 128

// scan returns a cursor over a snapshot of its own.
func (s *Storage) scan(ctx context.Context, table *tableState, r ScanRange) (*cursor, error) {
	v, err := s.enter("scan")
	if err != nil {
		return nil, err
	}
	c := &cursor{ctx: ctx, visit: v}
	opened := false
	defer func() { // also if the engine panics
		if !opened {
			c.close()
		}
	}()
	if err = c.begin(ctx, table, r); err != nil {
		return nil, err
	}
	opened = true
	return c, nil
}

// begin makes the engine's cursor, and the snapshot that it needs unless the engine does without.
func (c *cursor) begin(ctx context.Context, table *tableState, r ScanRange) (err error) {
	if err := live(ctx); err != nil {
		return err
	}
	if c.visit.storage.sharing.Shared() {
		c.rows = c.visit.storage.newSharedScan(ctx, table, r)
		return nil
	}
	if scan := c.visit.storage.powers.Scan; scan != nil {
		c.rows, err = scan(ctx, r)
		return err
	}
	if c.snapshot, err = c.visit.storage.engine.Snapshot(ctx); err != nil {
		return err
	}
	c.rows, err = c.snapshot.Scan(ctx, r)
	return err
}

// scan returns a cursor over the transaction's state, which later writes do not change.
func (tx *Tx) scan(ctx context.Context, r ScanRange) (*cursor, error) {
	if err := live(ctx); err != nil {
		return nil, err
	}
	if err := tx.enter(); err != nil {
		return nil, err
	}
	opened := false
	defer func() { // also if the engine panics
		if !opened {
			tx.leave()
		}
	}()
	rows, err := tx.snapshot.Scan(ctx, r)
	if err != nil {
		return nil, err
	}
	opened = true
	c := &cursor{
		ctx: ctx, snapshot: tx.snapshot, rows: rows, tx: tx, reverse: r.Reverse,
		rowUsed: true,
	}
	if tx.shared != nil { // it has nothing pending, and ends when the last cursor is closed
		return c, nil
	}
	if tx.pending.Len() > 0 {
		state := tx.pending.Clone()
		c.pending = state.Scan(r.Low, r.High, r.Reverse)
		c.stepOver()
	}
	if tx.cursors == nil {
		tx.cursors = make(map[*cursor]struct{})
	}
	tx.cursors[c] = struct{}{}
	return c, nil
}

// next returns the next row, valid until the next call.
func (c *cursor) next() (key, value []byte, ok bool) {
	if c.steps--; c.steps >= 0 && c.tx == nil {
		return c.rows.Next()
	}
	return c.checkedNext()
}

// checkedNext is next for a transaction, and for a cursor that should look whether its context
// has ended.
func (c *cursor) checkedNext() (key, value []byte, ok bool) {
	if c.steps < 0 {
		c.steps = ctxSteps - 1
		if c.failed = c.ctx.Err(); c.failed != nil {
			return nil, nil, false
		}
	}
	if c.tx == nil {
		return c.rows.Next()
	}
	if c.tx.done.Load() {
		c.failed = ErrTxDone
		return nil, nil, false
	}
	return c.merge()
}

// seek makes the next row the first one at or behind key in the direction of the scan.
func (c *cursor) seek(key []byte) {
	if c.failed != nil {
		return
	}
	c.rows.Seek(key)
	if c.tx == nil {
		return
	}
	c.row, c.rowUsed = aheadRow{}, true
	c.pending.Seek(key)
	c.stepOver()
}

// merge returns the lower row of the two sides, or the higher under reverse. Of equal keys the
// pending one counts.
func (c *cursor) merge() (key, value []byte, ok bool) {
	if c.rowUsed {
		c.stepRow()
	}
	for c.failed == nil && (c.row.ok || c.over.ok) {
		order := c.order()
		if order < 0 {
			c.rowUsed = true
			return c.row.key, c.row.value, true
		}
		next := c.over
		c.stepOver()
		if order == 0 {
			c.stepRow()
		}
		if !next.deleted {
			return next.key, next.value, true
		}
	}
	return nil, nil, false
}

func (c *cursor) stepRow() {
	c.row.key, c.row.value, c.row.ok = c.rows.Next()
	c.rowUsed = false
	if !c.row.ok {
		c.failed = c.rows.Err() // pending writes alone are not the transaction's state
	}
}

func (c *cursor) stepOver() {
	key, p, ok := c.pending.Next()
	c.over = aheadRow{key: key, value: p.value, deleted: p.deleted, ok: ok}
}

// order is negative if the snapshot's row comes first, positive if the pending write does.
func (c *cursor) order() int {
	switch {
	case !c.over.ok:
		return -1
	case !c.row.ok:
		return 1
	case c.reverse:
		return bytes.Compare(c.over.key, c.row.key)
	}
	return bytes.Compare(c.row.key, c.over.key)
}

// err returns what ended the rows early.
func (c *cursor) err() error {
	if c.failed != nil {
		return c.failed
	}
	return c.rows.Err()
}

// close may be called again: a transaction closes what its function left open.
func (c *cursor) close() {
	if c.closed {
		return
	}
	c.closed = true
	if c.lent != nil {
		defer c.giveBack()
	}
	if c.tx != nil {
		if c.tx.shared != nil {
			defer c.tx.leave()
		} else {
			delete(c.tx.cursors, c)
		}
		c.tx.storage.logClose(c.rows.Close())
		return
	}
	defer c.visit.leave() // whatever the engine, or the logger, does before
	if c.snapshot != nil {
		defer func() { c.visit.storage.logClose(c.snapshot.Close()) }()
	}
	if c.rows != nil {
		c.visit.storage.logClose(c.rows.Close())
	}
}

// giveBack ends the view of the last row.
func (c *cursor) giveBack() {
	if r := c.lent; r != nil {
		c.lent = nil
		r.Release()
	}
}

// logClose reports what no caller could use: the rows were read without an error.
func (s *Storage) logClose(err error) {
	if err != nil {
		s.opts.logger.Error("closing a scan or transaction failed", "storage", s.path, "err", err)
	}
}
