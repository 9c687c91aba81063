// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package modules

import (
	"context"
	"iter"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/keys"
)

// Chars is a table of characters, whatever the format of its values.
type Chars interface {
	Get(ctx context.Context, c CodePoint) (CharGuard, error)
	View(ctx context.Context, c CodePoint, fn func(Fields) error) error
	Put(ctx context.Context, c CodePoint, char Char) error
	PutStream(ctx context.Context, rows iter.Seq2[CodePoint, Char],
		opts ...core.StreamOption) (core.StreamStats, error)
	Stream(ctx context.Context, first, last CodePoint, reverse bool,
		fn func(iter.Seq2[CodePoint, Fields]) error) error
	Delete(ctx context.Context, first, last CodePoint) (int, error)
	Count(ctx context.Context) (int, error)
	In(tx *core.Tx) CharTx
}

// Fields reads the fields of a stored character, each as directly as the format can. It is
// valid as long as the guard, function call or iteration that gave it.
type Fields interface {
	Name() string
	Category() string
	Script() string
	Lower() CodePoint
	Char() Char // all of it
}

// CharGuard keeps a view valid until it is closed.
type CharGuard interface {
	Value() Fields
	Close() error
}

// CharTx is the table inside a transaction.
type CharTx interface {
	Load(ctx context.Context, c CodePoint) (Char, error)
	Put(ctx context.Context, c CodePoint, char Char) error
}

// Open implements Records.
func (r *record[V, W]) Open(ctx context.Context, db *core.Storage, name string) (Chars, error) {
	t, err := core.OpenTable(ctx, db, name, keys.UintOf[CodePoint](), r.format)
	if err != nil {
		return nil, err
	}
	return &table[V, W]{t, r}, nil
}

// table implements Chars on a table of any format.
type table[V, W any] struct {
	chars  *core.Table[CodePoint, V, W]
	record *record[V, W]
}

func (t *table[V, W]) Get(ctx context.Context, c CodePoint) (CharGuard, error) {
	g, err := t.chars.Get(ctx, c)
	if err != nil {
		return nil, err
	}
	return guard[V, W]{g, t.record}, nil
}

func (t *table[V, W]) View(ctx context.Context, c CodePoint, fn func(Fields) error) error {
	return t.chars.View(ctx, c, func(w W) error { return fn(&view[V, W]{w, t.record}) })
}

func (t *table[V, W]) Put(ctx context.Context, c CodePoint, char Char) error {
	return t.chars.Put(ctx, c, t.record.pack(char))
}

func (t *table[V, W]) PutStream(
	ctx context.Context, rows iter.Seq2[CodePoint, Char], opts ...core.StreamOption,
) (core.StreamStats, error) {
	return t.chars.PutStream(ctx, packed(rows, t.record.pack), opts...)
}

func (t *table[V, W]) Stream(
	ctx context.Context, first, last CodePoint, reverse bool,
	fn func(iter.Seq2[CodePoint, Fields]) error,
) error {
	scan := t.scan(first, last)
	if reverse {
		scan = scan.Reverse()
	}
	return scan.Stream(ctx, func(rows iter.Seq2[CodePoint, W]) error {
		return fn(func(yield func(CodePoint, Fields) bool) {
			// one for all rows: each is valid only during its iteration
			v := &view[V, W]{record: t.record}
			for c, w := range rows {
				v.w = w
				if !yield(c, v) {
					return
				}
			}
		})
	})
}

func (t *table[V, W]) Delete(ctx context.Context, first, last CodePoint) (int, error) {
	return t.scan(first, last).Delete(ctx)
}

func (t *table[V, W]) Count(ctx context.Context) (int, error) { return t.chars.Count(ctx) }

func (t *table[V, W]) In(tx *core.Tx) CharTx { return inTx[V, W]{t.chars.In(tx), t.record} }

// scan covers a span, both ends inclusive as the standard writes them: To is exclusive.
func (t *table[V, W]) scan(first, last CodePoint) core.Scan[CodePoint, V, W] {
	return t.chars.Scan().From(first).To(last + 1)
}

// view implements Fields.
type view[V, W any] struct {
	w      W
	record *record[V, W]
}

func (v *view[V, W]) Name() string     { return v.record.name(v.w) }
func (v *view[V, W]) Category() string { return v.record.category(v.w) }
func (v *view[V, W]) Script() string   { return v.record.script(v.w) }
func (v *view[V, W]) Lower() CodePoint { return v.record.lower(v.w) }
func (v *view[V, W]) Char() Char       { return v.record.char(v.w) }

// guard implements CharGuard.
type guard[V, W any] struct {
	core.Guard[W]
	record *record[V, W]
}

func (g guard[V, W]) Value() Fields { return &view[V, W]{g.Guard.Value(), g.record} }

// inTx implements CharTx.
type inTx[V, W any] struct {
	chars  core.TxTable[CodePoint, V, W]
	record *record[V, W]
}

func (t inTx[V, W]) Load(ctx context.Context, c CodePoint) (Char, error) {
	w, err := t.chars.Load(ctx, c)
	if err != nil {
		return Char{}, err
	}
	return t.record.char(w), nil
}

func (t inTx[V, W]) Put(ctx context.Context, c CodePoint, char Char) error {
	return t.chars.Put(ctx, c, t.record.pack(char))
}
