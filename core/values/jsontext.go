// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package values

import (
	"bytes"
	"encoding"
	"errors"
	"reflect"
	"unicode/utf8"
)

var errJSONText = errors.New("a string is not UTF-8, and JSON has no others; store bytes as []byte")

// replacement is what encoding/json writes for bytes that are not UTF-8. A U+FFFD that was in
// the string is written as it is.
var replacement = []byte(`\ufffd`)

// replaced reports whether something may have been replaced. A method of the type may have
// written the same bytes.
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

// checkJSONText returns an error if a string in v, which has been encoded, is not UTF-8.
func checkJSONText(v reflect.Value) error {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return nil
		}
		return checkJSONText(v.Elem())
	}
	if v.CanInterface() && encodesItself(v.Type()) {
		return checkOwnText(v)
	}
	switch v.Kind() {
	case reflect.String:
		return validText(v.String())
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); (f.IsExported() || f.Anonymous) && f.Tag.Get("json") != "-" {
				if err := checkJSONText(v.Field(i)); err != nil {
					return err
				}
			}
		}
	case reflect.Map:
		for pairs := v.MapRange(); pairs.Next(); {
			if err := errors.Join(checkTextKey(pairs.Key()),
				checkJSONText(pairs.Value())); err != nil {
				return err
			}
		}
	case reflect.Slice, reflect.Array:
		if !mayHoldText(v.Type().Elem()) {
			return nil
		}
		for i := range v.Len() {
			if err := checkJSONText(v.Index(i)); err != nil {
				return err
			}
		}
	}
	return nil
}

func mayHoldText(t reflect.Type) bool {
	return t.Kind() >= reflect.Array && t.Kind() != reflect.UnsafePointer || encodesItself(t)
}

// checkTextKey is for keys of maps. Strings are written as they are, whatever methods they
// have.
func checkTextKey(key reflect.Value) error {
	if key.Kind() == reflect.String {
		return validText(key.String())
	}
	return checkJSONText(key)
}

// checkOwnText checks the text that a type's own method returns. It does not check JSON that a
// type writes itself.
func checkOwnText(v reflect.Value) error {
	if v.CanAddr() {
		v = v.Addr()
	}
	if v.Type().Implements(typeJSONOut) {
		return nil
	}
	m, ok := v.Interface().(encoding.TextMarshaler)
	if !ok {
		return nil
	}
	text, err := m.MarshalText()
	if err != nil {
		return err
	}
	return validText(string(text))
}

func validText(s string) error {
	if !utf8.ValidString(s) {
		return errJSONText
	}
	return nil
}
