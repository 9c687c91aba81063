// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"
)

// Engines take the writes of one Apply in the order of their keys. A batch is where that order
// is made: PutAll, streams and Restore encode their rows into it, and sort what came out of
// order. What it costs decides how fast rows are loaded, so it copies each row once, compares
// mostly numbers in place of keys, and leaves the garbage collector no pointers to follow.

// batch collects encoded rows and puts them in order. Its memory is used again after reset.
//
// Rows lie in blocks, which never move: small ones back to back in shared blocks, a large one
// in memory of its own, which its format has made. So a row is copied once, however many follow
// it.
type batch struct {
	// what rows refer to by number; a shared block is there again behind each large row
	blocks [][]byte
	rows   []encodedRow
	bytes  int  // of all rows
	sorted bool // rows are strictly increasing so far
	large  bool // the last row was
	writes []Write

	room   room     // what is left of a shared block; lent while a row is encoded
	shared [][]byte // the shared blocks
	own    [][]byte // the memory of large rows
	idle   [][]byte // shared blocks of earlier rows
	spare  [][]byte // memory of earlier large rows
}

// encodedRow is size bytes of a block from start on. The first bytes are the key. Of two rows, the
// one that was added later has the higher block, or the higher start. There is no pointer in it
// that a garbage collector would have to follow.
type encodedRow struct {
	block, start uint32
	key, size    int
	lead         uint64 // of the key, which spares most comparisons a look at the block
}

// room is a shared block, and how much of it is used.
type room struct {
	block  []byte
	number int // behind its last place in batch.blocks; 0 if it has none
	used   int
}

const (
	firstBatchBlock = 1 << 10
	batchBlock      = 1 << 20
	largeRow        = 64 << 10 // from here on, rows have memory of their own
	mostSpare       = 32 << 20 // of large rows, which is kept for later ones
)

// lead returns the bytes behind the table's number as a number that is ordered like them; zeros
// stand for what a short key lacks, so keys of the same lead may differ.
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
	b.idle, b.shared = append(b.idle, b.shared...), b.shared[:0]
	kept := 0
	for _, m := range b.spare {
		kept += cap(m)
	}
	for _, m := range b.own {
		if kept+cap(m) <= mostSpare {
			kept += cap(m)
			b.spare = append(b.spare, m[:0])
		}
	}
	clear(b.own)
	clear(b.blocks)
	clear(b.writes)
	b.own, b.blocks, b.writes, b.rows = b.own[:0], b.blocks[:0], b.writes[:0], b.rows[:0]
	b.room, b.bytes, b.sorted = room{}, 0, true
}

func (b *batch) row(r encodedRow) []byte {
	start, end := int(r.start), int(r.start)+r.size
	return b.blocks[r.block][start:end:end]
}

func (b *batch) key(r encodedRow) []byte { return b.row(r)[:r.key] }

// rowCost is what a row takes beside its bytes: an encodedRow and a Write.
const rowCost = 4*8 + 7*8

// size returns how much memory the rows take, about.
func (b *batch) size() int { return b.bytes + len(b.rows)*rowCost }

// add adds one row. encode appends the key, then the value, to dst, which is empty, and returns
// where the value starts. It may add rows to this batch itself, as a value whose marshaler
// does: those come first.
func (b *batch) add(encode func(dst []byte) (row []byte, value int, err error)) error {
	at, dst := b.lend()
	row, value, err := encode(dst)
	if err != nil {
		b.takeBack(at, dst)
		return err
	}
	b.keep(at, dst, row, value)
	n := len(b.rows) - 1
	last := &b.rows[n]
	last.lead = lead(row[:value])
	if n > 0 && b.sorted {
		b.sorted = b.compare(b.rows[n-1], *last) < 0
	}
	return nil
}

// lend returns memory for the next row, of length 0: the rest of a shared block or, after a large
// row, the memory of an earlier one.
func (b *batch) lend() (at room, dst []byte) {
	if n := len(b.spare); b.large && n > 0 {
		dst = b.spare[n-1]
		b.spare = b.spare[:n-1]
		return room{}, dst
	}
	at = b.room
	b.room = room{}
	if at.used == len(at.block) {
		at = b.newRoom(1)
	}
	return at, at.block[at.used:at.used]
}

// takeBack takes back what lend returned and no row is in.
func (b *batch) takeBack(at room, dst []byte) {
	if at.block == nil {
		b.spare = append(b.spare, dst)
	} else if at.left() >= b.room.left() { // else a row that was added meanwhile has left more
		b.room = at
	}
}

func (r *room) left() int { return len(r.block) - r.used }

