// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core

import "fmt"

// Engines differ in how long a key, how large a value, and how much one atomic write may be.
// They say so in Limits, and core checks before it writes, so that the error names the row and
// nothing is half done. The lengths that engines know include the number of the table in front
// of each key; the errors that users see leave it out.

// Check returns ErrTooLarge, with what is too large, if an Apply of the writes is more than l
// allows. It is for engines, and for decorators whose limits are lower than those of the engine
// inside.
func (l Limits) Check(writes []Write) error {
	size := 0
	for _, w := range writes {
		if w.Delete {
			w.Value = nil
		}
		if err := l.checkRow(w.Key, w.Value); err != nil {
			return err
		}
		if l.keyTooLarge(w.End) {
			return l.rowTooLarge(len(w.End), 0)
		}
		size += len(w.Key) + len(w.Value) + len(w.End)
	}
	return l.checkBatch(len(writes), size)
}

// checkRow returns ErrTooLarge for a row that the engine cannot take. It is small enough to be
// inlined.
func (l *Limits) checkRow(key, value []byte) error {
	if (l.Key <= 0 || len(key) <= l.Key) && (l.Value <= 0 || len(value) <= l.Value) {
		return nil
	}
	return l.rowTooLarge(len(key), len(value))
}

// keyTooLarge reports whether the engine cannot take a key.
func (l *Limits) keyTooLarge(key []byte) bool { return l.Key > 0 && len(key) > l.Key }

// cutBound returns the bound of a range with the same keys that is no longer than a key may be:
// a bound is anything that a key format makes, and After makes one that is longer than its key.
// No key begins with the first l.Key bytes of a longer bound and goes on, so those below it are
// those below whatever begins with these bytes, and they themselves.
func (l *Limits) cutBound(b []byte) []byte {
	if !l.keyTooLarge(b) {
		return b
	}
	return prefixEnd(b[:l.Key])
}

func (l *Limits) rowTooLarge(key, value int) error {
	if l.Key > 0 && key > l.Key {
		return fmt.Errorf("%w: a key of %d bytes; the engine takes at most %d",
			ErrTooLarge, key-tableNumberSize, l.Key-tableNumberSize)
	}
	return fmt.Errorf("%w: a value of %d bytes; the engine takes at most %d",
		ErrTooLarge, value, l.Value)
}

// checkBatch returns ErrTooLarge for an atomic write that the engine cannot take.
func (l *Limits) checkBatch(rows, bytes int) error {
	if l.BatchRows > 0 && rows > l.BatchRows {
		return fmt.Errorf("%w: %d rows in one write; the engine takes at most %d",
			ErrTooLarge, rows, l.BatchRows)
	}
	if l.BatchBytes > 0 && bytes > l.BatchBytes {
		return fmt.Errorf("%w: %d bytes in one write; the engine takes at most %d",
			ErrTooLarge, bytes, l.BatchBytes)
	}
	return nil
}

// batchFits reports whether the engine can take an atomic write.
func (l *Limits) batchFits(rows, bytes int) bool {
	return (l.BatchRows <= 0 || rows <= l.BatchRows) && (l.BatchBytes <= 0 || bytes <= l.BatchBytes)
}

// deleteRows and deleteBytes are how many rows, and bytes of keys, go into one write at most
// where a deletion outside a transaction goes in chunks. A single key may be more than
// deleteBytes, if the engine has taken it with a row.
func (l *Limits) deleteRows() int {
	const chunk = 16 << 10 // about 20 ms for an engine: a commit more costs about as much
	if l.BatchRows > 0 {
		return min(chunk, l.BatchRows)
	}
	return chunk
}

func (l *Limits) deleteBytes() int {
	const chunk = 1 << 20
	if l.BatchBytes > 0 {
		return min(chunk, l.BatchBytes)
	}
	return chunk
}

// deletes reports whether a chunk of a deletion takes a key of n bytes more.
func (l *Limits) deletes(rows, bytes, n int) bool {
	return rows == 0 || rows < l.deleteRows() && bytes+n <= l.deleteBytes()
}
