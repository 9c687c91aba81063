// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"sync/atomic"
)

// A scan is described first and run later. Scan collects bounds, direction and limit, and costs
// nothing; Rows, Keys, Count and the other methods that use it then ask the engine for a cursor
// over that range. Bounds are kept in their encoding, because that is what engines compare.
// Mistakes, such as a bound that cannot be encoded, are kept as well, and returned by whatever
// uses the scan: so the methods that narrow it can be chained.

// Scan passes over rows of a table in the order of their keys. It is a value: its methods return a
// narrower scan and leave the old one as it is, so a scan can be kept, shared and used again.
//
// Outside a transaction each use sees the snapshot of its start, whatever is written meanwhile, by
// the loop's body included. Inside a transaction it sees the transaction's state at its start.
type Scan[K, V, W any] struct {
	table     *Table[K, V, W]
	tx        *Tx // nil outside a transaction
	low, high []byte
	// of the keys that After was given; nil if it was not called
	after   struct{ least, most []byte }
	reverse bool
	limit   int // negative is none
	err     error
}

// Row is one row of a scan. Value is owned by the engine, must not be modified, and is valid until
// the loop asks for the next row. Key is valid as long as the key format says; unless it is a view,
// forever.
type Row[K, W any] struct {
	Key   K
	Value W
}

// newScan returns the scan over all rows of a table, which every method narrows.
func newScan[K, V, W any](t *Table[K, V, W], tx *Tx) Scan[K, V, W] {
	return Scan[K, V, W]{table: t, tx: tx, low: t.rows.low, high: t.rows.high, limit: -1}
}

// From leaves out keys below k. With several bounds, all hold; that is also so with Reverse.
func (s Scan[K, V, W]) From(k K) Scan[K, V, W] {
	s.low = higher(s.low, s.bound(k))
	return s
}

// To leaves out k and the keys above it.
func (s Scan[K, V, W]) To(k K) Scan[K, V, W] {
	s.high = lower(s.high, s.bound(k))
	return s
}

// Prefix leaves out keys that do not start with k. It is for key formats that have prefixes:
// strings and bytes.
func (s Scan[K, V, W]) Prefix(k K) Scan[K, V, W] {
	p, ok := s.table.rows.key.(Prefixer[K])
	if !ok {
		s.fail(s.unordered(fmt.Errorf("%s: %w: %w",
			s.table.rows.key.ID(), errNoPrefix, errors.ErrUnsupported)))
		return s
	}
	return s.Within(p.Prefix(k))
}

// Within narrows the scan to r, a range that the table's key format made, such as keys.Pair(a,
// b).First(x). With a range of another format, one with another ID, the scan returns
// [ErrFormatMismatch].
func (s Scan[K, V, W]) Within(r KeyRange[K]) Scan[K, V, W] {
	low, high, err := r.Bounds()
	if err == nil {
		err = r.MadeBy(s.table.rows.key.ID())
	}
	if err = s.unordered(err); err != nil {
		s.fail(err)
		return s
	}
	s.low = higher(s.low, append(s.table.rows.prefix(), low...))
	if high != nil {
		s.high = lower(s.high, append(s.table.rows.prefix(), high...))
	}
	return s
}

// After leaves out k and what comes before it in the scan's direction: what is left are the rows
// that follow the row that was seen last, such as the next page. That is also so if Reverse is
// called later.
func (s Scan[K, V, W]) After(k K) Scan[K, V, W] {
	b := s.bound(k)
	s.after.least, s.after.most = lower(s.after.least, b), higher(s.after.most, b)
	return s
}

// bounds returns the bounds of the scan in its direction.
func (s *Scan[K, V, W]) bounds() (low, high []byte) {
	switch {
	case s.after.most == nil:
		return s.low, s.high
	case s.reverse:
		return s.low, lower(s.high, s.after.least)
	}
	most := s.after.most
	return higher(s.low, append(most[:len(most):len(most)], 0)), s.high
}

