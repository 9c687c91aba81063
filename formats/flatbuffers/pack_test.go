// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package flatbuffers

import (
	"errors"
	"strings"
	"testing"

	flatbuffers "github.com/google/flatbuffers/go"
	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/formats/flatbuffers/internal/testfb"
)

// moody is an object whose code leaves the builder in the middle of a table when it is told to.
type moody struct {
	Text  string
	Panic bool
}

func (m *moody) Pack(b *flatbuffers.Builder) flatbuffers.UOffsetT {
	text := b.CreateString(m.Text)
	b.StartObject(2)
	if m.Panic {
		b.CreateString("inside a table") // which panics
	}
	b.PrependUOffsetTSlot(0, text, 0)
	return b.EndObject()
}

// A builder is useless after a panic, because it believes that it is inside a table. Once it was
// put back into the pool, and the next value, of another caller, could not be packed.
func TestPanicInPack(t *testing.T) {
	p := newPacker[moody]()
	for range 100 {
		if _, err := p.append(nil, moody{Panic: true},
			""); err == nil || !strings.Contains(err.Error(), "object must not be nested") {
			t.Fatalf("error %v", err)
		}
		if b, err := p.append(nil, moody{Text: "good"},
			""); err != nil || !strings.Contains(string(b), "good") {
			t.Fatalf("after a panic: %q, error %v", b, err)
		}
	}
}

// The pool must not keep what was packed alive.
func TestPackerForgets(t *testing.T) {
	p := newPacker[moody]()
	for range 10 { // under the race detector a pool drops things at random
		if _, err := p.append(nil, moody{Text: "text"}, ""); err != nil {
			t.Fatal(err)
		}
		if s := p.pool.Get().(*scratch[moody]); s.value != (moody{}) {
			t.Errorf("the pool holds %+v", s.value)
		}
	}
}

// What cannot be read again is not written: the record would be lost.
func TestRefusesToWriteWhatItCannotRead(t *testing.T) {
	f := New[testfb.AnimalT, testfb.Animal](testfb.Schema)
	for _, c := range []struct {
		name string
		v    testfb.AnimalT
		says string
	}{
		{
			"a union with a type and no value",
			testfb.AnimalT{Thing: &testfb.ThingT{Type: testfb.ThingNote}},
			"testfb.AnimalT.Thing has a type",
		},
		{
			"a union whose value has another type",
			testfb.AnimalT{Thing: &testfb.ThingT{Type: testfb.ThingNote, Value: &testfb.PlaceT{}}},
			"packing panicked",
		},
		{
			"a union of a member that the schema does not have",
			testfb.AnimalT{Thing: &testfb.ThingT{Type: 99, Value: &testfb.NoteT{}}},
			"testfb.Animal.thing_type",
		},
		{
			"no table in a vector of tables",
			testfb.AnimalT{Notes: []*testfb.NoteT{nil}},
			"testfb.AnimalT.Notes[0] is nil",
		},
		{
			"junk as a nested record",
			testfb.AnimalT{Inner: []byte("a nested record, or not?")},
			"at byte",
		},
		{"nothing as a nested record", testfb.AnimalT{Inner: []byte{}}, "testfb.Animal.inner"},
	} {
		b, err := f.Append([]byte("prefix"), c.v)
		if err == nil || b != nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: error %v; want one that says %q", c.name, err, c.says)
		}
		if errors.Is(err, core.ErrCorrupt) {
			t.Errorf("%s: nothing is corrupt: %v", c.name, err)
		}
	}
}

// Records of a root type with a file identifier carry it, as other implementations expect, and
// are refused without it.
func TestFileIdentifier(t *testing.T) {
	s := zooSchema(t)
	s.identifier = "ZOO1"
	p, err := s.compile()
	if err != nil {
		t.Fatal(err)
	}
	f := &format[testfb.AnimalT, testfb.Animal]{
		encoder: newPacker[testfb.AnimalT](), options: newOptions(nil), schema: s, program: p,
	}
	b, err := f.Append(nil, testfb.AnimalT{Name: "Rex"})
	if err != nil {
		t.Fatal(err)
	}
	if !flatbuffers.BufferHasIdentifier(b, "ZOO1") {
		t.Errorf("%q has no identifier", b[:8])
	}
	if w, err := f.View(b); err != nil || string(w.Name()) != "Rex" {
		t.Errorf("error %v", err)
	}
	without, err := New[testfb.AnimalT, testfb.Animal](testfb.Schema).Append(nil,
		testfb.AnimalT{Name: "Rex"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.View(without); !errors.Is(err, core.ErrCorrupt) {
		t.Errorf("without an identifier: error %v", err)
	}
	if inner := (&schema{
		root: "Other", identifier: "ZOO1",
		types: s.types,
	}).of("testfb.Note"); inner.identifier != "" {
		t.Errorf("a table that is not the root type has the identifier %q", inner.identifier)
	}
}
