// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package bbolt

import (
	"bytes"
	"encoding/binary"
)

// This file reads bbolt's pages, and checks them. A bbolt file is a sequence of pages of one
// size, which form a B+ tree: leaves hold the rows in the order of their keys, and branches
// lead to the pages below them. Numbers are in the byte order of the machine that wrote the
// file.
//
//	page    id u64, flags u16, count u16, overflow u32, then count elements, then their keys and values
//	branch  position u32, key size u32, child page u64
//	leaf    flags u32, position u32, key size u32, value size u32
//
// A position is counted from the start of its element. bbolt writes keys and values without
// gaps and in the order of the elements; the checks in this file rely on that.
const (
	headerSize  = 16
	elementSize = 16
	firstPage   = 2 // pages 0 and 1 are the meta pages

	branchFlag   = 0x01
	leafFlag     = 0x02
	metaFlag     = 0x04
	freelistFlag = 0x10

	bucketFlag       = 0x01 // of a leaf element whose value is a bucket
	bucketHeaderSize = 16   // root page u64 (0: the page follows), sequence u64

	maxKeySize = 32768
	maxDepth   = 64 // no tree of bbolt comes near it; a cycle does
)

var native = binary.NativeEndian

// page is the bytes of one node page, its overflow pages included. It is made by a pageSource,
// which has checked that the page is the one that was asked for, is a branch or a leaf, and
// holds its elements.
type page []byte

func (p page) id() uint64       { return native.Uint64(p) }
func (p page) flags() uint16    { return native.Uint16(p[8:]) }
func (p page) count() int       { return int(native.Uint16(p[10:])) }
func (p page) overflow() uint64 { return uint64(native.Uint32(p[12:])) }
func (p page) isLeaf() bool     { return p.flags() == leafFlag }

// elementsEnd is where the first key starts.
func (p page) elementsEnd() uint64 { return headerSize + elementSize*uint64(p.count()) }

// child returns the page that element i of a branch points to.
func (p page) child(i int) uint64 { return native.Uint64(p[headerSize+elementSize*i+8:]) }

// leafFlags returns the flags of element i of a leaf.
func (p page) leafFlags(i int) uint32 { return native.Uint32(p[headerSize+elementSize*i:]) }

// span returns where the key of element i starts and ends, and where its value ends, which for
// a branch is where its key ends. Only the order of the three is certain.
func (p page) span(i int) (start, keyEnd, end uint64) {
	at := headerSize + elementSize*i
	e := p[at : at+elementSize]
	if p.isLeaf() {
		start = uint64(at) + uint64(native.Uint32(e[4:]))
		keyEnd = start + uint64(native.Uint32(e[8:]))
		return start, keyEnd, keyEnd + uint64(native.Uint32(e[12:]))
	}
	start = uint64(at) + uint64(native.Uint32(e))
	keyEnd = start + uint64(native.Uint32(e[4:]))
	return start, keyEnd, keyEnd
}

// key returns the key of element i, or an error if it lies outside the page.
func (p page) key(i int) ([]byte, error) {
	start, end, _ := p.span(i)
	if end > uint64(len(p)) {
		return nil, p.outside(i)
	}
	return p[start:end:end], nil
}

// row returns the key and value of element i of a leaf. Its neighbors must abut on it, so a
// damaged position or size does not pass.
func (p page) row(i int) (key, value []byte, err error) {
	start, keyEnd, end := p.span(i)
	before := p.elementsEnd()
	if i > 0 {
		_, _, before = p.span(i - 1)
	}
	after := end
	if i+1 < p.count() {
		after, _, _ = p.span(i + 1)
	}
	if start != before || end != after || end > uint64(len(p)) {
		return nil, nil, p.outside(i)
	}
	if p.leafFlags(i) != 0 {
		return nil, nil, corruptf("page %d: element %d is not a row", p.id(), i)
	}
	return p[start:keyEnd:keyEnd], p[keyEnd:end:end], nil
}

// startAfter returns where the data after that of element i of a leaf must start; the data of
// the first follows the elements.
func (p page) startAfter(i int) uint64 {
	if i < 0 {
		return p.elementsEnd()
	}
	_, _, end := p.span(i)
	return end
}

// touch loads the first n bytes of p into the processor's cache, all lines at once. The steps
// of a search would wait for one line after the other. With touch, random reads of a large
// storage take a fifth less time.
//
//go:noinline
func (p page) touch(n int) (sum byte) {
	const line = 64
	for at := line; at < n; at += line {
		sum += p[at]
	}
	return sum
}

// search returns the index of the first element whose key is not below key, and whether it is key.
func (p page) search(key []byte) (index int, equal bool, err error) {
	// A leaf element keeps its position 4 bytes further on than a branch element does.
	shift := 0
	if p.isLeaf() {
		shift = 4
	}
	low, high := 0, p.count()
	p.touch(elementSize * high)
	for low < high {
		mid := int(uint(low+high) >> 1)
		at := headerSize + elementSize*mid
		e := p[at+shift : at+shift+8]
		start := uint64(at) + uint64(native.Uint32(e))
		end := start + uint64(native.Uint32(e[4:]))
		if end > uint64(len(p)) {
			return 0, false, p.outside(mid)
		}
		switch c := bytes.Compare(p[start:end], key); {
		case c < 0:
			low = mid + 1
		case c > 0:
			high = mid
		default:
			return mid, true, nil
		}
	}
	return low, false, nil
}

// childFor returns the index of the element of a branch under which key belongs.
func (p page) childFor(key []byte) (int, error) {
	i, equal, err := p.search(key)
	if !equal && i > 0 {
		i--
	}
	return i, err
}

