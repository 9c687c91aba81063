// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package duration

import (
	"sync/atomic"

	"github.com/guardkv/guardkv/core"
)

// Counts are how many values were encoded and viewed.
type Counts struct{ Appended, Viewed atomic.Int64 }

// Counted is another format, whose calls it counts. It changes no byte, so it has the ID of that format, and what it
// does not mention is as it was.
type Counted[V, W any] struct {
	core.ValueFormat[V, W]
	Counts *Counts
}

// Append counts.
func (f Counted[V, W]) Append(dst []byte, v V) ([]byte, error) {
	f.Counts.Appended.Add(1)
	return f.ValueFormat.Append(dst, v)
}

// View counts.
func (f Counted[V, W]) View(b []byte) (W, error) {
	f.Counts.Viewed.Add(1)
	return f.ValueFormat.View(b)
}

// Powers returns those of the other format. Those that it has, and that encode or view something, count.
func (f Counted[V, W]) Powers() core.FormatPowers[V, W] {
	p := core.PowersOf(f.ValueFormat)
	if bind := p.Bind; bind != nil { // it returns the format to use, which has to be counted again
		p.Bind = func(stored []byte) (core.ValueFormat[V, W], []byte, error) {
			bound, meta, err := bind(stored)
			return Counted[V, W]{bound, f.Counts}, meta, err
		}
	}
	if bind := p.BindRows; bind != nil {
		p.BindRows = func(table core.TableID) (core.RowFormat[V, W], error) {
			rows, err := bind(table)
			return f.countRows(rows), err
		}
	}
	if view := p.ViewTrusted; view != nil {
		p.ViewTrusted = func(b []byte) (W, error) { f.Counts.Viewed.Add(1); return view(b) }
	}
	if view := p.ViewInto; view != nil {
		p.ViewInto = func(b []byte, w *W) error { f.Counts.Viewed.Add(1); return view(b, w) }
	}
	if view := p.ViewLent; view != nil {
		p.ViewLent = func(b []byte, trusted bool) (W, core.Releaser, error) {
			f.Counts.Viewed.Add(1)
			return view(b, trusted)
		}
	}
	return p
}

// countRows counts what a format does that binds values to rows.
func (f Counted[V, W]) countRows(rows core.RowFormat[V, W]) core.RowFormat[V, W] {
	counted := rows
	counted.Append = func(dst, key []byte, v V) ([]byte, error) {
		f.Counts.Appended.Add(1)
		return rows.Append(dst, key, v)
	}
	counted.View = func(key, b []byte) (W, error) {
		f.Counts.Viewed.Add(1)
		return rows.View(key, b)
	}
	if rows.ViewLent != nil {
		counted.ViewLent = func(key, b []byte, trusted bool) (W, core.Releaser, error) {
			f.Counts.Viewed.Add(1)
			return rows.ViewLent(key, b, trusted)
		}
	}
	return counted
}
