// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core

import (
	"bytes"
	"context"
	"errors"
	"slices"
)

// Deleting a range takes one write on engines that can delete a range, however many rows it
// has. On the others it goes chunk by chunk, and other writes go on in between.

// Clear deletes the rows and does not count them. Engines that can delete a range do so in one
// atomic write that takes no longer for a million rows than for one, unless the scan has a limit or
// belongs to a transaction. Otherwise Clear does what [Scan.Delete] does, with its errors: inside a
// transaction it is atomic, outside it goes chunk by chunk, between which other writes have their
// turn, and after an error some rows may be deleted durably and others not. Rows that others put
// into the range meanwhile may be deleted or not.
//
// The context is looked at before each write; a nested write returns ErrNestedWrite, as with Put.
// Open guards and scans keep their rows. Clear may be called from any number of goroutines.
func (s Scan[K, V, W]) Clear(ctx context.Context) error {
	if s.tx != nil || s.limit >= 0 || s.err != nil {
		_, err := s.delete(ctx, "clear")
		return err
	}
	low, high := s.bounds()
	t := s.table
	low, high = t.storage.limits.cutBound(low), t.storage.limits.cutBound(high)
	err := t.storage.counted("write", func() error {
		if t.raw {
			return errRaw
		}
		if bytes.Compare(low, high) >= 0 { // bounds that exclude each other leave nothing
			high = low
		}
		return t.storage.clearRange(ctx, low, high, func() error {
			return t.state.gone()
		})
	})
	return t.fail("clear", err)
}

// clearRange deletes the rows from low up to high, in one write where the engine deletes ranges,
// else in chunks. It takes the turn for each write, so the caller must not have it, and calls check
// before, whose error ends it.
func (s *Storage) clearRange(ctx context.Context, low, high []byte, check func() error) error {
	left := ScanRange{Low: low, High: high, KeysOnly: true, Once: true}
	for more := true; more; {
		err := s.inTurn(ctx, func(t *turn) (err error) {
			if err = check(); err == nil {
				more, err = t.clearSome(ctx, &left)
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// clearSome deletes as much of a range as one write takes, and narrows left to what is behind it.
// It reports whether there is more to do.
func (t *turn) clearSome(ctx context.Context, left *ScanRange) (more bool, err error) {
	if bytes.Equal(left.Low, left.High) {
		return false, nil
	}
	if t.storage.powers.DeleteRange {
		all := Write{Key: left.Low, Delete: true, End: left.High}
		return false, t.apply(ctx, Batch{Writes: []Write{all}})
	}
	writes, more, err := t.storage.firstKeys(ctx, *left)
	if err != nil || len(writes) == 0 {
		return false, err
	}
	if err = t.apply(ctx, Batch{Writes: writes}); err == nil {
		left.Low = append(writes[len(writes)-1].Key, 0)
	}
	return more, err
}

// firstKeys returns deletions of the first rows of a range, as many as one write takes, and whether
// there are more.
func (s *Storage) firstKeys(
	ctx context.Context, r ScanRange,
) (writes []Write, more bool, err error) {
	snap, err := s.begun(ctx, ToReadOnce)
	if err != nil {
		return nil, false, err
	}
	defer func() { s.logClose(snap.Close()) }()
	r.Limit = s.limits.deleteRows() + 1 // the last of which tells that there are more
	size := 0
	err = eachRow(ctx, snap, r, func(key, _ []byte) error {
		if more = !s.limits.deletes(len(writes), size, len(key)); more {
			return errStop
		}
		writes = append(writes, deletion(Write{Key: slices.Clone(key)}))
		size += len(key)
		return nil
	})
	if more && errors.Is(err, errStop) {
		err = nil
	}
	return writes, more, err
}