// lowerBound returns the index of the first element that is not below key. It looks at the ends
// first, because most leaves of a range lie inside it.
func (p page) lowerBound(key []byte) (int, error) {
	n := p.count()
	if n == 0 {
		return 0, nil
	}
	last, err := p.key(n - 1)
	if err != nil {
		return 0, err
	}
	if bytes.Compare(last, key) < 0 {
		return n, nil
	}
	first, err := p.key(0)
	if err != nil {
		return 0, err
	}
	if bytes.Compare(first, key) >= 0 {
		return 0, nil
	}
	i, _, err := p.search(key)
	return i, err
}

// checkAround checks the elements around index i, at which a search of a leaf ended: that they
// abut on each other and that their keys rise. A search that a damaged element led astray ended
// beside that element, which contradicts its neighbors.
func (p page) checkAround(i int) error {
	first, last := max(i-2, 0), min(i+1, p.count()-1)
	if first > last {
		return nil
	}
	previous, err := p.key(first)
	if err != nil {
		return err
	}
	for j := first + 1; j <= last; j++ {
		key, err := p.key(j)
		if err != nil {
			return err
		}
		if start, _, _ := p.span(j); start != p.startAfter(j-1) {
			return p.outside(j)
		}
		if bytes.Compare(previous, key) >= 0 {
			return corruptf("page %d: key %d is out of order", p.id(), j)
		}
		previous = key
	}
	return nil
}

// checkRising checks that all keys rise and stay below high; nil is above all keys. The layout
// was checked before.
func (p page) checkRising(high []byte) error {
	var previous []byte
	for i := range p.count() {
		key, err := p.key(i)
		if err != nil {
			return err
		}
		if bytes.Compare(previous, key) >= 0 {
			return corruptf("page %d: key %d is out of order", p.id(), i)
		}
		previous = key
	}
	if high != nil && bytes.Compare(previous, high) >= 0 {
		return corruptf("page %d: its last key belongs to a later page", p.id())
	}
	return nil
}

// checkLayout checks every element, but not the bytes of keys: sizes must be possible, keys and
// values must abut, and they must need exactly the extent of the page. It reads nothing of the
// page but its elements.
func (p page) checkLayout(extent, pageSize uint64) error {
	layout := page.branchLayout
	if p.isLeaf() {
		layout = page.leafLayout
	}
	at, i := layout(p)
	if i < p.count() {
		return p.outside(i)
	}
	return p.checkExtent(at, extent, pageSize)
}

// checkExtent checks that content that ends at the given place needs exactly the extent of the
// page.
func (p page) checkExtent(at, extent, pageSize uint64) error {
	if (at+pageSize-1)&^(pageSize-1) != extent {
		return corruptf("page %d: %d bytes of content do not fit its extent of %d bytes",
			p.id(), at, extent)
	}
	return nil
}

// leafLayout returns where the last value of a leaf ends, and the index of the first element
// with an impossible place. It runs for every leaf that a scan passes over.
func (p page) leafLayout() (at uint64, bad int) {
	at = p.elementsEnd()
	place := uint64(headerSize)
	for e := p[headerSize:at]; len(e) >= elementSize; e = e[elementSize:] {
		key := uint64(native.Uint32(e[8:]))
		if place+uint64(native.Uint32(e[4:])) != at || key-1 >= maxKeySize {
			break
		}
		at += key + uint64(native.Uint32(e[12:]))
		place += elementSize
	}
	return at, int(place/elementSize) - 1
}

// branchLayout does the same for a branch.
func (p page) branchLayout() (at uint64, bad int) {
	at = p.elementsEnd()
	place := uint64(headerSize)
	for e := p[headerSize:at]; len(e) >= elementSize; e = e[elementSize:] {
		key := uint64(native.Uint32(e[4:]))
		if place+uint64(native.Uint32(e)) != at || key-1 >= maxKeySize {
			break
		}
		at += key
		place += elementSize
	}
	return at, int(place/elementSize) - 1
}

// checkRows checks that the elements of a leaf are rows and not buckets.
func (p page) checkRows() error {
	flags := uint32(0)
	for e := p[headerSize:p.elementsEnd()]; len(e) >= elementSize; e = e[elementSize:] {
		flags |= native.Uint32(e)
	}
	if flags != 0 {
		return corruptf("page %d: not all of its elements are rows", p.id())
	}
	return nil
}

func (p page) outside(i int) error {
	return corruptf("page %d: element %d has an impossible place", p.id(), i)
}

// checkHeader checks the header at the start of b, which must be page id of a tree, and returns
// its extent. limit is the number of pages of the storage.
func checkHeader(b []byte, id, limit, pageSize uint64) (extent uint64, err error) {
	p := page(b)
	if p.id() != id {
		return 0, corruptf("page %d says that it is page %d", id, p.id())
	}
	if f := p.flags(); f != leafFlag && f != branchFlag {
		return 0, corruptf("page %d: flags %#x are neither branch nor leaf", id, f)
	}
	if p.overflow() >= limit-id {
		return 0, corruptf("page %d: %d overflow pages reach past the end", id, p.overflow())
	}
	extent = (p.overflow() + 1) * pageSize
	if p.elementsEnd() > extent || (p.count() == 0 && !p.isLeaf()) {
		return 0, corruptf("page %d: %d elements are impossible", id, p.count())
	}
	return extent, nil
}

// inlinePage returns the page that a bucket keeps in its own value, behind the bucket's header.
func inlinePage(value []byte) (page, error) {
	if len(value) < bucketHeaderSize+headerSize {
		return nil, corruptf("a bucket of %d bytes has no page", len(value))
	}
	p := page(value[bucketHeaderSize:])
	if !p.isLeaf() || p.overflow() != 0 || p.elementsEnd() > uint64(len(p)) {
		return nil, corruptf("the page inside a bucket is damaged")
	}
	return p, nil
}
