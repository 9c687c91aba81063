// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/guardkv/guardkv/core/internal/names"
)

// A Restore has two halves. The restorer, in this file, reads the records of a backup and
// writes their rows into an engine that it created. The publisher, in publish.go, owns the
// temporary path where that engine lies and the path where it belongs.

// RestoreProgress tells how far Restore is.
type RestoreProgress struct {
	Rows  int64 // rows that are stored
	Bytes int64 // bytes of the backup that were read
}

// Restore builds a storage at path from a stream that [Storage.Backup] wrote, and opens it. It
// does not matter which backend the backup was made on. Nothing may exist at path, and nothing
// may follow the backup in r.
//
// The storage appears at path only when it is complete and everything in the backup was
// compared with its checksums. Until then Restore builds it at path.restoring, and removes that
// if it fails. After a crash, an incomplete storage there cannot be opened, and the next
// Restore to path removes it. If it is complete and nothing is at path, the next Open of path
// finishes the Restore; so does the next Restore if a storage was set aside for it. Whatever
// the size of the backup, memory is bounded: about 32 MiB of rows, and what the engine needs.
//
// Restore returns ErrCorrupt if the backup is damaged or cut, or if anything follows it;
// ErrTooLarge, with the table and the encoded key, for a row that the engine cannot take;
// ErrLocked if another Restore to path is under way; and ErrExists if something is at path,
// unless the policy is Always: then, once the new storage is complete, the old one is set aside
// as Open does. Where several processes share storages nothing is locked: a Restore removes what
// another one to the same path is building, and that one returns ErrConflict.
//
// The other options mean what they mean to [Open]. A backup carries the version of its storage.
// WithVersion, WithAnyVersion and WithMigration apply to it as they apply to a stored version
// at Open, before anything is written; OnVersionBump does not. A migration runs once the
// storage is at path; if it fails, the storage stays, with its old version, for the next Open
// to migrate. With WithReadOnly, Restore returns ErrReadOnly.
//
// Before the storage is at path, an error or the end of ctx leaves everything as it was. After
// that the Restore is done: the end of ctx stops only a migration, and an error from opening
// the storage says that the storage is there.
func Restore(
	ctx context.Context, path string, b Backend, r io.Reader, opts ...Option,
) (*Storage, error) {
	s, err := restore(ctx, withoutSeparators(path), b, r, newOptions(opts))
	if err != nil {
		var known *Error
		if errors.As(err, &known) {
			return nil, err
		}
		return nil, &Error{Op: "restore", Path: path, Err: adviseFolder(path, err)}
	}
	return s, nil
}

// WithRestoreProgress calls fn after each write of about 32 MiB, and after the last row, on the
// goroutine that called Restore. To follow a Backup, count what its writer gets.
func WithRestoreProgress(fn func(RestoreProgress)) Option {
	return func(o *options) { o.restoreProgress = fn }
}

// restoreBytes is how much memory the rows of one write take.
const restoreBytes = 32 << 20

// restorer is a Restore under way.
type restorer struct {
	publisher
	in *backupReader

	engine Engine
	limits Limits
	batch  batch
	// of every write, where storages are shared: another Restore may remove what this one builds
	demands []Condition
	rows    int64 // that are stored

	known    map[string]bool // the tables so far
	listed   []Write         // their rows in the catalog
	table    string          // the one whose rows are read
	record   tableRecord
	previous []byte // its last row's key
	key      []byte // of the row that is read, as stored
}

// restore checks its arguments; claimAndLook checks the rest.
func restore(
	ctx context.Context, path string, b Backend, in io.Reader, o options,
) (*Storage, error) {
	if err := missing("reader", in); err != nil {
		return nil, err
	}
	at, err := newSite(ctx, path, b, o)
	if err != nil {
		return nil, err
	}
	r := restorer{
		publisher: publisher{site: at, temp: names.Beside(at.resolved, restoringSuffix)},
		in:        newBackupReader(in),
		known:     make(map[string]bool),
	}
	r.batch.reset()
	return r.restore()
}

func (r *restorer) restore() (*Storage, error) {
	if r.options.readOnly {
		return nil, fmt.Errorf("%w: a read-only storage is not created", ErrReadOnly)
	}
	if err := r.look(); err != nil { // spares the work
		return nil, err
	}
	if err := r.readHead(); err != nil {
		return nil, err
	}
	if err := r.build(); err != nil {
		return nil, err
	}
	if err := r.publishOrDiscard(); err != nil {
		return nil, err
	}
	return r.open()
}

