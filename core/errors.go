// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core

import (
	"errors"
	"strings"
)

// Programs decide by the cause of an error, and people by its text. So errors of storages and
// tables have the type Error, which names the operation, the storage, the table and the key, and
// wraps one of the sentinels below, beside whatever the engine or the format said. The guide
// docs/errors.md of the repository says what each of them asks of the caller.

// The sentinels that errors of this package and of backends wrap. Compare with [errors.Is]; the
// engine's own error, where there is one, stays reachable beside the sentinel.
var (
	// ErrNotFound: no row has this key.
	ErrNotFound = errors.New("not found")
	// ErrExists: Insert found a row with this key.
	ErrExists = errors.New("exists already")
	// ErrClosed: the storage is closed, the table was dropped, or the transaction or stream is
	// over.
	ErrClosed = errors.New("closed")
	// ErrDropped: the table was dropped. It is ErrClosed too.
	ErrDropped error = &wrapped{ErrClosed, "closed: the table was dropped"}
	// ErrTxDone: the transaction is over, because its function has returned or, if it is one of
	// Snapshot, because it was closed. It is ErrClosed too.
	ErrTxDone error = &wrapped{ErrClosed, "closed: the transaction is over"}
	// ErrForeignTx: a table is used in a transaction of another storage.
	ErrForeignTx = errors.New("the transaction belongs to another storage than the table")
	// ErrReadOnly: a write through a read-only storage or transaction.
	ErrReadOnly = errors.New("read-only")
	// ErrCorrupt: stored bytes are damaged. The message says what and where.
	ErrCorrupt = errors.New("corrupt")
	// ErrFormatMismatch: a table is opened with other formats than those it was created with, or is
	// scanned within a range that another key format made.
	ErrFormatMismatch = errors.New("format mismatch")
	// ErrVersionMismatch: the stored version is not the wanted one, and no option says what to do
	// about it.
	ErrVersionMismatch = errors.New("version mismatch")
	// ErrNotStorage: what is at the path carries no readable GuardKV mark for the backend. It is
	// left as it was.
	ErrNotStorage = errors.New("not a guardkv storage")
	// ErrLocked: the storage is open elsewhere.
	ErrLocked = errors.New("locked")
	// ErrTooLarge: a key, value or atomic write is over a limit of the engine.
	ErrTooLarge = errors.New("too large")
	// ErrNoRoom: the medium has too little room for the write. Nothing was written. Free some
	// room, and write again.
	ErrNoRoom = errors.New("no room")
	// ErrMaybe: the write was sent to the engine, and no answer came. It is stored, will be, or
	// will never be, all of it or nothing; read to find out, and write again only what may be
	// written twice. Later writes go on. A change of the tables is tried again first; if it
	// stays unknown, a storage that only this process writes to takes no more writes until it is
	// reopened.
	ErrMaybe = errors.New("outcome unknown")
	// ErrUnavailable: the engine cannot be reached, or does not answer, and nothing was written.
	// Later reads and writes go on as soon as it can be reached.
	ErrUnavailable = errors.New("unavailable")
	// ErrSnapshotExpired: the engine has given up the state that a scan or transaction reads,
	// because it is too old or because the connection to it was lost. Nothing of the
	// transaction was written; run it again. Later reads and writes go on.
	ErrSnapshotExpired = errors.New("snapshot expired")
	// ErrUnordered: an ordered operation on a table whose key format has no order.
	ErrUnordered = errors.New("unordered key format")
	// ErrConflict: a concurrent writer changed what the transaction read. Nothing was written; run
	// it again.
	ErrConflict = errors.New("conflict")
	// ErrNestedWrite: a write inside an Update, on the same storage, but past its Tx, or one inside
	// a Modify.
	ErrNestedWrite = errors.New("nested write")
	// ErrGuardClosed: a guard was used after Close.
	ErrGuardClosed = errors.New("guard used after Close; copy what must outlive it")
	// ErrGuardsOpen: the storage refuses new work, but guards, scans or transactions are still
	// open.
	ErrGuardsOpen = errors.New("guards, scans or transactions are open")
)

// Error says which operation failed, on what, and why. Every error of this package's methods is
// an *Error, except those that a caller's own function returned. Only this package builds it.
// Key is the beginning of a key as a [fmt.Stringer] if the key is over 1 MiB.
type Error struct {
	Op    string // "open", "get", "put", "scan", ...
	Path  string // the storage
	Table string // "" if no table is concerned
	Key   any    // a copy of the key, see below; nil if no single row is concerned
	Err   error  // the cause; wraps one of the sentinels where one applies
}

// Error formats the error as: op table[key] in path: cause. What callers chose, the names and the
// key, is shortened, and quoted if not all of it is printed: it cannot look like another line of a
// log.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Op)
	if e.Table != "" {
		b.WriteByte(' ')
		b.WriteString(shortName(e.Table))
	}
	if e.Key != nil {
		b.WriteString("[" + shortKey(e.Key) + "]")
	}
	if e.Path != "" {
		b.WriteString(" in " + oneLine(e.Path))
	}
	return b.String() + ": " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// wrapped is a sentinel in other words.
type wrapped struct {
	sentinel error
	text     string
}

func (w *wrapped) Error() string { return w.text }
func (w *wrapped) Unwrap() error { return w.sentinel }
