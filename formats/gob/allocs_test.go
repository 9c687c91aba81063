// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

//go:build !race

package gob_test

import "testing"

// The race detector empties pools at random, so this is counted without it.
func TestAllocations(t *testing.T) {
	type plain struct {
		ID   uint64
		Name string
		Tags []string
	}
	v := plain{7, "a name", []string{"one", "two"}}
	f, _ := bind[plain](t, nil)
	p, _ := bind[*plain](t, nil)
	stored := write(t, f, v)
	dst := make([]byte, 0, 1024)
	for _, c := range []struct {
		name string
		most float64
		run  func() error
	}{
		{"append a struct", 0, func() error { _, err := f.Append(dst, v); return err }},
		{"append a pointer", 0, func() error { _, err := p.Append(dst, &v); return err }},
		{"view a struct", 8, func() error { _, err := f.View(stored); return err }},
		{"view a pointer", 9, func() error { _, err := p.View(stored); return err }},
	} {
		got := testing.AllocsPerRun(200, func() {
			if err := c.run(); err != nil {
				t.Fatal(err)
			}
		})
		if got > c.most {
			t.Errorf("%s: %v allocations, want %v", c.name, got, c.most)
		}
	}
}
