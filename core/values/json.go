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
// can grow. Anything behind the value is an error. What encoding/json does not keep is not kept here: unexported fields,
// invalid UTF-8 (replaced by U+FFFD), the difference between upper and lower case in the names of fields that are read,
// and, in a field of type any, everything but the types that JSON itself has. NaN and infinities are
// errors.
func JSON[T any]() core.ValueFormat[T, T] {
	return &jsonFormat[T]{encoders: sync.Pool{New: func() any { return newJSONEncoder[T]() }}}
}

type jsonFormat[T any] struct{ encoders sync.Pool }

var (
	_ core.ValueFormat[any, any] = (*jsonFormat[any])(nil)
	_ core.Reuser[any]           = (*jsonFormat[any])(nil)
)

// ID returns "json".
func (f *jsonFormat[T]) ID() string { return "json" }

// Append appends the JSON of v, on one line. The arguments may be reused when the call returns.
func (f *jsonFormat[T]) Append(dst []byte, v T) ([]byte, error) {
	e := f.encoders.Get().(*jsonEncoder[T])
	result, err := e.append(dst, v)
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

func (e *jsonEncoder[T]) append(dst []byte, v T) ([]byte, error) {
	e.out, e.value = dst, v
	if err := e.json.Encode(&e.value); err != nil {
		return nil, err
	}
	var zero T
	out := e.out[:len(e.out)-1] // without the newline
	e.out, e.value = nil, zero
	return out, nil
}
