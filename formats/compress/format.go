// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package compress

import (
	"errors"

	"github.com/guardkv/guardkv/core"
)

// New returns a format that stores the values of another one compressed. A value that is not worth
// compressing, because it is small or has no pattern, is stored as it is, behind one byte. See the
// package documentation.
func New[V, W any](inner core.ValueFormat[V, W], opts ...Option) core.ValueFormat[V, W] {
	o := newOptions(opts)
	c, err := newCodec(o, nil)
	return newFormat(inner, o, c, err)
}

// format compresses the values of a table that has no dictionaries, or of one that it is bound
// to.
type format[V, W any] struct {
	inner   core.ValueFormat[V, W]
	options options
	powers  core.FormatPowers[V, W] // of inner
	rows[V, W]
	unfit error
}

func newFormat[V, W any](
	inner core.ValueFormat[V, W], o options, c *codec, unfit error,
) *format[V, W] {
	if inner == nil {
		return &format[V, W]{unfit: errNoInner}
	}
	f := &format[V, W]{inner: inner, options: o, powers: core.PowersOf(inner), unfit: unfit}
	f.rows = rows[V, W]{codec: c, owns: f.powers.Owns}
	if f.powers.BindRows == nil {
		// There is no error without BindRows.
		f.rows.inner, _ = core.RowFormatOf(inner, core.TableID{})
	}
	return f
}

var (
	errNoInner = errors.New("compress.New was given no format whose values it could compress")
	errNoRow   = errors.New("the values inside are bound to their rows: " +
		"they are read and written through a table")
)

// ID returns "compress/zstd/1(" and the ID of the inner format and ")". No option changes it.
func (f *format[V, W]) ID() string {
	if f.inner == nil {
		return formatID + "()"
	}
	return formatID + "(" + f.inner.ID() + ")"
}

const formatID = "compress/zstd/1"

// Append appends the value, compressed or not.
func (f *format[V, W]) Append(dst []byte, v V) ([]byte, error) {
	if err := f.usable(); err != nil {
		return dst, err
	}
	return f.append(dst, nil, v)
}

// View inflates b into memory that is not reused, so that the view stays valid.
func (f *format[V, W]) View(b []byte) (w W, err error) {
	if err := f.usable(); err != nil {
		return w, err
	}
	return f.view(nil, b)
}

func (f *format[V, W]) usable() error {
	if f.unfit == nil && f.rows.inner.Append == nil {
		return errNoRow
	}
	return f.unfit
}

// Powers returns the powers of the inner format, applied to inflated bytes.
func (f *format[V, W]) Powers() core.FormatPowers[V, W] {
	p := core.FormatPowers[V, W]{CheckValue: f.checkValue, Bind: f.bind, Owns: f.owns}
	switch {
	case f.unfit != nil:
	case f.powers.BindRows != nil:
		p.BindRows = f.bindRows
	case !f.owns:
		p.ViewLent = func(b []byte, trusted bool) (W, core.Releaser, error) {
			return f.viewLent(nil, b, trusted)
		}
	default:
		if f.powers.ViewTrusted != nil {
			p.ViewTrusted = func(b []byte) (w W, err error) {
				w, _, err = f.viewLent(nil, b, true)
				return w, err
			}
		}
		if f.powers.ViewInto != nil {
			p.ViewInto = f.viewInto
		}
	}
	return p
}

func (f *format[V, W]) checkValue() error {
	if f.unfit != nil || f.powers.CheckValue == nil {
		return f.unfit
	}
	return f.powers.CheckValue()
}

// bind returns the format for a table, with the table's dictionaries. The inner format gets only
// its own metadata.
func (f *format[V, W]) bind(stored []byte) (core.ValueFormat[V, W], []byte, error) {
	if f.unfit != nil {
		return nil, nil, f.unfit
	}
	m, err := parseMetadata(stored)
	if err != nil {
		return nil, nil, err
	}
	if err := m.add(f.options.dictionary); err != nil {
		return nil, nil, err
	}
	inner := f.inner
	if bind := f.powers.Bind; bind != nil {
		if inner, m.inner, err = bind(m.inner); err != nil {
			return nil, nil, err
		}
	}
	c := f.codec
	if len(m.dictionaries) > 0 {
		if c, err = newCodec(f.options, m.dictionaries); err != nil {
			return nil, nil, corruptMetadata(err)
		}
	}
	return newFormat(inner, f.options, c, nil), m.append(nil), nil
}

func (f *format[V, W]) bindRows(table core.TableID) (core.RowFormat[V, W], error) {
	inner, err := core.RowFormatOf(f.inner, table)
	r := rows[V, W]{inner, f.codec, f.owns}
	return core.RowFormat[V, W]{Append: r.append, View: r.view, ViewLent: r.viewLent}, err
}

// viewInto is for an inner format whose values do not refer to the bytes they were decoded
// from.
func (f *format[V, W]) viewInto(b []byte, w *W) error {
	if value, ok := raw(b); ok {
		return f.powers.ViewInto(value, w)
	}
	buf, err := f.codec.inflate(b)
	if err != nil {
		return err
	}
	defer buf.Release()
	return f.powers.ViewInto(clipped(buf.b), w)
}
