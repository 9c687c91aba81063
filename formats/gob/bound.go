// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package gob

import (
	"encoding/binary"
	"fmt"
	"reflect"

	"github.com/guardkv/guardkv/core"
)

// bound is the format for one table. Each value starts with the number of an epoch, which is
// one description of T, counted from 1. If nothing follows the number, the value is nil, and T
// has to be a pointer.
type bound[T any] struct {
	limits   limits
	epochs   []*epoch
	current  *epoch // whose values are written
	encoders encoders[T]
	names    registered
}

// epoch is one description of T.
type epoch struct {
	record
	number   uint64
	plan     *plan
	decoders decoders
}

// maxEpoch is more than the number of descriptions that any table will have: a greater number
// was never written.
const maxEpoch = 1 << 16

// newBound returns the format that writes values of one record and reads those of all.
func newBound[T any](l limits, records []record, current int) (*bound[T], error) {
	b := &bound[T]{limits: l}
	b.encoders.prepare()
	for i, r := range records {
		p, err := newPlan(r.types, reflect.TypeFor[T]())
		if err != nil {
			return nil, err
		}
		e := &epoch{record: r, number: uint64(i) + 1, plan: p}
		e.decoders.root, e.decoders.preamble = r.types.root, r.types.messages()
		b.epochs = append(b.epochs, e)
	}
	b.current = b.epochs[current]
	return b, nil
}

// ID returns "gob/1".
func (b *bound[T]) ID() string { return formatID }

// Powers returns that the format decodes copies.
func (b *bound[T]) Powers() core.FormatPowers[T, T] { return core.FormatPowers[T, T]{Owns: true} }

// Append appends the encoding of v. The arguments may be reused when the call returns.
func (b *bound[T]) Append(dst []byte, v T) ([]byte, error) {
	result := binary.AppendUvarint(dst, b.current.number)
	start := len(result)
	isNil, err := pointsNowhere(v)
	switch {
	case err != nil:
		return nil, cannotEncode[T](err)
	case isNil:
		return result, nil
	case b.current.stored == storedPrimed:
		result, err = b.encoders.append(result, v)
	default:
		result, err = b.appendDynamic(result, v)
	}
	if err != nil {
		return nil, cannotEncode[T](err)
	}
	if _, err := b.look(b.current, result[start:]); err != nil {
		return nil, cannotEncode[T](fmt.Errorf("it could not be read again: %w", err))
	}
	return result, nil
}

// pointsNowhere reports whether v is a nil pointer. When it is read, it looks the same as a
// pointer to a nil pointer.
func pointsNowhere[T any](v T) (bool, error) {
	if reflect.TypeFor[T]().Kind() != reflect.Pointer {
		return false, nil
	}
	p := reflect.ValueOf(v)
	if p.IsNil() {
		return true, nil
	}
	for p = p.Elem(); p.Kind() == reflect.Pointer; p = p.Elem() {
		if p.IsNil() {
			return false, errNilInPtr
		}
	}
	return false, nil
}

// View decodes b. The value is a copy and may be kept.
//
// There is no ViewInto. It could reuse nothing that T refers to, and the next row would change
// a value that refers to itself, such as a tree with parents.
func (b *bound[T]) View(stored []byte) (T, error) {
	var v, zero T
	if err := b.view(stored, &v); err != nil {
		return zero, cannotDecode[T](err)
	}
	return v, nil
}

func (b *bound[T]) view(stored []byte, v *T) error {
	number, size := binary.Uvarint(stored)
	if size <= 0 || number == 0 || number > maxEpoch || size > 1 && stored[size-1] == 0 {
		return errNoEpoch
	}
	if number > uint64(len(b.epochs)) {
		return fmt.Errorf("%w: it follows description %d of the type, and %d are known; %s",
			core.ErrFormatMismatch, number, len(b.epochs), adviceNewer)
	}
	e, body := b.epochs[number-1], stored[size:]
	if len(body) == 0 {
		if reflect.TypeFor[T]().Kind() != reflect.Pointer {
			return errEmpty
		}
		return nil
	}
	value, err := b.look(e, body)
	if err != nil {
		return err
	}
	if value.decoders == nil {
		value.decoders = &e.decoders
	}
	if err := value.decoders.decode(value.payload, v); err != nil {
		return refusal(err)
	}
	return nil
}

// found is a value that was walked over.
type found struct {
	payload  []byte
	decoders *decoders // nil if those of the epoch suffice
}

// look finds the bytes of a value that gob can be given, and walks over them.
func (b *bound[T]) look(e *epoch, body []byte) (found, error) {
	w := walk{budget: b.limits.budget(len(body))}
	if e.stored == storedPrimed {
		w.b = body
		return found{payload: body}, w.whole(e.plan)
	}
	return b.lookDynamic(e, w, body)
}

var _ core.ValueFormat[any, any] = (*bound[any])(nil)
