// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package archive_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/formats/archive"
	"github.com/guardkv/guardkv/formats/archive/archivetest"
	"github.com/guardkv/guardkv/formats/archive/internal/kinds"
)

func nodes() core.ValueFormat[kinds.Node, kinds.NodeView] {
	return archive.New[kinds.Node, kinds.NodeView]()
}

func encoded[T, W any](tb testing.TB, f core.ValueFormat[T, W], v T) []byte {
	tb.Helper()
	b, err := f.Append(nil, v)
	if err != nil {
		tb.Fatal(err)
	}
	return slices.Clip(b)
}

// readAll returns an error unless b is refused as corrupt, or all accessors stay inside it.
func readAll[T any, W archive.Archived[T, W]](f core.ValueFormat[T, W],
	b []byte,
) (accepted bool, v T, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%x was accepted, and then: %v", b, r)
		}
	}()
	w, err := f.View(b)
	if errors.Is(err, core.ErrCorrupt) {
		return false, v, nil
	}
	if err != nil {
		return false, v, err
	}
	archivetest.Walk(w)
	return true, w.Archive().Value(w), nil
}

// One value has one encoding: whatever is accepted as a record of today's types is what the
// value that it shows is stored as. What newer programs may have written is left out: this one
// cannot know all of it.
func TestCanonical(t *testing.T) {
	t.Run("Everything",
		func(t *testing.T) { canonical(t, archive.New[kinds.Everything, kinds.EverythingView]()) })
	t.Run("Node", func(t *testing.T) { canonical(t, nodes()) })
	t.Run("Filing", func(t *testing.T) { canonical(t, filings()) })
}

func canonical[T any, W archive.Archived[T, W]](t *testing.T, f core.ValueFormat[T, W]) {
	t.Helper()
	n := 5_000
	if testing.Short() || raceEnabled { // one goroutine has no races
		n = 1_000
	}
	r := rand.New(rand.NewPCG(7, 8))
	accepted := 0
	values := archivetest.Values[T, W](t)
	for i := range n {
		b := encoded(t, f, values[i%len(values)])
		for range 1 + r.IntN(3) {
			at := r.IntN(len(b))
			b[at] = [...]byte{byte(r.Uint32()), 0, 1, b[at] + 1, b[at] - 1}[r.IntN(5)]
		}
		if archive.Exact(f, b) != nil {
			continue
		}
		w, err := f.View(b)
		if err != nil {
			t.Fatalf("%x is exact, and refused: %v", b, err)
		}
		accepted++
		v := w.Archive().Value(w)
		if again := encoded(t, f, v); !bytes.Equal(again, b) {
			t.Fatalf("%x is accepted, and reads as %+v, which is stored as %x", b, v, again)
		}
	}
	if accepted < n/20 {
		t.Errorf("%d of %d were accepted: nothing was tested", accepted, n)
	}
}

// Each 32-bit and each 16-bit number of a record is replaced by those that break readers.
func TestHostileNumbers(t *testing.T) {
	f := nodes()
	good := encoded(t, f, tree())
	step := 1
	if testing.Short() || raceEnabled {
		step = 5
	}
	for at := 0; at < len(good)-4; at += step {
		for _, n := range []uint32{
			0, 1, 2, 3, 0x7f, 0x7fff, 0xffff, 1 << 16, 1 << 29, 1 << 30, 1<<31 - 1, 1 << 31,
			1<<32 - 1, 1<<32 - 4,
			uint32(len(good)), uint32(len(good) - at), uint32(at),
		} {
			wide, narrow := bytes.Clone(good), bytes.Clone(good)
			binary.LittleEndian.PutUint32(wide[at:], n)
			binary.LittleEndian.PutUint16(narrow[at:], uint16(n))
			for _, b := range [][]byte{wide, narrow} {
				if _, _, err := readAll(f, slices.Clip(b)); err != nil {
					t.Fatalf("%d at byte %d: %v", n, at, err)
				}
			}
		}
	}
}

func tree() kinds.Node {
	return kinds.Node{
		Name: "root", Next: &kinds.Node{Name: "next"},
		Children: []kinds.Node{{
			Name:   "a",
			Shapes: []kinds.Shape{kinds.Circle{Radius: 1}, nil, &kinds.Square{Label: "s"}},
		}, {}},
		ByName: map[string]kinds.Node{
			"x": {Name: "X"},
			"y": {Children: []kinds.Node{{}}}, "": {},
		},
		Shapes: []kinds.Shape{
			kinds.Nothing{},
			kinds.Group{Shapes: []kinds.Shape{kinds.Nothing{}}},
		},
	}
}

