// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core

import "time"

// This file is for implementers of backends whose storages several processes write to at once:
// a database on a server, a cluster, a file that is locked for each transaction. What they owe
// beyond the contract in backend.go stands here.
//
// No lock keeps the others out, so whatever a write depends on is checked when it is applied:
// what was read through its Base, its Conditions, and the mark. The process learns of what
// others did to the tables by one row, the fence, which every read brings along: a storage whose
// fence has changed reads its catalog again. Only this package writes the fence, with one
// exception: Rename and Remove of a claim delete it, in the same transaction, so that processes
// that have the storage open find it gone.

// Sharing says how several processes share the storages of a backend. The zero Sharing is that
// of a backend whose claims lock: one process writes, and nothing below holds.
type Sharing struct {
	// Writers is how many transactions one process has under way that may write: calls of Apply
	// and SetMark, and snapshots of [ToUpdate] until an Apply that they were the Base of, with
	// which they are one. It is not zero if the storages are shared.
	Writers int

	// Commit is how long an Apply may take, a number of seconds: its context ends then. An
	// engine that has sent the batch and has no answer then returns ErrMaybe, soon.
	Commit time.Duration
}

// Shared reports whether several processes write.
func (s Sharing) Shared() bool { return s.Writers > 0 }

// withCommit returns s with a time for commits, also if the backend has none.
func (s Sharing) withCommit() Sharing {
	if s.Commit <= 0 {
		s.Commit = defaultCommit
	}
	return s
}

const defaultCommit = 10 * time.Second

// The claims of a shared backend lock nothing, and are safe beside others:
//
//   - Mark remembers what it saw; a claim that is not asked for the mark looks at the first of
//     the other calls. Rename, Remove and Open return ErrConflict and change nothing unless the
//     same storage is still there with the same mark, or still nothing. Mark may be called again
//     then.
//   - Rename and Remove delete the row at FenceKey of the storage, in the transaction that moves
//     it. An engine that has the storage open goes on with the storage, wherever that is; after
//     Remove its reads find no row, and its Apply returns ErrConflict or ErrClosed.
//   - SetMark of the engine returns ErrConflict if the mark is not the one that its claim saw,
//     or that this engine set last.
//
// Apply returns ErrConflict, and writes nothing, unless every Condition holds. Transactions are
// serializable, single Applies and reads included: as if one had come after the other, in an
// order in which one that began after another one had returned comes after it. An engine that
// notes what is read through a Base returns ErrConflict if anything of that has changed: one of
// the rows, also if there was none, or which rows are in a range that a cursor has passed over.
// That range goes from where the cursor began, or was sought to, up to the row where it stands,
// or to its bound if it has found the end. A server that has serializable transactions of its
// own may let pass what it can put into another order. A few conflicts where there are none do no
// harm.
//
// Reads may return ErrConflict as well, ErrUnavailable, and ErrSnapshotExpired. No error ends
// an engine: when a server can be reached again, calls succeed again.

// FenceKey is the key of the fence.
const FenceKey = "\x00\x00\x00\x00fence"

// Condition demands that the row at Key has Value or, if Value is nil, that there is none. A
// value that is empty, and not nil, is that of a row.
type Condition struct{ Key, Value []byte }

// Use says what a snapshot is for.
type Use uint8

const (
	// ToRead: any number of reads.
	ToRead Use = iota
	// ToReadOnce: one read, that is one Get, one GetMany or one Scan, and Fence.
	ToReadOnce
	// ToUpdate: it becomes the Base of an Apply, or is closed without one. What is read through
	// it is noted. A transaction of a server is over when it commits: reads after the Apply may
	// return ErrClosed.
	ToUpdate
	// ToKeep is ToRead for reads that may take long and that this package cannot repeat, such as
	// those of a Snapshot or a Backup. A server that can begin a transaction that only reads and
	// never runs into a conflict begins such a one, even if that takes longer.
	ToKeep
)
