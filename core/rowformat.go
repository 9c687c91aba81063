// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core

// Between tables, which speak of K, V and W, and engines, which speak of bytes, stands the
// rowFormat of a table: the formats it was opened with, the layout of its rows, and which of
// the optional powers its value format has. They are asked for once, so that a read only looks
// at fields.

// rowFormat turns rows into stored bytes and back. It is the only place where the formats of a
// table meet the layout of its rows.
type rowFormat[K, V, W any] struct {
	number    uint32 // of the table
	low, high []byte // the bounds of all stored keys; never changed
	checksums bool
	limits    Limits
	key       KeyFormat[K]
	keySize   func(K) int // see KeySizer; nil if nothing is known before a key is encoded
	value     ValueFormat[V, W]

	bound RowFormat[V, W] // used in place of value, if the table has an ID

	// what the format can do, nil for what it cannot
	trusted func([]byte) (W, error)
	reuse   func([]byte, *W) error
	lent    func(b []byte, trusted bool) (W, Releaser, error)

	trusts bool // that bytes are valid whose checksum was right
	lends  bool // there is a function that lends views, bound to rows or not
	// a view is View of the stored bytes: there are no checksums, nothing is lent, nothing
	// bound
	plain bool
}

// newRowFormat asks the format for its powers, once for all rows.
func newRowFormat[K, V, W any](
	r tableRecord, l Limits, key KeyFormat[K], value ValueFormat[V, W],
) rowFormat[K, V, W] {
	f := rowFormat[K, V, W]{
		number: r.Number, checksums: r.Checksums, limits: l,
		key: key, value: value,
	}
	p := PowersOf(value)
	f.trusted, f.reuse, f.lent = p.ViewTrusted, p.ViewInto, p.ViewLent
	f.trusts = r.Checksums
	f.lends = f.lent != nil
	f.plain = !f.checksums && !f.lends
	f.keySize = keySizeOf(key, l)
	f.low = appendTableNumber(nil, r.Number)
	f.low = f.low[:tableNumberSize:tableNumberSize]
	f.high = prefixEnd(f.low)
	return f
}

// bindRows replaces what the format can do for any bytes by what it can do for those of a row.
// It does nothing if rows is zero.
func (f *rowFormat[K, V, W]) bindRows(rows RowFormat[V, W]) {
	if rows.View == nil {
		return
	}
	f.bound = rows
	f.trusted, f.reuse, f.lent = nil, nil, nil
	f.lends, f.plain = rows.ViewLent != nil, false
}

// keyRoom is enough for the stored forms of most keys.
const keyRoom = 32

// prefix returns what the stored forms of all keys begin with, with room for the rest of one.
func (f *rowFormat[K, V, W]) prefix() []byte {
	return appendTableNumber(make([]byte, 0, keyRoom), f.number)
}

// setKey puts the stored form of a key into buf, which starts with the prefix.
func (f *rowFormat[K, V, W]) setKey(buf []byte, k K) ([]byte, error) {
	buf, err := f.appendKey(buf[:tableNumberSize], k)
	if err != nil {
		return buf, err
	}
	return buf, f.limits.checkRow(buf, nil)
}

// append appends the stored form of a row, key first, and returns where the value starts.
func (f *rowFormat[K, V, W]) append(dst []byte, k K, v V) (row []byte, value int, err error) {
	start := len(dst)
	dst, err = f.appendKey(appendTableNumber(dst, f.number), k)
	if err != nil {
		return dst, 0, err
	}
	value = len(dst)
	// before a value that moves it is put behind it
	if key := dst[start:]; f.limits.keyTooLarge(key) {
		return dst, 0, f.limits.rowTooLarge(len(key), 0)
	}
	if f.bound.Append != nil {
		dst, err = f.bound.Append(dst, dst[start+tableNumberSize:value:value], v)
	} else {
		dst, err = f.value.Append(dst, v)
	}
	if err != nil {
		return dst, 0, err
	}
	if f.checksums {
		dst = appendRowSum(dst, value, dst[start+tableNumberSize:value])
	}
	return dst, value, f.limits.checkRow(dst[start:value], dst[value:])
}