// No part of a record is cut off without notice.
func TestTruncated(t *testing.T) {
	f, good := nodes(), encoded(t, nodes(), tree())
	for n := range good {
		if ok, _, err := readAll(f, good[:n:n]); ok || err != nil {
			t.Errorf("the first %d of %d bytes: accepted %v, %v", n, len(good), ok, err)
		}
	}
}

// Counts that no record has room for cost nothing, wherever they stand.
func TestHostileMemory(t *testing.T) {
	f, good := nodes(), encoded(t, nodes(), tree())
	for at := 0; at < len(good)-4; at++ {
		b := slices.Clip(bytes.Clone(good))
		binary.LittleEndian.PutUint32(b[at:], 1<<31-1)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := f.View(b)
		runtime.ReadMemStats(&after)
		if grown := after.TotalAlloc - before.TotalAlloc; grown > 1<<16 {
			t.Errorf("a huge number at byte %d: %d bytes of memory, error %v", at, grown, err)
		}
	}
}

// deep is a value of so many structs in each other.
func deep(n int) *kinds.Node {
	v := &kinds.Node{Name: "leaf"}
	for range n - 1 {
		v = &kinds.Node{Next: v}
	}
	return v
}

// Structs lie in each other at most 64 deep, when they are written and when they are read; a
// value that contains itself overflows no stack.
func TestDepth(t *testing.T) {
	f := nodes()
	if ok, v, err := readAll(f, encoded(t, f, *deep(64))); !ok || err != nil || v.Next == nil {
		t.Errorf("64 structs in each other: accepted %v, error %v", ok, err)
	}
	loop := &kinds.Node{Name: "loop"}
	loop.Next = loop
	inSlice := kinds.Node{Children: make([]kinds.Node, 1)}
	inSlice.Children[0].Children = inSlice.Children
	inMap := kinds.Node{ByName: map[string]kinds.Node{}}
	inMap.ByName["x"] = inMap
	group := kinds.Group{Shapes: make([]kinds.Shape, 1)}
	group.Shapes[0] = group
	for name, v := range map[string]kinds.Node{
		"65 structs": *deep(65), "a pointer to itself": *loop, "a slice in itself": inSlice,
		"a map in itself":        inMap,
		"an interface in itself": {Shapes: []kinds.Shape{group}},
	} {
		if _, err := f.Append(nil, v); !errors.Is(err, core.ErrTooLarge) {
			t.Errorf("%s: error %v, want ErrTooLarge", name, err)
		}
	}
}

