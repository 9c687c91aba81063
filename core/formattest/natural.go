// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package formattest

import (
	"bytes"
	"cmp"
	"math"
	"reflect"
	"time"
)

// naturalOrder returns the order of a type, or nil if it has none that everybody would agree on.
func naturalOrder(t reflect.Type) func(a, b any) int {
	if t == reflect.TypeFor[time.Time]() {
		return func(a, b any) int { return a.(time.Time).Compare(b.(time.Time)) }
	}
	switch {
	case t.Kind() == reflect.Bool:
		return by(func(a, b reflect.Value) int { return boolOrder(a.Bool(), b.Bool()) })
	case reflect.Int <= t.Kind() && t.Kind() <= reflect.Int64:
		return by(func(a, b reflect.Value) int { return cmp.Compare(a.Int(), b.Int()) })
	case reflect.Uint <= t.Kind() && t.Kind() <= reflect.Uintptr:
		return by(func(a, b reflect.Value) int { return cmp.Compare(a.Uint(), b.Uint()) })
	case t.Kind() == reflect.Float32, t.Kind() == reflect.Float64:
		return by(func(a, b reflect.Value) int { return floatOrder(a.Float(), b.Float()) })
	case t.Kind() == reflect.String:
		return by(func(a, b reflect.Value) int { return cmp.Compare(a.String(), b.String()) })
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8:
		return by(func(a, b reflect.Value) int { return bytes.Compare(a.Bytes(), b.Bytes()) })
	case t.Kind() == reflect.Array && t.Elem().Kind() == reflect.Uint8:
		return by(arrayOrder)
	}
	return nil
}

func by(compare func(a, b reflect.Value) int) func(a, b any) int {
	return func(a, b any) int { return compare(reflect.ValueOf(a), reflect.ValueOf(b)) }
}

func boolOrder(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// floatOrder is that of keys: -0 equals +0, and there is one NaN, which is last.
func floatOrder(a, b float64) int {
	if math.IsNaN(a) || math.IsNaN(b) {
		return boolOrder(math.IsNaN(a), math.IsNaN(b))
	}
	return cmp.Compare(a, b)
}

func arrayOrder(a, b reflect.Value) int {
	for i := range a.Len() {
		if c := cmp.Compare(a.Index(i).Uint(), b.Index(i).Uint()); c != 0 {
			return c
		}
	}
	return 0
}

// keyText returns the text of keys that are strings or bytes, the only ones with prefixes. It is
// nil for other types.
func keyText(t reflect.Type) func(k any) string {
	switch {
	case t.Kind() == reflect.String:
		return func(k any) string { return reflect.ValueOf(k).String() }
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8:
		return func(k any) string { return string(reflect.ValueOf(k).Bytes()) }
	}
	return nil
}
