// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package backendtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"

	"github.com/guardkv/guardkv/core"
)

// plain is the simplest correct backend: every state is a sorted slice that is never changed
// again. The suite's own tests break it in one place at a time.
type plain struct {
	mu     sync.Mutex
	stores map[string]*plainStore

	// breaks names the promise to break; "" breaks none.
	breaks string
}

type plainStore struct {
	mark    []byte
	state   []core.Write
	older   []core.Write // the state before the last Apply
	readers int
	writer  bool
}

func newPlain(breaks string) *plain {
	return &plain{stores: map[string]*plainStore{}, breaks: breaks}
}

func (b *plain) Name() string { return "plain" }

func (b *plain) Sharing() core.Sharing { return core.Sharing{} }

func (b *plain) Resolve(path string) (string, error) {
	if b.breaks == "resolve" {
		return path + "/" + path, nil
	}
	return path, nil
}

func (b *plain) List(ctx context.Context, prefix string) (paths []string, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for p := range b.stores {
		if strings.HasPrefix(p, prefix) || b.breaks == "list" && strings.HasPrefix(prefix, p) {
			paths = append(paths, p)
		}
	}
	slices.Sort(paths)
	return paths, nil
}

func (b *plain) Claim(ctx context.Context, path string, readOnly bool) (core.Claim, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.stores[path]
	if s != nil && b.breaks != "lock" && (s.writer || !readOnly && s.readers > 0) {
		return nil, fmt.Errorf("%s: %w", path, core.ErrLocked)
	}
	c := &plainClaim{b: b, path: path, readOnly: readOnly}
	c.cover(s)
	return c, nil
}

type plainClaim struct {
	b        *plain
	path     string
	readOnly bool
	s        *plainStore // nil if nothing is there
	done     bool
}

// cover locks s instead of the storage that was locked.
func (c *plainClaim) cover(s *plainStore) {
	if c.s != nil && c.readOnly {
		c.s.readers--
	} else if c.s != nil {
		c.s.writer = false
	}
	if c.s = s; s != nil && c.readOnly {
		s.readers++
	} else if s != nil {
		s.writer = true
	}
}

func (c *plainClaim) Mark() ([]byte, error) {
	if c.s == nil {
		return nil, nil
	}
	if c.b.breaks == "lent mark" {
		return c.s.mark, nil
	}
	return bytes.Clone(c.s.mark), nil
}

// changes returns an error if the storage was claimed to be read.
func (c *plainClaim) changes() error {
	if c.readOnly && c.b.breaks != "read-only" {
		return core.ErrReadOnly
	}
	return nil
}

func (c *plainClaim) Rename(to string) error {
	if err := c.changes(); err != nil {
		return err
	}
	c.b.mu.Lock()
	defer c.b.mu.Unlock()
	if c.s == nil {
		return nil
	}
	if c.b.stores[to] != nil && c.b.breaks != "rename" {
		return fmt.Errorf("rename to %s: %w", to, fs.ErrExist)
	}
	c.b.stores[to] = c.s
	delete(c.b.stores, c.path)
	c.cover(nil)
	return nil
}

func (c *plainClaim) Remove() error {
	if err := c.changes(); err != nil {
		return err
	}
	c.b.mu.Lock()
	defer c.b.mu.Unlock()
	delete(c.b.stores, c.path)
	c.cover(nil)
	return nil
}

func (c *plainClaim) Open(ctx context.Context, opts core.EngineOptions) (core.Engine, error) {
	c.b.mu.Lock()
	defer c.b.mu.Unlock()
	if c.s == nil {
		if c.b.stores[c.path] != nil && c.b.breaks != "race" {
			return nil, fmt.Errorf("%s: %w", c.path, core.ErrConflict)
		}
		s := &plainStore{mark: bytes.Clone(opts.Mark)}
		c.b.stores[c.path] = s
		c.cover(s)
	}
	c.done = true
	return &plainEngine{c: c, s: c.s}, nil
}

func (c *plainClaim) Release() error {
	c.b.mu.Lock()
	defer c.b.mu.Unlock()
	if !c.done {
		c.cover(nil)
	}
	c.done = true
	return nil
}

