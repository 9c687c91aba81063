// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync/atomic"
)

// Opening a table compares what the program wants (key format, value format, checksums) with
// what is recorded of the table, lets the value format compare schemas, and gives the handle. A
// table that is not there is created; one that does not fit is an error, or is set aside if the
// policy says so. Handles of one table share its tableState.

// TableOption changes how a table is created.
type TableOption func(*tableOptions)

type tableOptions struct{ checksums bool }

// WithChecksums stores a CRC-32C with every row of the table, over key and value, and checks it
// on every read. A table keeps what it was created with: a table with checksums needs no option
// to be opened; opening one without them with this option returns ErrFormatMismatch. The
// default is no checksums.
//
// A checksum finds what a disk or a bug has changed. It does not find forgery: whoever can
// write to the storage can compute it. A format that can view rows without validating them,
// such as FlatBuffers, does so when the checksum was right. [Storage.Check] validates every row
// of an open table, with checksums or not.
func WithChecksums() TableOption { return func(o *tableOptions) { o.checksums = true } }

// OpenTable opens a table, or creates it if the storage has none of this name. A table
// remembers its formats. Opening it with others returns ErrFormatMismatch, which names both,
// unless OnFormatChange sets the old table aside. A table may be opened any number of times.
func OpenTable[K, V, W any](
	ctx context.Context, s *Storage, name string, key KeyFormat[K], value ValueFormat[V, W],
	opts ...TableOption,
) (*Table[K, V, W], error) {
	o := tableOpener[K, V, W]{storage: s, name: name, key: key, value: value}
	if err := o.take(ctx, opts); err != nil {
		return nil, &Error{Op: "open table", Table: name, Err: err}
	}
	t, err := o.open(ctx)
	if err != nil {
		return nil, s.fail("open table", name, nil, err)
	}
	return t, nil
}

// maxTableName is the length of the longest table name, in bytes.
const maxTableName = 255

// tableOpener is an OpenTable under way.
type tableOpener[K, V, W any] struct {
	storage *Storage
	name    string
	key     KeyFormat[K]
	value   ValueFormat[V, W]
	options tableOptions
}

// take looks at the arguments, and applies the options.
func (o *tableOpener[K, V, W]) take(ctx context.Context, opts []TableOption) error {
	if err := live(ctx); err != nil {
		return err
	}
	err := errors.Join(missing("storage", o.storage), missing("key format", o.key),
		missing("value format", o.value))
	for i, opt := range opts {
		if opt == nil {
			return nilOption(i)
		}
		opt(&o.options)
	}
	return err
}

func (o *tableOpener[K, V, W]) open(ctx context.Context) (*Table[K, V, W], error) {
	v, err := o.storage.enter("call")
	if err != nil {
		return nil, err
	}
	defer v.leave()
	if err := o.check(); err != nil {
		return nil, err
	}
	if o.storage.sharing.Shared() { // others may have changed the table
		if err := o.storage.lookAgain(ctx); err != nil {
			return nil, err
		}
	}
	if t, err := o.existing(); t != nil || err != nil {
		return t, err
	}
	return o.write(ctx)
}

// existing returns a handle of a table that is there, nil if that takes a write.
func (o *tableOpener[K, V, W]) existing() (*Table[K, V, W], error) {
	state := o.storage.catalog.find(o.name)
	if state == nil {
		return nil, nil
	}
	bound := state.record.Load()
	t, record, err := o.bind(state, bound)
	switch {
	case err != nil && !o.mayReplace(err):
		return nil, err
	case err != nil || record != nil && !o.storage.opts.readOnly || !t.give():
		return nil, nil
	case o.storage.sharing.Shared() && !state.isStill(bound):
		return o.existing()
	}
	return t, nil
}

// check asks the formats whether they fit K and V.
func (o *tableOpener[K, V, W]) check() error {
	if c, ok := o.key.(KeyChecker); ok {
		if err := c.CheckKey(); err != nil {
			return err
		}
	}
	if check := PowersOf(o.value).CheckValue; check != nil {
		return check()
	}
	return nil
}

// mayReplace reports whether the policy lets a mismatch be answered by a new table.
func (o *tableOpener[K, V, W]) mayReplace(err error) bool {
	s := o.storage
	return errors.Is(err, ErrFormatMismatch) && s.opts.recreate&OnFormatChange != 0 &&
		!s.opts.readOnly
}

