// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package cbor

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"

	"github.com/guardkv/guardkv/core"
)

// New returns a format that stores values of type T as CBOR. T may be a pointer: every read
// then makes a new value, and nil is stored as null.
//
// If something of a T would be lost, [core.OpenTable] and writes return an error that says
// which part of the type is to blame: see the package documentation.
func New[T any](opts ...Option) core.ValueFormat[T, T] {
	o := newOptions(opts)
	l := o.limits
	own, err := checkValueType[T](l)
	if errors.Is(err, errPointsToItself) {
		return &format[T]{limits: l, unfit: err, endless: true}
	}
	f := &format[T]{
		limits: l, dec: newDecoder[T](l), enc: newEncoder[T](l.valueEncMode(), l),
		unfit: err, own: own,
		removed: o.removed, retyped: o.retyped,
	}
	f.looked = f.dec.plan.looked(l)
	if f.looked && err == nil && !own {
		f.enc.texts = textsOf(f.dec.plan, reflect.TypeFor[T](), l)
	}
	return f
}

type format[T any] struct {
	limits  limits
	dec     *decoder
	enc     *encoder[T]
	unfit   error // why values of T would not be read as they were written
	endless bool  // whether T leads only to itself, so that the library would never return
	looked  bool  // whether what is encoded has to be looked through
	own     bool  // whether methods of T, or of parts of it, encode and decode

	removed, retyped []string // what the program says of its fields: see Bind
}

var _ core.ValueFormat[any, any] = (*format[any])(nil)

// ID returns "cbor/1", or "cbor-text/1" with [WithText].
func (f *format[T]) ID() string {
	if f.limits.text {
		return "cbor-text/1"
	}
	return "cbor/1"
}

// Powers returns that the format knows whether it fits T, records T with the table, and decodes
// copies.
func (f *format[T]) Powers() core.FormatPowers[T, T] {
	return core.FormatPowers[T, T]{CheckValue: f.CheckValue, Bind: f.Bind, Owns: true}
}

// CheckValue returns an error if something of a T would be lost.
func (f *format[T]) CheckValue() error { return f.unfit }

// Append appends the encoding of v. The arguments may be reused when the call returns.
func (f *format[T]) Append(dst []byte, v T) ([]byte, error) {
	if f.unfit != nil { // CheckValue may not have been called
		return nil, f.unfit
	}
	result, sound, err := f.enc.append(dst, &v)
	if err != nil {
		return nil, cannotEncode[T](err)
	}
	if err := f.readable(result[len(dst):], sound); err != nil {
		return nil, cannotEncode[T](fmt.Errorf("it could not be read again: %w", err))
	}
	return result, nil
}

// readable returns an error if View would not read b, which was just encoded. sound is what the
// encoder reported.
func (f *format[T]) readable(b []byte, sound bool) error {
	if f.own {
		return f.same(b)
	}
	if (sound || !f.looked) && len(b) <= f.limits.elements { // no list has more elements than bytes
		return f.dec.check(b)
	}
	if s := (scan{b: b, limits: f.limits}); s.all() {
		return f.dec.check(b)
	}
	return f.dec.decode(b, new(T))
}

// same returns an error unless decoding b and encoding the result yields b again. It is for
// values that the types' own methods helped to encode: they may refuse what they wrote
// themselves, or read it as something else. If such a method panics, same returns nil and
// leaves the panic to readers: it shows a fault of the method, not of the value.
func (f *format[T]) same(b []byte) (err error) {
	defer func() {
		if recover() != nil {
			err = nil
		}
	}()
	var v T
	if err := f.dec.decode(b, &v); err != nil {
		return err
	}
	again, _, err := f.enc.append(nil, &v)
	if err == nil && !bytes.Equal(again, b) {
		err = errNotSame
	}
	return err
}

var errNotSame = errors.New("what its methods decode is not what they encoded: they have to be " +
	"each other's opposite")

// View decodes b. The value is a copy and may be kept.
//
// There is no ViewInto. It would save only the allocation of T, which is 2 % of the time, and
// could reuse nothing that T refers to. And the next row would change a value that refers to
// itself, such as a tree with parents.
func (f *format[T]) View(b []byte) (T, error) {
	var v, zero T
	if f.endless {
		return zero, fmt.Errorf("%w: %w", core.ErrCorrupt, f.unfit)
	}
	if err := f.dec.decode(b, &v); err != nil {
		return zero, cannotDecode[T](err)
	}
	return v, nil
}

var errPointsToItself = errors.New("a pointer that leads to nothing but itself")