// Reverse passes over the same rows from the last to the first.
func (s Scan[K, V, W]) Reverse() Scan[K, V, W] {
	s.fail(s.unordered(nil))
	s.reverse = !s.reverse
	return s
}

// Limit ends the scan after n rows; of several limits the lowest counts. A negative n is no limit.
func (s Scan[K, V, W]) Limit(n int) Scan[K, V, W] {
	if n >= 0 && (s.limit < 0 || n < s.limit) {
		s.limit = n
	}
	return s
}

// bound returns the stored form of a bound, nil if there can be none, which the scan then knows.
func (s *Scan[K, V, W]) bound(k K) []byte {
	b, err := s.table.rows.key.Append(s.table.rows.prefix(), k)
	if err = s.unordered(err); err != nil {
		s.fail(err)
		return nil
	}
	return b
}

// unordered returns ErrUnordered if the keys have no order, else err.
func (s *Scan[K, V, W]) unordered(err error) error {
	if !s.table.rows.key.Ordered() {
		return fmt.Errorf("%w: keys in %s have no order", ErrUnordered, s.table.rows.key.ID())
	}
	return err
}

// fail keeps an error for whoever uses the scan.
func (s *Scan[K, V, W]) fail(err error) { s.err = errors.Join(s.err, err) }

// Rows returns the rows. It takes its snapshot when the loop begins, not when Rows is called: an
// iterator that is never ranged over would keep one. After an error one more pair follows, which
// holds the error and no row. The value of a row is owned by the engine, must not be modified, and
// is valid until the loop asks for the next one.
func (s Scan[K, V, W]) Rows(ctx context.Context) iter.Seq2[Row[K, W], error] {
	return func(yield func(Row[K, W], error) bool) {
		c, err := s.open(ctx, false)
		if err != nil {
			yield(Row[K, W]{}, s.table.fail("scan", err))
			return
		}
		defer c.close()
		var again *W // the last row's value, if its memory is used again
		for left := s.limit; left != 0; left-- {
			var key, stored []byte
			var ok bool
			if c.steps--; c.steps >= 0 && c.tx == nil { // what c.next does, in place
				key, stored, ok = c.rows.Next()
			} else {
				key, stored, ok = c.checkedNext()
			}
			if !ok {
				err = c.err()
				break
			}
			var row Row[K, W]
			if row, err = s.decode(c, key, stored, &again); err != nil {
				break
			}
			if !yield(row, nil) {
				return
			}
		}
		if err != nil {
			yield(Row[K, W]{}, s.table.fail("scan", err))
		}
	}
}

// decode returns a stored row. It may use the memory of the value that it returned last, *again.
func (s *Scan[K, V, W]) decode(
	c *cursor, key, stored []byte, again **W,
) (row Row[K, W], err error) {
	rows := &s.table.rows
	if row.Key, err = rows.key.Decode(key[tableNumberSize:len(key):len(key)]); err == nil {
		if !rows.plain || rows.reuse != nil {
			row.Value, err = s.viewAgain(c, key, stored, again)
		} else { // what viewAgain does, in place: for small rows, calls are what a scan costs
			row.Value, err = rows.value.View(stored[:len(stored):len(stored)])
		}
	}
	if err != nil {
		return row, s.table.rowError(key, err)
	}
	return row, nil
}

// viewAgain views a stored row in the memory of the last one, which is on the heap, or in what
// the format lends until the next one.
func (s *Scan[K, V, W]) viewAgain(c *cursor, key, stored []byte, again **W) (w W, err error) {
	if s.table.rows.lends {
		c.giveBack()
		c.lent, err = s.table.rows.viewLent(key, stored, &w)
		return w, err
	}
	if *again == nil {
		*again = new(W)
	}
	err = s.table.rows.viewAgain(key, stored, *again)
	return **again, err
}

