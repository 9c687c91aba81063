// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package flatbuffers_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	fb "github.com/google/flatbuffers/go"
	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/formats/flatbuffers"
	"github.com/guardkv/guardkv/formats/flatbuffers/internal/testfb"
)

// readAll returns an error unless b is refused, or all accessors stay inside it.
func readAll(
	f core.ValueFormat[testfb.AnimalT, testfb.Animal], b []byte,
) (accepted bool, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%x was accepted, and then: %v", b, r)
		}
	}()
	w, err := f.View(b)
	if err != nil {
		if !errors.Is(err, core.ErrCorrupt) {
			return false, err
		}
		return false, nil
	}
	testfb.Walk(&w, b)
	w.UnPack()
	return true, nil
}

func packed(t testing.TB, a testfb.AnimalT) []byte {
	t.Helper()
	b, err := newZoo().Append(nil, a)
	if err != nil {
		t.Fatal(err)
	}
	return slices.Clip(b)
}

// The walk sees what can go wrong: without verification most damage ends in a panic.
func TestWalkSees(t *testing.T) {
	good := packed(t, full(3))
	w, err := newZoo().View(good)
	if err != nil {
		t.Fatal(err)
	}
	if calls := testfb.Walk(&w, good); calls < 300 {
		t.Errorf("a walk calls %d accessors", calls)
	}
	trusting, panics := newZoo(flatbuffers.Trusted()), 0
	for n := range good {
		if _, err := readAll(trusting, good[:n:n]); err != nil {
			panics++
		}
	}
	if panics < len(good)/2 {
		t.Errorf("of %d truncated records %d panicked", len(good), panics)
	}
}

func TestTruncated(t *testing.T) {
	f, good := newZoo(), packed(t, full(3))
	for n := range good {
		// What is cut may have been padding, if at all.
		if accepted, err := readAll(f, good[:n:n]); err != nil || accepted && n < len(good)-8 {
			t.Errorf("the first %d of %d bytes: accepted %v, %v", n, len(good), accepted, err)
		}
	}
}

func TestMutated(t *testing.T) {
	n := 300_000
	if testing.Short() || raceEnabled { // one goroutine has no races
		n = 10_000
	}
	f, good := newZoo(), packed(t, full(2))
	r := rand.New(rand.NewPCG(5, 6))
	accepted := 0
	for range n {
		b := bytes.Clone(good)
		for range 1 + r.IntN(3) {
			b[r.IntN(len(b))] = byte(r.Uint32())
		}
		ok, err := readAll(f, b)
		if err != nil {
			t.Fatal(err)
		}
		if ok {
			accepted++
		}
	}
	if accepted == 0 || accepted == n {
		t.Errorf("%d of %d were accepted: nothing was tested", accepted, n)
	}
}

// Each 32-bit and each 16-bit number of a record is replaced by those that break readers.
func TestHostileNumbers(t *testing.T) {
	f, good := newZoo(), packed(t, full(2))
	step := 1
	if testing.Short() || raceEnabled { // one goroutine has no races
		step = 41
	}
	for at := 0; at < len(good)-4; at += step {
		for _, n := range []uint32{
			0, 1, 2, 3, 0x7f, 0x7fff, 0xffff, 1 << 16, 1 << 29, 1 << 30,
			1<<31 - 1, 1 << 31, 1<<32 - 1, 1<<32 - 4, uint32(len(good)), uint32(len(good) - at),
		} {
			wide, narrow := bytes.Clone(good), bytes.Clone(good)
			binary.LittleEndian.PutUint32(wide[at:], n)
			binary.LittleEndian.PutUint16(narrow[at:], uint16(n))
			for _, b := range [][]byte{wide, narrow} {
				if _, err := readAll(f, b); err != nil {
					t.Fatalf("%d at byte %d: %v", n, at, err)
				}
			}
		}
	}
}

// A record of 1 MiB that refers to its own parts as often as it can. Reading it, and unpacking
// it if it is accepted, takes memory in proportion.
func TestHostileMemory(t *testing.T) {
	notes := func(n int, text string) []byte { // n references to one note
		b := fb.NewBuilder(1 << 20)
		name := b.CreateString("name")
		note := (&testfb.NoteT{Text: text}).Pack(b)
		b.StartVector(4, n, 4)
		for range n {
			b.PrependUOffsetT(note)
		}
		all := b.EndVector(n)
		testfb.AnimalStart(b)
		testfb.AnimalAddName(b, name)
		testfb.AnimalAddNotes(b, all)
		b.Finish(testfb.AnimalEnd(b))
		return b.FinishedBytes()
	}
	for _, c := range []struct {
		name   string
		record []byte
		ok     bool
	}{
		{"many references to a small note", notes(250_000, "n"), true},
		{"many references to a note of 1 KiB", notes(250_000, string(make([]byte, 1<<10))), true},
		{"many references to a note of 4 KiB", notes(250_000, string(make([]byte, 4<<10))), false},
		{
			"many references to a note of 256 KiB",
			notes(190_000, string(make([]byte, 256<<10))), false,
		},
		{"few references to a note of 256 KiB", notes(10, string(make([]byte, 256<<10))), true},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := newZoo().View(c.record)
		runtime.ReadMemStats(&after)
		if (err == nil) != c.ok {
			t.Errorf("%s: error %v", c.name, err)
		}
		if grown := after.TotalAlloc - before.TotalAlloc; grown > 1<<20 {
			t.Errorf("%s: viewing %d bytes took %d bytes of memory", c.name, len(c.record), grown)
		}
	}
}

// FuzzView: whatever is accepted can be read, all of it.
func FuzzView(f *testing.F) {
	for _, a := range animals {
		f.Add(packed(f, a))
	}
	f.Add(packed(f, full(1)))
	zoo := newZoo()
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, err := readAll(zoo, slices.Clip(bytes.Clone(b))); err != nil {
			t.Fatal(err)
		}
	})
}

// FuzzRaw: whatever is taken can be read.
func FuzzRaw(f *testing.F) {
	for _, a := range animals {
		f.Add(packed(f, a))
	}
	raw, zoo := flatbuffers.Raw[testfb.Animal](testfb.Schema), newZoo()
	f.Fuzz(func(t *testing.T, b []byte) {
		stored, err := raw.Append(nil, b)
		if err != nil {
			return
		}
		if accepted, err := readAll(zoo, slices.Clip(stored)); err != nil || !accepted {
			t.Fatalf("%x was put and is refused: %v", b, err)
		}
		if w, err := core.PowersOf(zoo).ViewTrusted(slices.Clip(stored)); err != nil {
			t.Fatal(err)
		} else {
			testfb.Walk(&w, stored)
		}
	})
}
