// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"
)

// batch collects encoded rows and puts them in order. Its memory is used again after reset.
type batch struct {
	arena  []byte // the encodings, back to back; rows refer to it by offset because it moves when it grows
	rows   []encodedRow
	sorted bool // rows are strictly increasing so far
	writes []Write
}

// encodedRow is arena[start:value] for the key and arena[value:end] for the value.
type encodedRow struct {
	start, value, end int
	lead              uint64 // of the key, which spares most comparisons a look into the arena
}

// lead returns the bytes behind the table's number as a number that is ordered like them; zeros stand for what a short
// key lacks, so keys of the same lead may differ.
func lead(key []byte) uint64 {
	if len(key) >= tableNumberSize+8 {
		return binary.BigEndian.Uint64(key[tableNumberSize:])
	}
	var b [8]byte
	copy(b[:], key[min(tableNumberSize, len(key)):])
	return binary.BigEndian.Uint64(b[:])
}

// compare orders rows of one table by their keys.
func (b *batch) compare(x, y encodedRow) int {
	if c := cmp.Compare(x.lead, y.lead); c != 0 {
		return c
	}
	return bytes.Compare(b.key(x), b.key(y))
}

func (b *batch) reset() {
	b.arena, b.rows, b.sorted = b.arena[:0], b.rows[:0], true
	clear(b.writes)
	b.writes = b.writes[:0]
}

func (b *batch) key(r encodedRow) []byte { return b.arena[r.start:r.value] }

// rowCost is what a row takes beside its bytes: an encodedRow and a Write.
const rowCost = 4*8 + 7*8

// size returns how much memory the rows take, about.
func (b *batch) size() int { return len(b.arena) + len(b.rows)*rowCost }

// add appends one row. encode appends the key, then the value, and returns where the value starts.
func (b *batch) add(encode func(dst []byte) (row []byte, value int, err error)) error {
	start := len(b.arena)
	row, value, err := encode(b.arena)
	if err != nil {
		return err
	}
	b.arena = row
	r := encodedRow{start, value, len(row), lead(row[start:value])}
	if n := len(b.rows); n > 0 && b.sorted {
		b.sorted = b.compare(b.rows[n-1], r) < 0
	}
	b.rows = append(b.rows, r)
	return nil
}

// follow appends a stored row that comes after all others in the batch, whatever their tables. It is not mixed with add.
func (b *batch) follow(key, value []byte) {
	b.followBy(key, func(dst []byte) ([]byte, error) { return append(dst, value...), nil })
}

// followBy is follow for a value that a function appends. It returns the value, which is valid until the next row. After
// an error the batch is of no use.
func (b *batch) followBy(key []byte, value func(dst []byte) ([]byte, error)) (_ []byte, err error) {
	start := len(b.arena)
	b.arena = append(b.arena, key...)
	at := len(b.arena)
	if b.arena, err = value(b.arena); err != nil {
		return nil, err
	}
	b.rows = append(b.rows, encodedRow{start: start, value: at, end: len(b.arena)})
	return b.arena[at:], nil
}

// sort returns the rows as writes in the order of their keys, and their size in bytes; of equal keys the last added
// one counts. The writes refer to the batch.
func (b *batch) sort() (writes []Write, size int) {
	if !b.sorted {
		slices.SortFunc(b.rows, func(x, y encodedRow) int {
			if c := b.compare(x, y); c != 0 {
				return c
			}
			return x.start - y.start
		})
	}
	b.writes = slices.Grow(b.writes[:0], len(b.rows))
	for i, r := range b.rows {
		if !b.sorted && i+1 < len(b.rows) && bytes.Equal(b.key(r), b.key(b.rows[i+1])) {
			continue
		}
		b.writes = append(b.writes, Write{Key: b.key(r), Value: b.arena[r.value:r.end:r.end]})
		size += r.end - r.start
	}
	return b.writes, size
}