// appendValue appends the stored form of a value to the stored form of its key.
func (f *rowFormat[K, V, W]) appendValue(key []byte, v V) (row []byte, err error) {
	if f.bound.Append != nil {
		row, err = f.bound.Append(key, rowKey(key), v)
	} else {
		row, err = f.value.Append(key, v)
	}
	if err != nil {
		return key, err
	}
	if f.checksums {
		row = appendRowSum(row, len(key), row[tableNumberSize:len(key)])
	}
	return row, f.limits.checkRow(row[:len(key)], row[len(key):])
}

// view sets w to the view of a stored value. It does not return the view, because each time a
// large one is handed on costs nanoseconds that a Get has to count.
func (f *rowFormat[K, V, W]) view(key, stored []byte, w *W) error {
	value, err := f.valueOf(key, stored)
	if err != nil {
		return err
	}
	switch {
	case f.bound.View != nil:
		*w, err = f.bound.View(rowKey(key), value)
	case f.trusts && f.trusted != nil:
		*w, err = f.trusted(value)
	default:
		*w, err = f.value.View(value)
	}
	return err
}

// valueOf returns the encoding of a stored value, whose checksum is right if it has one.
func (f *rowFormat[K, V, W]) valueOf(key, stored []byte) ([]byte, error) {
	if f.checksums {
		return checkRowSum(key[tableNumberSize:], stored)
	}
	return stored[:len(stored):len(stored)], nil
}

// viewLent is view for a w that ends when r is released. r is nil if w refers to what is
// stored, as after view.
func (f *rowFormat[K, V, W]) viewLent(key, stored []byte, w *W) (r Releaser, err error) {
	if !f.lends {
		return nil, f.view(key, stored, w)
	}
	value, err := f.valueOf(key, stored)
	if err != nil {
		return nil, err
	}
	view, r, err := f.lend(key, value, f.trusts)
	if err != nil {
		return nil, err // whatever r is
	}
	*w = view
	return r, nil
}

// lend is ViewLent of the format.
func (f *rowFormat[K, V, W]) lend(key, value []byte, trusted bool) (W, Releaser, error) {
	if f.bound.ViewLent != nil {
		return f.bound.ViewLent(rowKey(key), value, trusted)
	}
	return f.lent(value, trusted)
}

// rowKey returns the key of a stored key as its format encoded it.
func rowKey(key []byte) []byte { return key[tableNumberSize:len(key):len(key)] }

// viewAgain is view for a w whose memory may be used again.
func (f *rowFormat[K, V, W]) viewAgain(key, stored []byte, w *W) error {
	if f.reuse == nil || f.trusts && f.trusted != nil {
		return f.view(key, stored, w)
	}
	value, err := f.valueOf(key, stored)
	if err != nil {
		return err
	}
	return f.reuse(value, w)
}

// decodeKey returns the key of a stored key.
func (f *rowFormat[K, V, W]) decodeKey(key []byte) (K, error) { return f.key.Decode(rowKey(key)) }

// check returns an error if a stored row cannot be read. It validates the value whatever the
// checksum says: a sum that is right says that the row is as it was written, by whomever.
func (f *rowFormat[K, V, W]) check(key, stored []byte) error {
	if _, err := f.decodeKey(key); err != nil {
		return err
	}
	value, err := f.valueOf(key, stored)
	if err != nil {
		return err
	}
	switch {
	case f.lends:
		var lent Releaser
		if _, lent, err = f.lend(key, value, false); err == nil {
			releaseValue(lent)
		}
	case f.bound.View != nil:
		_, err = f.bound.View(rowKey(key), value)
	default:
		_, err = f.value.View(value)
	}
	return err
}
