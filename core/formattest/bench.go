// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package formattest

import (
	"bytes"
	"slices"
	"testing"

	"github.com/guardkv/guardkv/core"
)

// Bench measures every way to encode and read the samples, which it takes in turn.
func Bench[V, W any](b *testing.B, f core.ValueFormat[V, W], samples ...V) {
	if bind := core.PowersOf(f).Bind; bind != nil {
		bound, _, err := bind(nil)
		if err != nil {
			b.Fatal(err)
		}
		f = bound
	}
	f, err := inRow(f, testTable, testKey)
	if err != nil {
		b.Fatal(err)
	}
	benchBoth(b, "View", f, samples)
	can := core.PowersOf(f)
	if can.ViewInto != nil {
		var w W
		benchRead(b, "ViewInto", f, samples, func(p []byte) error { return can.ViewInto(p, &w) })
	}
	if can.ViewTrusted != nil {
		benchRead(b, "ViewTrusted",
			f, samples, func(p []byte) error { _, err := can.ViewTrusted(p); return err })
	}
}

// asValue is a key format as a value format.
type asValue[K any] struct{ core.KeyFormat[K] }

func (f asValue[K]) View(b []byte) (K, error) { return f.Decode(b) }

// BenchKey measures encoding and decoding of the samples, which it takes in turn.
func BenchKey[K any](b *testing.B, f core.KeyFormat[K], samples ...K) {
	benchBoth[K, K](b, "Decode", asValue[K]{f}, samples)
}

func benchBoth[V, W any](b *testing.B, read string, f core.ValueFormat[V, W], samples []V) {
	b.Run("Append", func(b *testing.B) {
		var dst []byte
		var err error
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			if dst, err = f.Append(dst[:0], samples[i%len(samples)]); err != nil {
				b.Fatal(err)
			}
		}
	})
	benchRead(b, read, f, samples, func(p []byte) error { _, err := f.View(p); return err })
}

func benchRead[V, W any](
	b *testing.B, name string, f core.ValueFormat[V, W], samples []V, read func([]byte) error,
) {
	b.Run(name, func(b *testing.B) {
		var encoded [][]byte
		for _, v := range samples {
			p, err := f.Append(nil, v)
			if err != nil {
				b.Fatal(err)
			}
			encoded = append(encoded, slices.Clip(bytes.Clone(p)))
		}
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			if err := read(encoded[i%len(encoded)]); err != nil {
				b.Fatal(err)
			}
		}
	})
}
