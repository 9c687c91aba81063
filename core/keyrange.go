// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core

import (
	"errors"
	"fmt"
)

// Only a key format knows which range of encodings a question means, such as "all pairs that
// begin with a". It answers with a KeyRange, which tables of the same format turn into the
// bounds of a scan. The range remembers who made it: the bytes of another format's range would
// be bounds as well, and a scan would return wrong rows without an error.

// KeyRange is a range of keys that a key format made, for [Scan.Within]. It belongs to that
// format: a table whose keys are in another one refuses it. The zero KeyRange belongs to no
// format.
type KeyRange[K any] struct {
	format            string // the ID of the format that made it
	low, high         []byte
	partLow, partHigh []byte // where other components follow the keys
	hasPart           bool   // partLow and partHigh are known
	err               error
}

// NewKeyRange is for key formats: it returns the range of encodings from low (inclusive) to
// high (exclusive); nil is no bound. id is the format's own ID. A range that could not be made
// carries the error to the scan that uses it.
func NewKeyRange[K any](id string, low, high []byte, err error) KeyRange[K] {
	return KeyRange[K]{format: id, low: low, high: high, err: err}
}

// NewPrefixRange is for key formats: it returns the range of all encodings that start with
// prefix. id is the format's own ID.
func NewPrefixRange[K any](id string, prefix []byte) KeyRange[K] {
	return KeyRange[K]{format: id, low: prefix, high: prefixEnd(prefix)}
}

// WithPart is for key formats that can be components of others: it returns the range with the
// bounds that it has where other components follow its keys. No encoding of a component may be
// a proper prefix of a bound.
func (r KeyRange[K]) WithPart(low, high []byte) KeyRange[K] {
	r.partLow, r.partHigh, r.hasPart = low, high, true
	return r
}

// Bounds returns the range's encoded bounds, or the error it carries. nil is no bound.
func (r KeyRange[K]) Bounds() (low, high []byte, err error) { return r.low, r.high, r.err }

// PartBounds returns the bounds of [KeyRange.WithPart], or the error that the range carries.
// nil is no bound. The error is [errors.ErrUnsupported] if the format gave none.
func (r KeyRange[K]) PartBounds() (low, high []byte, err error) {
	switch {
	case r.err != nil:
		return nil, nil, r.err
	case !r.hasPart:
		return nil, nil,
			fmt.Errorf("the range of %s keys has no bounds where other components follow: %w",
				r.format,
				errors.ErrUnsupported)
	}
	return r.partLow, r.partHigh, nil
}

// MadeBy returns nil if the key format with this ID made the range, the error that the range
// carries, or else [ErrFormatMismatch], which names both formats.
func (r KeyRange[K]) MadeBy(id string) error {
	switch {
	case r.err != nil:
		return r.err
	case r.format == "":
		return fmt.Errorf("%w: no key format made the range, want one of %s keys",
			ErrFormatMismatch, id)
	case r.format != id:
		return fmt.Errorf("%w: the range is one of %s keys, want one of %s keys",
			ErrFormatMismatch, r.format, id)
	}
	return nil
}

// prefixEnd returns the least byte string that is above all that start with p, nil if there is
// none.
func prefixEnd(p []byte) []byte {
	for i := len(p) - 1; i >= 0; i-- {
		if p[i] != 0xff {
			end := append([]byte(nil), p[:i+1]...)
			end[i]++
			return end
		}
	}
	return nil
}

var errNoPrefix = errors.New("this key format has no prefixes; use From and To")
