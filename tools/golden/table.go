// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package golden

import (
	"context"
	"fmt"
	"reflect"

	"github.com/guardkv/guardkv/core"
)

// table is a table of any types, with the rows that it must have.
type table interface {
	name() string
	write(ctx context.Context, s *core.Storage) error
	compare(ctx context.Context, s *core.Storage) error
}

// pair is a row, as it is put and as it must be read.
type pair[K, V any] struct {
	key   K
	value V
}

// rows is a table whose rows are given in the order of their keys.
type rows[K, V, W any] struct {
	title   string
	key     core.KeyFormat[K]
	value   core.ValueFormat[V, W]
	unpack  func(W) V
	rows    []pair[K, V]
	options []core.TableOption
	equal   func(a, b V) bool // nil: reflect.DeepEqual
}

// agrees reports whether a row is as it was put.
func (r rows[K, V, W]) agrees(got, want pair[K, V]) bool {
	if r.equal == nil {
		return reflect.DeepEqual(got, want)
	}
	return reflect.DeepEqual(got.key, want.key) && r.equal(got.value, want.value)
}

func (r rows[K, V, W]) name() string { return r.title }

func (r rows[K, V, W]) open(ctx context.Context, s *core.Storage) (*core.Table[K, V, W], error) {
	return core.OpenTable(ctx, s, r.title, r.key, r.value, r.options...)
}

// write puts the rows from both ends, overwrites one and deletes one, so that the storage has a
// past.
func (r rows[K, V, W]) write(ctx context.Context, s *core.Storage) error {
	t, err := r.open(ctx, s)
	if err != nil {
		return err
	}
	for i := range r.rows {
		last := r.rows[len(r.rows)-1-i]
		if err := t.Put(ctx, last.key, r.rows[i].value); err != nil {
			return err
		}
	}
	if _, err := t.Delete(ctx, r.rows[0].key); err != nil {
		return err
	}
	return t.PutAll(ctx, func(yield func(K, V) bool) {
		for _, row := range r.rows {
			if !yield(row.key, row.value) {
				return
			}
		}
	})
}

func (r rows[K, V, W]) compare(ctx context.Context, s *core.Storage) error {
	t, err := r.open(ctx, s)
	if err != nil {
		return err
	}
	i := 0
	for row, err := range t.Scan().Rows(ctx) {
		if err != nil {
			return err
		}
		if i == len(r.rows) {
			return fmt.Errorf("it has more rows than %d: %v", i, row.Key)
		}
		got, want := pair[K, V]{row.Key, r.unpack(row.Value)}, r.rows[i]
		if !r.agrees(got, want) {
			return fmt.Errorf("row %d is %+v, want %+v", i, got, want)
		}
		if found, err := t.Has(ctx, want.key); err != nil || !found {
			return fmt.Errorf("row %d, %v, is not found by its key (error %w)", i, want.key, err)
		}
		i++
	}
	if i < len(r.rows) {
		return fmt.Errorf("it has %d rows, want %d", i, len(r.rows))
	}
	return nil
}
