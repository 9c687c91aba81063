// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package flatbuffers_test

import (
	"testing"

	"github.com/guardkv/guardkv/core/formattest"
	"github.com/guardkv/guardkv/formats/flatbuffers"
	"github.com/guardkv/guardkv/formats/flatbuffers/internal/testfb"
)

func TestFormat(t *testing.T) { formattest.RunWith(t, newZoo(), extras, animals...) }

func TestFormatRaw(t *testing.T) {
	var records [][]byte
	for _, a := range animals {
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