// write opens the table in a way that changes the catalog.
func (o *tableOpener[K, V, W]) write(ctx context.Context) (t *Table[K, V, W], err error) {
	if o.storage.opts.readOnly {
		return nil, fmt.Errorf("%w: the storage has no such table, and is read-only", ErrNotFound)
	}
	err = o.storage.changeTables(ctx, func(turn *turn) (err error) {
		t, err = o.writeIn(ctx, turn)
		return err
	})
	return t, err
}

func (o *tableOpener[K, V, W]) writeIn(ctx context.Context, turn *turn) (*Table[K, V, W], error) {
	state := o.storage.catalog.find(o.name)
	if state == nil {
		return o.create(ctx, turn, nil)
	}
	t, record, err := o.bind(state, state.record.Load())
	switch {
	case err != nil && o.mayReplace(err):
		return o.replace(ctx, turn, state, err)
	case err != nil:
		return nil, err
	case record != nil:
		if err := o.store(ctx, turn, state, record); err != nil {
			return nil, err
		}
	}
	t.give() // nobody sets the table aside meanwhile: that takes the turn
	return t, nil
}

// bind makes a handle of an existing table. record is what is to be stored of it if its value
// format has new metadata, else nil.
func (o *tableOpener[K, V, W]) bind(
	state *tableState, recorded *tableRecord,
) (t *Table[K, V, W], record *tableRecord, err error) {
	r := *recorded
	if err := o.compare(r); err != nil {
		return nil, nil, err
	}
	value, meta, err := o.bindValue(r.Meta)
	if err != nil {
		return nil, nil, err
	}
	rows, err := o.bindRows(value, r.ID)
	if err != nil {
		return nil, nil, err
	}
	if !bytes.Equal(meta, r.Meta) {
		changed := r
		changed.Meta = meta
		record = &changed
	}
	t = newTable(o.storage, state, r, o.key, value)
	t.rows.bindRows(rows)
	return t, record, nil
}

// compare returns ErrFormatMismatch if the table was created differently.
func (o *tableOpener[K, V, W]) compare(r tableRecord) error {
	if r.Key != o.key.ID() {
		return fmt.Errorf("%w: the table's keys are %q, opened as %q",
			ErrFormatMismatch, r.Key, o.key.ID())
	}
	if r.Value != o.value.ID() {
		return fmt.Errorf("%w: the table's values are %q, opened as %q",
			ErrFormatMismatch, r.Value, o.value.ID())
	}
	if o.options.checksums && !r.Checksums {
		return fmt.Errorf("%w: the table was created without checksums, opened with them",
			ErrFormatMismatch)
	}
	return nil
}

// bindValue gives the value format the metadata that is stored for it, nil for a new table.
func (o *tableOpener[K, V, W]) bindValue(stored []byte) (ValueFormat[V, W], []byte, error) {
	bind := PowersOf(o.value).Bind
	if bind == nil {
		return o.value, stored, nil
	}
	return bind(stored)
}

// bindRows gives the value format the ID of a table, if it binds values to rows; the table must
// have one then, and else none.
func (o *tableOpener[K, V, W]) bindRows(
	value ValueFormat[V, W], id []byte,
) (rows RowFormat[V, W], err error) {
	bind := PowersOf(value).BindRows
	switch {
	case bind == nil && id == nil:
		return rows, nil
	case bind == nil:
		return rows, fmt.Errorf("%w: the table's values are bound to their rows, "+
			"opened with a format in %q that does not bind them", ErrFormatMismatch, value.ID())
	case id == nil:
		return rows, fmt.Errorf("%w: the table's values are not bound to their rows, "+
			"opened with a format in %q that binds them", ErrFormatMismatch, value.ID())
	}
	if rows, err = bind(TableID(id)); err == nil {
		err = rows.complete()
	}
	return rows, err
}

// replace sets the table aside under another name, in the same write that creates the new one.
func (o *tableOpener[K, V, W]) replace(
	ctx context.Context, turn *turn, state *tableState, reason error,
) (*Table[K, V, W], error) {
	if !state.use.leave() {
		return nil, fmt.Errorf("%w; it is not set aside while it is open elsewhere", reason)
	}
	t, err := o.create(ctx, turn, state)
	if err != nil {
		state.use.stay()
		return nil, err
	}
	return t, nil
}

