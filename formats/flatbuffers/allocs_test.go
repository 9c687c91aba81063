// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

//go:build !race

package flatbuffers_test

import (
	"testing"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/formats/flatbuffers"
	"github.com/guardkv/guardkv/formats/flatbuffers/internal/testfb"
)

var sink int

// The race detector empties pools at random, so this is counted without it.
func TestAllocations(t *testing.T) {
	v := full(3)
	zoo, raw := newZoo(), flatbuffers.Raw[testfb.Animal](testfb.Schema)
	bound, _, err := core.PowersOf(zoo).Bind(nil)
	if err != nil {
		t.Fatal(err)
	}
	trusted := core.PowersOf(bound).ViewTrusted
	stored := packed(t, v)
	broken := packed(t, v)[:100]
	dst := make([]byte, 0, 8192)
	for _, c := range []struct {
		name string
		most float64
		run  func() error
	}{
		{"append", 0, func() error { _, err := zoo.Append(dst, v); return err }},
		{"append after Bind", 0, func() error { _, err := bound.Append(dst, v); return err }},
		{"append raw", 0, func() error { _, err := raw.Append(dst, stored); return err }},
		{"view", 0, func() error { w, err := zoo.View(stored); sink += len(w.Name()); return err }},
		{
			"view after Bind",
			0, func() error { w, err := bound.View(stored); sink += len(w.Name()); return err },
		},
		{"view trusted", 0, func() error {
			w, err := trusted(stored)
			sink += len(w.Name())
			return err
		}},
		{"view what is broken: the error", 10, func() error {
			if _, err := zoo.View(broken); err == nil {
				t.Error("accepted")
			}
			return nil
		}},
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
