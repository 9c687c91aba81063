// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package values

import (
	"encoding/json"
	"fmt"
	"reflect"
	"sync"

	"github.com/guardkv/guardkv/core"
)

// JSON returns a format that encodes values with encoding/json. T may be a pointer; nil is stored as null.
//
// Fields that the stored JSON has and T has not are ignored, and fields that it lacks are zero, so that a type
// can grow. Anything behind the value is an error.
//
// A type of which encoding/json would lose something is refused by [core.OpenTable], before the table is made, and the error
// leads to the part of it that is to blame: interfaces with methods; channels, functions and complex numbers; keys of maps
// that are no text; two fields with one name, be they hidden by one another or embedded; structs with unexported fields alone;
// embedded pointers to unexported structs; methods that have no opposite; and structs that have such a method from
// a struct that they embed, which knows nothing of their other fields, as in struct{ time.Time; Note string }.
// Strings that are not UTF-8, NaN and infinities are errors when they are written. So is what is nested more than 10000 levels
// deep, or contains itself: [core.ErrTooLarge].
//
// What encoding/json does not keep is not kept here: unexported fields beside others; fields with the tag "-", and with
// omitempty the difference between nil and empty; the difference between upper and lower case in the names of fields that
// are read; what a pointer to a nil pointer, slice or map points to; the seconds in the offset of a time's zone, with which
// zones of before 1900 move the time by up to a minute (use UTC); more than 64 bits of a [math/big.Float];
// what an array is longer than the one it is read into; and, in a field of type any, everything but the types that JSON itself
// has: numbers are float64, exact up to 2^53. What methods of T write is taken at its word.
func JSON[T any]() core.ValueFormat[T, T] {
	deep, unfit := checkJSON[T]()
	return &jsonFormat[T]{unfit: unfit, deep: deep, encoders: sync.Pool{New: func() any { return newJSONEncoder[T]() }}}
}

type jsonFormat[T any] struct {
	encoders sync.Pool
	unfit    error // why values of T would not be read as they were written
	deep     bool  // whether a T may be nested more deeply than its type is
}

var (
	_ core.ValueChecker          = (*jsonFormat[any])(nil)
	_ core.ValueFormat[any, any] = (*jsonFormat[any])(nil)
	_ core.Reuser[any]           = (*jsonFormat[any])(nil)
)

// ID returns "json".
func (f *jsonFormat[T]) ID() string { return "json" }

// CheckValue returns an error if something of a T would be lost.
func (f *jsonFormat[T]) CheckValue() error { return f.unfit }

// Append appends the JSON of v, on one line. The arguments may be reused when the call returns.
func (f *jsonFormat[T]) Append(dst []byte, v T) ([]byte, error) {
	e := f.encoders.Get().(*jsonEncoder[T])
	result, err := e.append(dst, v, f.deep)
	if err != nil {
		return nil, fmt.Errorf("json of %v: %w", reflect.TypeFor[T](), err)
	}
	f.encoders.Put(e) // not after an error or a panic in a method of T
	return result, nil
}

// View decodes b. The value is a copy and may be kept.
func (f *jsonFormat[T]) View(b []byte) (T, error) {
	var v T
	err := f.ViewInto(b, &v)
	return v, err
}

// ViewInto decodes b into *w. Nothing of what *w held, or referred to, is reused or changed, except *w itself.
func (f *jsonFormat[T]) ViewInto(b []byte, w *T) error {
	var zero T
	*w = zero
	if err := json.Unmarshal(b, w); err != nil {
		*w = zero
		return fmt.Errorf("json of %v: %w: %w; the value is damaged, or was stored as another type",
			reflect.TypeFor[T](), core.ErrCorrupt, err)
	}
	return nil
}

// jsonEncoder lets encoding/json write straight into the caller's slice, and holds the value so that no call has to
// allocate one.
type jsonEncoder[T any] struct {
	out   []byte
	value T
	json  *json.Encoder
}

func newJSONEncoder[T any]() *jsonEncoder[T] {
	e := new(jsonEncoder[T])
	e.json = json.NewEncoder(e)
	e.json.SetEscapeHTML(false)
	return e
}

// Write is for e.json.
func (e *jsonEncoder[T]) Write(p []byte) (int, error) {
	e.out = append(e.out, p...)
	return len(p), nil
}

func (e *jsonEncoder[T]) append(dst []byte, v T, deep bool) ([]byte, error) {
	e.out, e.value = dst, v
	if deep {
		if err := newJSONWalk(false).value(reflect.ValueOf(&e.value).Elem()); err != nil {
			return nil, err
		}
	}
	if err := e.json.Encode(&e.value); err != nil {
		return nil, err
	}
	if replaced(e.out[len(dst):]) {
		if err := newJSONWalk(true).value(reflect.ValueOf(&e.value).Elem()); err != nil {
			return nil, err
		}
	}
	var zero T
	out := e.out[:len(e.out)-1] // without the newline
	e.out, e.value = nil, zero
	return out, nil
}
