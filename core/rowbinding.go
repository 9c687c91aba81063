// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core

import (
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
)

// A format that encrypts must know which row it encrypts: else a row could be moved under
// another key, or into another table, and would still decrypt. So such a format gets the
// encoded key with every value, and the table gets a random ID, which is recorded with it and
// is never given to another table.

// TableID is the random ID of a table whose format binds values to rows. It stays the same when
// the table is renamed, and Backup and Restore keep it: copies of a storage share it, and no
// two tables of a storage do.
type TableID [16]byte

// RowFormat is what [FormatPowers].BindRows returns: how the values of one table are encoded,
// each bound to its row. key is the key of the row as its key format encodes it. It is only
// read, and not kept.
//
// View returns ErrCorrupt for a value that was appended with another key, or in another table,
// unless the format says that it cannot tell.
type RowFormat[V, W any] struct {
	// Append does what that of a ValueFormat does, for the row with this key.
	Append func(dst, key []byte, v V) ([]byte, error)
	// View does what that of a ValueFormat does, for the row with this key.
	View func(key, b []byte) (W, error)
	// ViewLent does what that of FormatPowers does, for the row with this key. It is nil if the
	// format lends nothing.
	ViewLent func(key, b []byte, trusted bool) (w W, r Releaser, err error)
}

// RowFormatOf returns how f encodes the values of a table, whether it binds them to rows or
// not; none of the functions is nil. It is for formats around f that bind rows themselves. f
// must have been bound, if it has Bind.
func RowFormatOf[V, W any](f ValueFormat[V, W], table TableID) (RowFormat[V, W], error) {
	p := PowersOf(f)
	if p.BindRows == nil {
		return unboundRows(f, p), nil
	}
	r, err := p.BindRows(table)
	if err == nil {
		err = r.complete()
	}
	if view := r.View; r.ViewLent == nil {
		r.ViewLent = func(key, b []byte, _ bool) (w W, _ Releaser, err error) {
			w, err = view(key, b)
			return w, nil, err
		}
	}
	return r, err
}

// unboundRows is the RowFormat of a format that looks at no key.
func unboundRows[V, W any](f ValueFormat[V, W], p FormatPowers[V, W]) RowFormat[V, W] {
	return RowFormat[V, W]{
		Append: func(dst, _ []byte, v V) ([]byte, error) { return f.Append(dst, v) },
		View:   func(_, b []byte) (W, error) { return f.View(b) },
		ViewLent: func(_, b []byte, trusted bool) (w W, r Releaser, err error) {
			switch {
			case p.ViewLent != nil:
				return p.ViewLent(b, trusted)
			case trusted && p.ViewTrusted != nil:
				w, err = p.ViewTrusted(b)
			default:
				w, err = f.View(b)
			}
			return w, nil, err
		},
	}
}

// complete returns an error if a function is missing.
func (r *RowFormat[V, W]) complete() error {
	if r.Append == nil || r.View == nil {
		return errHalfBound
	}
	return nil
}

var errHalfBound = errors.New("the format binds values to rows, and gives no functions to append " +
	"and view them")

// newTableID returns the ID of a new table.
func newTableID() []byte {
	id := make([]byte, len(TableID{}))
	rand.Read(id) // never fails
	return id
}

// checkTableID returns an error if the ID that is recorded of a table, nil if it has none,
// cannot be one.
func checkTableID(what string, id []byte, needs []string) error {
	if len(id) == 0 && !slices.Contains(needs, featureTableID) {
		return nil
	}
	if len(id) != len(TableID{}) {
		return fmt.Errorf("%w: %s has an ID of %d bytes", ErrCorrupt, what, len(id))
	}
	if !slices.Contains(needs, featureTableID) {
		return fmt.Errorf("%w: %s has an ID, and does not say that it needs the feature %q",
			ErrCorrupt, what, featureTableID)
	}
	return nil
}