// A forged record whose structs are nested more deeply than any that is written is refused, in
// no deep recursion.
func TestForgedDepth(t *testing.T) {
	const size = 36
	for name, at := range map[string]int{"Next": 8, "Children": 12} { // one of each way
		var b []byte
		for i := range 10_000 {
			start := len(b)
			b = append(b, make([]byte, 2+size)...)
			binary.LittleEndian.PutUint16(b[start:], size)
			if i < 9_999 {
				binary.LittleEndian.PutUint32(b[start+2+at:], uint32(start+2+size))
				if name == "Children" {
					binary.LittleEndian.PutUint32(b[start+2+at+4:], 1)
				}
			}
		}
		if _, err := nodes().View(slices.Clip(b)); !errors.Is(err,
			core.ErrCorrupt) || !strings.Contains(fmt.Sprint(err), "too deep") {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

// A record that is too large is refused before its bytes are appended, and what is in dst stays.
func TestSize(t *testing.T) {
	for _, v := range []kinds.Filing{
		filing(2 << 10), {Form: "alone"}, {Tags: []string{"alone"}}, // what is last is checked too
	} {
		full := encoded(t, filings(), v)
		exact := archive.Limited[kinds.Filing, kinds.FilingView](len(full))
		if b, err := exact.Append(nil, v); err != nil || !bytes.Equal(b, full) {
			t.Errorf("a record of exactly the limit: %d bytes, error %v", len(b), err)
		}
		// The limit is that of the record, whatever stands in dst before it.
		long := make([]byte, 2*len(full))
		if b, err := exact.Append(long, v); err != nil || !bytes.Equal(b[len(long):], full) {
			t.Errorf("a record of exactly the limit behind others: %d bytes, error %v", len(b), err)
		}
		for most := range len(full) {
			f := archive.Limited[kinds.Filing, kinds.FilingView](most)
			if b, err := f.Append([]byte("dst"), v); !errors.Is(err, core.ErrTooLarge) || b != nil {
				t.Fatalf("a limit of %d bytes: %d bytes, error %v", most, len(b), err)
			}
		}
	}
	huge := kinds.Filing{Tags: []string{strings.Repeat("x", 1<<20)}}
	dst, half := make([]byte, 0, 4096), archive.Limited[kinds.Filing, kinds.FilingView](1<<19)
	allocs := testing.AllocsPerRun(10, func() {
		_, _ = half.Append(dst, huge)
	})
	if allocs > 10 {
		t.Errorf("%v allocations for what is refused", allocs)
	}
}

// What an interface may not hold is an error that names it.
func TestNotOneof(t *testing.T) {
	for _, shape := range []kinds.Shape{&kinds.Circle{}, (*kinds.Square)(nil), foreign{}} {
		_, err := nodes().Append(nil, kinds.Node{Shapes: []kinds.Shape{shape}})
		if err == nil || !strings.Contains(err.Error(),
			fmt.Sprintf("%T", shape)) || !strings.Contains(err.Error(), "Shape") {
			t.Errorf("%T: error %v", shape, err)
		}
	}
}

type foreign struct{}

func (foreign) Area() float64 { return 0 }

// What a damaged record shows that was not verified is its own, or a panic.
func TestTrustedDamage(t *testing.T) {
	f := nodes()
	trusted := core.PowersOf(f).ViewTrusted
	good := encoded(t, f, tree())
	r := rand.New(rand.NewPCG(3, 4))
	for range 2_000 {
		all := bytes.Repeat([]byte{0xAA}, len(good)+128)
		b := all[64 : 64+len(good) : 64+len(good)]
		copy(b, good)
		b[r.IntN(len(b))] = byte(r.Uint32())
		func() {
			defer func() {
				if p := recover(); p != nil {
					if _, ok := p.(error); !ok {
						t.Errorf("it panics with %v", p)
					}
				}
			}()
			w, err := trusted(b)
			if err != nil {
				return
			}
			if strings.Contains(fmt.Sprintf("%+v", w.Value()), "\xAA") {
				t.Errorf("%x shows what is beside it", b)
			}
		}()
	}
}

// A forged record that was trusted, because its checksum is right, can refer to one part from
// many places, and to those from many others: 64 levels of two structs each, in 5 KB, were 2^64
// structs in a copy, which took forever. Copying stops with a panic as soon as more has been
// copied than the record has. What is verified is refused.
func TestForgedSharing(t *testing.T) {
	const size, next, children = 36, 8, 12 // of a node, and places in it
	le := binary.LittleEndian
	// list appends n nodes, and returns where the first one lies.
	list := func(b []byte, n int) (_ []byte, first int) {
		first = len(b) + 2
		b = append(le.AppendUint16(b, size), make([]byte, n*size)...)
		return b, first
	}
	refer := func(b []byte, at, to, n int) { le.PutUint64(b[at:], uint64(to)|uint64(n)<<32) }

	structs, at := list(nil, 1)
	level := []int{at}
	for range 20 {
		first := 0
		before := len(structs)
		structs, first = list(structs, 2)
		for _, at := range level {
			refer(structs, at+children, before, 2)
		}
		level = []int{first, first + size}
	}
	pointers, at := list(nil, 1)
	pointers, first := list(pointers, 500)
	refer(pointers, at+children, first-2, 500)
	shared := len(pointers)
	for i := range 500 {
		le.PutUint32(pointers[first+i*size+next:], uint32(shared))
	}
	pointers, at = list(pointers, 1)
	refer(pointers, at, len(pointers), 10_000)
	pointers = append(pointers, strings.Repeat("x", 10_000)...)

	for name, b := range map[string][]byte{"structs": structs, "texts": pointers} {
		if _, err := nodes().View(slices.Clip(b)); !errors.Is(err, core.ErrCorrupt) {
			t.Errorf("%s: it is not refused: error %v", name, err)
		}
		w, err := core.PowersOf(nodes()).ViewTrusted(slices.Clip(b))
		if err != nil {
			t.Fatal(err)
		}
		for part, value := range map[string]func(){
			"the record": func() { w.Value() },
			"a list":     func() { w.Children().Value() },
		} {
			if p := panicked(value); !strings.Contains(fmt.Sprint(p), "more than once") {
				t.Errorf("%s: %s is copied, and more of it than is there: panic %v", name, part, p)
			}
		}
	}
}

func panicked(fn func()) (p any) {
	defer func() { p = recover() }()
	fn()
	return nil
}
