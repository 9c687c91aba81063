// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package gob

import (
	"fmt"
	"reflect"
	"slices"
	"sync"

	"github.com/guardkv/guardkv/core"
)

// New returns a format that stores values of type T as gob. T may be a pointer: every read then
// makes a new value, and nil is kept.
//
// The format keeps descriptions of T with the table. It works only once a table has been opened
// with it.
func New[T any](opts ...Option) core.ValueFormat[T, T] {
	return &format[T]{options: newOptions(opts), local: sync.OnceValues(localRecord[T])}
}

// format is a format that is not bound to a table.
type format[T any] struct {
	options
	local func() (record, error) // what T would be stored as
}

var _ core.ValueFormat[any, any] = (*format[any])(nil)

// localRecord describes T as it is in this program.
func localRecord[T any]() (record, error) {
	dynamic, err := surveyType(reflect.TypeFor[T]())
	if err != nil {
		return record{}, err
	}
	types, err := describe[T]()
	if err != nil {
		return record{}, fmt.Errorf("gob cannot store %v: %w", reflect.TypeFor[T](), err)
	}
	if _, err := newPlan(types, reflect.TypeFor[T]()); err != nil {
		return record{}, fmt.Errorf("gob could not read again what it stores of %v: %w",
			reflect.TypeFor[T](), err)
	}
	if dynamic {
		return record{storedWithAll, types}, nil
	}
	return record{storedPrimed, types}, nil
}

// formatID names the encoding.
const formatID = "gob/1"

// ID returns "gob/1".
func (f *format[T]) ID() string { return formatID }

// Powers returns that the format keeps the description of T with the table.
func (f *format[T]) Powers() core.FormatPowers[T,
	T] {
	return core.FormatPowers[T, T]{Bind: f.Bind}
}

// Append returns an error: the format is not bound to a table.
func (f *format[T]) Append([]byte, T) ([]byte, error) { return nil, cannotEncode[T](errNotBound) }

// View returns an error: the format is not bound to a table.
func (f *format[T]) View([]byte) (T, error) {
	var zero T
	return zero, fmt.Errorf("gob of %v: %w", reflect.TypeFor[T](), errNotBound)
}

// Bind returns the format for a table. It reads values of every stored description of T, and
// writes values of the description that fits T today. If that description is new, Bind compares
// it with the stored ones, and adds it to them.
func (f *format[T]) Bind(stored []byte) (core.ValueFormat[T, T], []byte, error) {
	local, err := f.local()
	if err != nil {
		return nil, nil, err
	}
	var records []record
	if stored != nil {
		if records, err = parseMetadata(stored); err != nil {
			return nil, nil, fmt.Errorf("gob of %v: %w", reflect.TypeFor[T](), err)
		}
	}
	current := slices.IndexFunc(records, local.same)
	isNew := current < 0
	if isNew {
		current = len(records)
		records = append(records, local)
	}
	b, err := newBound[T](f.limits, records, current)
	if err != nil {
		return nil, nil, fmt.Errorf("gob of %v: %w", reflect.TypeFor[T](), err)
	}
	if isNew {
		if err := compare(local.types, b.epochs[:current], f.removed); err != nil {
			return nil, nil, fmt.Errorf("gob of %v: %w", reflect.TypeFor[T](), err)
		}
	}
	return b, appendMetadata(nil, records), nil
}
