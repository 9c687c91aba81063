// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"context"
	"iter"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/keys"
)

// charTable is what the steps need of the table of characters, whatever the format of its values.
type charTable interface {
	Get(ctx context.Context, c CodePoint) (charGuard, error)
	View(ctx context.Context, c CodePoint, fn func(charView) error) error
	Put(ctx context.Context, c CodePoint, char Char) error
	PutStream(ctx context.Context, rows iter.Seq2[CodePoint, Char],
		opts ...core.StreamOption) (core.StreamStats, error)
	Stream(ctx context.Context, part span, reverse bool,
		fn func(iter.Seq2[CodePoint, charView]) error) error
	Delete(ctx context.Context, part span) (int, error)
	Count(ctx context.Context) (int, error)
	In(tx *core.Tx) charTx
}

// charView reads the fields of a stored character, each as directly as the format can. It is
// valid as long as the guard, function call or iteration that gave it.
type charView interface {
	Name() string
	Category() string
	Script() string
	Lower() CodePoint
	Char() Char // all of it
}

// charGuard keeps a view valid until it is closed.
type charGuard interface {
	Value() charView
	Close() error
}

// charTx is the table inside a transaction.
type charTx interface {
	Load(ctx context.Context, c CodePoint) (Char, error)
	Put(ctx context.Context, c CodePoint, char Char) error
}

// adapter tells how a character becomes the V that a format puts, and how one is read from its
// view W. The strings it returns may live no longer than the view.
type adapter[V, W any] struct {
	pack                   func(Char) V
	name, category, script func(W) string
	lower                  func(W) CodePoint
	char                   func(W) Char
}

// openChars opens the table of characters.
type openChars func(context.Context, *core.Storage) (charTable, error)

// adapted returns a function that opens the table of characters in a format.
func adapted[V, W any](values core.ValueFormat[V, W], a adapter[V, W]) openChars {
	return func(ctx context.Context, db *core.Storage) (charTable, error) {
		t, err := core.OpenTable(ctx, db, "chars", keys.UintOf[CodePoint](), values)
		if err != nil {
			return nil, err
		}
		return &table[V, W]{t, &a}, nil
	}
}

// table implements charTable on a table of any format.
type table[V, W any] struct {
	chars   *core.Table[CodePoint, V, W]
	adapter *adapter[V, W]
}

func (t *table[V, W]) Get(ctx context.Context, c CodePoint) (charGuard, error) {
	g, err := t.chars.Get(ctx, c)
	if err != nil {
		return nil, err
	}
	return guard[V, W]{g, t.adapter}, nil
}

func (t *table[V, W]) View(ctx context.Context, c CodePoint, fn func(charView) error) error {
	return t.chars.View(ctx, c, func(w W) error { return fn(&view[V, W]{w, t.adapter}) })
}

func (t *table[V, W]) Put(ctx context.Context, c CodePoint, char Char) error {
	return t.chars.Put(ctx, c, t.adapter.pack(char))
}

func (t *table[V, W]) PutStream(
	ctx context.Context, rows iter.Seq2[CodePoint, Char], opts ...core.StreamOption,
) (core.StreamStats, error) {
	packed := func(yield func(CodePoint, V) bool) {
		for c, char := range rows {
			if !yield(c, t.adapter.pack(char)) {
				return
			}
		}
	}
	return t.chars.PutStream(ctx, packed, opts...)
}

func (t *table[V, W]) Stream(
	ctx context.Context, part span, reverse bool, fn func(iter.Seq2[CodePoint, charView]) error,
) error {
	scan := t.scan(part)
	if reverse {
		scan = scan.Reverse()
	}
	return scan.Stream(ctx, func(rows iter.Seq2[CodePoint, W]) error {
		return fn(func(yield func(CodePoint, charView) bool) {
			// one for all rows: each is valid only during its iteration
			v := &view[V, W]{adapter: t.adapter}
			for c, w := range rows {
				v.w = w
				if !yield(c, v) {
					return
				}
			}
		})
	})
}

func (t *table[V, W]) Delete(ctx context.Context, part span) (int, error) {
	return t.scan(part).Delete(ctx)
}

func (t *table[V, W]) Count(ctx context.Context) (int, error) { return t.chars.Count(ctx) }

func (t *table[V, W]) In(tx *core.Tx) charTx { return inTx[V, W]{t.chars.In(tx), t.adapter} }

// scan covers the span: To is exclusive.
func (t *table[V, W]) scan(part span) core.Scan[CodePoint, V, W] {
	return t.chars.Scan().From(part.first).To(part.last + 1)
}

// view implements charView.
type view[V, W any] struct {
	w       W
	adapter *adapter[V, W]
}

func (v *view[V, W]) Name() string     { return v.adapter.name(v.w) }
func (v *view[V, W]) Category() string { return v.adapter.category(v.w) }
func (v *view[V, W]) Script() string   { return v.adapter.script(v.w) }
func (v *view[V, W]) Lower() CodePoint { return v.adapter.lower(v.w) }
func (v *view[V, W]) Char() Char       { return v.adapter.char(v.w) }

// guard implements charGuard.
type guard[V, W any] struct {
	core.Guard[W]
	adapter *adapter[V, W]
}

func (g guard[V, W]) Value() charView { return &view[V, W]{g.Guard.Value(), g.adapter} }

// inTx implements charTx.
type inTx[V, W any] struct {
	chars   core.TxTable[CodePoint, V, W]
	adapter *adapter[V, W]
}

func (t inTx[V, W]) Load(ctx context.Context, c CodePoint) (Char, error) {
	w, err := t.chars.Load(ctx, c)
	if err != nil {
		return Char{}, err
	}
	return t.adapter.char(w), nil
}

func (t inTx[V, W]) Put(ctx context.Context, c CodePoint, char Char) error {
	return t.chars.Put(ctx, c, t.adapter.pack(char))
}
