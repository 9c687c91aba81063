// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

//go:build !race

package archive_test

import (
	"testing"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/formats/archive"
	"github.com/guardkv/guardkv/formats/archive/archivetest"
	"github.com/guardkv/guardkv/formats/archive/internal/kinds"
)

// The race detector empties pools at random, so this is counted without it.
func TestAllocations(t *testing.T) {
	f, v := filings(), filing(20<<10)
	bound, _, err := core.PowersOf(f).Bind(nil)
	if err != nil {
		t.Fatal(err)
	}
	trusted := core.PowersOf(bound).ViewTrusted
	stored := filingBytes(t, 20<<10)
	broken := stored[:100:100]
	n := nodes()
	everything := archive.New[kinds.Everything, kinds.EverythingView]()
	values := archivetest.Values[kinds.Everything, kinds.EverythingView](t)
	rich := values[len(values)-3]
	richBytes := encoded(t, everything, rich)
	one := tree()
	nodeBytes := encoded(t, n, one)
	dst := make([]byte, 0, 1<<16)
	for _, c := range []struct {
		name string
		most float64
		run  func() error
	}{
		{"append", 0, func() error { _, err := f.Append(dst, v); return err }},
		{"append after Bind", 0, func() error { _, err := bound.Append(dst, v); return err }},
		{"append maps and trees", 0, func() error { _, err := n.Append(dst, one); return err }},
		{"view", 0, func() error { w, err := f.View(stored); sink += walk(w); return err }},
		{
			"view after Bind",
			0, func() error { w, err := bound.View(stored); sink += walk(w); return err },
		},
		{
			"view trusted",
			0, func() error { w, err := trusted(stored); sink += walk(w); return err },
		},
		{"view of everything", 0, func() error {
			w, err := everything.View(richBytes)
			sink += len(w.String())
			return err
		}},
		{"look-up in a map", 0, func() error {
			w, err := n.View(nodeBytes)
			x, ok := w.ByName().Get("x")
			if !ok {
				t.Error("x is not found")
			}
			sink += len(x.Name())
			return err
		}},
		{"view what is broken: the error", 10, func() error {
			if _, err := f.View(broken); err == nil {
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
