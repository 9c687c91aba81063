// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/guardkv/guardkv/core/internal/ordered"
)

// A transaction reads one snapshot and keeps what it writes in an ordered map in memory, which
// copies itself when it is written to while a scan passes over it. Its commit is one batch of
// all pending writes, in the order of their keys.

// Tx is a transaction over all tables of a storage: reach them with [Table.In]. A Tx of View or
// Update is used only inside the function that it was passed to: after that every use is
// [ErrTxDone]. It is used by one goroutine at a time, which nothing checks: two goroutines that use
// one Tx without waiting for each other race, as with a map. One of [Storage.Snapshot] is used
// until its Close, by any number of goroutines. A format may use the Tx while it encodes or decodes
// a row for it.
//
// Uncommitted writes lie in memory, over the snapshot that the transaction reads.
type Tx struct {
	storage  *Storage
	snapshot Snapshot
	writable bool
	pending  ordered.Map[pendingWrite]
	size     int // bytes of all pending rows
	// the rest of the block that encode appends to; its length is 0
	arena   []byte
	block   int                  // the size of that block
	keybuf  []byte               // the key of the read under way; nil while it is lent to a format
	cursors map[*cursor]struct{} // open ones
	held    []Releaser           // of values that were read
	done    atomic.Bool
	shared  *sharedTx // of Snapshot, else nil
}

// pendingWrite is a row that was put, or a deletion.
type pendingWrite struct {
	value   []byte
	deleted bool
}

func (s *Storage) begin(ctx context.Context, use Use) (*Tx, error) {
	if err := live(ctx); err != nil {
		return nil, err
	}
	snap, err := s.begun(ctx, use)
	if err != nil {
		return nil, err
	}
	return &Tx{storage: s, snapshot: snap}, nil
}

// conflict returns the conflict that a read ran into, in a shared storage.
func (tx *Tx) conflict() error {
	if f, ok := tx.snapshot.(*fencedSnapshot); ok {
		return f.failed()
	}
	return nil
}

// end closes what the transaction's function left open, such as an iterator that was pulled and not
// stopped.
func (tx *Tx) end() {
	tx.done.Store(true)
	defer func() { tx.storage.logClose(tx.snapshot.Close()) }() // whatever closing a cursor does
	defer tx.releaseHeld()
	for c := range tx.cursors {
		c.close()
	}
}

// releaseHeld releases each, also if the release of one panics.
func (tx *Tx) releaseHeld() {
	if len(tx.held) == 0 {
		return
	}
	defer tx.releaseHeld()
	for len(tx.held) > 0 {
		last := len(tx.held) - 1
		r := tx.held[last]
		tx.held = tx.held[:last]
		r.Release()
	}
}

// usable returns why the transaction cannot be used, if it cannot.
func (tx *Tx) usable(s *Storage) error {
	if tx == nil {
		return errNoTx
	}
	if tx.storage != s {
		return ErrForeignTx
	}
	if tx.done.Load() {
		return ErrTxDone
	}
	return nil
}

// get returns a value that is valid until the transaction ends.
func (tx *Tx) get(ctx context.Context, key []byte) ([]byte, error) {
	value, r, err := tx.peek(ctx, key)
	if r != nil {
		tx.hold(r)
	}
	return value, err
}

// hold keeps what was read until the transaction ends.
func (tx *Tx) hold(r Releaser) {
	if tx.shared != nil {
		tx.shared.mu.Lock()
		defer tx.shared.mu.Unlock()
	}
	tx.held = append(tx.held, r)
}

// peek returns a value that is valid until it is released, or until the transaction ends if r is
// nil.
func (tx *Tx) peek(ctx context.Context, key []byte) (value []byte, r Releaser, err error) {
	if p, ok := tx.pending.Get(key); ok {
		if p.deleted {
			return nil, nil, ErrNotFound
		}
		return p.value, nil, nil
	}
	return tx.snapshot.Get(ctx, key)
}

// releaseValue ends the validity of what Snapshot.Get returned.
func releaseValue(r Releaser) {
	if r != nil {
		r.Release()
	}
}

func (tx *Tx) has(ctx context.Context, key []byte) (bool, error) {
	_, r, err := tx.peek(ctx, key)
	releaseValue(r)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// put keeps key and value, which must not change any more.
func (tx *Tx) put(key, value []byte) error {
	old, replaced := tx.set(key, pendingWrite{value: value})
	err := tx.storage.limits.checkBatch(tx.pending.Len(), tx.size)
	if err != nil {
		tx.unset(key, old, replaced)
	}
	return err
}

// delete keeps key, which must not change any more.
func (tx *Tx) delete(key []byte) {
	tx.set(key, pendingWrite{deleted: true})
}

func (tx *Tx) set(key []byte, p pendingWrite) (old pendingWrite, replaced bool) {
	old, replaced = tx.pending.Set(key, p)
	tx.size += len(p.value) - len(old.value)
	if !replaced {
		tx.size += len(key)
	}
	return old, replaced
}

// unset takes back what set has just done.
func (tx *Tx) unset(key []byte, old pendingWrite, replaced bool) {
	if replaced {
		tx.set(key, old)
		return
	}
	p, _ := tx.pending.Get(key)
	tx.pending.Delete(key)
	tx.size -= len(key) + len(p.value)
}

// writes returns what is to be committed, in the order of the keys.
func (tx *Tx) writes() ([]Write, error) {
	if err := tx.storage.limits.checkBatch(tx.pending.Len(), tx.size); err != nil {
		return nil, err
	}
	all := make([]Write, 0, tx.pending.Len())
	c := tx.pending.Scan(nil, nil, false)
	for key, p, ok := c.Next(); ok; key, p, ok = c.Next() {
		all = append(all, Write{Key: key, Value: p.value, Delete: p.deleted})
	}
	return all, nil
}

// Rows are encoded into blocks that stay as they are until the transaction is forgotten, because
// views of uncommitted rows refer to them. The first block is small: most transactions write a row
// or two.
const (
	firstArenaBlock = 1 << 10
	arenaBlock      = 16 << 10
)

// encode returns what fn appends, at least a table's number, in memory that stays as it is. A row
// that does not fit into what is left of the block grows into memory of its own, and the next row
// finds what was left.
//
// fn may write through this transaction again, as a value whose marshaler does: it then has a block
// of its own.
func (tx *Tx) encode(fn func(dst []byte) ([]byte, error)) ([]byte, error) {
	left := tx.arena
	tx.arena = nil
	if cap(left) < tx.block/4 || tx.block == 0 {
		left = tx.newBlock()
	}
	row, err := fn(left)
	if err != nil {
		tx.arena = left
		return nil, err
	}
	if &row[:1][0] == &left[:1][0] { // still in the block, whatever capacity fn has left of it
		left = left[len(row):len(row):cap(left)]
	}
	if cap(left) >= cap(tx.arena) { // else fn has left more of another block
		tx.arena = left
	}
	return row[:len(row):len(row)], nil
}

func (tx *Tx) newBlock() []byte {
	tx.block = min(max(firstArenaBlock, 16*tx.block), arenaBlock)
	return make([]byte, 0, tx.block)
}
