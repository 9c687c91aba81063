// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package gob_test

import (
	"bytes"
	"math"
	"reflect"
	"testing"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/formattest"
	gobformat "github.com/guardkv/guardkv/formats/gob"
)

// FuzzFormat knows that maps are encoded in any order, and that the fuzzer finds values with NaN.
func FuzzFormat(f *testing.F) {
	formattest.FuzzWith(f, gobformat.New[company](), fuzzed[company](), companies...)
}

func FuzzFormatDynamic(f *testing.F) {
	formattest.FuzzWith(f, gobformat.New[shape](), fuzzed[shape](), shapes...)
}

func fuzzed[T any]() formattest.Extras[T, T] {
	same := func(a, b T) bool { return sameParts(reflect.ValueOf(&a), reflect.ValueOf(&b)) }
	return formattest.Extras[T, T]{Varies: true, Same: same}
}

// sameParts is reflect.DeepEqual, but NaN is the same as NaN.
func sameParts(a, b reflect.Value) bool {
	if a.IsValid() != b.IsValid() || a.IsValid() && a.Type() != b.Type() {
		return false
	}
	switch a.Kind() {
	case reflect.Float32, reflect.Float64:
		return sameFloat(a.Float(), b.Float())
	case reflect.Complex64, reflect.Complex128:
		x, y := a.Complex(), b.Complex()
		return sameFloat(real(x), real(y)) && sameFloat(imag(x), imag(y))
	case reflect.Pointer, reflect.Interface:
		return sameParts(a.Elem(), b.Elem())
	case reflect.Slice:
		return a.IsNil() == b.IsNil() && a.Len() == b.Len() && sameElements(a, b)
	case reflect.Array:
		return sameElements(a, b)
	case reflect.Map:
		for _, key := range a.MapKeys() {
			if !sameParts(a.MapIndex(key), b.MapIndex(key)) {
				return false
			}
		}
		return a.IsNil() == b.IsNil() && a.Len() == b.Len()
	case reflect.Struct:
		// otherwise it is a time, or a big integer
		if a.NumField() > 0 && a.Type().Field(0).IsExported() {
			for i := range a.NumField() {
				if !sameParts(a.Field(i), b.Field(i)) {
					return false
				}
			}
			return true
		}
	}
	return !a.IsValid() || reflect.DeepEqual(a.Interface(), b.Interface())
}

func sameElements(a, b reflect.Value) bool {
	for i := range a.Len() {
		if !sameParts(a.Index(i), b.Index(i)) {
			return false
		}
	}
	return true
}

func sameFloat(a, b float64) bool { return a == b || math.IsNaN(a) && math.IsNaN(b) }

// FuzzMetadata binds a format to metadata that may be anything. It is refused, or it is kept as
// it is, followed by at most one new description.
func FuzzMetadata(f *testing.F) {
	_, meta1 := bind[order1](f, nil)
	_, meta2 := bind[order2](f, meta1)
	_, meta3 := bind[order3](f, meta2)
	_, other := bind[company](f, nil)
	for _, b := range [][]byte{meta1, meta2, meta3, other, meta3[:len(meta3)/2]} {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, stored []byte) {
		if stored == nil {
			return
		}
		bound, meta, err := core.PowersOf(gobformat.New[order2]()).Bind(stored)
		if err != nil {
			return
		}
		if !bytes.HasPrefix(meta, stored) {
			t.Fatalf("%x became %x", stored, meta)
		}
		want := order2{ID: 7, Paid: true}
		wantRead(t, bound, write(t, bound, want), want)
		for epoch := range byte(4) {
			_, _ = bound.View([]byte{epoch, 1, 1, 1, 0})
			_, _ = bound.View([]byte{epoch, 0, 1, 2, 0})
		}
		if _, again := bind[order2](t, meta); !bytes.Equal(again, meta) {
			t.Fatalf("%x became %x", meta, again)
		}
	})
}
