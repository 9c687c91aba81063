// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core

import (
	"context"
	"log/slog"
)

// This file is for implementers of backends; users of tables need none of it.
//
// A backend is an ordered map from byte strings to byte strings with snapshots and one atomic
// write. Typed tables, transactions, group commit, versions, recreation, checksums and guards
// are built on top of it here, once for all engines. The suite in backendtest is the
// specification; what follows is its prose. The guide docs/writing-a-backend.md of the
// repository says in which order to write one, and shows a small one.
//
// Keys are never empty (the table's number stands in front of every one) and are ordered by
// bytes.Compare. Values may be empty. Errors wrap the sentinel that applies, beside the
// engine's own error; no method panics, whatever the bytes on disk are.

// Backend finds and opens the storages of one engine. It is safe for concurrent use.
type Backend interface {
	// Name names the engine, such as "bbolt". It is part of every storage's mark.
	Name() string

	// Resolve returns a path that leads to where path leads now for as long as the program
	// runs, whatever becomes of the working directory and of links. [Open] and [Restore] ask
	// once, and then use that path and what lies beside it; what users see is the path that
	// they gave. A backend whose paths are mere names returns path.
	Resolve(path string) (string, error)

	// Claim takes the engine's own lock on the storage at path, shared with other readers if
	// readOnly. If somebody else holds the lock it waits for a bounded time, then returns
	// ErrLocked. Claim neither creates nor changes anything. An absent path is not an error.
	// What was claimed to be read is never changed: Rename, Remove, and Apply and SetMark of the
	// engine that is opened, return ErrReadOnly.
	// The path is looked up once: later changes of the working directory, or of links in the
	// path, do not affect the claim or the engine that it opens.
	Claim(ctx context.Context, path string, readOnly bool) (Claim, error)

	// List returns the paths of everything that is stored beside each other under names that
	// start with prefix, in lexical order.
	List(ctx context.Context, prefix string) ([]string, error)

	// Sharing says whether several processes write to a storage at once, and how. It returns
	// the zero Sharing if a claim keeps other writers out.
	Sharing() Sharing
}

// Claim is a lock on the place of one storage. It is used by one goroutine at a time.
type Claim interface {
	// Mark returns the mark that the storage carries, or nil if nothing is there: an absent
	// path, or an empty directory, which an engine that keeps a single file may refuse. Mark
	// returns ErrNotStorage if what is there carries no readable mark, as an empty file does.
	// It changes nothing and is not called after Open succeeded. The slice is the caller's.
	Mark() ([]byte, error)

	// Rename moves the storage to another path beside the old one, under the lock. The claim
	// then covers the old path, where nothing is. It may be called after Open failed. If
	// something is at the new path, whoever made it and however late, the error is fs.ErrExist
	// and both stay; an empty directory is nothing to an engine that keeps its storages in
	// directories.
	//
	// Rename returns when the new name is durable. An error means that the storage is where it
	// was, or says where it is. If the path no longer leads to what is locked, Rename returns
	// an error and changes nothing.
	Rename(to string) error

	// Remove deletes the storage. The claim then covers a path where nothing is. An error means
	// that the storage is where it was, or says what is left of it. If the path no longer leads
	// to what is locked, Remove leaves alone what is there.
	Remove() error

	// Open opens the storage, or creates it with opts.Mark if nothing is there. It returns
	// ErrCorrupt for damage that would later crash the process, which must be found here, and
	// ErrConflict if somebody else created a storage at the path meanwhile. After success the
	// engine holds the lock; after an error the claim does.
	Open(ctx context.Context, opts EngineOptions) (Engine, error)

	// Release gives the lock back. It does nothing after Open succeeded or after another Release.
	Release() error
}

// EngineOptions are the options of Claim.Open.
type EngineOptions struct {
	Mark       []byte       // recorded in a storage that is created
	NoSync     bool         // writes return before they are durable
	Validation Validation   // how much is looked at before the engine is trusted
	Logger     *slog.Logger // never nil
}

// Validation says how much of a storage is checked when it is opened.
type Validation uint8

const (
	// ValidateQuick checks what costs no full read of a storage that was closed cleanly. It is
	// the default.
	ValidateQuick Validation = iota
	// ValidateFull does what [Storage.Check] does while no table is open: values are not
	// decoded, checksums are compared. The tables of such a storage validate every value
	// whenever it is read, whatever its checksum says.
	ValidateFull
)

