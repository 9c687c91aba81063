// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core

import (
	"bytes"
	"runtime"
	"testing"
)

// A transaction took 16 KiB for its first row, however small that was.
func TestATransactionOfOneSmallRowTakesLittleMemory(t *testing.T) {
	const rounds, most = 1000, 2 << 10
	row := make([]byte, 40)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range rounds {
		tx := new(Tx)
		if _, err := tx.encode(func(dst []byte) ([]byte, error) {
			return append(dst, row...), nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	runtime.ReadMemStats(&after)
	if each := (after.TotalAlloc - before.TotalAlloc) / rounds; each > most {
		t.Errorf("a row of %d bytes takes %d bytes, want at most %d", len(row), each, most)
	}
}

// A row whose encoding encodes another one, as a marshaler does that writes through the
// transaction, shared its block with it: both were committed with bytes of the other. Rows of
// any size stay as they were.
func TestEncodedRowsStayAsTheyAre(t *testing.T) {
	tx := new(Tx)
	var rows [][]byte
	filled := byte(0)
	encode := func(size int, nested func()) {
		filled++
		fill := filled
		row, err := tx.encode(func(dst []byte) ([]byte, error) {
			dst = append(dst, bytes.Repeat([]byte{fill}, size/2)...)
			if nested != nil {
				nested()
			}
			return append(dst, bytes.Repeat([]byte{fill}, size-size/2)...), nil
		})
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, row)
	}
	for i := range 300 {
		var nested func()
		if i%3 == 0 {
			nested = func() { encode(i*5+1, nil) }
		}
		encode(i*7+2, nested)
	}
	for i, row := range rows {
		for j, b := range row {
			if b != row[0] {
				t.Fatalf("row %d of %d bytes has %d at %d, and %d at its start",
					i, len(row), b, j, row[0])
			}
		}
	}
}