type plainEngine struct {
	c  *plainClaim
	s  *plainStore
	mu sync.Mutex
}

func (e *plainEngine) breaks(what string) bool { return e.c.b.breaks == what }

func (e *plainEngine) now() []core.Write {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.s.state
}

// older is the state before the last write.
func (e *plainEngine) older() []core.Write {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.s.older
}

func find(state []core.Write, key []byte) (int, bool) {
	return slices.BinarySearchFunc(state, key,
		func(w core.Write, k []byte) int { return bytes.Compare(w.Key, k) })
}

func lookUp(state []core.Write, key []byte) ([]byte, error) {
	if i, ok := find(state, key); ok {
		return state[i].Value, nil
	}
	return nil, core.ErrNotFound
}

type nothing struct{}

func (nothing) Release() {}

// shared gives away bytes that others have too.
type shared struct{ nothing }

func (shared) Keep() bool { return true }

func (e *plainEngine) Get(ctx context.Context, key []byte) ([]byte, core.Releaser, error) {
	state := e.now()
	if e.breaks("stale get") {
		state = e.older()
	}
	v, err := lookUp(state, key)
	if err != nil {
		return nil, nil, err
	}
	if e.breaks("shared keep") {
		return v, shared{}, nil
	}
	return v, nothing{}, nil
}

func (e *plainEngine) Snapshot(ctx context.Context) (core.Snapshot, error) {
	return &plainSnapshot{e, e.now()}, nil
}

const plainKey, plainValue, plainRows = 1 << 14, 1 << 22, 1 << 11

func (e *plainEngine) Powers() core.Powers {
	return core.Powers{Compact: e.Compact, Scan: e.Scan, Conditions: true}
}

// Scan needs no snapshot beside the cursor.
func (e *plainEngine) Scan(ctx context.Context, r core.ScanRange) (core.RowCursor, error) {
	state := e.now()
	if e.breaks("stale scan") {
		state = e.older()
	}
	return (&plainSnapshot{e, state}).Scan(ctx, r)
}

func (e *plainEngine) Limits() core.Limits {
	return core.Limits{Key: plainKey, Value: plainValue, BatchRows: plainRows, BatchBytes: 1 << 23}
}

func (e *plainEngine) Apply(ctx context.Context, b core.Batch) error {
	writes := b.Writes
	if err := errors.Join(ctx.Err(), e.c.changes()); err != nil {
		return err
	}
	if err := tooLarge(writes); err != nil {
		if e.breaks("limits") {
			e.merge(writes[:1])
		}
		return err
	}
	e.mu.Lock()
	e.s.older = e.s.state
	e.mu.Unlock()
	writes = e.meet(b)
	if !e.breaks("atomic") {
		e.merge(writes)
		return nil
	}
	for i := range writes {
		e.merge(writes[i : i+1])
	}
	return nil
}

// meet returns the writes whose conditions are met.
func (e *plainEngine) meet(b core.Batch) (met []core.Write) {
	for i, w := range b.Writes {
		if w.When != core.Unconditional {
			_, found := find(e.now(), w.Key)
			holds := w.When.Met(found)
			if !e.breaks("answers") {
				b.Met[i] = holds
			}
			if !holds && !e.breaks("conditions") {
				continue
			}
		}
		met = append(met, w)
	}
	return met
}

func tooLarge(writes []core.Write) error {
	size := 0
	for _, w := range writes {
		size += len(w.Key) + len(w.Value)
		if len(w.Key) > plainKey || len(w.Value) > plainValue {
			return core.ErrTooLarge
		}
	}
	if len(writes) > plainRows || size > 1<<23 {
		return core.ErrTooLarge
	}
	return nil
}

// merge makes a new state of the old one and the writes, both in order.
func (e *plainEngine) merge(writes []core.Write) {
	old := e.now()
	state := make([]core.Write, 0, len(old)+len(writes))
	for _, w := range writes {
		i, found := find(old, w.Key)
		state = append(state, old[:i]...)
		if old = old[i:]; found {
			old = old[1:]
		}
		if !w.Delete {
			state = append(state, e.keep(w))
		}
	}
	state = append(state, old...)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.s.state = state
}

