// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"encoding"
	"fmt"
)

// Decoder is a pointer to a type that encodes itself.
type Decoder[T any] interface {
	*T
	encoding.BinaryUnmarshaler
}

// Decode decodes the bytes of a type that encodes itself. It returns zero if there are none, or
// if they cannot be decoded, which no verified record has.
func Decode[T any, P Decoder[T]](b []byte) T {
	var v, none T
	if len(b) > 0 && decode(b, P(&v)) != nil {
		return none
	}
	return v
}

// Decodes returns an error if a type that encodes itself cannot decode the bytes.
func Decodes[T any, P Decoder[T]](b []byte) error { return decode(b, P(new(T))) }

// decode has a type decode itself, and turns its panics into errors.
func decode(b []byte, into encoding.BinaryUnmarshaler) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("it panicked: %v", r)
		}
	}()
	return into.UnmarshalBinary(b)
}

// Encodes is a pointer to a type that encodes itself.
type Encodes[T any] interface {
	*T
	encoding.BinaryMarshaler
}

// PutBinary writes a value of a type that encodes itself.
func PutBinary[T any, P Encodes[T]](e *Encoder, at int, v *T) { putBinary(e, at, P(v), false) }

// PutOptionalBinary writes a value of a type that encodes itself, if v is not nil.
func PutOptionalBinary[T any, P Encodes[T]](e *Encoder, at int, v *T) {
	if v != nil {
		putBinary(e, at, P(v), true)
	}
}

func putBinary(e *Encoder, at int, v encoding.BinaryMarshaler, evenEmpty bool) {
	b, err := v.MarshalBinary()
	if err != nil {
		e.Fail(fmt.Errorf("%T: %w", v, err))
		return
	}
	if (len(b) > 0 || evenEmpty) && e.room(len(b), 1) {
		e.refer(at, len(b))
		e.b = append(e.b, b...)
	}
}
