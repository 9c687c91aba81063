// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

//go:build !race

package cbor_test

import (
	"testing"

	"github.com/guardkv/guardkv/formats/cbor"
)

// The race detector empties pools at random, so this is counted without it.
func TestAllocations(t *testing.T) {
	type plain struct {
		ID   uint64   `cbor:"1,keyasint"`
		Name string   `cbor:"2,keyasint"`
		Tags []string `cbor:"3,keyasint"`
	}
	v := plain{7, "a name", []string{"one", "two"}}
	f, p, k := cbor.New[plain](), cbor.New[*plain](), cbor.Key[plain]()
	n, s := cbor.Key[uint64](), cbor.Key[string]()
	stored, err := f.Append(nil, v)
	if err != nil {
		t.Fatal(err)
	}
	number, err := n.Append(nil, 1<<40)
	if err != nil {
		t.Fatal(err)
	}
	dst := make([]byte, 0, 1024)
	const parts = 5 // the library's decoder, the name, the slice and its two strings
	for _, c := range []struct {
		name string
		want float64
		run  func() error
	}{
		{"append a struct", 0, func() error { _, err := f.Append(dst, v); return err }},
		{"append a pointer", 0, func() error { _, err := p.Append(dst, &v); return err }},
		{"append a struct key", 0, func() error { _, err := k.Append(dst, v); return err }},
		{"append a number key", 0, func() error { _, err := n.Append(dst, 7); return err }},
		{"append a string key", 0, func() error { _, err := s.Append(dst, "text"); return err }},
		{"view a struct", parts + 1, func() error { _, err := f.View(stored); return err }},
		{"view a pointer", parts + 2, func() error { _, err := p.View(stored); return err }},
		{"decode a number key", 1, func() error { _, err := n.Decode(number); return err }},
	} {
		got := testing.AllocsPerRun(200, func() {
			if err := c.run(); err != nil {
				t.Fatal(err)
			}
		})
		if got != c.want {
			t.Errorf("%s: %v allocations, want %v", c.name, got, c.want)
		}
	}
}
