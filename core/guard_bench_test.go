// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core

import (
	"context"
	"testing"
)

func BenchmarkGuard(b *testing.B) {
	b.Run("engine alone", func(b *testing.B) {
		var e Engine = &oneRow{value: make([]byte, 64)}
		key := make([]byte, 9)
		for b.Loop() {
			_, r, _ := e.Get(context.Background(), key)
			r.Release()
		}
	})
	b.Run("bytes", func(b *testing.B) { benchGuard(b, func(v []byte) []byte { return v }) })
	b.Run("int", func(b *testing.B) { benchGuard(b, func(v []byte) int { return len(v) }) })
	b.Run("32 bytes", func(b *testing.B) {
		benchGuard(b, func(v []byte) view32 { return view32{row: v, at: 1} })
	})
	b.Run("40 bytes", func(b *testing.B) {
		benchGuard(b, func(v []byte) view40 { return view40{row: v, more: [2]int{len(v)}} })
	})
}

func benchGuard[W any](b *testing.B, view func([]byte) W) {
	t := fakeTable(view)
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		g, err := t.Get(ctx, 1)
		if err != nil {
			b.Fatal(err)
		}
		_ = g.Value()
		g.Close()
	}
}
