// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core

import (
	"context"
	"errors"
	"iter"
)

// GetMany reads the rows of many keys at once, which is one round trip to an engine on a
// server. Keys are collected and encoded up to a number, then asked for together in one
// snapshot, and yielded in the order in which they came.

// manyKeys is how many keys one snapshot of GetMany answers.
const manyKeys = 1000

// GetMany returns the rows at the keys of ks, in the order in which ks gives them: absent ones are
// left out, and a key that is given twice is answered twice. It takes up to 1,000 keys at a time
// from ks, before it reads their rows from one snapshot; an engine that is far away is asked once
// for all of them. After an error one more pair follows, which holds the error and no row: the rows
// of keys that were taken, and not yet read, do not come.
//
// Value is owned by the engine, must not be modified, and is valid until the loop asks for the next
// row. A key may be reused when ks is asked for the next one. ks and the loop may read and write
// the storage. GetMany may be called from any number of goroutines.
func (t *Table[K, V, W]) GetMany(ctx context.Context, ks iter.Seq[K]) iter.Seq2[Row[K, W], error] {
	return func(yield func(Row[K, W], error) bool) {
		if ks == nil {
			yield(Row[K, W]{}, t.fail("get many", errNoKeys))
			return
		}
		m := getMany[K, V, W]{table: t, yield: yield}
		if err := m.all(ctx, ks); err != nil && !errors.Is(err, errStopped) {
			yield(Row[K, W]{}, t.fail("get many", err))
		}
	}
}

// errStopped ends a GetMany whose loop wants no more.
var errStopped = errors.New("the loop has ended")

// getMany is a GetMany under way.
type getMany[K, V, W any] struct {
	table *Table[K, V, W]
	yield func(Row[K, W], error) bool
	keys  [][]byte // as stored
	arena []byte   // which the keys are in
	shown bool     // a row of the snapshot at hand was yielded
}

// all answers the keys of ks, part by part.
func (m *getMany[K, V, W]) all(ctx context.Context, ks iter.Seq[K]) error {
	if err := live(ctx); err != nil { // also if there are no keys
		return err
	}
	for k := range ks {
		if err := m.add(k); err != nil {
			return m.table.failAt("get many", k, err)
		}
		if len(m.keys) == manyKeys {
			if err := m.answer(ctx); err != nil {
				return err
			}
		}
	}
	return m.answer(ctx)
}

// add notes a key. If the arena grows, the keys before this one stay in the old one.
func (m *getMany[K, V, W]) add(k K) (err error) {
	start := len(m.arena)
	format := &m.table.rows
	m.arena, err = format.appendKey(appendTableNumber(m.arena, format.number), k)
	if err != nil {
		return err
	}
	end := len(m.arena)
	m.keys = append(m.keys, m.arena[start:end:end])
	if key := m.arena[start:end]; format.limits.keyTooLarge(key) {
		return format.limits.rowTooLarge(len(key), 0)
	}
	return nil
}

// answer yields the rows of the keys that were noted, from one snapshot.
func (m *getMany[K, V, W]) answer(ctx context.Context) error {
	if len(m.keys) == 0 {
		return nil
	}
	if err := m.table.state.gone(); err != nil {
		return err
	}
	s := m.table.storage
	v, err := s.enter("get many")
	if err != nil {
		return err
	}
	defer v.leave()
	if err := live(ctx); err != nil {
		return err
	}
	if s.sharing.Shared() {
		err = s.readShared(ctx, m.table.state, func(snap Snapshot) (bool, error) {
			m.shown = false
			err := readMany(ctx, snap, m.keys, m.row)
			return m.shown, err
		})
	} else {
		err = m.read(ctx)
	}
	m.keys, m.arena = m.keys[:0], m.arena[:0]
	return err
}

// read yields the rows from a snapshot of the engine.
func (m *getMany[K, V, W]) read(ctx context.Context) error {
	s := m.table.storage
	snap, err := s.engine.Snapshot(ctx)
	if err != nil {
		return err
	}
	defer func() { s.logClose(snap.Close()) }()
	if err := m.table.state.gone(); err != nil { // before the snapshot was taken, perhaps
		return err
	}
	return readMany(ctx, snap, m.keys, m.row)
}

// row yields one row.
func (m *getMany[K, V, W]) row(i int, stored []byte) (err error) {
	var row Row[K, W]
	key := m.keys[i]
	if row.Key, err = m.table.rows.decodeKey(key); err == nil {
		var lent Releaser
		if lent, err = m.table.rows.viewLent(key, stored, &row.Value); lent != nil {
			defer lent.Release()
		}
	}
	if err != nil {
		return m.table.rowError(key, err)
	}
	m.shown = true
	if !m.yield(row, nil) {
		return errStopped
	}
	return nil
}

// readMany does what SnapshotPowers.GetMany does, for an engine that lacks it too.
func readMany(
	ctx context.Context, snap Snapshot, keys [][]byte, fn func(i int, value []byte) error,
) error {
	if many := snap.Powers().GetMany; many != nil {
		return many(ctx, keys, fn)
	}
	for i, key := range keys {
		if i%ctxSteps == ctxSteps-1 {
			if err := ctx.Err(); err != nil {
				return err
			}
		}
		if err := readOne(ctx, snap, key, i, fn); err != nil {
			return err
		}
	}
	return nil
}

// readOne calls fn with i and the value of key, if there is one.
func readOne(
	ctx context.Context, snap Snapshot, key []byte, i int, fn func(i int, value []byte) error,
) error {
	value, r, err := snap.Get(ctx, key)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	defer releaseValue(r)
	return fn(i, value)
}
