// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core

import (
	"errors"
	"fmt"
)

// KeyFormat encodes the keys of a table. It is safe for concurrent use.
type KeyFormat[K any] interface {
	// ID names the encoding. It is recorded with the table and compared whenever the table is opened.
	ID() string
	// Ordered reports whether bytes.Compare on encodings agrees with the order of K.
	Ordered() bool
	// Append appends the encoding of k to dst. Equal keys have equal encodings.
	Append(dst []byte, k K) ([]byte, error)
	// Decode returns the key whose encoding is b, all of b. It never panics; bytes that are no encoding are
	// ErrCorrupt. The key does not refer to b, unless the format's own doc says so.
	Decode(b []byte) (K, error)
}

// ValueFormat encodes the values of a table: V is what is put, W the view that is read. They are the same type
// for formats that decode. It is safe for concurrent use.
type ValueFormat[V, W any] interface {
	// ID names the encoding. It is recorded with the table and compared whenever the table is opened.
	ID() string
	// Append appends the encoding of v to dst. It keeps no reference to v or dst.
	Append(dst []byte, v V) ([]byte, error)
	// View validates b, all of it, and returns a view of it. It never panics; bytes that are no encoding are
	// ErrCorrupt, those that only another version of the type can read are ErrFormatMismatch. The view may refer to
	// b, which it must not modify. len(b) == cap(b).
	View(b []byte) (W, error)
}

// The optional powers of a ValueFormat. Tables look for them once, when they are opened.
type (
	// Binder is a format that keeps metadata with the table, such as a schema. Bind gets what is stored, nil
	// for a new table, and returns the format to use and the metadata to store from now on. An incompatible
	// stored schema is ErrFormatMismatch and names both sides.
	Binder[V, W any] interface {
		Bind(stored []byte) (bound ValueFormat[V, W], meta []byte, err error)
	}
	// Truster can view bytes without validating them. It is used for rows whose checksum was right.
	Truster[W any] interface {
		ViewTrusted(b []byte) (W, error)
	}
	// Reuser can decode into a value that was decoded into before. Scans use it to save allocations. Nothing
	// of the old value may remain visible in *w.
	Reuser[W any] interface {
		ViewInto(b []byte, w *W) error
	}
	// ValueChecker is a format that does not fit every V. CheckValue returns why values of V could not be stored
	// and read again, and names the part of V that is to blame. [OpenTable] then fails with it, before it looks
	// at the table or creates it.
	ValueChecker interface{ CheckValue() error }
)

// KeyChecker is the optional power of a KeyFormat that does not fit every K: CheckKey returns why K cannot be a key, and
// [OpenTable] then fails with it.
type KeyChecker interface{ CheckKey() error }

// Prefixer is the optional power of a KeyFormat behind [Scan.Prefix].
type Prefixer[K any] interface {
	// Prefix returns the range of all keys that start with k.
	Prefix(k K) KeyRange[K]
}

// KeyRange is a range of keys that a key format made, for [Scan.Within]. It belongs to that format: a table whose keys
// are in another one refuses it. The zero KeyRange belongs to no format.
type KeyRange[K any] struct {
	format            string // the ID of the format that made it
	low, high         []byte
	partLow, partHigh []byte // where other components follow the keys
	hasPart           bool   // partLow and partHigh are known
	err               error
}

// NewKeyRange is for key formats: it returns the range of encodings from low (inclusive) to high (exclusive); nil
// is no bound. id is the format's own ID. A range that could not be made carries the error to the scan that
// uses it.
func NewKeyRange[K any](id string, low, high []byte, err error) KeyRange[K] {
	return KeyRange[K]{format: id, low: low, high: high, err: err}
}

// NewPrefixRange is for key formats: it returns the range of all encodings that start with prefix. id is the
// format's own ID.
func NewPrefixRange[K any](id string, prefix []byte) KeyRange[K] {
	return KeyRange[K]{format: id, low: prefix, high: prefixEnd(prefix)}
}

// WithPart is for key formats that can be components of others: it returns the range with the bounds that it has where
// other components follow its keys. No encoding of a component may be a proper prefix of a bound.
func (r KeyRange[K]) WithPart(low, high []byte) KeyRange[K] {
	r.partLow, r.partHigh, r.hasPart = low, high, true
	return r
}

// Bounds returns the range's encoded bounds, or the error it carries. nil is no bound.
func (r KeyRange[K]) Bounds() (low, high []byte, err error) { return r.low, r.high, r.err }

// PartBounds returns the bounds of [KeyRange.WithPart], or the error that the range carries. nil is no bound. The error
// is [errors.ErrUnsupported] if the format gave none.
func (r KeyRange[K]) PartBounds() (low, high []byte, err error) {
	switch {
	case r.err != nil:
		return nil, nil, r.err
	case !r.hasPart:
		return nil, nil, fmt.Errorf("the range of %s keys has no bounds where other components follow: %w", r.format,
			errors.ErrUnsupported)
	}
	return r.partLow, r.partHigh, nil
}

// MadeBy returns nil if the key format with this ID made the range, the error that the range carries, or else
// [ErrFormatMismatch], which names both formats.
func (r KeyRange[K]) MadeBy(id string) error {
	switch {
	case r.err != nil:
		return r.err
	case r.format == "":
		return fmt.Errorf("%w: no key format made the range, want one of %s keys", ErrFormatMismatch, id)
	case r.format != id:
		return fmt.Errorf("%w: the range is one of %s keys, want one of %s keys", ErrFormatMismatch, r.format, id)
	}
	return nil
}

// prefixEnd returns the least byte string that is above all that start with p, nil if there is none.
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
