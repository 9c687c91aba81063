// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package flatbuffers_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/formats/flatbuffers"
	"github.com/guardkv/guardkv/formats/flatbuffers/internal/testfb"
)

func wantNamed(t *testing.T, a testfb.AnimalT, says ...string) {
	t.Helper()
	b, err := newZoo().Append(nil, a)
	if err == nil {
		t.Errorf("%d bytes are stored; want an error that says %q", len(b), says)
		return
	}
	for _, s := range append(says, "flatbuffers of ") {
		if !strings.Contains(err.Error(), s) {
			t.Errorf("error %v; want one that says %q", err, s)
		}
	}
}

// Generated code packs nothing for a nil in a vector of structs, so that all that is packed
// before is read one place off.
func TestNilsInVectors(t *testing.T) {
	p := &testfb.PointT{X: 1, Z: 2}
	wantNamed(t, testfb.AnimalT{Name: "a", Path: []*testfb.PointT{p, nil, p}},
		"testfb.AnimalT.Path[1] is nil")
	wantNamed(t, testfb.AnimalT{Name: "a", Spans: []*testfb.SpanT{nil}},
		"testfb.AnimalT.Spans[0] is nil")
	wantNamed(t, testfb.AnimalT{
		Name: "a",
		Herd: []*testfb.AnimalT{{Name: "b"}, {Name: "c", Path: []*testfb.PointT{p, p, nil}}},
	},
		"testfb.AnimalT.Herd[1].Path[2] is nil")
	wantNamed(t, testfb.AnimalT{
		Name: "a",
		Thing: &testfb.ThingT{Type: testfb.ThingAnimal, Value: &testfb.AnimalT{
			Name: "b", Path: []*testfb.PointT{nil},
		}},
	}, "testfb.AnimalT.Thing.Value.Path[0] is nil")
	wantNamed(t, testfb.AnimalT{Name: "a", Notes: []*testfb.NoteT{{}, nil}},
		"testfb.AnimalT.Notes[1] is nil")
	wantNamed(t, testfb.AnimalT{Name: "a", Herd: []*testfb.AnimalT{nil}},
		"testfb.AnimalT.Herd[0] is nil")
}

// The error of a part that is not there was "invalid memory address".
func TestNilParts(t *testing.T) {
	p := &testfb.PointT{}
	half := &testfb.SpanT{From: p}
	wantNamed(t, testfb.AnimalT{Name: "a", Range: half}, "testfb.AnimalT.Range.To is nil")
	wantNamed(t, testfb.AnimalT{Name: "a", Spans: []*testfb.SpanT{{From: p, To: p}, half}},
		"testfb.AnimalT.Spans[1].To is nil")
	wantNamed(t, testfb.AnimalT{Name: "a", Mother: &testfb.AnimalT{
		Name:  "b",
		Range: &testfb.SpanT{},
	}}, "testfb.AnimalT.Mother.Range.From is nil")
	wantNamed(t, testfb.AnimalT{Name: "a", Thing: &testfb.ThingT{Type: testfb.ThingNote}},
		"testfb.AnimalT.Thing has a type, and nil")
	wantNamed(t, testfb.AnimalT{Name: "a", Thing: &testfb.ThingT{
		Type:  testfb.ThingNote,
		Value: (*testfb.NoteT)(nil),
	}}, "testfb.AnimalT.Thing has a type, and nil")
	if b, err := newZoo().Append(nil, testfb.AnimalT{
		Name:  "a",
		Thing: &testfb.ThingT{}, Range: &testfb.SpanT{From: p, To: p},
	}); err != nil {
		t.Errorf("a union of type NONE: %d bytes, error %v", len(b), err)
	}
}

// Tables that lie in each other without end filled the stack of generated code, which ends the
// process.
func TestDeepTables(t *testing.T) {
	ring := &testfb.AnimalT{Name: "a"}
	ring.Mother = ring
	herd := &testfb.AnimalT{Name: "a"}
	herd.Herd = []*testfb.AnimalT{{Name: "b"}, herd}
	held := &testfb.AnimalT{Name: "a"}
	held.Thing = &testfb.ThingT{Type: testfb.ThingAnimal, Value: held}
	var long *testfb.AnimalT
	for range 1_000_000 {
		long = &testfb.AnimalT{Name: "a", Mother: long}
	}
	for i, a := range []*testfb.AnimalT{ring, herd, held, long} {
		if b, err := newZoo().Append(nil, *a); !errors.Is(err,
			core.ErrTooLarge) || !strings.Contains(err.Error(), "WithMaxDepth") {
			t.Errorf("%d: %d bytes, error %.300v; want ErrTooLarge", i, len(b), err)
		}
	}
	deep := &testfb.AnimalT{Name: "a"}
	for range 9 {
		deep = &testfb.AnimalT{Name: "a", Mother: deep}
	}
	ten := newZoo(flatbuffers.WithMaxDepth(10))
	if _, err := ten.Append(nil, *deep); err != nil {
		t.Errorf("10 tables in each other: %v", err)
	}
	if _, err := ten.Append(nil, testfb.AnimalT{Name: "a", Mother: deep}); !errors.Is(err,
		core.ErrTooLarge) || len(err.Error()) > 500 {
		t.Errorf("11 tables in each other: error %v; want a short ErrTooLarge", err)
	}
}
