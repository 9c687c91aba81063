// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core

import (
	"context"
	"errors"
	"iter"
	"sync"
)

// The verbs of a table are here. Each of them encodes its key, asks the engine, and decodes
// what comes back. What it has opened it also closes, even if a format fails or panics. Reads
// go straight to the engine. Writes become requests, which writer.go commits in groups. On
// their way out errors get the operation, the table and the key.

// Table is a typed table of a storage: K is its key, V what is put, and W the view that is
// read, which is the same type as V for formats that decode. It is safe for concurrent use and
// needs no closing.
type Table[K, V, W any] struct {
	storage  *Storage
	state    *tableState
	rows     rowFormat[K, V, W]
	guards   *guardPool[W]
	requests sync.Pool // of *rowRequest
	raw      bool      // it was opened with OpenRaw, and can only be read
}

// Get returns a guard of the row at k, or ErrNotFound. The guard's view is valid until the
// guard is closed.
func (t *Table[K, V, W]) Get(ctx context.Context, k K) (Guard[W], error) {
	s, gen := t.guards.take()
	if s == nil {
		return Guard[W]{}, t.failAt("get", k, ErrClosed)
	}
	s.step = opening
	// whatever a format does: in the state, because flags on the stack cost a Get nanoseconds
	defer s.settle()
	stored, err := t.find(ctx, s, k)
	if err != nil {
		return Guard[W]{}, t.failAt("get", k, err)
	}
	s.step = holding
	switch {
	case t.rows.plain: // what t.rows.view does, in place
		s.view, err = t.rows.value.View(stored[:len(stored):len(stored)])
	case t.rows.lends:
		err = t.lend(s, stored)
	default:
		err = t.rows.view(s.keybuf, stored, &s.view)
	}
	if err != nil {
		return Guard[W]{}, t.failAt("get", k, err)
	}
	s.step = filled
	if t.guards.sites != nil {
		s.slot.at = t.guards.sites.add("guard of "+t.state.name(), 1)
	}
	return Guard[W]{s, gen}, nil
}

// lend makes a guard state hold what the format lends in place of the engine's bytes, which the
// view then has no need of.
func (t *Table[K, V, W]) lend(s *guardState[W], stored []byte) error {
	lent, err := t.rows.viewLent(s.keybuf, stored, &s.view)
	if lent != nil {
		bytes := s.release
		s.release = lent
		bytes.Release()
	}
	return err
}

// find makes a guard state hold the stored row at k, and leaves the row's stored key in it.
// Every read goes through it: it calls nothing but the key format and the engine.
func (t *Table[K, V, W]) find(
	ctx context.Context, s *guardState[W], k K,
) (stored []byte, err error) {
	if err := t.state.gone(); err != nil {
		return nil, err
	}
	if err := live(ctx); err != nil { // here, so that no engine differs from another
		return nil, err
	}
	if t.rows.keySize != nil { // what appendKey does, in place
		if err := t.rows.refuseLong(k); err != nil {
			return nil, err
		}
	}
	key, err := t.rows.key.Append(s.keybuf[:tableNumberSize], k)
	if err != nil {
		return nil, err
	}
	if t.rows.limits.keyTooLarge(key) { // nor is it kept
		return nil, t.rows.limits.rowTooLarge(len(key), 0)
	}
	s.keybuf = key
	if t.storage.sharing.Shared() {
		stored, s.release, err = t.storage.getShared(ctx, t.state, key)
		return stored, err
	}
	stored, s.release, err = t.storage.engine.Get(ctx, key)
	if err != nil {
		if gone := t.state.gone(); gone != nil { // in the meantime
			err = gone
		}
	}
	return stored, err
}

// View calls fn with the view of the row at k, or returns ErrNotFound. The view is valid until
// fn returns, whose error is returned as it is.
func (t *Table[K, V, W]) View(ctx context.Context, k K, fn func(W) error) error {
	if fn == nil {
		return t.failAt("view", k, errNoFunction)
	}
	g, err := t.Get(ctx, k)
	if err != nil {
		return err
	}
	defer g.Close()
	return fn(g.Value())
}

// Load returns a view of a private copy of the row at k, or ErrNotFound. It needs no closing.
func (t *Table[K, V, W]) Load(ctx context.Context, k K) (w W, err error) {
	if err := t.load(ctx, k, &w); err != nil {
		return w, t.failAt("load", k, err)
	}
	return w, nil
}

func (t *Table[K, V, W]) load(ctx context.Context, k K, w *W) error {
	s, _ := t.guards.take()
	if s == nil {
		return ErrClosed
	}
	defer t.guards.giveBack(s)
	stored, err := t.find(ctx, s, k)
	if err != nil {
		return err
	}
	return t.rows.view(s.keybuf, keep(stored, s.release), w)
}

// Has reports whether there is a row at k. It does not look at the value.
func (t *Table[K, V, W]) Has(ctx context.Context, k K) (bool, error) {
	err := t.peek(ctx, k, func(key, stored []byte) error { return nil })
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return err == nil, t.failAt("has", k, err)
}

// peek calls fn with the stored row at k.
func (t *Table[K, V, W]) peek(ctx context.Context, k K, fn func(key, stored []byte) error) error {
	s, _ := t.guards.take()
	if s == nil {
		return ErrClosed
	}
	defer t.guards.giveBack(s)
	stored, err := t.find(ctx, s, k)
	if err != nil {
		return err
	}
	defer s.release.Release()
	return fn(s.keybuf, stored)
}

// rowRequest is a request for one row, with the memory that its encoding needs.
type rowRequest struct {
	request
	row      []byte
	one      [1]Write
	modified *modification // kept for the next Modify
}

