// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package encrypt

import (
	"errors"
	"fmt"
	"io"

	"github.com/guardkv/guardkv/core"
)

// New returns a format that stores the values of another one encrypted, each for its row. The keys
// of rows are not encrypted. See the package documentation for what is hidden and what is not.
func New[V, W any](inner core.ValueFormat[V, W], keys *Keys) core.ValueFormat[V, W] {
	return newFormat(inner, keys)
}

// format is a format that is not bound to a table. It encrypts nothing, since there is no row to
// encrypt for.
type format[V, W any] struct {
	inner  core.ValueFormat[V, W]
	keys   *Keys
	powers core.FormatPowers[V, W] // of inner
	unfit  error
}

func newFormat[V, W any](inner core.ValueFormat[V, W], keys *Keys) *format[V, W] {
	switch {
	case inner == nil:
		return &format[V, W]{unfit: errNoInner}
	case keys == nil || keys.current == nil:
		return &format[V, W]{inner: inner, unfit: errNoKeys}
	}
	return &format[V, W]{inner: inner, keys: keys, powers: core.PowersOf(inner)}
}

var (
	errNoInner = errors.New("encrypt.New was given no format whose values it could encrypt")
	errNoKeys  = errors.New("encrypt.New was given no keys: NewKeys makes them")
	errNoRow   = errors.New("encrypted values are bound to their rows: " +
		"they are read and written through a table")
)

const formatID = "encrypt/1"

// ID returns "encrypt/1(" and the ID of the inner format and ")".
func (f *format[V, W]) ID() string {
	if f.inner == nil {
		return formatID + "()"
	}
	return formatID + "(" + f.inner.ID() + ")"
}

// Format prints the ID, whatever the verb.
func (f *format[V, W]) Format(s fmt.State, _ rune) { io.WriteString(s, f.ID()) }

// Append returns an error: there is no row.
func (f *format[V, W]) Append(dst []byte, _ V) ([]byte, error) { return dst, errNoRow }

// View returns an error: there is no row.
func (f *format[V, W]) View([]byte) (w W, err error) { return w, errNoRow }

// Powers returns that values are bound to their rows, that the format keeps metadata, and whether
// the inner format fits V.
func (f *format[V, W]) Powers() core.FormatPowers[V, W] {
	return core.FormatPowers[V, W]{
		CheckValue: f.checkValue, Bind: f.bind, BindRows: f.bindRows, Owns: f.powers.Owns,
	}
}

func (f *format[V, W]) checkValue() error {
	if f.unfit != nil || f.powers.CheckValue == nil {
		return f.unfit
	}
	return f.powers.CheckValue()
}

// bind checks that the keys are right, and gives the inner format its own metadata. The stored
// metadata changes if the current key is a new one, or if the metadata of the inner format has
// changed.
func (f *format[V, W]) bind(stored []byte) (core.ValueFormat[V, W], []byte, error) {
	if f.unfit != nil {
		return nil, nil, f.unfit
	}
	m, err := openMetadata(stored, f.ID(), f.keys)
	if err != nil {
		return nil, nil, err
	}
	inner, kept := f.inner, m.inner
	if bind := f.powers.Bind; bind != nil {
		if inner, kept, err = bind(m.inner); err != nil {
			return nil, nil, err
		}
	}
	meta, err := m.store(stored, f.ID(), f.keys, kept)
	if err != nil {
		return nil, nil, err
	}
	return newFormat(inner, f.keys), meta, nil
}

func (f *format[V, W]) bindRows(table core.TableID) (core.RowFormat[V, W], error) {
	if f.unfit != nil {
		return core.RowFormat[V, W]{}, f.unfit
	}
	inner, err := core.RowFormatOf(f.inner, table) // which may bind them too
	begin := dataOfTable(f.ID(), table)
	r := &rows[V, W]{inner: inner, keys: f.keys, begin: begin, owns: f.powers.Owns}
	return core.RowFormat[V, W]{Append: r.append, View: r.view, ViewLent: r.viewLent}, err
}
