// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package cbor

import (
	"fmt"

	"github.com/guardkv/guardkv/core"
)

// New returns a format that stores values of type T as CBOR. T may be a pointer: every read then makes a new value,
// and nil is stored as null.
func New[T any](opts ...Option) core.ValueFormat[T, T] {
	l := newLimits(opts)
	return &format[T]{limits: l, dec: newDecoder[T](l), enc: newEncoder[T](valueEncMode())}
}

type format[T any] struct {
	limits limits
	dec    *decoder
	enc    *encoder[T]
}

var _ core.ValueFormat[any, any] = (*format[any])(nil)

// ID returns "cbor/1".
func (f *format[T]) ID() string { return "cbor/1" }

// Append appends the encoding of v. The arguments may be reused when the call returns.
func (f *format[T]) Append(dst []byte, v T) ([]byte, error) {
	result, err := f.enc.append(dst, v)
	if err != nil {
		return nil, cannotEncode[T](err)
	}
	if err := f.readable(result[len(dst):]); err != nil {
		return nil, cannotEncode[T](fmt.Errorf("it could not be read again: %w", err))
	}
	return result, nil
}

// readable reports why View would not read b, which was just encoded.
func (f *format[T]) readable(b []byte) error {
	if s := (scan{b: b, limits: f.limits}); s.all() {
		return f.dec.check(b)
	}
	return f.dec.decode(b, new(T))
}

// View decodes b. The value is a copy and may be kept.
//
// There is no ViewInto. It would save the allocation of T, 2 % of the time, and could reuse nothing that T refers to; and a
// value that refers to itself, as a tree with parents does, would then be changed by the next row.
func (f *format[T]) View(b []byte) (T, error) {
	var v, zero T
	if err := f.dec.decode(b, &v); err != nil {
		return zero, cannotDecode[T](err)
	}
	return v, nil
}
