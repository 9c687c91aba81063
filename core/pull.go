// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core

import (
	"context"
	"log/slog"
	"runtime"
	"sync/atomic"
)

// Cursor is Scan.Rows for code that is not a loop: it pulls rows instead of having them pushed,
// and can jump.

// Cursor passes over the rows of a scan one call at a time, and can jump. It is what [Scan.Rows] is
// for code that cannot be a loop: a merge of several tables, a page of a server, an iterator of
// one's own.
//
//	c, err := table.Scan().Cursor(ctx)
//	if err != nil {
//		return err
//	}
//	defer c.Close()
//	for c.Next() {
//		fmt.Println(c.Key(), c.Value())
//	}
//	return c.Err()
//
// It sees the snapshot of the moment when it was made or, inside a transaction, the
// transaction's state at that moment. It is used by one goroutine at a time. Close every
// Cursor: one that is dropped open is reported to the logger, and keeps its snapshot until the
// process ends. A cursor of View or Update ends with the function, one of Snapshot with the Tx.
// Once Next was called after that, or after its own Close, Err returns ErrClosed.
type Cursor[K, W any] struct {
	rows   *cursor
	decode func(key, stored []byte) (Row[K, W], error)
	encode func(dst []byte, k K) ([]byte, error)
	fail   func(err error) error
	row    Row[K, W]
	sought []byte // the memory of the key that Seek was given
	left   int    // rows that Limit still allows; negative is no limit
	err    error
	open   *openHandle
}

// openHandle is the part of a Cursor, or of a Tx of Snapshot, that stays when it is collected.
type openHandle struct {
	closed atomic.Bool
	what   string
	table  string
	at     *callSite // where it was made, if that is tracked
	logger *slog.Logger
}

// Cursor returns a cursor that stands before the first row of the scan. It must be closed, and
// counts for ErrGuardsOpen. ctx holds until then. Unlike Rows, which takes its snapshot when the
// loop begins, Cursor takes it at once or, in a storage that other processes write to, with the
// first row.
func (s Scan[K, V, W]) Cursor(ctx context.Context) (*Cursor[K, W], error) {
	rows, err := s.open(ctx, false)
	if err != nil {
		return nil, s.table.fail("cursor", err)
	}
	var again *W // the last row's value, if its memory is used again
	c := &Cursor[K, W]{
		rows: rows,
		decode: func(key, stored []byte) (Row[K, W], error) {
			return s.decode(rows, key, stored, &again)
		},
		encode: s.seekKey,
		fail:   func(err error) error { return s.table.fail("cursor", err) },
		left:   s.limit,
		open: &openHandle{
			what: "a cursor", table: s.table.state.name(), at: rows.visit.at,
			logger: s.table.storage.usage.logger,
		},
	}
	if s.tx == nil || s.tx.shared != nil { // others close what their function leaves open
		runtime.AddCleanup(c, (*openHandle).abandon, c.open)
	}
	return c, nil
}

// seekKey appends the stored form of a key to seek.
func (s *Scan[K, V, W]) seekKey(dst []byte, k K) ([]byte, error) {
	b, err := s.table.rows.key.Append(appendTableNumber(dst, s.table.rows.number), k)
	return b, s.unordered(err)
}

// abandon reports what was collected while it was open. What it holds stays held: a view may be in
// use.
func (o *openHandle) abandon() {
	if o.closed.Load() {
		return
	}
	at := "use core.WithTracking to learn where"
	if o.at != nil {
		at = o.at.String()
	}
	attrs := []any{"at", at}
	if o.table != "" {
		attrs = append([]any{"table", o.table}, attrs...)
	}
	o.logger.Error(
		o.what+" was dropped without Close; what it reads is held until the process ends",
		attrs...)
}

// Next moves to the next row and reports whether there is one. After false, Err tells whether the
// rows ended or failed; after the end Seek goes on, after an error nothing does.
func (c *Cursor[K, W]) Next() bool {
	if c.err != nil || c.left == 0 || c.rows.closed {
		return c.none()
	}
	key, stored, ok := c.rows.next()
	if !ok {
		if err := c.rows.err(); err != nil {
			c.err = c.fail(err)
		}
		c.row = Row[K, W]{}
		return false
	}
	if c.row, c.err = c.decode(key, stored); c.err != nil {
		c.err = c.fail(c.err)
		return c.none()
	}
	c.left--
	return true
}

// none ends a call of Next that reads nothing.
func (c *Cursor[K, W]) none() bool {
	c.row = Row[K, W]{}
	if c.err == nil && c.rows.closed {
		c.err = c.fail(errCursorClosed)
	}
	return false
}

var errCursorClosed = &wrapped{
	ErrClosed, "closed: the cursor, or the transaction that it belongs to, has ended",
}

// Seek moves the cursor, backward too, so that the next call of Next goes to the first row at
// or behind k in the scan's direction, within the bounds of the scan: with Reverse, to the last
// row whose key is not above k. It does not reset Limit, which counts the rows that Next
// returned. Until Next is called there is no row. If the keys are not ordered, Err returns
// ErrUnordered. k may be reused when Seek returns.
func (c *Cursor[K, W]) Seek(k K) {
	c.row = Row[K, W]{}
	if c.err != nil || c.rows.closed {
		return
	}
	key, err := c.encode(c.sought[:0], k)
	if err != nil {
		c.err = c.fail(err)
		return
	}
	c.sought = key
	c.rows.seek(key)
}

// Key returns the key of the row that Next moved to, the zero K if there is none. It is valid as
// long as the key format says; unless it is a view, forever.
func (c *Cursor[K, W]) Key() K { return c.row.Key }

// Value returns the view of the row that Next moved to, the zero W if there is none. It is owned by
// the engine, must not be modified, and is valid until the next call of Next, Seek or Close.
func (c *Cursor[K, W]) Value() W { return c.row.Value }

// Err returns the error that ended the rows early, or nil.
func (c *Cursor[K, W]) Err() error { return c.err }

// Close releases the cursor. Closing it again does nothing, and returns nil. Closing it from
// another goroutine than the one that uses it is not allowed.
func (c *Cursor[K, W]) Close() error {
	c.row = Row[K, W]{}
	c.open.closed.Store(true)
	c.rows.close()
	return nil
}