// keep adds a row that was encoded to dst, which lend returned.
func (b *batch) keep(at room, dst, row []byte, key int) {
	b.large = len(row) >= largeRow
	inside := cap(dst) > 0 && &row[:1][0] == &dst[:1][0]
	switch {
	case inside && at.block != nil:
		at = b.settle(at, len(row), key)
	case b.large:
		b.keepOwn(row, key)
		if inside {
			return // nothing of dst is left
		}
	default: // a small row that did not fit, or that is in memory for a large one
		other := b.room
		b.room = room{}
		if other.left() < len(row) {
			other = b.newRoom(len(row))
		}
		copy(other.block[other.used:], row)
		other = b.settle(other, len(row), key)
		b.takeBack(other, nil)
	}
	b.takeBack(at, dst)
}

// settle makes a row of the next bytes of a shared block.
func (b *batch) settle(at room, size, key int) room {
	if at.number == 0 || at.number != len(b.blocks) { // another block was used since
		b.blocks = append(b.blocks, at.block)
		at.number = len(b.blocks)
	}
	b.list(encodedRow{block: uint32(at.number - 1), start: uint32(at.used), key: key, size: size})
	at.used += size
	return at
}

// keepOwn adds a row in memory of its own.
func (b *batch) keepOwn(row []byte, key int) {
	b.own, b.blocks = append(b.own, row), append(b.blocks, row)
	b.list(encodedRow{block: uint32(len(b.blocks) - 1), key: key, size: len(row)})
}

func (b *batch) list(r encodedRow) {
	b.rows = append(b.rows, r)
	b.bytes += r.size
}

// newRoom returns a shared block, empty, of at least so many bytes. Each that is made is twice
// as large as the one before.
func (b *batch) newRoom(size int) room {
	i := slices.IndexFunc(b.idle, func(block []byte) bool { return len(block) >= size })
	var block []byte
	if i >= 0 {
		block = b.idle[i]
		b.idle = slices.Delete(b.idle, i, i+1)
	} else {
		block = make([]byte, max(size, min(firstBatchBlock<<min(len(b.shared), 16), batchBlock)))
	}
	b.shared = append(b.shared, block)
	return room{block: block}
}

// follow adds a stored row that comes after all others in the batch, whatever their tables. It
// is not mixed with add.
func (b *batch) follow(key, value []byte) {
	b.followBy(key, func(dst []byte) ([]byte, error) { return append(dst, value...), nil })
}

// followBy is follow for a value that a function appends. It returns the value, which is valid
// until reset. After an error the batch must not be used any more.
func (b *batch) followBy(key []byte, value func(dst []byte) ([]byte, error)) ([]byte, error) {
	at, dst := b.lend()
	row, err := value(append(dst, key...))
	if err != nil {
		return nil, err
	}
	b.keep(at, dst, row, len(key))
	return b.row(b.rows[len(b.rows)-1])[len(key):], nil
}

// looseRow is a row between two batches.
type looseRow struct {
	row   []byte
	value int // where it starts
	own   bool
}

// cut takes the last row out of the batch. Its bytes are valid until reset, unless they are its
// own.
func (b *batch) cut() looseRow {
	n := len(b.rows) - 1
	last := b.rows[n]
	r := looseRow{row: b.row(last), value: last.key, own: last.size >= largeRow && b.isOwn(last)}
	if r.own {
		b.own = b.own[:len(b.own)-1]
	}
	b.rows, b.bytes = b.rows[:n], b.bytes-last.size
	return r
}

// isOwn reports whether a row, the last one, is in memory of its own.
func (b *batch) isOwn(r encodedRow) bool {
	n := len(b.own)
	return n > 0 && &b.own[n-1][0] == &b.blocks[r.block][0]
}

// paste adds a row that was cut out of another batch.
func (b *batch) paste(r looseRow) error {
	return b.add(func(dst []byte) ([]byte, int, error) {
		if r.own {
			return r.row, r.value, nil
		}
		return append(dst, r.row...), r.value, nil
	})
}

// sort returns the rows as writes in the order of their keys, and their size in bytes; of equal
// keys the last added one counts. The writes refer to the batch.
func (b *batch) sort() (writes []Write, size int) {
	if !b.sorted {
		slices.SortFunc(b.rows, func(x, y encodedRow) int {
			if c := b.compare(x, y); c != 0 {
				return c
			}
			return cmp.Or(cmp.Compare(x.block, y.block), cmp.Compare(x.start, y.start))
		})
	}
	b.writes = slices.Grow(b.writes[:0], len(b.rows))
	for i, r := range b.rows {
		if !b.sorted && i+1 < len(b.rows) && bytes.Equal(b.key(r), b.key(b.rows[i+1])) {
			continue
		}
		row := b.row(r)
		b.writes = append(b.writes, Write{Key: row[:r.key], Value: row[r.key:]})
		size += r.size
	}
	return b.writes, size
}