// Keys returns the keys, without looking at the values. As Rows does, it takes its snapshot when
// the loop begins. After an error one more pair follows, which holds the error and no key.
func (s Scan[K, V, W]) Keys(ctx context.Context) iter.Seq2[K, error] {
	return func(yield func(K, error) bool) {
		err := s.each(ctx, true, func(key, _ []byte) (more bool, err error) {
			k, err := s.table.rows.decodeKey(key)
			if err != nil {
				return false, s.table.rowError(key, err)
			}
			return yield(k, nil), nil
		})
		if err != nil {
			var none K
			yield(none, s.table.fail("scan", err))
		}
	}
}

// Stream calls fn once with the rows, and returns fn's error as it is, or else the error that ended
// the rows early: an error cannot be forgotten. A value is valid until fn asks for the next row.
// The rows may be ranged over several times, each time as they are then; after fn has returned that
// is a panic.
func (s Scan[K, V, W]) Stream(ctx context.Context, fn func(iter.Seq2[K, W]) error) error {
	if fn == nil {
		return s.table.fail("scan", errNoFunction)
	}
	var failed error
	var over atomic.Bool
	defer over.Store(true)
	err := fn(func(yield func(K, W) bool) {
		for row, err := range s.Rows(ctx) {
			if over.Load() {
				panic(rowsAfterStream)
			}
			if err != nil {
				failed = err
				return
			}
			if !yield(row.Key, row.Value) {
				return
			}
		}
	})
	if err != nil {
		return err
	}
	return failed
}

// rowsAfterStream is what a kept iterator panics with, because it has no way to report an error.
const rowsAfterStream = "core: the rows of Scan.Stream were asked for after its function had " +
	"returned"

// Count returns the number of rows. Engines that can count without reading every row do so, unless
// the scan has a limit or the transaction has writes.
func (s Scan[K, V, W]) Count(ctx context.Context) (int, error) {
	c, err := s.open(ctx, true)
	if err != nil {
		return 0, s.table.fail("count", err)
	}
	defer c.close()
	n, err := s.count(ctx, c)
	return n, s.table.fail("count", err)
}

func (s *Scan[K, V, W]) count(ctx context.Context, c *cursor) (n int, err error) {
	var count func(ctx context.Context, low, high []byte) (rows, bytes int64, err error)
	if c.snapshot != nil {
		count = c.snapshot.Powers().Count
	}
	low, high := s.bounds()
	if count != nil && s.limit < 0 && (s.tx == nil || s.tx.pending.Len() == 0) &&
		bytes.Compare(low, high) < 0 {
		rows, _, err := count(ctx, low, high)
		return int(rows), err
	}
	for n != s.limit {
		if _, _, ok := c.next(); !ok {
			break
		}
		n++
	}
	return n, c.err()
}

// Delete deletes the rows and returns how many there were. Inside a transaction that is atomic.
// Outside it deletes in chunks, and each chunk is atomic: after an error, the number says how many
// rows are deleted durably. Rows that others put into the range meanwhile may be deleted or not.
// If you do not need the number, [Scan.Clear] is faster.
func (s Scan[K, V, W]) Delete(ctx context.Context) (int, error) { return s.delete(ctx, "delete") }

// delete is Delete on behalf of an operation, which errors name.
func (s Scan[K, V, W]) delete(ctx context.Context, op string) (int, error) {
	if s.tx != nil {
		n, _, err := s.deleteIn(ctx, s.tx, s.limit)
		return n, s.table.fail(op, err)
	}
	for deleted := 0; ; {
		n, last, err := s.deleteSome(ctx, op, s.limit-deleted)
		if err != nil {
			return deleted, s.table.fail(op, err)
		}
		if deleted += n; n == 0 || deleted == s.limit {
			return deleted, nil
		}
		s.pass(last)
	}
}