// readHead reads the head of the backup and decides about its version.
func (r *restorer) readHead() error {
	head, err := r.in.head()
	if err != nil {
		return err
	}
	o := r.opener()
	o.found, o.options.recreate = true, IfMissing
	o.mark.Version = head.Version
	if _, err := o.policy(); err != nil {
		return err
	}
	r.mark = r.newMark(head.Version)
	r.mark.State = markBuilding
	return nil
}

// build makes the storage at the temporary path, or leaves nothing there.
func (r *restorer) build() (err error) {
	if err := r.create(); err != nil {
		return err
	}
	filled, sound := false, false
	defer func() { // also if the engine, the reader or the progress function panics
		if !sound {
			err = errors.Join(err, r.discard())
		}
	}()
	defer func() {
		err = errors.Join(err, r.engine.Close())
		sound = filled && err == nil
	}()
	r.limits = r.engine.Limits()
	if err := r.fill(); err != nil {
		return err
	}
	r.mark.State = markBuilt
	err = r.engine.SetMark(r.ctx, r.mark.encode())
	filled = err == nil
	return err
}

// create makes an empty storage at the temporary path. Nothing waits for durability until it is
// closed.
func (r *restorer) create() (err error) {
	claim, err := r.claimTemporary()
	if err != nil {
		return err
	}
	created := false
	defer func() { // also if the engine panics
		if !created {
			err = errors.Join(err, claim.Release(), r.discard())
		}
	}()
	r.engine, err = claim.Open(r.ctx,
		EngineOptions{Mark: r.mark.encode(), NoSync: true, Logger: r.options.logger})
	if err == nil && r.backend.Sharing().Shared() {
		err = r.fenceOff()
	}
	created = err == nil
	return err
}

// fenceOff makes the first row of a shared storage, so that what is written next fails if the
// storage is removed, and with it that row.
func (r *restorer) fenceOff() error {
	f := &fence{Epoch: rand.Text(), Home: rand.Text(), Version: r.mark.Version}
	row, err := f.row()
	if err != nil {
		return err
	}
	f.value = row.Value
	if err := r.store([]Write{row}); err != nil {
		return errors.Join(err, r.engine.Close())
	}
	r.demands = []Condition{f.demand()}
	return nil
}

// fill reads the tables and their rows up to the end.
func (r *restorer) fill() error {
	for {
		kind, err := r.in.kind()
		if err != nil {
			return err
		}
		switch kind {
		case kindTable:
			err = r.readTable()
		case kindRow:
			err = r.readRow()
		case kindEnd:
			return r.finish()
		default:
			err = fmt.Errorf("%w: the backup has a record of the unknown kind %q", ErrCorrupt, kind)
		}
		if err != nil {
			return err
		}
	}
}

// readTable begins a table. Tables are numbered in the order of the backup, so all rows come in
// the order of their stored keys.
func (r *restorer) readTable() error {
	name, t, err := r.in.table()
	if err != nil {
		return err
	}
	if r.known[name] {
		return fmt.Errorf("%w: the backup has table %q twice", ErrCorrupt, name)
	}
	r.known[name] = true
	r.table, r.previous = name, r.previous[:0]
	r.record = tableRecord{
		Number: uint32(len(r.known)), Key: t.Key, Value: t.Value, Meta: t.Meta,
		Checksums: t.Checksums, ID: t.ID, Needs: t.Needs,
	}
	if r.demands != nil {
		r.record.Unique = rand.Text()
	}
	r.mark.Needs = union(r.mark.Needs, t.Needs)
	row, err := r.record.row(name)
	if err == nil {
		err = r.limits.checkRow(row.Key, row.Value)
	}
	if err != nil {
		return &Error{Op: "restore", Path: r.path, Table: name, Err: err}
	}
	r.listed = append(r.listed, row)
	return nil
}

func (r *restorer) readRow() error {
	if r.table == "" {
		return fmt.Errorf("%w: a row before the first table", ErrCorrupt)
	}
	if r.rows%ctxSteps == 0 && r.ctx.Err() != nil {
		return r.ctx.Err()
	}
	key, value, err := r.in.row()
	if err != nil {
		return err
	}
	if r.key, err = r.in.bytes(appendTableNumber(r.key[:0], r.record.Number), key); err != nil {
		return err
	}
	if err := r.takeRow(value); err != nil {
		var known *Error
		if errors.As(err, &known) {
			return err
		}
		return &Error{
			Op:   "restore",
			Path: r.path, Table: r.table, Key: slices.Clone(r.key[tableNumberSize:]), Err: err,
		}
	}
	return nil
}

