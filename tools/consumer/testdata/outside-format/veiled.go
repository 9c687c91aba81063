// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package duration

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"sync"

	"github.com/guardkv/guardkv/core"
)

// Veiled returns a format that stores the values of another one under a veil, which is another one for each row and
// each table. It hides nothing from anybody, but it has what one that encrypts needs: the bytes of a row are no value of
// another row, and views lie in memory that is used again.
func Veiled[V, W any](inner core.ValueFormat[V, W]) core.ValueFormat[V, W] {
	return veiled[V, W]{inner, new(sync.Pool)}
}

type veiled[V, W any] struct {
	inner   core.ValueFormat[V, W]
	buffers *sync.Pool // of *buffer
}

// buffer is where a value lies without its veil.
type buffer struct {
	b    []byte
	home *sync.Pool
}

// Release gives the buffer back.
func (b *buffer) Release() { b.home.Put(b) }

// ID names both formats, because it takes both to read a row.
func (f veiled[V, W]) ID() string { return "veiled/1(" + f.inner.ID() + ")" }

var errNoRow = errors.New("veiled values are bound to their rows: they are read and written through a table")

// Append returns an error: there is no row.
func (f veiled[V, W]) Append(dst []byte, _ V) ([]byte, error) { return dst, errNoRow }

// View returns an error: there is no row.
func (f veiled[V, W]) View([]byte) (w W, err error) { return w, errNoRow }

// Powers takes over what is not about stored bytes: whether V fits, and the metadata.
func (f veiled[V, W]) Powers() core.FormatPowers[V, W] {
	inner := core.PowersOf(f.inner)
	p := core.FormatPowers[V, W]{CheckValue: inner.CheckValue, BindRows: f.bindRows, Owns: inner.Owns}
	if bind := inner.Bind; bind != nil {
		p.Bind = func(stored []byte) (core.ValueFormat[V, W], []byte, error) {
			bound, meta, err := bind(stored)
			return veiled[V, W]{bound, f.buffers}, meta, err
		}
	}
	return p
}

func (f veiled[V, W]) bindRows(table core.TableID) (core.RowFormat[V, W], error) {
	rows, err := core.RowFormatOf(f.inner, table) // which may be bound to rows too, or lend
	t := veiledTable[V, W]{rows, veilOf(table), core.PowersOf(f.inner).Owns, f.buffers}
	return core.RowFormat[V, W]{Append: t.append, View: t.view, ViewLent: t.viewLent}, err
}

// veiledTable are the rows of one table.
type veiledTable[V, W any] struct {
	rows    core.RowFormat[V, W]
	secret  veil // of the table
	owns    bool // views of the inner format refer to no bytes
	buffers *sync.Pool
}

const sumSize = 4

// append appends a sum and the value, both under the veil.
func (t veiledTable[V, W]) append(dst, key []byte, v V) ([]byte, error) {
	start := len(dst)
	dst, err := t.rows.Append(append(dst, make([]byte, sumSize)...), key, v)
	if err != nil {
		return dst, err
	}
	row, secret := dst[start:], t.secret.of(key)
	binary.BigEndian.PutUint32(row, secret.sum(row[sumSize:]))
	secret.over(row, row)
	return dst, nil
}

// view is for Load, whose view nobody gives back.
func (t veiledTable[V, W]) view(key, b []byte) (w W, err error) {
	value, err := t.secret.of(key).takeOff(nil, b)
	if err != nil {
		return w, err
	}
	return t.rows.View(key, value[:len(value):len(value)])
}

func (t veiledTable[V, W]) viewLent(key, b []byte, trusted bool) (w W, r core.Releaser, err error) {
	buf, _ := t.buffers.Get().(*buffer)
	if buf == nil {
		buf = &buffer{home: t.buffers}
	}
	buf.b, err = t.secret.of(key).takeOff(buf.b[:0], b)
	if err == nil {
		w, r, err = t.rows.ViewLent(key, buf.b[:len(buf.b):len(buf.b)], trusted)
	}
	if err != nil {
		buf.Release()
		return w, nil, err
	}
	if r != nil || t.owns { // the view lies elsewhere: in what the inner format lends, or in memory of its own
		buf.Release()
		return w, r, nil
	}
	return w, buf, nil
}

// veil is what values are put under.
type veil uint32

func veilOf(table core.TableID) veil { return veil(crc32.ChecksumIEEE(table[:])) }

// of returns the veil of a row, if v is that of its table.
func (v veil) of(key []byte) veil { return veil(v.sum(key)) }

func (v veil) sum(b []byte) uint32 { return crc32.Update(uint32(v), crc32.IEEETable, b) }

// takeOff appends the value that is stored under the veil of a row.
func (v veil) takeOff(dst, b []byte) ([]byte, error) {
	var sum [sumSize]byte
	if len(b) < len(sum) {
		return dst, fmt.Errorf("%w: a veiled value of %d bytes", core.ErrCorrupt, len(b))
	}
	v.over(sum[:], b[:sumSize])
	dst = append(dst, b[sumSize:]...)
	v.over(dst, dst)
	if v.sum(dst) != binary.BigEndian.Uint32(sum[:]) {
		return dst, fmt.Errorf("%w: a veiled value that was changed, or is another row's", core.ErrCorrupt)
	}
	return dst, nil
}

// over puts the veil over src, or takes it off.
func (v veil) over(dst, src []byte) {
	for i, b := range src {
		dst[i] = b ^ byte(v>>(8*(i%4)))
	}
}
