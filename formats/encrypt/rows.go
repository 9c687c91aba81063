// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package encrypt

import (
	"fmt"
	"slices"

	"github.com/guardkv/guardkv/core"
)

// Each value is encrypted by itself, and authenticated together with the ID of its table and
// the key of its row, so that it is refused in any other row. A value is encrypted after the
// inner format has encoded it, and decrypted before the inner format makes a view of it.

// rows encrypts and decrypts the rows of one table.
type rows[V, W any] struct {
	inner core.RowFormat[V, W]
	keys  *Keys
	begin []byte // how the associated data of all rows begins; never changed
	owns  bool   // the views of the inner format refer to none of the bytes
}

// append encodes the value in memory of its own, which is cleared, so that dst never holds plain
// bytes.
func (r *rows[V, W]) append(dst, key []byte, v V) ([]byte, error) {
	s := scratches.Get().(*scratch)
	defer s.release()
	room := s.plain
	s.plain = room[:cap(room)] // all of it is cleared if the inner format fails, or panics
	plain, err := r.inner.Append(room, key, v)
	if err != nil {
		return nil, err
	}
	s.plain = plain
	s.data = appendData(s.data, r.begin, r.keys.current.id, key)
	return r.keys.seal(slices.Grow(dst, least+len(plain)), plain, s.data)
}

// view makes a view that is never given back.
func (r *rows[V, W]) view(key, b []byte) (w W, err error) {
	if r.owns {
		w, _, err = r.viewLent(key, b, false)
		return w, err
	}
	k, err := r.keyOf(b)
	if err != nil {
		return w, err
	}
	plain, err := r.open(k, make([]byte, 0, len(b)-least), key, b)
	if err != nil {
		return w, err
	}
	return r.inner.View(key, clipped(plain))
}

// viewLent makes a view in memory that is cleared when it is released, or at once if the view does
// not refer to it.
func (r *rows[V, W]) viewLent(key, b []byte, trusted bool) (w W, lent core.Releaser, err error) {
	k, err := r.keyOf(b)
	if err != nil {
		return w, nil, err
	}
	buf := newBuffer(len(b) - least)
	if buf.b, err = r.open(k, buf.b, key, b); err != nil {
		buf.Release()
		return w, nil, err
	}
	w, lent, err = r.inner.ViewLent(key, clipped(buf.b), trusted)
	if err == nil && lent == nil && !r.owns {
		return w, buf, nil
	}
	buf.Release()
	return w, lent, err
}

// keyOf returns the key that a row was encrypted with. If that key is missing, its ID may be
// damaged, which cannot be told; the row counts as one for a program with other keys.
func (r *rows[V, W]) keyOf(b []byte) (*key, error) { return rowKeyOf(r.keys, b) }

func rowKeyOf(keys *Keys, b []byte) (*key, error) {
	k, id, err := keys.keyOf(b)
	if err == nil && k == nil {
		err = fmt.Errorf("%w: %w: the row says that it was encrypted with key %d, "+
			"which is not among those of encrypt.NewKeys", core.ErrFormatMismatch, ErrKey, id)
	}
	return k, err
}

// open appends the content of a row to dst. If the row was changed, or is another one's, dst stays
// as it is.
func (r *rows[V, W]) open(k *key, dst, key, b []byte) ([]byte, error) {
	return openRow(k, r.begin, dst, key, b)
}

func openRow(k *key, begin, dst, key, b []byte) ([]byte, error) {
	s := scratches.Get().(*scratch)
	defer s.release()
	s.data = appendData(s.data, begin, k.id, key)
	plain, err := k.open(dst, b, s.data)
	if err != nil {
		return dst, fmt.Errorf("%w: the row was changed, is that of another key or table, "+
			"or was encrypted with another secret for key %d", core.ErrCorrupt, k.id)
	}
	return plain, nil
}

func clipped(b []byte) []byte { return b[:len(b):len(b)] }
