// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package archive_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/formats/archive"
	"github.com/guardkv/guardkv/formats/archive/internal/kinds"
	"github.com/guardkv/guardkv/formats/archive/internal/kinds/geo"
)

func filings() core.ValueFormat[kinds.Filing, kinds.FilingView] {
	return archive.New[kinds.Filing, kinds.FilingView]()
}

// filing returns a record of roughly so many bytes. The benchmarks of formats/flatbuffers have
// the same notes, tags and points.
func filing(size int) kinds.Filing {
	f := kinds.Filing{Number: 3, Form: "Rex", Filed: time.Unix(80, 0).UTC()}
	for i := range size / 50 {
		f.Notes = append(f.Notes, kinds.Note{Text: fmt.Sprintf("note %4d", i)})
		f.Tags = append(f.Tags, fmt.Sprintf("tag %4d", i))
		if i%5 == 0 {
			f.Path = append(f.Path, geo.Point{X: float32(i)})
		}
	}
	return f
}

func filingBytes(tb testing.TB, size int) []byte {
	tb.Helper()
	b, err := filings().Append(nil, filing(size))
	if err != nil {
		tb.Fatal(err)
	}
	return b[:len(b):len(b)]
}

// walk reads all of a record, the way a program would that was written for it.
func walk(v kinds.FilingView) int {
	n := int(v.Number()) + len(v.Form()) + v.Filed().Nanosecond()
	notes, tags, path := v.Notes(), v.Tags(), v.Path()
	for i := range notes.Len() {
		n += len(notes.At(i).Text())
	}
	for i := range tags.Len() {
		n += len(tags.At(i))
	}
	for i := range path.Len() {
		p := path.At(i)
		n += int(p.X() + p.Y())
	}
	return n
}

var sink int

func bench(b *testing.B, fn func(b *testing.B, v kinds.Filing, stored []byte)) {
	for _, s := range []struct {
		name  string
		bytes int
	}{{"200B", 200}, {"2KiB", 2 << 10}, {"20KiB", 20 << 10}} {
		b.Run(s.name, func(b *testing.B) {
			b.ReportAllocs()
			fn(b, filing(s.bytes), filingBytes(b, s.bytes))
		})
	}
}

func BenchmarkEncode(b *testing.B) {
	f := filings()
	bench(b, func(b *testing.B, v kinds.Filing, stored []byte) {
		dst := make([]byte, 0, len(stored))
		for b.Loop() {
			if _, err := f.Append(dst, v); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkVerifiedField(b *testing.B) {
	f := filings()
	bench(b, func(b *testing.B, _ kinds.Filing, stored []byte) {
		for b.Loop() {
			v, err := f.View(stored)
			if err != nil {
				b.Fatal(err)
			}
			sink += int(v.Number())
		}
	})
}

func BenchmarkTrustedField(b *testing.B) {
	trusted := core.PowersOf(filings()).ViewTrusted
	bench(b, func(b *testing.B, _ kinds.Filing, stored []byte) {
		for b.Loop() {
			v, err := trusted(stored)
			if err != nil {
				b.Fatal(err)
			}
			sink += int(v.Number())
		}
	})
}

func BenchmarkWalk(b *testing.B) {
	f := filings()
	bench(b, func(b *testing.B, _ kinds.Filing, stored []byte) {
		v, err := f.View(stored)
		if err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			sink += walk(v)
		}
	})
}

func BenchmarkValue(b *testing.B) {
	f := filings()
	bench(b, func(b *testing.B, _ kinds.Filing, stored []byte) {
		v, err := f.View(stored)
		if err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			sink += len(v.Value().Notes)
		}
	})
}
