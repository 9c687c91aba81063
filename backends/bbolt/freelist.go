// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package bbolt

import "encoding/binary"

// readFreelist reads the list of free pages that a clean close leaves in the file:
//
//	page header with the number of pages, or 0xffff and then the number as u64; then the pages as u64, rising
//
// It calls each for every free page, and own for every page that the list itself takes.
func readFreelist(f *filePages, id uint64, each, own func(id uint64) error) error {
	var buf []byte
	if err := f.read(&buf, id*f.pageSize, f.pageSize); err != nil {
		return err
	}
	p := page(buf)
	if p.id() != id || p.flags() != freelistFlag || p.overflow() >= f.pages-id {
		return corruptf("page %d is not the freelist", id)
	}
	extent := (p.overflow() + 1) * f.pageSize
	at, n := uint64(headerSize), uint64(p.count())
	if n == 0xffff {
		at, n = at+8, native.Uint64(buf[headerSize:])
	}
	if n > f.pages || at+8*n > extent {
		return corruptf("page %d: a freelist of %d pages does not fit", id, n)
	}
	for i := id; i < id+extent/f.pageSize; i++ {
		if err := own(i); err != nil {
			return err
		}
	}
	return f.freePages(id, at, n, each)
}

// freePages reads the n page numbers that start at byte at of page id, a piece at a time.
func (f *filePages) freePages(id, at, n uint64, each func(id uint64) error) error {
	const piece = 8 << 10
	var buf []byte
	last := uint64(firstPage - 1)
	for ; n > 0; n -= min(n, piece) {
		if err := f.read(&buf, id*f.pageSize+at, 8*min(n, piece)); err != nil {
			return err
		}
		at += uint64(len(buf))
		for b := buf; len(b) > 0; b = b[8:] {
			free := binary.NativeEndian.Uint64(b)
			if free <= last || free >= f.pages {
				return corruptf("page %d: page %d cannot come after page %d in the freelist",
					id, free, last)
			}
			last = free
			if err := each(free); err != nil {
				return err
			}
		}
	}
	return nil
}
