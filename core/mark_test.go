// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"reflect"
	"testing"
)

// markText makes a mark of any JSON, with the right checksum.
func markText(json string) []byte {
	return fmt.Appendf(nil, "%s%08x %s", markHead, crc32.Checksum([]byte(json), castagnoli), json)
}

func TestMark(t *testing.T) {
	good := newMark("bbolt", 7)
	tests := []struct {
		name string
		text []byte
		want error
	}{
		{"as written", good.encode(), nil},
		{"of another backend", newMark("pebble", 7).encode(), ErrNotStorage},
		{"of a later layout", markText(`{"layout":3,"backend":"bbolt"}`), ErrVersionMismatch},
		{
			"with a feature that is not known",
			markText(`{"layout":2,"backend":"bbolt","id":"A","version":7,"needs":["indexes"]}`),
			ErrVersionMismatch,
		},
		{
			"with a member that is not known",
			markText(`{"layout":2,"backend":"bbolt","id":"A","version":7,"expiry":true}`),
			ErrVersionMismatch,
		},
		{
			"of a later layout that is otherwise unlike this one",
			markText(`{"layout":3,"backend":["bbolt"],"id":7}`), ErrVersionMismatch,
		},
		{
			"with an ID that is none",
			markText(`{"layout":1,"backend":"bbolt","id":7}`), ErrNotStorage,
		},
		{"without a layout", markText(`{"backend":"bbolt"}`), ErrVersionMismatch},
		{"wrong checksum", append(good.encode(), ' '), ErrCorrupt},
		{"no checksum", []byte("GUARDKV {}"), ErrNotStorage},
		{"not JSON", markText("layout 1"), ErrNotStorage},
		{"empty", nil, ErrNotStorage},
		{"of somebody else", []byte("SQLite format 3"), ErrNotStorage},
	}
	for _, test := range tests {
		got, err := decodeMark(test.text, "bbolt")
		if !errors.Is(err, test.want) || (err == nil) != (test.want == nil) {
			t.Errorf("%s: %v, want %v", test.name, err, test.want)
		}
		if test.want == nil && !reflect.DeepEqual(got, good) {
			t.Errorf("%s: %+v, want %+v", test.name, got, good)
		}
	}
}

// The text is on disk: a later GuardKV must still read what this one wrote.
func TestMarkGolden(t *testing.T) {
	const golden = `GUARDKV ec472fdf {"layout":1,"backend":"bbolt","id":"ABC","version":3}`
	m := mark{Layout: 1, Backend: "bbolt", ID: "ABC", Version: 3}
	if got := string(m.encode()); got != golden {
		t.Errorf("the mark is %s, want %s", got, golden)
	}
	if got, err := decodeMark([]byte(golden), "bbolt"); err != nil || !reflect.DeepEqual(got, m) {
		t.Errorf("%+v, %v, want %+v", got, err, m)
	}
}

func FuzzDecodeMark(f *testing.F) {
	f.Add(newMark("bbolt", 7).encode())
	f.Add(markText("{}"))
	f.Add([]byte(markHead))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := decodeMark(text, "bbolt")
		if err == nil &&
			(m.Layout != layout && m.Layout != layoutWithFeatures || m.Backend != "bbolt") {
			t.Errorf("%q was accepted as %+v", text, m)
		}
	})
}

func FuzzCatalogRow(f *testing.F) {
	row, err := tableRecord{Number: 3, Key: "uint32", Value: "cbor/1", Checksums: true}.row("chars")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(row.Key[tableNumberSize:], row.Value)
	dropped := droppedRow(9)
	f.Add(dropped.Key[tableNumberSize:], dropped.Value)
	f.Fuzz(func(t *testing.T, name, stored []byte) {
		c := catalog{tables: map[string]*tableState{}, dropped: map[uint32]bool{}}
		err := c.loadRow(append(appendTableNumber(nil, catalogNumber), name...), stored)
		if err != nil && !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrVersionMismatch) {
			t.Errorf("the error %v is neither ErrCorrupt nor ErrVersionMismatch", err)
		}
		if err == nil && len(c.tables)+len(c.dropped) != 1 {
			t.Errorf("row %q was accepted and means nothing", name)
		}
	})
}

func TestCatalogRowGolden(t *testing.T) {
	row, err := tableRecord{Number: 3, Key: "uint32", Value: "cbor/1", Checksums: true}.row("chars")
	if err != nil {
		t.Fatal(err)
	}
	const key, value = "\x00\x00\x00\x00table/chars",
		`{"number":3,"key":"uint32","value":"cbor/1","checksums":true}`
	if string(row.Key) != key || string(row.Value[:len(value)]) != value {
		t.Errorf("the row is %q: %q, want %q: %q and a checksum", row.Key, row.Value, key, value)
	}
	if !bytes.Equal(row.Value[len(value):], []byte{0x1b, 0x81, 0xdc, 0x96}) {
		t.Errorf("the checksum is %x", row.Value[len(value):])
	}
}
