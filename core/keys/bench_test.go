// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package keys_test

import (
	"testing"
	"time"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/keys"
)

func BenchmarkUint64(b *testing.B)  { benchmark(b, keys.Uint64(), 1<<40) }
func BenchmarkInt32(b *testing.B)   { benchmark(b, keys.Int32(), -7) }
func BenchmarkFloat64(b *testing.B) { benchmark(b, keys.Float64(), -1.5) }
func BenchmarkUUID(b *testing.B)    { benchmark(b, keys.Array[[16]byte](), [16]byte{1, 2, 3}) }
func BenchmarkTime(b *testing.B)    { benchmark(b, keys.Time(), time.Unix(1800000000, 5)) }
func BenchmarkDescTime(b *testing.B) {
	benchmark(b, keys.Desc(keys.Time()), time.Unix(1800000000, 5))
}
func BenchmarkString(b *testing.B)     { benchmark(b, keys.String(), "hello-world-key") }
func BenchmarkStringView(b *testing.B) { benchmark(b, keys.StringView(), "hello-world-key") }

func BenchmarkPair(b *testing.B) {
	benchmark(b, keys.Pair(keys.String(), keys.Uint64()), tuple("hello-world-key", uint64(42)))
}

func BenchmarkPairView(b *testing.B) {
	benchmark(b, keys.Pair(keys.StringView(), keys.Uint64()), tuple("hello-world-key", uint64(42)))
}

func benchmark[K any](b *testing.B, f core.KeyFormat[K], k K) {
	stored, err := f.Append(nil, k)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("append", func(b *testing.B) {
		buf := make([]byte, 0, 100)
		b.ReportAllocs()
		for b.Loop() {
			buf, _ = f.Append(buf[:0], k)
		}
	})
	b.Run("decode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, _ = f.Decode(stored)
		}
	})
}
