// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package flatbuffers_test

import (
	"fmt"
	"testing"
	"time"

	fb "github.com/google/flatbuffers/go"
	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/formattest"
	"github.com/guardkv/guardkv/formats/flatbuffers"
	"github.com/guardkv/guardkv/formats/flatbuffers/internal/zoo1"
)

// herd returns a record of roughly so many bytes.
func herd(size int) zoo1.AnimalT {
	a := zoo1.AnimalT{Name: "Rex", Legs: 3, Weight: 80, Home: &zoo1.PointT{X: 1}}
	for i := range size / 50 {
		a.Notes = append(a.Notes, &zoo1.NoteT{Text: fmt.Sprintf("note %4d", i)})
		a.Tags = append(a.Tags, fmt.Sprintf("tag %4d", i))
		if i%5 == 0 {
			a.Path = append(a.Path, &zoo1.PointT{X: float32(i)})
		}
	}
	return a
}

func zoo1Format(tb testing.TB) core.ValueFormat[zoo1.AnimalT, zoo1.Animal] {
	tb.Helper()
	return flatbuffers.New[zoo1.AnimalT, zoo1.Animal](baseSchema(tb))
}

func herdBytes(tb testing.TB, size int) []byte {
	tb.Helper()
	b, err := zoo1Format(tb).Append(nil, herd(size))
	if err != nil {
		tb.Fatal(err)
	}
	return b[:len(b):len(b)]
}

var sizes = []struct {
	name  string
	bytes int
}{{"200B", 200}, {"2KiB", 2 << 10}, {"20KiB", 20 << 10}}

// walk reads all of a record, the way a program would that was written for it.
func walk(w *zoo1.Animal) int {
	n := len(w.Name()) + int(w.Legs()) + int(w.Color()) + int(w.Traits()) + int(w.Weight()) + len(w.InnerBytes())
	var p zoo1.Point
	if h := w.Home(&p); h != nil {
		n += int(h.X() + h.Y())
	}
	for i := range w.PathLength() {
		w.Path(&p, i)
		n += int(p.X() + p.Y())
	}
	for i := range w.TagsLength() {
		n += len(w.Tags(i))
	}
	var note zoo1.Note
	for i := range w.NotesLength() {
		w.Notes(&note, i)
		n += len(note.Text())
	}
	var t fb.Table
	if w.Thing(&t) && w.ThingType() == zoo1.ThingNote {
		note.Init(t.Bytes, t.Pos)
		n += len(note.Text())
	}
	return n
}

var benchSink int

func BenchmarkTrustedField(b *testing.B) {
	f := core.PowersOf(zoo1Format(b))
	for _, s := range sizes {
		stored := herdBytes(b, s.bytes)
		b.Run(s.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				w, err := f.ViewTrusted(stored)
				if err != nil {
					b.Fatal(err)
				}
				benchSink += int(w.Legs())
			}
		})
	}
}

func BenchmarkVerifiedField(b *testing.B) {
	f := zoo1Format(b)
	for _, s := range sizes {
		stored := herdBytes(b, s.bytes)
		b.Run(s.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				w, err := f.View(stored)
				if err != nil {
					b.Fatal(err)
				}
				benchSink += int(w.Legs())
			}
		})
	}
}

func BenchmarkWalk(b *testing.B) {
	f := core.PowersOf(zoo1Format(b))
	for _, s := range sizes {
		stored := herdBytes(b, s.bytes)
		w, err := f.ViewTrusted(stored)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(s.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				benchSink += walk(&w)
			}
		})
	}
}

// BenchmarkRatios prints what the module promises: a trusted field costs the same whatever the
// size of the record, and verifying one costs less than reading all of it.
func BenchmarkRatios(b *testing.B) {
	f := zoo1Format(b)
	trusting := core.PowersOf(f)
	small, large := herdBytes(b, 200), herdBytes(b, 20<<10)
	field := func(stored []byte) func() {
		return func() {
			w, _ := trusting.ViewTrusted(stored)
			benchSink += int(w.Legs())
		}
	}
	w, err := f.View(large)
	if err != nil {
		b.Fatal(err)
	}
	verify := func() { v, _ := f.View(large); benchSink += int(v.Legs()) }
	var trusted, verified float64
	for b.Loop() {
		trusted = fastest(field(large), 200_000) / fastest(field(small), 200_000)
		verified = fastest(verify, 200) / fastest(func() { benchSink += walk(&w) }, 200)
	}
	b.ReportMetric(trusted, "large/small")
	b.ReportMetric(verified, "verify/walk")
}

// fastest returns the seconds of the fastest of a few rounds.
func fastest(fn func(), calls int) float64 {
	best := time.Hour
	for range 7 {
		start := time.Now()
		for range calls {
			fn()
		}
		best = min(best, time.Since(start))
	}
	return best.Seconds()
}

func BenchmarkUnPack(b *testing.B) {
	w, err := zoo1Format(b).View(herdBytes(b, 2<<10))
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		benchSink += int(w.UnPack().Legs)
	}
}

func BenchmarkFormat(b *testing.B) { formattest.Bench(b, newZoo(), animals...) }

func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		newZoo()
	}
}
