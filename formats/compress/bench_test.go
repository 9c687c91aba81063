// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package compress_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/values"
	"github.com/guardkv/guardkv/formats/compress"
	"github.com/klauspost/compress/zstd"
)

// sentencesOf returns values of about size bytes.
func sentencesOf(size int) []string {
	all := make([]string, 100)
	for i := range all {
		var b strings.Builder
		for n := 0; b.Len() < size; n++ {
			b.WriteString(sentence(1, i*1000+n))
		}
		all[i] = b.String()
	}
	return all
}

// BenchmarkBesideLibrary compares with the library used by hand, at both levels, with and without a
// dictionary.
func BenchmarkBesideLibrary(b *testing.B) {
	d := trained(b, 1)
	for _, size := range []int{100, 2_000, 20_000} {
		all := sentencesOf(size)
		for _, l := range []struct {
			name    string
			level   compress.Level
			library zstd.EncoderLevel
			dict    bool
		}{
			{"fastest", compress.Fastest, zstd.SpeedFastest, false},
			{"default", compress.Default, zstd.SpeedDefault, false},
			{"better", compress.Better, zstd.SpeedBetterCompression, false},
			{"best", compress.Best, zstd.SpeedBestCompression, false},
			{"default dictionary", compress.Default, zstd.SpeedDefault, true},
			{"better dictionary", compress.Better, zstd.SpeedBetterCompression, true},
			{"best dictionary", compress.Best, zstd.SpeedBestCompression, true},
		} {
			name := fmt.Sprintf("%d B/%s", size, l.name)
			opts := []compress.Option{compress.WithLevel(l.level)}
			eopts := []zstd.EOption{
				zstd.WithEncoderLevel(l.library),
				zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(false),
			}
			dopts := []zstd.DOption{zstd.WithDecoderConcurrency(1)}
			if l.dict {
				opts = append(opts, compress.WithDictionary(d))
				eopts, dopts = append(eopts, zstd.WithEncoderDict(d.Bytes())), append(dopts,
					zstd.WithDecoderDicts(d.Bytes()))
			}
			f, _, err := core.PowersOf(compress.New(values.String(), opts...)).Bind(nil)
			if err != nil {
				b.Fatal(err)
			}
			enc, err := zstd.NewWriter(nil, eopts...)
			if err != nil {
				b.Fatal(err)
			}
			dec, err := zstd.NewReader(nil, dopts...)
			if err != nil {
				b.Fatal(err)
			}
			benchBoth(b, name, all, f, enc, dec)
		}
	}
}

func benchBoth(
	b *testing.B, name string, all []string, f core.ValueFormat[string, string], enc *zstd.Encoder, dec *zstd.Decoder,
) {
	lent := core.PowersOf(f).ViewLent
	var dst, plain []byte
	var rows, frames [][]byte
	total := 0
	for _, v := range all {
		row, err := f.Append(nil, v)
		if err != nil {
			b.Fatal(err)
		}
		rows, frames, total = append(rows, row[:len(row):len(row)]), append(frames,
			enc.EncodeAll([]byte(v), nil)), total+len(row)
	}
	perRow := float64(total) / float64(len(all))
	b.Run(name+"/append", func(b *testing.B) {
		b.ReportAllocs()
		b.ReportMetric(perRow, "B/row")
		for i := 0; b.Loop(); i++ {
			dst, _ = f.Append(dst[:0], all[i%len(all)])
		}
	})
	b.Run(name+"/append by hand", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			plain = append(plain[:0], all[i%len(all)]...)
			dst = enc.EncodeAll(plain, dst[:0])
		}
	})
	b.Run(name+"/view", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			_, r, err := lent(rows[i%len(rows)], false)
			if err != nil {
				b.Fatal(err)
			}
			if r != nil {
				r.Release()
			}
		}
	})
	b.Run(name+"/view by hand", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			var err error
			if plain, err = dec.DecodeAll(frames[i%len(frames)], plain[:0]); err != nil {
				b.Fatal(err)
			}
		}
	})
}
