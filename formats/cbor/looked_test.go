// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package cbor

import (
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/guardkv/guardkv/core"
)

func looks[T any](opts ...Option) bool { return New[T](opts...).(*format[T]).looked }

type chain struct {
	N    int
	Next *chain
}

// What is encoded is looked through if its type leaves anything to be found, and not otherwise:
// that took longer than encoding.
func TestLooked(t *testing.T) {
	type numbers struct {
		A int64
		B []float64
		C map[int]uint8
		D [4]bool
		E []byte
		F *time.Time
		G *big.Int
		H struct{ X, Y float32 }
	}
	for name, c := range map[string]struct{ got, want bool }{
		"numbers":             {looks[numbers](), false},
		"a list of them":      {looks[[]numbers](), false},
		"more levels":         {looks[[][][][][]numbers](WithMaxNesting(4)), true},
		"text":                {looks[struct{ A string }](), true},
		"text in a map":       {looks[map[int]string](), true},
		"text as keys":        {looks[map[string]int](), true},
		"anything":            {looks[struct{ A any }](), true},
		"floats as keys":      {looks[map[float64]int](), true},
		"floats in keys":      {looks[map[[2]float64]int](), true},
		"structs as keys":     {looks[map[struct{ A, B int }]int](), false},
		"something recursive": {looks[chain](), true},
	} {
		if c.got != c.want {
			t.Errorf("%s: looked through: %v, want %v", name, c.got, c.want)
		}
	}
}

// What is not looked through keeps to the limits all the same.
func TestNotLookedIsBounded(t *testing.T) {
	if _, err := New[[]int8](WithMaxElements(16)).Append(nil, make([]int8, 17)); !errors.Is(err,
		core.ErrTooLarge) {
		t.Errorf("17 elements: error %v, want ErrTooLarge", err)
	}
	if _, err := New[[]int8](WithMaxElements(16)).Append(nil, make([]int8, 16)); err != nil {
		t.Errorf("16 elements: error %v", err)
	}
}

// Text is looked at eight bytes at a time, up to lengths that take a longer head: wherever a
// byte is, it is seen.
func TestTextIsLookedThrough(t *testing.T) {
	f := New[[]string]()
	for n := range 300 {
		good := strings.Repeat("a", n)
		if b, err := f.Append(nil, []string{good, "λ" + good, good}); err != nil {
			t.Fatalf("%d bytes: %v", n, err)
		} else if got, err := f.View(b); err != nil || len(got) != 3 {
			t.Fatalf("%d bytes: %v, error %v", n, got, err)
		}
		for at := range n {
			bad := good[:at] + "\xff" + good[at+1:]
			if _, err := f.Append(nil, []string{"", bad, "a"}); err == nil {
				t.Fatalf("byte %d of %d is not UTF-8: no error", at, n)
			}
		}
	}
}