// Engine is one open storage. It is safe for concurrent use, except that Apply, SetMark,
// Powers.Compact and Powers.Sync are called by one goroutine at a time, unless the storage is
// shared. Close is called once, after every Releaser was released and every Snapshot was closed,
// and nothing is called after it.
//
// The caller looks at a context when an operation or a transaction begins. An engine looks where
// it waits, before Apply and SetMark write, and in Next. A Get that waits for nobody does not: in
// a transaction that has begun it returns the row, whatever became of the context.
type Engine interface {
	// Get returns the value that the last applied write gave to key, or ErrNotFound. Every
	// write that was applied before Get is called is seen. The bytes are owned by the engine,
	// must not be modified, and are valid until Release. Release is called exactly once, and
	// only if err is nil. An open Releaser blocks neither Apply nor Compact.
	Get(ctx context.Context, key []byte) (value []byte, r Releaser, err error)

	// Snapshot returns the state after the last applied write. Neither Get nor another Snapshot
	// shows an older state than one that was seen before. An open Snapshot blocks neither Apply
	// nor Compact.
	Snapshot(ctx context.Context) (Snapshot, error)

	// Apply makes the batch durable, all of it or nothing, and visible before it returns.
	// Deleting an absent key is no error. Nothing that the batch refers to may be kept or
	// modified: the caller reuses it. ctx is looked at before anything is written, not after.
	//
	// ErrConflict, ErrTooLarge, ErrNoRoom, ErrUnavailable and ErrSnapshotExpired mean that
	// nothing was written. ErrMaybe means that it was, will be, or will never be, all or
	// nothing, and that the engine goes on. After any other error the outcome may be unknown,
	// and Apply is not called again. A panic may happen on a goroutine of this package, where the
	// caller cannot recover it.
	Apply(ctx context.Context, b Batch) error

	// SetMark replaces the mark, durably and atomically, without touching any row.
	SetMark(ctx context.Context, mark []byte) error

	// Limits returns what the engine can take.
	Limits() Limits

	// Powers returns what the engine can do beyond these methods.
	Powers() Powers

	// Close makes everything durable and gives the lock back.
	Close() error
}

// Releaser ends the validity of bytes that Engine.Get or Snapshot.Get returned.
type Releaser interface{ Release() }

// Snapshot is one unchanging state of an engine. It is safe for concurrent use; Close is called
// once, after every Releaser was released and every RowCursor was closed.
type Snapshot interface {
	// Get returns the value of key, or ErrNotFound. The bytes are owned by the engine, must not
	// be modified, and are valid until Release, which is called exactly once, before Close, and
	// only if err is nil. r is nil if the bytes are valid until Close and there is nothing to
	// release.
	Get(ctx context.Context, key []byte) (value []byte, r Releaser, err error)

	// Scan returns a cursor that stands before the first row of the range. ctx holds for the
	// cursor too.
	Scan(ctx context.Context, r ScanRange) (RowCursor, error)

	// Powers returns what the snapshot can do beyond these methods.
	Powers() SnapshotPowers

	// Close releases the snapshot.
	Close() error
}

// ScanRange says what a RowCursor passes over. The slices may be reused when Scan returns.
type ScanRange struct {
	Low, High []byte // Low is inclusive, High exclusive; nil is no bound
	Reverse   bool   // from the last row to the first
	KeysOnly  bool   // values are not looked at, and may be nil
	// a hint: everything is read, and not soon again, so caches are better left as they are
	Once bool

	// Limit is a hint: how many rows will be asked for at most, before a Seek and after each; 0
	// is any number. It is for engines that fetch rows before they are asked for. It bounds
	// nothing: a cursor that is asked for more goes on.
	Limit int
}

// RowCursor passes over rows in the order of bytes.Compare, or its reverse. It is used by one
// goroutine at a time.
type RowCursor interface {
	// Next returns the next row. ok is false at the end, after an error, and from then on. The
	// bytes are owned by the engine, must not be modified, and are valid until the next call of
	// Next, Seek or Close.
	Next() (key, value []byte, ok bool)

	// Seek moves the cursor, backward too, so that the next call of Next returns the first row
	// of the range at or behind key in the cursor's direction: with Reverse, the last row whose
	// key is not above key. A cursor at its end goes on after Seek; one that failed stays at
	// its error. key may be reused when Seek returns.
	Seek(key []byte)

	// Err returns the error that ended the rows early, or nil.
	Err() error

	// Close releases the cursor. It is called once.
	Close() error
}

// Batch is what one Apply commits.
type Batch struct {
	// Writes are in the order of their keys, which are strictly increasing, so none occurs twice.
	Writes []Write

	// Base is the snapshot that the writes were computed from, nil for writes that depend on
	// nothing. The engine of a shared storage, which began it with [ToUpdate], returns ErrConflict
	// if what was read through Base has changed, see [Sharing]; an engine that locks its storage
	// may ignore it, and is given none for a row that was read with Get while no write was under
	// way. A decorator that wraps snapshots unwraps it: see Unwrapped.
	Base Snapshot

	// Conditions are rows that must be as they say, else Apply returns ErrConflict and writes
	// nothing. Only shared storages get them, see [Sharing].
	Conditions []Condition

	// Met is for the answers to conditions: Apply sets the element of each write that has one,
	// as [Write.When] says, if it succeeds. It is as long as Writes, and all false, if one of
	// them has a condition; else it is nil.
	Met []bool
}

// Unwrapped returns b as the engine inside a decorator is to see it: if Base has a method
// Unwrap() Snapshot, Base is what that returns. A decorator whose Snapshot method wraps
// snapshots gives them that method, and passes b.Unwrapped() on in Apply; one that does not
// wrap them passes b on as it is.
func (b Batch) Unwrapped() Batch {
	if w, ok := b.Base.(interface{ Unwrap() Snapshot }); ok {
		b.Base = w.Unwrap()
	}
	return b
}

