// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package cbor

import (
	"bytes"
	"reflect"
	"sync"
	"unsafe"

	"github.com/fxamacker/cbor/v2"
)

// encoder encodes without allocating: the library gets a pointer to a pooled value, and a
// pooled buffer that is made of the caller's slice.
type encoder[T any] struct {
	mode cbor.UserBufferEncMode
	walk *walker // nil if no value can be nested more deeply than its type is
	// where the text is that may keep a value from being read again; nil if other things may too
	texts *texts
	pool  sync.Pool
}

type scratch[T any] struct {
	value  T
	buffer bytes.Buffer
}

func newEncoder[T any](mode cbor.UserBufferEncMode, l limits) *encoder[T] {
	return &encoder[T]{
		mode: mode, walk: newWalker(reflect.TypeFor[T](), l),
		pool: sync.Pool{New: func() any { return new(scratch[T]) }},
	}
}

// append appends the encoding of v, which it does not keep. sound says that the encoding can be
// read again, provided that it is within the limit on elements; if sound is false, this is not
// known.
func (e *encoder[T]) append(dst []byte, v *T) (result []byte, sound bool, err error) {
	s := e.pool.Get().(*scratch[T])
	s.value, s.buffer = *v, *bytes.NewBuffer(dst)
	if e.walk != nil {
		if err := e.walk.value(reflect.ValueOf(&s.value).Elem()); err != nil {
			return nil, false, err
		}
	}
	if err := e.mode.MarshalToBuffer(&s.value, &s.buffer); err != nil {
		return nil, false, err
	}
	result = s.buffer.Bytes()
	sound = e.texts != nil && e.texts.valid(unsafe.Pointer(&s.value))
	*s = scratch[T]{} // the pool must keep neither the value nor dst alive
	e.pool.Put(s)     // not after an error or a panic in a method of T
	return result, sound, nil
}
