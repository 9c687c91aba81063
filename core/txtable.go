// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core

import (
	"bytes"
	"context"
	"iter"
)

// Inside a transaction the verbs of a table are the same, but what they stand on differs. Reads see
// the transaction's own writes, over the snapshot that it began with. Writes are collected, and
// reach the engine when the function has returned without an error. What was read stays valid until
// the transaction ends, so there are no guards to close.

// TxTable is a table inside a transaction. It sees the transaction's own writes. Its methods do
// what those of [Table] do, without durability, which is the commit's, and without guards: the
// transaction keeps the bytes.
type TxTable[K, V, W any] struct {
	table *Table[K, V, W]
	tx    *Tx
}

// Get returns the view of the row at k, or ErrNotFound. It is owned by the engine, must not be
// modified, and is valid until the transaction's function returns or, in a transaction of Snapshot,
// until its Close.
func (t TxTable[K, V, W]) Get(ctx context.Context, k K) (W, error) {
	w, err := t.view(ctx, k)
	return w, t.table.failAt("get", k, err)
}

func (t TxTable[K, V, W]) view(ctx context.Context, k K) (w W, err error) {
	key, err := t.key(ctx, k)
	if err != nil {
		return w, err
	}
	defer t.tx.leave()
	stored, err := t.tx.get(ctx, key)
	if err != nil {
		return w, err
	}
	lent, err := t.table.rows.viewLent(key, stored, &w)
	if lent != nil {
		t.tx.hold(lent)
	}
	return w, err
}

// Load returns a view of a private copy of the row at k, or ErrNotFound. It outlives the
// transaction.
func (t TxTable[K, V, W]) Load(ctx context.Context, k K) (w W, err error) {
	key, err := t.key(ctx, k)
	if err != nil {
		return w, t.table.failAt("load", k, err)
	}
	defer t.tx.leave()
	stored, r, err := t.tx.peek(ctx, key)
	if err != nil {
		return w, t.table.failAt("load", k, err)
	}
	stored = bytes.Clone(stored)
	releaseValue(r)
	err = t.table.rows.view(key, stored, &w)
	return w, t.table.failAt("load", k, err)
}

// Has reports whether there is a row at k. It does not look at the value.
func (t TxTable[K, V, W]) Has(ctx context.Context, k K) (bool, error) {
	key, err := t.key(ctx, k)
	if err != nil {
		return false, t.table.failAt("has", k, err)
	}
	defer t.tx.leave()
	found, err := t.tx.has(ctx, key)
	return found, t.table.failAt("has", k, err)
}

// Put stores v at k, replacing what was there. The arguments may be reused when the call returns.
func (t TxTable[K, V, W]) Put(ctx context.Context, k K, v V) error {
	return t.table.failAt("put", k, t.put(ctx, always, k, v))
}

// Insert stores v at k, or returns ErrExists if there is a row already. The arguments may be reused
// when the call returns.
func (t TxTable[K, V, W]) Insert(ctx context.Context, k K, v V) error {
	return t.table.failAt("insert", k, t.put(ctx, ifAbsent, k, v))
}

func (t TxTable[K, V, W]) put(ctx context.Context, when condition, k K, v V) error {
	if err := t.writable(ctx); err != nil {
		return err
	}
	var split int
	row, err := t.tx.encode(func(dst []byte) (row []byte, err error) {
		start := len(dst)
		row, split, err = t.table.rows.append(dst, k, v)
		split -= start
		return row, err
	})
	if err != nil {
		return err
	}
	key, value := row[:split:split], row[split:]
	if when == ifAbsent {
		found, err := t.tx.has(ctx, key)
		if err != nil {
			return err
		}
		if found {
			return ErrExists
		}
	}
	return t.tx.put(key, value)
}

// PutAll stores all rows or, after an error or a panic of the iterator, none of them: what the
// transaction wrote before stays, and what the iterator itself wrote through it goes too. If
// two rows have the same key the later one counts. A row may be reused when the iterator is
// asked for the next one. More than the engine can write at once returns ErrTooLarge.
func (t TxTable[K, V, W]) PutAll(ctx context.Context, rows iter.Seq2[K, V]) error {
	if err := t.writable(ctx); err != nil {
		return t.table.fail("put all", err)
	}
	if rows == nil {
		return t.table.fail("put all", errNoRows)
	}
	before, size := t.tx.pending.Clone(), t.tx.size
	stored := false
	defer func() { // also if the iterator panics
		if !stored {
			t.tx.pending, t.tx.size = before, size
		}
	}()
	for k, v := range rows {
		if err := t.put(ctx, always, k, v); err != nil {
			return t.table.failAt("put all", k, err)
		}
	}
	stored = true
	return nil
}

// Delete deletes the row at k and reports whether there was one. The arguments may be reused when
// the call returns.
func (t TxTable[K, V, W]) Delete(ctx context.Context, k K) (bool, error) {
	found, err := t.delete(ctx, k)
	return found, t.table.failAt("delete", k, err)
}

func (t TxTable[K, V, W]) delete(ctx context.Context, k K) (bool, error) {
	if err := t.writable(ctx); err != nil {
		return false, err
	}
	key, err := t.key(ctx, k)
	if err != nil {
		return false, err
	}
	found, err := t.tx.has(ctx, key)
	if found {
		t.tx.delete(bytes.Clone(key))
	}
	return found, err
}

// Count returns the number of rows.
func (t TxTable[K, V, W]) Count(ctx context.Context) (int, error) { return t.Scan().Count(ctx) }

// Scan returns a scan over all rows of the table. Each use of it sees the transaction's state at
// that moment.
func (t TxTable[K, V, W]) Scan() Scan[K, V, W] {
	s := newScan(t.table, t.tx)
	if t.tx == nil { // which to a scan means that it is outside of one
		s.fail(errNoTx)
	}
	return s
}

// key returns the stored form of k, valid until the next call. If it succeeds the caller calls
// Tx.leave.
func (t TxTable[K, V, W]) key(ctx context.Context, k K) (key []byte, err error) {
	if err := t.usable(ctx); err != nil {
		return nil, err
	}
	if t.tx.shared != nil {
		return t.sharedKey(k)
	}
	buf := t.tx.keybuf
	t.tx.keybuf = nil // the key format may use this transaction
	t.tx.keybuf, err = t.table.rows.setKey(append(buf[:0], t.table.guards.prefix...), k)
	return t.tx.keybuf, err
}

// sharedKey is key for a transaction that other goroutines use: the key has memory of its own.
func (t TxTable[K, V, W]) sharedKey(k K) ([]byte, error) {
	key, err := t.table.rows.setKey(t.table.rows.prefix(), k)
	if err != nil {
		return nil, err
	}
	return key, t.tx.enter()
}

func (t TxTable[K, V, W]) usable(ctx context.Context) error {
	if ctx == nil {
		return errNoContext
	}
	if err := t.tx.usable(t.table.storage); err != nil {
		return err
	}
	return t.table.state.gone()
}

func (t TxTable[K, V, W]) writable(ctx context.Context) error {
	if err := t.usable(ctx); err != nil {
		return err
	}
	if !t.tx.writable {
		return errReadOnlyTx
	}
	if t.table.raw {
		return errRaw
	}
	return nil
}

var (
	errReadOnlyTx = &wrapped{
		ErrReadOnly, "read-only: the transaction is a View or a Snapshot; write in an Update",
	}
	errRaw = &wrapped{
		ErrReadOnly, "read-only: the table was opened with OpenRaw; write through OpenTable",
	}
)