// takeRow reads the value of the row whose key was read. It is read to where it is stored from:
// a large value is in memory once.
func (r *restorer) takeRow(size uint64) (err error) {
	if r.limits.Value > 0 && size > uint64(r.limits.Value) ||
		r.limits.Key > 0 && len(r.key) > r.limits.Key {
		return r.limits.rowTooLarge(len(r.key), int(size))
	}
	if err := r.limits.checkBatch(1, len(r.key)+int(size)); err != nil {
		return err
	}
	if err := r.room(len(r.key) + int(size)); err != nil {
		return err
	}
	value, err := r.batch.followBy(r.key,
		func(dst []byte) ([]byte, error) { return r.in.bytes(dst, size) })
	if err != nil {
		return err
	}
	if len(r.previous) > 0 && bytes.Compare(r.previous, r.key) >= 0 {
		return fmt.Errorf("%w: the row is not in order", ErrCorrupt)
	}
	r.previous = append(r.previous[:0], r.key...)
	if r.record.Checksums {
		if _, err := checkRowSum(r.key[tableNumberSize:], value); err != nil {
			return err
		}
	}
	r.rows++
	return nil
}

// put adds a stored row, the next in order, to the write under way.
func (r *restorer) put(key, value []byte) error {
	if err := r.room(len(key) + len(value)); err != nil {
		return err
	}
	r.batch.follow(key, value)
	return nil
}

// room stores what was put if a row of so many bytes does not go into the same write.
func (r *restorer) room(size int) error {
	n := len(r.batch.rows)
	if n == 0 || r.fits(n+1, r.batch.bytes+size) {
		return nil
	}
	if err := r.apply(); err != nil {
		return r.fail(err)
	}
	r.report()
	return nil
}

// fail makes an error that is not one of the row at hand.
func (r *restorer) fail(err error) error { return &Error{Op: "restore", Path: r.path, Err: err} }

// fits reports whether that much may go into one write.
func (r *restorer) fits(rows, size int) bool {
	return size+rows*rowCost <= restoreBytes && r.limits.checkBatch(rows, size) == nil &&
		(r.limits.StreamRows <= 0 || rows <= r.limits.StreamRows)
}

// apply stores what was put.
func (r *restorer) apply() error {
	if err := r.ctx.Err(); err != nil {
		return err
	}
	writes, _ := r.batch.sort()
	if len(writes) == 0 {
		return nil
	}
	if err := r.store(writes); err != nil {
		return err
	}
	r.batch.reset()
	return nil
}

// store applies the writes.
func (r *restorer) store(writes []Write) error {
	sharing := r.backend.Sharing().withCommit()
	if !sharing.Shared() {
		return r.engine.Apply(context.WithoutCancel(r.ctx), Batch{Writes: writes})
	}
	patience := time.Now().Add(2 * sharing.Commit)
	for try := 1; ; try++ {
		err := r.storeOnce(writes, sharing.Commit)
		if err == nil {
			return nil
		}
		passes := errors.Is(err, ErrMaybe) || errors.Is(err, ErrConflict) ||
			errors.Is(err, ErrUnavailable)
		if !passes || try == conflictTries || time.Now().After(patience) {
			return r.lost(err)
		}
		if err := pause(r.ctx, try); err != nil {
			return err
		}
	}
}

// storeOnce makes one attempt in a shared storage. The writes are the same in another one, so it
// does not matter whether one that gets no answer, or whose context ends, was made.
func (r *restorer) storeOnce(writes []Write, commit time.Duration) error {
	ctx, cancel := context.WithTimeout(r.ctx, commit)
	defer cancel()
	return r.engine.Apply(ctx, Batch{Writes: writes, Conditions: r.demands})
}

// lost returns the error of writes to a shared storage that cannot be made.
func (r *restorer) lost(err error) error {
	switch {
	case r.ctx.Err() != nil:
		return err
	case errors.Is(err, ErrClosed) || errors.Is(err, ErrConflict):
		return fmt.Errorf("%w: others, such as another Restore to the path, changed or removed "+
			"what was built; restore again: %w", ErrConflict, err)
	}
	return ofItsOwn(err)
}

// report tells how far the rows are.
func (r *restorer) report() {
	if r.options.restoreProgress != nil {
		r.options.restoreProgress(RestoreProgress{Rows: r.rows, Bytes: r.in.in.size})
	}
}

// finish reads the end of the backup, and stores the catalog.
func (r *restorer) finish() error {
	if err := r.in.end(); err != nil {
		return err
	}
	if err := r.apply(); err != nil {
		return err
	}
	r.report()
	slices.SortFunc(r.listed, func(a, b Write) int { return bytes.Compare(a.Key, b.Key) })
	for _, w := range r.listed {
		if err := r.put(w.Key, w.Value); err != nil {
			return err
		}
	}
	return r.apply()
}
