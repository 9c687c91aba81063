// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

// Package archivetest tests the code that guardkv-archive generates. The generator writes a
// test that calls it.
package archivetest

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/formattest"
	"github.com/guardkv/guardkv/formats/archive"
)

// Run tests that values survive being stored, that no bytes make a view panic or show anything
// outside its record, and whatever else a format promises. It makes the values from the schema.
func Run[T any, W archive.Archived[T, W]](t *testing.T) {
	t.Helper()
	f, values := subject[T, W](t)
	var view W
	// a struct without fields, or of what encodes itself, has but one record here
	if len(values) > 1 {
		formattest.RunWith(t, f,
			formattest.Extras[T, W]{Borrows: true, Value: view.Archive().Value}, values...)
	}
	t.Run("Records", func(t *testing.T) {
		for i, b := range made[T, W](t) {
			sameAgain(t, f, b)
			walkDamaged(t, f, b, uint64(i))
		}
	})
}

// Fuzz tests reading bytes that the fuzzer makes, at all alignments and between different
// neighbors. Either the bytes are refused, or all accessors of the view work and show the same
// wherever the bytes lie.
func Fuzz[T any, W archive.Archived[T, W]](f *testing.F) {
	f.Helper()
	format := archive.New[T, W]()
	for _, b := range made[T, W](f) {
		f.Add(b)
		f.Add(b[:len(b)/2])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var first []byte
		for shift := range 8 {
			again, err := readAt(format, b, shift)
			if err != nil {
				if shift > 0 && first != nil || !errors.Is(err, core.ErrCorrupt) && !errors.Is(err,
					core.ErrFormatMismatch) {
					t.Fatalf("%x, %d bytes behind a multiple of 8: %v", b, shift, err)
				}
				continue
			}
			if shift > 0 && !bytes.Equal(first, again) {
				t.Fatalf("%x reads as what is stored as %x, and %d bytes further on as what is stored as %x", b, first, shift, again)
			}
			first = again
		}
	})
}

// readAt reads all of the bytes at an alignment, and returns the encoding of the value that
// they show.
func readAt[T any, W archive.Archived[T, W]](f core.ValueFormat[T, W], b []byte,
	shift int,
) ([]byte, error) {
	const around = 16
	all := bytes.Repeat([]byte{byte(shift * 37)}, around+shift+len(b)+around)
	inside := all[around+shift : around+shift+len(b) : around+shift+len(b)]
	copy(inside, b)
	w, err := f.View(inside)
	if err != nil {
		return nil, err
	}
	Walk(w)
	return f.Append([]byte{}, w.Archive().Value(w))
}

// walkDamaged walks the damaged records that are accepted.
func walkDamaged[T any, W archive.Archived[T, W]](t *testing.T, f core.ValueFormat[T, W], b []byte,
	seed uint64,
) {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 2))
	for range 200 {
		c := slices.Clip(bytes.Clone(b))
		for range 1 + r.IntN(2) {
			c[r.IntN(len(c))] = byte(r.Uint32())
		}
		func() {
			defer func() {
				if p := recover(); p != nil {
					t.Errorf("%x was accepted, and then: %v", c, p)
				}
			}()
			if w, err := f.View(c); err == nil {
				Walk(w)
			}
		}()
	}
}

// made returns records that are made without the encoder.
func made[T any, W archive.Archived[T, W]](tb testing.TB) [][]byte {
	tb.Helper()
	var view W
	codec := view.Archive()
	all, err := records(codec.Schema, codec.Type)
	if err != nil {
		tb.Fatal(err)
	}
	return all
}

// subject returns the format, and values that are made from its schema.
func subject[T any, W archive.Archived[T, W]](tb testing.TB) (core.ValueFormat[T, W], []T) {
	tb.Helper()
	return archive.New[T, W](), Values[T, W](tb)
}

// Values returns values of T that are made from its schema: an empty one, small ones, and rich
// ones.
func Values[T any, W archive.Archived[T, W]](tb testing.TB) []T {
	tb.Helper()
	f := archive.New[T, W]()
	var view W
	value := view.Archive().Value
	var values []T
	for _, b := range made[T, W](tb) {
		w, err := f.View(b)
		if err != nil {
			tb.Fatalf("%x: %v", b, err)
		}
		values = append(values, value(w))
	}
	return values
}

// sameAgain tests that a record is the encoding of the value that it shows.
func sameAgain[T any, W archive.Archived[T, W]](t *testing.T, f core.ValueFormat[T, W], b []byte) {
	t.Helper()
	w, err := f.View(b)
	if err != nil {
		t.Fatal(err)
	}
	again, err := f.Append(nil, w.Archive().Value(w))
	if err != nil || !bytes.Equal(again, b) {
		t.Errorf("%x reads as %+v, which is encoded as %x (error %v)",
			b, w.Archive().Value(w), slices.Clip(again), err)
	}
}
