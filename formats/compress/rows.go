// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package compress

import "github.com/guardkv/guardkv/core"

// rows encodes and views the values of rows. Only inner uses the keys, if anything does.
type rows[V, W any] struct {
	inner core.RowFormat[V, W]
	codec *codec
	owns  bool // the views of the inner format refer to none of the bytes
}

func (r *rows[V, W]) append(dst, key []byte, v V) ([]byte, error) {
	start := len(dst)
	dst, err := r.inner.Append(append(dst, tagRaw), key, v)
	if err != nil {
		return nil, err
	}
	return r.codec.deflate(dst, start)
}

// view makes a view that is never given back.
func (r *rows[V, W]) view(key, b []byte) (w W, err error) {
	if value, ok := raw(b); ok {
		return r.inner.View(key, value)
	}
	if r.owns {
		w, _, err = r.viewLent(key, b, false)
		return w, err
	}
	value, err := r.codec.inflateCopy(b)
	if err != nil {
		return w, err
	}
	return r.inner.View(key, value)
}

// viewLent makes a view in memory that is reused when it is released, or at once if the view does
// not refer to it.
func (r *rows[V, W]) viewLent(key, b []byte, trusted bool) (w W, lent core.Releaser, err error) {
	if value, ok := raw(b); ok {
		return r.inner.ViewLent(key, value, trusted)
	}
	buf, err := r.codec.inflate(b)
	if err != nil {
		return w, nil, err
	}
	w, lent, err = r.inner.ViewLent(key, clipped(buf.b), trusted)
	if err == nil && lent == nil && !r.owns {
		return w, buf, nil
	}
	buf.Release()
	return w, lent, err
}

func clipped(b []byte) []byte { return b[:len(b):len(b)] }
