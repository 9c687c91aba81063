// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core

// rowFormat turns rows into stored bytes and back. It is the only place where the formats of a table meet the
// layout of its rows.
type rowFormat[K, V, W any] struct {
	number    uint32 // of the table
	low, high []byte // the bounds of all stored keys, which nobody changes
	checksums bool
	limits    Limits
	key       KeyFormat[K]
	value     ValueFormat[V, W]
	trusted   Truster[W] // nil unless rows have checksums and the format can do without validation
	reuse     Reuser[W]  // nil if the format cannot decode into an old value
}

func newRowFormat[K, V, W any](r tableRecord, l Limits, key KeyFormat[K], value ValueFormat[V, W]) rowFormat[K, V, W] {
	f := rowFormat[K, V, W]{number: r.Number, checksums: r.Checksums, limits: l, key: key, value: value}
	if r.Checksums {
		f.trusted, _ = value.(Truster[W])
	}
	f.reuse, _ = value.(Reuser[W])
	f.low = appendTableNumber(nil, r.Number)
	f.low = f.low[:tableNumberSize:tableNumberSize]
	f.high = prefixEnd(f.low)
	return f
}

// keyRoom is enough for the stored forms of most keys.
const keyRoom = 32

// prefix returns what the stored forms of all keys begin with, with room for the rest of one.
func (f *rowFormat[K, V, W]) prefix() []byte {
	return appendTableNumber(make([]byte, 0, keyRoom), f.number)
}

// setKey puts the stored form of a key into buf, which starts with the prefix.
func (f *rowFormat[K, V, W]) setKey(buf []byte, k K) ([]byte, error) {
	buf, err := f.key.Append(buf[:tableNumberSize], k)
	if err != nil {
		return buf, err
	}
	return buf, f.limits.checkRow(buf, nil)
}

// append appends the stored form of a row, key first, and returns where the value starts.
func (f *rowFormat[K, V, W]) append(dst []byte, k K, v V) (row []byte, value int, err error) {
	start := len(dst)
	dst, err = f.key.Append(appendTableNumber(dst, f.number), k)
	if err != nil {
		return dst, 0, err
	}
	value = len(dst)
	if key := dst[start:]; f.limits.keyTooLarge(key) { // before a value that moves it is put behind it
		return dst, 0, f.limits.rowTooLarge(len(key), 0)
	}
	dst, err = f.value.Append(dst, v)
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
	row, err = f.value.Append(key, v)
	if err != nil {
		return key, err
	}
	if f.checksums {
		row = appendRowSum(row, len(key), row[tableNumberSize:len(key)])
	}
	return row, f.limits.checkRow(row[:len(key)], row[len(key):])
}

// view sets w to the view of a stored value. It does not return the view, because each time a large one is handed on
// costs nanoseconds that a Get has to count.
func (f *rowFormat[K, V, W]) view(key, stored []byte, w *W) (err error) {
	if f.checksums {
		return f.viewChecked(key, stored, w)
	}
	*w, err = f.value.View(stored[:len(stored):len(stored)])
	return err
}

func (f *rowFormat[K, V, W]) viewChecked(key, stored []byte, w *W) error {
	value, err := checkRowSum(key[tableNumberSize:], stored)
	if err != nil {
		return err
	}
	if f.trusted != nil {
		*w, err = f.trusted.ViewTrusted(value)
	} else {
		*w, err = f.value.View(value)
	}
	return err
}

// viewAgain is view for a w whose memory may be used again.
func (f *rowFormat[K, V, W]) viewAgain(key, stored []byte, w *W) (err error) {
	if f.reuse == nil || f.trusted != nil {
		return f.view(key, stored, w)
	}
	stored = stored[:len(stored):len(stored)]
	if f.checksums {
		if stored, err = checkRowSum(key[tableNumberSize:], stored); err != nil {
			return err
		}
	}
	return f.reuse.ViewInto(stored, w)
}

// decodeKey returns the key of a stored key.
func (f *rowFormat[K, V, W]) decodeKey(key []byte) (K, error) {
	return f.key.Decode(key[tableNumberSize:len(key):len(key)])
}

// check returns an error if a stored row cannot be read. It validates the value whatever the checksum says: a sum that is
// right says that the row is as it was written, by whomever.
func (f *rowFormat[K, V, W]) check(key, stored []byte) (err error) {
	if _, err := f.decodeKey(key); err != nil {
		return err
	}
	value := stored[:len(stored):len(stored)]
	if f.checksums {
		if value, err = checkRowSum(key[tableNumberSize:], stored); err != nil {
			return err
		}
	}
	_, err = f.value.View(value)
	return err
}
