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
// ErrSnapshotExpired if it has given up the state. No error ends a driver. Calls whose context
// ends return soon.
type Driver interface {
	// Begin returns a state, which is that of its first read: Begin asks nobody, and waits for
	// nothing.
	Begin(use core.Use) State

	// Commit does what [core.Engine.Apply] promises. The limits were looked at, and the context
	// has not ended. An error that wraps no sentinel is made ErrMaybe: a Commit that has sent
	// nothing, because it has waited for a connection, say, returns ErrUnavailable.
	Commit(ctx context.Context, c Commit) error

	// SetMark does what core.Engine.SetMark promises.
	SetMark(ctx context.Context, mark []byte) error

	// Close is called once, when all states are closed.
	Close() error
}

// State is one unchanging state of a storage: a transaction on the server, or a revision that
// it keeps. Its first call is alone, and is repeated if it failed; later ones may run beside
// others if [Options.Beside] says so. If it was begun with ToReadOnce, there is one call of
// GetMany, or there are calls of Page.
//
// The bytes that it returns are its caller's from then on, those of GetMany to change as well:
// a value of GetMany shares no memory with another one.
type State interface {
	// GetMany returns those rows at keys that are there, in any order. keys is not empty, and
	// strictly increasing. They are only lent, as are all bytes in arguments here.
	GetMany(ctx context.Context, keys [][]byte) ([]Row, error)

	// Page returns the first rows of a range.
	Page(ctx context.Context, q Query) (Page, error)

	// Close ends the state, if Commit has not. It is called once, when no other call is under
	// way, and also if there was none. It should wait for no answer.
	Close() error
}

// Row is a row that was found.
type Row struct {
	Key, Value []byte // as they are stored

	// Version is the driver's own, which it finds in Commit.Reads again. It is zero if the
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
	Rows     int      // no more than these, at least one
	Bytes    int      // a page may end with the row that makes its keys and values this long
	Also     [][]byte // keys to look up in the same trip, as GetMany does
}

// Page answers a [Query].
type Page struct {
	Rows []Row // in the order that was asked for
	More bool  // whether rows follow; if the server does not say, whether they may
	Also []Row // those rows at Query.Also that are there
}

// Read is one row that was read, or was found absent.
type Read struct {
	Row
	Found bool // else it was absent, and only Key is set
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

	// Powers are those of the engine. Begin is set here, and Scan left out.
	Powers core.Powers

	// Beside says that the calls of one State may run beside each other. Cursors then read
	// ahead.
	Beside bool

	// Notes asks for what was read through Base, for a server that does not note it by itself.
	// It is how many rows and ranges a Commit gets at most. If more was read, neighbors within
	// a table are made one range, which conflicts with more than what was read.
	Notes int

	// Snapshots is how many states of ToRead and ToKeep, and scans of ToReadOnce, are open at once: those
	// that the program holds on to, and that hold a connection each. Zero is any number. If
	// there is no room for one more within a second, its first read is ErrUnavailable. It does
	// not wait forever, because those that are open may wait for it.
	Snapshots int
}
