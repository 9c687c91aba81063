// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package values

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"unicode/utf8"

	"github.com/guardkv/guardkv/core"
)

// jsonWalk goes through a value. encoding/json calls itself for each level: a list of a million nodes takes the process
// down, and one of ten thousand is stored and never read, for that is where decoding ends.
type jsonWalk struct {
	levels, steps int  // how many more are allowed
	text          bool // whether to look at strings
}

const maxJSONLevels = 10_000

var (
	errJSONTooDeep = fmt.Errorf("%w: it is nested more than %d levels deep, or contains itself", core.ErrTooLarge, maxJSONLevels)
	errJSONText    = errors.New("a string is not UTF-8, and JSON has no others; store bytes as []byte")
)

// newJSONWalk allows more steps than levels: pointers and interfaces are none.
func newJSONWalk(text bool) jsonWalk { return jsonWalk{maxJSONLevels, 8 * maxJSONLevels, text} }

func (w jsonWalk) value(v reflect.Value) error {
	if w.steps--; w.steps < 0 {
		return errJSONTooDeep
	}
	switch v.Kind() {
	case reflect.String:
		if w.text && !utf8.ValidString(v.String()) {
			return errJSONText
		}
		return nil
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return nil
		}
		return w.value(v.Elem())
	case reflect.Struct, reflect.Slice, reflect.Array, reflect.Map:
	default:
		return nil
	}
	if t := v.Type(); jsonKnown[t] || reflect.PointerTo(t).Implements(typeJSONOut) || reflect.PointerTo(t).Implements(typeTextOut) {
		return nil
	}
	if w.levels--; w.levels < 0 {
		return errJSONTooDeep
	}
	return w.parts(v)
}

func (w jsonWalk) parts(v reflect.Value) error {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if part := v.Field(i); w.within(part.Type()) && v.Type().Field(i).Tag.Get("json") != "-" {
				if err := w.value(part); err != nil {
					return err
				}
			}
		}
	case reflect.Map:
		if !w.text && !w.within(v.Type().Elem()) {
			return nil
		}
		for pairs := v.MapRange(); pairs.Next(); {
			if err := errors.Join(w.value(pairs.Key()), w.value(pairs.Value())); err != nil {
				return err
			}
		}
	default:
		if !w.within(v.Type().Elem()) {
			return nil
		}
		for i := range v.Len() {
			if err := w.value(v.Index(i)); err != nil {
				return err
			}
		}
	}
	return nil
}

// within reports whether there may be something to be found in a part of a type.
func (w jsonWalk) within(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.String:
		return w.text
	case reflect.Pointer, reflect.Interface, reflect.Struct, reflect.Slice, reflect.Array, reflect.Map:
		return true
	}
	return false
}

// replacement is what encoding/json writes for what is not UTF-8. A U+FFFD that was in a string is written as it is.
var replacement = []byte(`\ufffd`)

// replaced reports whether something may have been replaced: a method of the type may have written the same.
func replaced(b []byte) bool {
	for {
		at := bytes.Index(b, replacement)
		if at < 0 {
			return false
		}
		escapes := len(b[:at]) - len(bytes.TrimRight(b[:at], `\`))
		if escapes%2 == 0 {
			return true
		}
		b = b[at+len(replacement):]
	}
}