// Write is one row to put, one key to delete, or a range of keys to delete.
type Write struct {
	Key, Value []byte // Value is not looked at when something is deleted
	Delete     bool   // of Key or, if End is not nil, of every key from Key up to End
	// Unconditional unless the engine has [Powers.Conditions], and if End is not nil
	When When

	// End is exclusive, above Key, and not above the next write's Key. It is nil unless Delete
	// is true and the engine has [Powers.DeleteRange].
	End []byte
}

// When is the condition of one Write. It is about the row at Key before the batch. A write
// whose condition is not met does nothing; the others of its batch, which the condition does
// not concern, do what they say.
type When uint8

const (
	// Unconditional has no condition.
	Unconditional When = iota
	// IfAbsent: there is no row at Key.
	IfAbsent
	// IfPresent: there is one.
	IfPresent
)

// Met reports whether the condition is met where a row is found at Key, or is not.
func (w When) Met(found bool) bool { return w == Unconditional || (w == IfPresent) == found }

// Limits are what an engine can take. Zero is no limit.
type Limits struct {
	Key, Value int // bytes of one key, of one value
	BatchRows  int // rows of one Apply
	BatchBytes int // bytes of all keys and values of one Apply
	// rows of one Apply of a stream: more would need more memory than a stream should, in any
	// order
	StreamRows int
}

// Powers are what an engine can do beyond the methods of Engine. The functions that it lacks are
// nil and the flags false, and the storage does without them. A decorator that embeds an Engine
// has the powers of that engine, and changes those that it wants to see.
type Powers struct {
	// Compact returns space to the file system. Guards and snapshots may be open.
	Compact func(ctx context.Context) error
	// Size tells how many bytes the storage takes on its medium.
	Size func() (int64, error)
	// Check reads everything the engine keeps for itself, and returns ErrCorrupt for damage,
	// saying what and where.
	Check func(ctx context.Context) error
	// Scan returns a cursor over the state after the last applied write, as a scan of a
	// Snapshot that is made for it alone would. It is for engines to which the Snapshot is a
	// large part of what a short scan costs.
	Scan func(ctx context.Context, r ScanRange) (RowCursor, error)
	// Sync makes durable what Apply wrote before, in a storage that was opened with NoSync. It
	// is called as Apply is: by one goroutine at a time. After an error what is on the medium
	// is not known.
	Sync func(ctx context.Context) error
	// DeleteRange says that a Write may have an End: the engine deletes a range without looking
	// at its rows, or in much less time than key by key. A range may hold no row.
	DeleteRange bool
	// Conditions says that a Write may have a condition. Apply finds out in less time than a Get
	// takes whether the condition is met, and reports that in Batch.Met. If no condition of a
	// batch is met there is nothing to make durable.
	Conditions bool
	// Begin is what a shared storage must have, see [Sharing]; the others lack it. It is Snapshot
	// for a purpose. It need not ask anybody: the state may be that of the first read, or Fence,
	// of the snapshot.
	Begin func(ctx context.Context, use Use) (Snapshot, error)
	// As sets target to the engine's own handle if it is a pointer to one, and reports whether
	// it was.
	As func(target any) bool
}

// Administrative returns the powers that concern the storage as a whole and no row of it. They
// are what a decorator keeps that changes the bytes of rows, as encryption does: all the others
// would show the changed bytes. Such a decorator has none of the powers of a Snapshot, but
// those that it writes itself. DeleteRange and Conditions are about keys: a decorator that
// leaves those as they are may keep them.
func (p Powers) Administrative() Powers {
	return Powers{Compact: p.Compact, Size: p.Size, Check: p.Check, Sync: p.Sync}
}

// SnapshotPowers are what a Snapshot can do beyond its methods. Those that it lacks are nil,
// and the storage does without them.
type SnapshotPowers struct {
	// Fence returns the value of the row at FenceKey in this state, nil if there is none. The
	// snapshots of a shared storage must have it, see [Sharing]; the others lack it. It is
	// called after a read, or in place of one, and should cost no trip then: an engine that is
	// far away asks for the fence together with the first rows. It counts as a read of the row.
	// The value must not be modified, and is valid until Close.
	Fence func(ctx context.Context) ([]byte, error)
	// Count counts rows, and the bytes of their keys and values, in much less time than a scan
	// takes.
	Count func(ctx context.Context, low, high []byte) (rows, bytes int64, err error)
	// GetMany calls fn with the value of every key that is there, in the order of keys, which
	// may repeat; i is the key's index. value is owned by the engine, must not be modified, and
	// is valid until fn returns. If fn returns an error, GetMany returns it and calls fn no
	// more. fn may use the engine. It is for engines that answer many questions at once in less
	// time than one by one, such as a server.
	GetMany func(ctx context.Context, keys [][]byte, fn func(i int, value []byte) error) error
}
