// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package values

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"sync"

	"github.com/guardkv/guardkv/core"
)

// JSON returns a format that encodes values with encoding/json. T may be a pointer; nil is
// stored as null.
//
// Fields that the stored JSON has and T lacks are ignored, and fields that it lacks are zero,
// so a type can grow. Anything after the value is an error.
//
// So that a renamed field does not silently read as zero, the table records the fields of T and
// their types, and compares T with every type that opened it before, by the rules of package
// [github.com/guardkv/guardkv/core/shape]. If a field has another type, or if one is gone and
// another one of its type is new, OpenTable returns [core.ErrFormatMismatch]. Keep the name of
// a renamed field by a tag, and use [WithRemoved] for one that was removed, or [WithRetyped].
// Programs of several versions may open a table in turn. A table of a GuardKV that recorded
// nothing begins with the first T that opens it. A type that says nothing, such as any or
// map[string]any, is not recorded, and opens every table.
//
// If encoding/json would lose something of a T, [core.OpenTable] refuses T before the table is
// made, and so do writes; the error leads to the part of T that is to blame:
//   - interfaces with methods; channels, functions and complex numbers; keys of maps that are not
//     text;
//   - two fields with one name, whether one hides the other or both are embedded; structs that have
//     only unexported fields; embedded pointers to unexported structs;
//   - types with only one of the methods to encode and decode themselves; values of maps whose
//     methods belong to their pointers, as in map[string]big.Int (use map[string]*big.Int);
//   - structs that are encoded by a method of a struct that they embed, which does not know their
//     other fields, as in struct{ time.Time; Note string }.
//
// Writing these values is an error: strings that are not UTF-8; NaN and infinities; keys of a
// map that are the same text; times whose zone has seconds in its offset, as most had before
// 1900 (use UTC); values that are nested more than 10000 levels deep, or contain themselves,
// for which the error is [core.ErrTooLarge]. The content of a field of type any is checked too:
// all of it must be stored, and since its integers are read as float64, a float64 must hold
// them exactly. Values of types that encode themselves are read and written again before they
// are stored: what their methods cannot read, or read as something else, is an error. (This
// takes twice the time of reading, for all but [time.Time], [math/big.Int] and
// [encoding/json.RawMessage], and finds no difference that these methods do not write.)
//
// What encoding/json does not keep is not kept here either: unexported fields beside exported
// ones; fields with the tag "-"; with omitempty, the difference between nil and empty; the
// difference between upper and lower case in the names of fields that are read; what a pointer
// to a nil pointer, slice or map points to; the end of an array that is read into a shorter
// one; and, in a field of type any, everything except the types that JSON itself has: numbers
// are float64.
func JSON[T any](opts ...JSONOption) core.ValueFormat[T, T] {
	f := &jsonFormat[T]{walker: newJSONWalker(reflect.TypeFor[T]())}
	for _, o := range opts {
		o(&f.options)
	}
	f.own, f.unfit = checkJSON[T]()
	f.encoders.New = func() any { return newJSONEncoder[T]() }
	return f
}

type jsonFormat[T any] struct {
	encoders sync.Pool
	walker   *jsonWalker // nil if no part of a value is to be checked
	unfit    error       // why values of T would not be read back as they were written
	own      bool        // whether methods of T, or of parts of it, encode and decode
	options  jsonOptions
}

var _ core.ValueFormat[any, any] = (*jsonFormat[any])(nil)

// ID returns "json".
func (f *jsonFormat[T]) ID() string { return "json" }

// Powers returns that the format knows whether it fits T, records T with the table, and reads
// into a T that it has read before.
func (f *jsonFormat[T]) Powers() core.FormatPowers[T, T] {
	return core.FormatPowers[T, T]{
		CheckValue: f.CheckValue, Bind: f.Bind,
		ViewInto: f.ViewInto, Owns: true,
	}
}

// CheckValue returns an error if something of a T would be lost.
func (f *jsonFormat[T]) CheckValue() error { return f.unfit }

// Append appends the JSON of v, on one line. The arguments may be reused when the call returns.
func (f *jsonFormat[T]) Append(dst []byte, v T) ([]byte, error) {
	if f.unfit != nil { // CheckValue may not have been called
		return nil, f.unfit
	}
	e := f.encoders.Get().(*jsonEncoder[T])
	result, err := e.append(dst, v, f)
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

// ViewInto decodes b into *w. Nothing of what *w held, or referred to, is reused or changed,
// except *w itself.
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

// jsonEncoder lets encoding/json write straight into the caller's slice, and holds the value so
// that no call has to allocate it.
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

func (e *jsonEncoder[T]) append(dst []byte, v T, f *jsonFormat[T]) ([]byte, error) {
	e.value = v
	unsure := false
	if f.walker != nil {
		var err error
		if unsure, err = f.walker.check(reflect.ValueOf(&e.value).Elem()); err != nil {
			return nil, err
		}
	}
	out, err := e.encode(dst)
	if err != nil {
		return nil, err
	}
	b := out[len(dst):]
	if replaced(b) {
		if err := checkJSONText(reflect.ValueOf(&e.value).Elem()); err != nil {
			return nil, err
		}
	}
	if f.own || unsure {
		if err := readsAgain[T](b, f.own); err != nil {
			return nil, err
		}
	}
	var zero T
	e.value = zero
	return out, nil
}

// encode appends the value.
func (e *jsonEncoder[T]) encode(dst []byte) ([]byte, error) {
	e.out = dst
	err := e.json.Encode(&e.value)
	out := e.out
	e.out = nil
	if err != nil {
		return nil, err
	}
	return out[:len(out)-1], nil // without the newline
}

// readsAgain decodes b, which was just encoded. If the types' own methods helped to encode it,
// readsAgain also encodes the result: the methods may refuse what they wrote themselves, or
// read it as something else. If a method panics, readsAgain returns nil and leaves the panic to
// readers: it shows a fault of the method, not of the value.
func readsAgain[T any](b []byte, own bool) (err error) {
	defer func() {
		if recover() != nil {
			err = nil
		}
	}()
	if deepest(b) > maxJSONLevels {
		return errJSONTooDeep
	}
	e := newJSONEncoder[T]()
	if err := json.Unmarshal(b, &e.value); err != nil {
		return fmt.Errorf("it could not be read again: %w", err)
	}
	if !own {
		return nil
	}
	again, err := e.encode(nil)
	if err != nil {
		return fmt.Errorf("it could not be written again when it was read: %w", err)
	}
	if !sameJSON(b, again) {
		return errNotSame
	}
	return nil
}

var errNotSame = errors.New("what its methods decode is not what they encoded: they have to be " +
	"each other's opposite")
