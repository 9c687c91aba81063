// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

//go:build !race

package values_test

import (
	"encoding/json"
	"testing"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/values"
)

// The race detector empties pools at random, so this is counted without it.
func TestAllocations(t *testing.T) {
	type plain struct {
		Name string
		Tags []string
		N    float64
	}
	v := plain{"name", []string{"a", "b"}, 1.5}
	j, s, r := values.JSON[plain](), values.String(), values.Bytes()
	dst, text, raw := make([]byte, 0, 4096), "text", []byte("raw")
	encoded, err := j.Append(nil, v)
	if err != nil {
		t.Fatal(err)
	}
	var w, direct plain
	into := core.PowersOf(j).ViewInto
	unmarshal := testing.AllocsPerRun(100,
		func() { direct = plain{}; _ = json.Unmarshal(encoded, &direct) })
	cases := []struct {
		name string
		most float64
		run  func() error
	}{
		{"bytes append", 0, func() error { _, err := r.Append(dst, raw); return err }},
		{"bytes view", 0, func() error { _, err := r.View(raw); return err }},
		{"string append", 0, func() error { _, err := s.Append(dst, text); return err }},
		{"string view", 0, func() error { _, err := s.View(raw); return err }},
		{"json append", 0, func() error { _, err := j.Append(dst, v); return err }},
		{"json view", unmarshal + 1, func() error { _, err := j.View(encoded); return err }},
		{"json view into", unmarshal, func() error { return into(encoded, &w) }},
	}
	for _, c := range cases {
		got := testing.AllocsPerRun(100, func() {
			if err := c.run(); err != nil {
				t.Fatal(err)
			}
		})
		if got > c.most {
			t.Errorf("%s allocates %v times, want %v", c.name, got, c.most)
		}
	}
}
