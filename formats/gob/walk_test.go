// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package gob_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/guardkv/guardkv/core"
)

// What is wrong with the lengths and steps of a row is found before gob sees it. A walk without
// these checks left the decision to gob, which goes on behind the bytes that an interface says
// it has, or blamed the memory that a count asks for, so that the error advised to raise
// WithMaxMemory for a row that no memory makes readable.
func TestWalkFindsWrongLengths(t *testing.T) {
	huge := slices.Concat([]byte{0xf8, 0x40}, make([]byte, 7))               // 1 << 62
	backwards := slices.Concat([]byte{0xf8}, slices.Repeat([]byte{0xff}, 8)) // a step of -1
	type two struct{ A, B int }
	type list struct{ L []int }
	type table struct{ M map[int]int }
	type array struct{ A [2]int }
	wantWrong(t, "elements", list{[]int{5}}, slices.Concat([]byte{1, 1}, huge, []byte{10, 0}))
	wantWrong(t, "one element too many", list{[]int{5}}, []byte{1, 1, 3, 10, 0})
	wantWrong(t, "rows",
		table{map[int]int{5: 6}}, slices.Concat([]byte{1, 1}, huge, []byte{10, 12, 0}))
	wantWrong(t, "a short array", array{[2]int{5, 6}}, []byte{1, 1, 1, 10, 12, 0})
	wantWrong(t, "a long array", array{[2]int{5, 6}}, []byte{1, 1, 3, 10, 12, 0})
	wantWrong(t, "a step back",
		two{5, 6}, slices.Concat([]byte{1, 1, 10, 1, 12}, backwards, []byte{12, 0}))
	wantWrong(t, "a step too far", two{5, 6}, []byte{1, 3, 10, 0})
	wantWrong(t, "bytes left in an interface",
		any(1), slices.Concat([]byte{1, 0, 0}, anyInt[:5], []byte{3, 0, 2, 0}))
	wantWrong(t, "bytes missing in an interface",
		any(1), slices.Concat([]byte{1, 0, 0}, anyInt[:5], []byte{1, 0, 2}))
}

// wantWrong reads b, which is almost the encoding of v.
func wantWrong[T any](t *testing.T, name string, v T, b []byte) {
	t.Helper()
	f, _ := bind[T](t, nil)
	got, err := f.View(b)
	if !errors.Is(err, core.ErrCorrupt) || !strings.Contains(err.Error(),
		"it is not an encoding of this type") {
		t.Errorf("%s: %x, which is almost %x, is read as %v, error %v",
			name, b, write(t, f, v), got, err)
	}
}
