// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package cbor

import (
	"bytes"
	"encoding/binary"
	"unicode/utf8"
)

// scan looks through bytes that were just encoded for whatever could keep them from being read
// again: invalid UTF-8, equal map keys (a map[any]T may hold an int 1 and an int64 1), too many
// elements, too many levels. It knows the plain things that nearly all values are made of, and
// takes a fifth of the time of decoding. Things that it does not know are not wrong, but only
// decoding shows whether they can be read.
type scan struct {
	b      []byte
	at     int
	limits limits
	unify  bool // make every -0 a +0
}

// The major types of RFC 8949.
const (
	majorUint = iota
	majorInt
	majorBytes
	majorText
	majorArray
	majorMap
	majorTag
	majorSimple
)

// all reports whether b is one item, made of plain things.
func (s *scan) all() bool { return s.item(0) && s.at == len(s.b) }

// item passes over one item.
func (s *scan) item(depth int) bool {
	start := s.at
	if start >= len(s.b) {
		return false
	}
	head := s.b[start]
	s.at++
	n, ok := s.argument(head & 0x1f)
	if !ok {
		return false
	}
	switch head >> 5 {
	case majorUint, majorInt:
		return true
	case majorBytes:
		return s.skip(n)
	case majorText:
		text := s.at
		return s.skip(n) && utf8.Valid(s.b[text:s.at])
	case majorArray:
		return s.fits(depth, n) && s.array(depth+1, int(n))
	case majorMap:
		return s.fits(depth, n) && s.pairs(depth+1, int(n))
	case majorTag:
		return s.fits(depth, 0) && s.item(depth+1)
	}
	return s.simple(start)
}

// small passes over an integer of one byte, which most field numbers are, and reports whether
// there was one.
func (s *scan) small() bool {
	if s.at < len(s.b) && s.b[s.at]&^0x20 < 24 {
		s.at++
		return true
	}
	return false
}

// ascii passes over text of less than 256 bytes, all of them ASCII, and reports whether there
// was one. Nearly all text is like that, and most values are nearly all text, so a scan spends
// its time here. It reads eight bytes at a time.
func (s *scan) ascii() bool {
	b := s.b[s.at:]
	if len(b) < 2 {
		return false
	}
	n, start := int(b[0])-majorText<<5, 1
	if n == 24 {
		n, start = int(b[1]), 2
	} else if uint(n) > 24 {
		return false
	}
	if start+n > len(b) {
		return false
	}
	if !isASCII(b[start : start+n]) {
		return false
	}
	s.at += start + n
	return true
}

const highBits = 0x8080808080808080

// isASCII checks the last eight bytes as a whole, some of them for the second time.
func isASCII(b []byte) bool {
	if len(b) < 8 {
		var all byte
		for _, c := range b {
			all |= c
		}
		return all < 0x80
	}
	all := binary.LittleEndian.Uint64(b[len(b)-8:])
	for len(b) > 8 {
		all |= binary.LittleEndian.Uint64(b)
		b = b[8:]
	}
	return all&highBits == 0
}

// argument passes over the argument of an item and returns it: a number, a length, or the bits
// of a float.
func (s *scan) argument(info byte) (uint64, bool) {
	if info < 24 {
		return uint64(info), true
	}
	start := s.at
	if info > 27 || !s.skip(1<<(info-24)) {
		return 0, false
	}
	b := s.b[start:s.at]
	switch info {
	case 24:
		return uint64(b[0]), true
	case 25:
		return uint64(binary.BigEndian.Uint16(b)), true
	case 26:
		return uint64(binary.BigEndian.Uint32(b)), true
	}
	return binary.BigEndian.Uint64(b), true
}

func (s *scan) skip(n uint64) bool {
	if n > uint64(len(s.b)-s.at) {
		return false
	}
	s.at += int(n)
	return true
}

func (s *scan) fits(depth int, n uint64) bool {
	return depth < s.limits.nesting && n <= uint64(s.limits.elements)
}

func (s *scan) array(depth, n int) bool {
	for range n {
		if !s.ascii() && !s.small() && !s.item(depth) {
			return false
		}
	}
	return true
}

// pairs passes over pairs whose keys are in increasing order, as the library writes them.
func (s *scan) pairs(depth, n int) bool {
	var last []byte
	for i := range n {
		start := s.at
		if !s.small() && !s.item(depth) {
			return false
		}
		key := s.b[start:s.at]
		if i > 0 && key[0] <= last[0] && bytes.Compare(key, last) <= 0 {
			return false
		}
		if !s.ascii() && !s.small() && !s.item(depth) {
			return false
		}
		last = key
	}
	return true
}

// Heads of items of majorSimple.
const (
	headFalse     = 0xf4
	headTrue      = 0xf5
	headNull      = 0xf6
	headUndefined = 0xf7
	headHalf      = 0xf9
	headDouble    = 0xfb
)

// simple is called after the item at start: a boolean, null, undefined, a float, or something
// that is not plain.
func (s *scan) simple(start int) bool {
	item := s.b[start:s.at]
	if s.unify && bytes.Equal(item, negativeZero) {
		item[1] = 0
	}
	return item[0] >= headFalse && item[0] <= headUndefined ||
		item[0] >= headHalf && item[0] <= headDouble
}

// negativeZero is encoded in the shortest form, as every float is.
var negativeZero = []byte{headHalf, 0x80, 0x00}