// create makes a new table of the name. If old is not nil it has that name now, and gets another.
func (o *tableOpener[K, V, W]) create(
	ctx context.Context, turn *turn, old *tableState,
) (*Table[K, V, W], error) {
	s := o.storage
	if err := checkTableName(o.name); err != nil {
		return nil, err
	}
	value, meta, err := o.bindValue(nil)
	if err != nil {
		return nil, err
	}
	n, err := s.catalog.unused()
	if err != nil {
		return nil, err
	}
	r := tableRecord{
		Number: n, Key: o.key.ID(), Value: o.value.ID(), Meta: meta,
		Checksums: o.options.checksums, Unique: s.unique(),
	}
	if PowersOf(value).BindRows != nil {
		r.ID, r.Needs = newTableID(), []string{featureTableID}
	}
	rows, err := o.bindRows(value, r.ID)
	if err != nil {
		return nil, err
	}
	row, err := r.row(o.name)
	if err != nil {
		return nil, err
	}
	writes := []Write{row}
	aside := s.catalog.asideOf(o.name)
	var set *tableState // what was set aside
	if old != nil {
		record := *old.record.Load()
		record.Aside = s.sharing.Shared()
		asideRow, err := record.row(aside)
		if err != nil {
			return nil, err
		}
		set = newTableState(aside, record)
		writes = append(writes, asideRow) // its name is the longer one, so it comes after
	}
	if err := s.need(ctx, r.Needs); err != nil {
		return nil, err
	}
	state := newTableState(o.name, r)
	err = turn.applyCatalog(ctx, writes, func() {
		if old != nil {
			s.catalog.tables[aside] = set
		}
		s.catalog.tables[o.name] = state
	})
	if err != nil {
		return nil, err
	}
	if old != nil {
		s.opts.logger.Warn("table replaced", "storage", s.path, "table", o.name, "old", aside)
		s.recreated.Store(&Recreation{Reason: OnFormatChange, Path: s.path, Table: aside})
	}
	t := newTable(s, state, r, o.key, value)
	t.rows.bindRows(rows)
	t.give()
	return t, nil
}

// store replaces the record of an existing table.
func (o *tableOpener[K, V, W]) store(
	ctx context.Context, turn *turn, state *tableState, r *tableRecord,
) error {
	row, err := r.row(o.name)
	if err != nil {
		return err
	}
	return turn.applyCatalog(ctx, []Write{row}, func() { state.record.Store(r) })
}

func newTable[K, V, W any](
	s *Storage, state *tableState, r tableRecord, key KeyFormat[K], value ValueFormat[V, W],
) *Table[K, V, W] {
	t := &Table[K, V, W]{storage: s, state: state, rows: newRowFormat(r, s.limits, key, value)}
	if s.opts.validation == ValidateFull {
		t.rows.trusts = false // a checksum that is right does not say who wrote it
	}
	t.guards = newGuardPool[W](&s.usage, state.name(), t.rows.prefix())
	return t
}

// give says that a handle is given out, unless its table is being set aside: then there must be
// none.
func (t *Table[K, V, W]) give() bool {
	if !t.state.use.open() {
		return false
	}
	check := t.rows.check
	t.state.check.Store(&check)
	return true
}

// tableUse says whether a table is open, so that it is not set aside then. A handle is given
// out without the turn to write, so that whoever has the turn must decide in one step.
type tableUse struct{ state atomic.Int32 }

const (
	unopened  int32 = iota // no handle was given out
	isOpen                 // one was
	isLeaving              // the table is being set aside, or was
)

// open reports whether a handle may be given out.
func (u *tableUse) open() bool {
	return u.state.CompareAndSwap(unopened, isOpen) || u.state.Load() == isOpen
}

// given reports whether a handle was given out.
func (u *tableUse) given() bool { return u.state.Load() == isOpen }

// leave reports whether the table may be set aside, and is not opened from now on.
func (u *tableUse) leave() bool { return u.state.CompareAndSwap(unopened, isLeaving) }

// stay undoes leave.
func (u *tableUse) stay() { u.state.Store(unopened) }