func (e *plainEngine) keep(w core.Write) core.Write {
	if e.breaks("kept value") {
		return core.Write{Key: bytes.Clone(w.Key), Value: w.Value}
	}
	return core.Write{Key: bytes.Clone(w.Key), Value: bytes.Clone(w.Value)}
}

func (e *plainEngine) SetMark(ctx context.Context, mark []byte) error {
	if err := e.c.changes(); err != nil {
		return err
	}
	if !e.breaks("set mark") {
		e.s.mark = bytes.Clone(mark)
	}
	return nil
}

func (e *plainEngine) Close() error {
	e.c.b.mu.Lock()
	defer e.c.b.mu.Unlock()
	if e.breaks("durable") {
		e.s.state = e.s.older
	}
	e.c.cover(nil)
	return nil
}

func (e *plainEngine) Compact(ctx context.Context) error {
	if state := e.now(); e.breaks("compact") && len(state) > 0 {
		e.merge([]core.Write{{Key: state[0].Key, Delete: true}})
	}
	return nil
}

type plainSnapshot struct {
	e     *plainEngine
	state []core.Write
}

func (s *plainSnapshot) now() []core.Write {
	if s.e.breaks("snapshot") {
		return s.e.now()
	}
	return s.state
}

func (s *plainSnapshot) Get(ctx context.Context, key []byte) ([]byte, core.Releaser, error) {
	v, err := lookUp(s.now(), key)
	return v, nil, err
}

func (s *plainSnapshot) Powers() core.SnapshotPowers { return core.SnapshotPowers{Count: s.Count} }

func (s *plainSnapshot) Count(ctx context.Context, low, high []byte) (rows, size int64, err error) {
	for _, w := range s.rows(core.ScanRange{Low: low, High: high}) {
		rows++
		size += int64(len(w.Key) + len(w.Value))
	}
	if s.e.breaks("count") {
		rows++
	}
	return rows, size, nil
}

// rows returns the part of the state that r selects.
func (s *plainSnapshot) rows(r core.ScanRange) []core.Write {
	state := s.now()
	if r.High != nil && !s.e.breaks("high") {
		i, _ := find(state, r.High)
		state = state[:i]
	}
	if r.Low != nil {
		i, _ := find(state, r.Low)
		state = state[i:]
	}
	state = slices.Clone(state)
	if r.Reverse {
		slices.Reverse(state)
	}
	if s.e.breaks("limit") && r.Limit > 0 {
		state = state[:min(r.Limit, len(state))]
	}
	if s.e.breaks("order") && len(state) > 2 {
		state[0], state[1] = state[1], state[0]
	}
	return state
}

func (s *plainSnapshot) Scan(ctx context.Context, r core.ScanRange) (core.RowCursor, error) {
	rows := s.rows(r)
	return &plainCursor{ctx: ctx, s: s, reverse: r.Reverse, all: rows, rows: rows}, nil
}

func (s *plainSnapshot) Close() error { return nil }

type plainCursor struct {
	ctx       context.Context
	s         *plainSnapshot
	reverse   bool
	all, rows []core.Write // in the range, and what is left of them
	err       error
}

func (c *plainCursor) Seek(key []byte) {
	if c.s.e.breaks("seek back") {
		c.all = c.rows
	}
	c.rows = c.all
	for len(c.rows) > 0 && c.before(bytes.Compare(c.rows[0].Key, key)) {
		c.rows = c.rows[1:]
	}
}

// before reports whether a row that compares so to a key comes before it.
func (c *plainCursor) before(order int) bool {
	if c.reverse && !c.s.e.breaks("seek reverse") {
		return order > 0
	}
	return order < 0
}

func (c *plainCursor) Next() (key, value []byte, ok bool) {
	if c.err = c.ctx.Err(); c.err != nil && !c.s.e.breaks("cancel") {
		return nil, nil, false
	}
	if len(c.rows) == 0 {
		if c.s.e.breaks("end") {
			c.rows = c.s.rows(core.ScanRange{})
		}
		return nil, nil, false
	}
	w := c.rows[0]
	c.rows = c.rows[1:]
	return w.Key, w.Value, true
}

func (c *plainCursor) Err() error   { return c.err }
func (c *plainCursor) Close() error { return nil }
