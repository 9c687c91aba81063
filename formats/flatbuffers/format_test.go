// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package flatbuffers_test

import (
	"bytes"
	"encoding/hex"
	"slices"
	"testing"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/formattest"
	"github.com/guardkv/guardkv/formats/flatbuffers"
	"github.com/guardkv/guardkv/formats/flatbuffers/internal/fb"
	"github.com/guardkv/guardkv/formats/flatbuffers/internal/testfb"
)

func TestFormat(t *testing.T) { formattest.RunWith(t, newZoo(), extras, animals...) }

func TestFormatRaw(t *testing.T) {
	some := animals
	if testing.Short() {
		some = animals[:3] // TestFormat reads all
	}
	var records [][]byte
	for _, a := range some {
		b, err := newZoo().Append(nil, a)
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, b)
	}
	f := flatbuffers.Raw[testfb.Animal](testfb.Schema)
	formattest.RunWith(t, f, formattest.Extras[[]byte, testfb.Animal]{
		Value: func(w testfb.Animal) []byte {
			b := w.Table().Bytes
			testfb.Walk(&w, b)
			return b
		},
		Borrows: true,
	}, records...)
}

func FuzzFormat(f *testing.F) { formattest.FuzzWith(f, newZoo(), extras, animals...) }

// What is stored today must be readable forever. These are the ID of flatbuffers/1, a schema as
// a table remembers it, and a record as flatc 2.0.8 packs it.
func TestStoredBytes(t *testing.T) {
	f := flatbuffers.New[fb.CharT, fb.Char](fb.Schema)
	if f.ID() != "flatbuffers/1" {
		t.Errorf("the ID is %q", f.ID())
	}
	const want = "FBS\x01\x00\afb.Char\x01\x00\afb.Char\a\x04name\x01\x00\r\x00\x00\bcategory\x00\x00\r\x00\x00\x06script\x00\x00\r\x00\x00" +
		"\x05upper\x00\x00\b\x00\x00\x05lower\x00\x00\b\x00\x00\x05title\x00\x00\b\x00\x00\nproperties\x00\x00\x0e\r\x00\x00\x00"
	bound, meta, err := core.PowersOf(f).Bind([]byte(want))
	if err != nil || string(meta) != want {
		t.Fatalf("the schema becomes %q, error %v", meta, err)
	}
	const stored = "18000000000012001800140010000c000800000000000400120000001400000007000000280000002c000000300000000200000010000000" +
		"04000000010000006200000001000000610000000000000000000000020000004e640000090000004449474954204f4e45000000"
	b, err := hex.DecodeString(stored)
	if err != nil {
		t.Fatal(err)
	}
	value := fb.CharT{Name: "DIGIT ONE", Category: "Nd", Upper: 7, Properties: []string{"a", "b"}}
	w, err := bound.View(slices.Clip(b))
	if err != nil || !same(*w.UnPack(), value) {
		t.Errorf("it is read as %+v, error %v", w, err)
	}
	if again, err := bound.Append(nil, value); err != nil || !bytes.Equal(again, b) {
		t.Errorf("it is stored as %x, error %v", again, err)
	}
}
