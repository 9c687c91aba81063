// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"bytes"
	"context"

	"github.com/guardkv/guardkv/core"
)

// Driver is the client of a server for one open storage. It is safe for concurrent use.
//
// Errors wrap the sentinels of core: ErrConflict, ErrUnavailable if the server was not asked,
// ErrSnapshotExpired if it has given up the state. No error ends a driver. A call returns soon
// after its context ends.
type Driver interface {
	// Begin returns a state: the one that its first read sees. Begin itself sends nothing, and
	// waits for nothing.
	Begin(use core.Use) State

	// Commit does what [core.Engine.Apply] promises. The limits were checked before, and the
	// context has not ended. An error that wraps no sentinel becomes ErrMaybe, so a Commit that
	// has sent nothing, say because it has waited for a connection, returns ErrUnavailable.
	Commit(ctx context.Context, c Commit) error

	// SetMark does what core.Engine.SetMark promises.
	SetMark(ctx context.Context, mark []byte) error

	// Close is called once, after all states were closed.
	Close() error
}

// State is one unchanging state of a storage: a transaction on the server, or a revision that
// it keeps. No other call runs beside its first one, which is repeated if it failed; later ones
// may run side by side if [Options.Beside] says so. A state begun with ToReadOnce gets either
// one call of GetMany or calls of Page.
//
// The bytes that it returns belong to the caller from then on. Those of GetMany may even be
// changed: its values share no memory with each other.
type State interface {
	// GetMany returns the rows at keys that exist, in any order. keys is not empty, and
	// strictly increasing. Like all bytes in arguments here, the keys are only lent.
	GetMany(ctx context.Context, keys [][]byte) ([]Row, error)

	// Page returns the first rows of a range.
	Page(ctx context.Context, q Query) (Page, error)

	// Close ends the state, if Commit has not done so. It is called once, when no other call is
	// under way, and even if there was none. It should not wait for an answer.
	Close() error
}

// Row is a row that was found.
type Row struct {
	Key, Value []byte // as they are stored

	// Version belongs to the driver, which finds it again in Commit.Reads. It is zero if the
	// driver has no use for it.
	Version uint64
}

// Span is a range of keys: Low is inclusive, High exclusive; nil is no bound.
type Span struct{ Low, High []byte }

func (s Span) empty() bool { return s.High != nil && bytes.Compare(s.Low, s.High) >= 0 }

// Query asks for a page: the first rows of Span, or its last ones, the last first, if Reverse.
type Query struct {
	Span
	Reverse  bool
	KeysOnly bool     // values may be left out
	Rows     int      // how many rows at most, at least one
	Bytes    int      // a page may end with the row that makes its keys and values this long
	Also     [][]byte // keys to look up in the same trip, as GetMany does
}

// Page answers a [Query].
type Page struct {
	Rows []Row // in the order asked for
	More bool  // whether rows follow or, if the server does not say, may follow
	Also []Row // the rows at Query.Also that exist
}

// Read is one row that was read, or that was found to be absent.
type Read struct {
	Row
	Found bool // if not, it was absent, and only Key is set
}

// rows returns the row that was found.
func (r *Read) rows() []Row {
	if !r.Found {
		return nil
	}
	return []Row{r.Row}
}

// Commit is what one [Driver.Commit] commits.
type Commit struct {
	Writes     []core.Write     // those of [core.Batch]
	Met        []bool           // likewise
	Conditions []core.Condition // likewise

	// Base is the state that the writes depend on, nil if they depend on none. It was begun
	// with ToUpdate, and is only closed after this.
	Base State

	// Reads and Ranges are what was read through Base, if [Options.Notes] asks for them. Keys
	// are increasing, and none is in one of Ranges, which do not overlap.
	Reads  []Read
	Ranges []Span // see Reads
}

// Options say what a server can do.
type Options struct {
	Limits core.Limits // what the server can take in one commit

	// Powers are those of the engine. New sets Begin and clears Scan.
	Powers core.Powers

	// Beside says that calls of one State may run side by side. Cursors then read ahead.
	Beside bool

	// Notes asks for what was read through Base, for a server that does not record it by
	// itself. It is how many rows and ranges a Commit gets at most. If more was read, neighbors
	// within a table are joined to one range, which can conflict with writes to rows that were
	// not read.
	Notes int

	// Snapshots is how many states of ToRead and ToKeep, and scans of ToReadOnce, may be open
	// at once: those that the program holds on to, and that hold a connection each. Zero means
	// any number. If there is no room for one more within a second, its first read returns
	// ErrUnavailable. It does not wait forever, because the open ones may be waiting for it.
	Snapshots int
}