// mostPooled is how large the memory of a rowRequest may be that waits for the next one. More
// is not worth keeping: what a row of that size costs is not its memory.
const mostPooled = 1 << 20

// Put stores v at k, replacing what was there. The arguments may be reused when the call returns.
func (t *Table[K, V, W]) Put(ctx context.Context, k K, v V) error {
	_, err := t.write(ctx, always, k, &v)
	return t.failAt("put", k, err)
}

// Insert stores v at k, or returns ErrExists if there is a row already. The arguments may be
// reused when the call returns.
func (t *Table[K, V, W]) Insert(ctx context.Context, k K, v V) error {
	_, err := t.write(ctx, ifAbsent, k, &v)
	return t.failAt("insert", k, err)
}

// Delete deletes the row at k and reports whether there was one. The arguments may be reused
// when the call returns.
func (t *Table[K, V, W]) Delete(ctx context.Context, k K) (bool, error) {
	existed, err := t.write(ctx, ifExists, k, nil)
	return existed && err == nil, t.failAt("delete", k, err)
}

// write commits one row, or a deletion if v is nil.
func (t *Table[K, V, W]) write(
	ctx context.Context, when condition, k K, v *V,
) (existed bool, err error) {
	r, _ := t.requests.Get().(*rowRequest)
	if r == nil {
		r = &rowRequest{request: request{done: make(chan struct{}, 1)}}
	}
	if err = t.encode(r, when, k, v); err == nil {
		err = t.submit(ctx, &r.request)
	}
	existed = r.existed
	t.reuse(r)
	return existed, err
}

// reuse keeps a request for the next one. It is not called after a panic: a format may still
// write to the request, and a leader still tell it something.
func (t *Table[K, V, W]) reuse(r *rowRequest) {
	if cap(r.row) > mostPooled {
		r.row, r.one[0], r.writes = nil, Write{}, nil
	}
	t.requests.Put(r)
}

func (t *Table[K, V, W]) encode(r *rowRequest, when condition, k K, v *V) (err error) {
	start := 0
	if v == nil {
		r.row, err = t.rows.setKey(append(r.row[:0], t.guards.prefix...), k)
		start = len(r.row)
	} else {
		r.row, start, err = t.rows.append(r.row[:0], k, *v)
	}
	if err != nil {
		return err
	}
	r.when, r.existed, r.bytes = when, false, len(r.row)
	r.one[0] = Write{
		Key: r.row[:start:start], Value: r.row[start:len(r.row):len(r.row)],
		Delete: v == nil,
	}
	r.writes = r.one[:]
	return nil
}

// submit makes a request of this table durable.
func (t *Table[K, V, W]) submit(ctx context.Context, r *request) error {
	v, err := t.storage.enter("write")
	if err != nil {
		return err
	}
	defer v.leave()
	if t.storage.opts.readOnly {
		return ErrReadOnly
	}
	if t.raw {
		return errRaw
	}
	if err := t.state.gone(); err != nil {
		return err
	}
	r.table = t.state
	return t.storage.writer.commit(ctx, r)
}

// PutAll stores all rows in one atomic write, or none. It takes every row from the iterator
// before it waits for its turn to write, so the iterator may read and write the storage. If two
// rows have the same key the later one counts. More than the engine can write at once is
// ErrTooLarge: use PutStream. A row may be reused when the iterator is asked for the next one.
func (t *Table[K, V, W]) PutAll(ctx context.Context, rows iter.Seq2[K, V]) error {
	if ctx == nil {
		return t.fail("put all", errNoContext)
	}
	if rows == nil {
		return t.fail("put all", errNoRows)
	}
	var b batch
	b.reset()
	for k, v := range rows {
		if len(b.rows)%ctxSteps == 0 && ctx.Err() != nil {
			return t.fail("put all", ctx.Err())
		}
		if err := t.add(&b, k, v); err != nil {
			return t.failAt("put all", k, err)
		}
	}
	return t.fail("put all", t.commitBatch(ctx, &b))
}

// add appends a row to a batch.
func (t *Table[K, V, W]) add(b *batch, k K, v V) error {
	return b.add(func(dst []byte) ([]byte, int, error) { return t.rows.append(dst, k, v) })
}

// commitBatch makes the rows durable in one atomic write.
func (t *Table[K, V, W]) commitBatch(ctx context.Context, b *batch) error {
	writes, size := b.sort()
	if err := t.storage.limits.checkBatch(len(writes), size); err != nil {
		return err
	}
	return t.submit(ctx, &request{writes: writes, bytes: size, done: make(chan struct{}, 1)})
}

// Count returns the number of rows.
func (t *Table[K, V, W]) Count(ctx context.Context) (int, error) { return t.Scan().Count(ctx) }

// Scan returns a scan over all rows of the table. Narrow it with its methods.
func (t *Table[K, V, W]) Scan() Scan[K, V, W] { return newScan(t, nil) }

// In returns the table as tx sees it, with the transaction's own writes.
func (t *Table[K, V, W]) In(tx *Tx) TxTable[K, V, W] { return TxTable[K, V, W]{t, tx} }

// fail makes the error of a public method that concerns no single row.
func (t *Table[K, V, W]) fail(op string, err error) error {
	return t.storage.fail(op, t.state.name(), nil, err)
}

// failAt makes the error of a public method that concerns one row. It takes a K and not an any,
// so that a key is moved to the heap only if there is an error.
func (t *Table[K, V, W]) failAt(op string, k K, err error) error {
	if err == nil {
		return nil
	}
	return t.storage.fail(op, t.state.name(), ownKey(k), err)
}