// deleteSome deletes a chunk, at most limit rows unless that is negative, in a transaction of its
// own.
func (s Scan[K, V, W]) deleteSome(
	ctx context.Context, op string, limit int,
) (n int, last []byte, err error) {
	if most := s.table.storage.limits.deleteRows(); limit < 0 || limit > most {
		limit = most
	}
	err = s.table.storage.update(ctx, op, s.table.state.name(), func(tx *Tx) (err error) {
		n, last, err = s.deleteIn(ctx, tx, limit)
		return err
	})
	return n, last, err
}

// pass narrows the scan to what comes after key.
func (s *Scan[K, V, W]) pass(key []byte) {
	if s.reverse {
		s.high = key
	} else {
		s.low = append(key, 0)
	}
}

// deleteIn deletes at most limit rows, and returns the last key that it deleted.
func (s Scan[K, V, W]) deleteIn(
	ctx context.Context, tx *Tx, limit int,
) (n int, last []byte, err error) {
	chunked := s.tx == nil
	s.tx, s.limit = tx, limit
	if err := s.table.In(tx).writable(ctx); err != nil {
		return 0, nil, err
	}
	err = s.each(ctx, true, func(key, _ []byte) (bool, error) {
		if chunked && !s.table.storage.limits.deletes(n, tx.size, len(key)) {
			return false, nil
		}
		last = bytes.Clone(key)
		tx.delete(last)
		n++
		return true, nil
	})
	return n, bytes.Clone(last), err
}

// each calls fn with every stored row until it wants no more.
func (s *Scan[K, V, W]) each(
	ctx context.Context, keysOnly bool, fn func(key, stored []byte) (bool, error),
) error {
	c, err := s.open(ctx, keysOnly)
	if err != nil {
		return err
	}
	defer c.close()
	for left := s.limit; left != 0; left-- {
		key, stored, ok := c.next()
		if !ok {
			return c.err()
		}
		if more, err := fn(key, stored); !more || err != nil {
			return err
		}
	}
	return nil
}

// open returns a cursor that stands before the first row.
func (s *Scan[K, V, W]) open(ctx context.Context, keysOnly bool) (*cursor, error) {
	if s.err != nil {
		return nil, s.err
	}
	r := ScanRange{Reverse: s.reverse, KeysOnly: keysOnly, Limit: s.limitHint()}
	r.Low, r.High = s.bounds()
	if r.High != nil && bytes.Compare(r.Low, r.High) > 0 {
		r.High = r.Low // bounds that exclude each other leave nothing
	}
	if s.tx == nil {
		if err := s.table.state.gone(); err != nil {
			return nil, err
		}
		c, err := s.table.storage.scan(ctx, s.table.state, r)
		if err != nil {
			return nil, err
		}
		if err := s.table.state.gone(); err != nil { // before the snapshot was taken, perhaps
			c.close()
			return nil, err
		}
		return c, nil
	}
	if err := s.table.In(s.tx).usable(ctx); err != nil {
		return nil, err
	}
	return s.tx.scan(ctx, r)
}

// limitHint returns how many rows the engine's cursor is asked for at most, 0 for any number.
// In a transaction, each pending write may hide a row, which is asked for and not returned.
func (s *Scan[K, V, W]) limitHint() int {
	if s.limit < 0 {
		return 0
	}
	hidden := 0
	if s.tx != nil {
		hidden = s.tx.pending.Len()
	}
	return max(1, min(s.limit, math.MaxInt-hidden)+hidden)
}

// rowError says which row cannot be read.
func (t *Table[K, V, W]) rowError(key []byte, err error) error {
	return fmt.Errorf("the row with the encoded key %s: %w", shortKey(key[tableNumberSize:]), err)
}

// higher returns the higher of two lower bounds, lower the lower of two upper bounds; nil is no
// bound.
func higher(a, b []byte) []byte {
	if bytes.Compare(a, b) < 0 {
		return b
	}
	return a
}

func lower(a, b []byte) []byte {
	if a == nil || b != nil && bytes.Compare(b, a) < 0 {
		return b
	}
	return a
}
