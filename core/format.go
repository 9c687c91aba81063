// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core

// This file is for implementers of formats; users of tables need none of it. A format turns keys or
// values into bytes and back. It knows no engine, and sees neither the number of the table nor the
// checksum that lie beside its bytes. The suite in formattest is the specification; what follows is
// its prose. The guide docs/writing-a-format.md of the repository shows a small format.

// KeyFormat encodes the keys of a table. It is safe for concurrent use.
//
// What a key format can do beside that are interfaces of one method: [Prefixer], [KeyChecker]
// and [KeySizer]. They are looked for when a table is opened or, Prefixer, when it is used.
type KeyFormat[K any] interface {
	// ID names the encoding. It is recorded with the table and compared whenever the table is
	// opened.
	ID() string
	// Ordered reports whether bytes.Compare on encodings agrees with the order of K.
	Ordered() bool
	// Append appends the encoding of k to dst. Equal keys have equal encodings.
	Append(dst []byte, k K) ([]byte, error)
	// Decode returns the key whose encoding is b, all of b. It never panics; bytes that are no
	// encoding are ErrCorrupt. The key does not refer to b, unless the format's own doc says
	// so.
	Decode(b []byte) (K, error)
}

// ValueFormat encodes the values of a table: V is what is put, W the view that is read. They
// are the same type for formats that decode. It is safe for concurrent use.
//
// These three methods are all that a simple format has. What another one can do beside them is
// data, [FormatPowers].
type ValueFormat[V, W any] interface {
	// ID names the encoding. It is recorded with the table and compared whenever the table is
	// opened.
	ID() string
	// Append appends the encoding of v to dst. It keeps no reference to v or dst.
	Append(dst []byte, v V) ([]byte, error)
	// View validates all of b, and returns a view of it. It never panics. It returns ErrCorrupt
	// for bytes that are no encoding, and ErrFormatMismatch for those that only another version of
	// the type can read. The view may refer to b, which it must not modify. len(b) == cap(b).
	View(b []byte) (W, error)
}

// FormatPowers are what a value format can do beyond its three methods. The functions that it
// lacks are nil and the flag Owns is false, and tables do without them. A format that has some has
// the method
//
//	Powers() FormatPowers[V, W]
//
// which tables call when they are opened, and not for each row. The functions are safe for
// concurrent use.
//
// A format around another one that leaves the bytes as they are starts from what [PowersOf]
// says of that one, and replaces the functions that it wants to see. One that changes the bytes
// takes over only CheckValue and Bind: the others are about bytes as they are stored.
type FormatPowers[V, W any] struct {
	// CheckValue is for formats that do not fit every V. It returns why values of V could not
	// be stored and read again, and names the part of V that is to blame. [OpenTable] then
	// fails with it, before it looks at the table or creates it.
	CheckValue func() error

	// Bind is for formats that keep metadata with the table, such as a schema. It gets what is
	// stored, nil for a new table, and returns the format to use, whose powers count from then
	// on, and the metadata to store. For an incompatible stored schema, Bind returns
	// ErrFormatMismatch, which names both sides.
	Bind func(stored []byte) (bound ValueFormat[V, W], meta []byte, err error)

	// BindRows is for formats that bind each value to its row, such as one that encrypts: the
	// bytes of one row are then no value of another one. It gets the ID of the table, and
	// returns what encodes and views its rows in place of Append and of all views, which are
	// not called. Only tables that were created with such a format have an ID, and they can be
	// opened with such a format only: anything else returns ErrFormatMismatch. Rows are bound
	// or not as the format's ID says, forever.
	BindRows func(table TableID) (RowFormat[V, W], error)

	// ViewTrusted views bytes without validating them. It is used for rows whose checksum was
	// right.
	ViewTrusted func(b []byte) (W, error)

	// ViewInto decodes into a value that was decoded into before. Scans use it to save
	// allocations. Nothing of the old value may remain visible in *w.
	ViewInto func(b []byte, w *W) error

	// ViewLent is View into memory that is used again, as for what has to be decompressed. r
	// gives it back when the view ends: with its guard, at the next row of a scan, when the
	// function that got it returns, when the transaction is over. It is released exactly once,
	// on whatever goroutine, and even if the storage is closed; if err is not nil there is
	// nothing to release. The view does not refer to b then. If r is nil nothing is lent, and
	// the view may refer to b.
	//
	// trusted says that the row's checksum was right, so that nothing has to be validated. A
	// table prefers ViewLent to the other views, except for Load, whose view is never given back:
	// Load uses View.
	ViewLent func(b []byte, trusted bool) (w W, r Releaser, err error)

	// Owns says that no view, and no value that ViewInto has decoded, refers to the bytes that
	// it was made of, as is so with most formats that decode. Tables do without knowing. A
	// format around this one, which inflates or decrypts those bytes, uses their memory again
	// at once if Owns says so, and else when the view is released.
	Owns bool
}

// PowersOf returns what a format can do beside its three methods.
func PowersOf[V, W any](f ValueFormat[V, W]) FormatPowers[V, W] {
	if p, ok := f.(interface{ Powers() FormatPowers[V, W] }); ok {
		return p.Powers()
	}
	return FormatPowers[V, W]{}
}

// KeyChecker is the optional power of a KeyFormat that does not fit every K: CheckKey returns
// why K cannot be a key, and [OpenTable] then fails with it. Append fails with it too, so that
// a format around this one loses no more than the early moment.
type KeyChecker interface{ CheckKey() error }

// Prefixer is the optional power of a KeyFormat behind [Scan.Prefix]. It is a method that
// programs call themselves, to make ranges for [Scan.Within].
type Prefixer[K any] interface {
	// Prefix returns the range of all keys that start with k.
	Prefix(k K) KeyRange[K]
}
