// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"math"
	"strconv"

	"github.com/guardkv/guardkv/formats/archive/internal/schema"
)

const (
	maxSize  = math.MaxInt32 // of a record
	maxDepth = 64            // of structs in structs
	prefix   = 2             // bytes of the size of a struct, and of the stride of a slice of them
	narrow   = strconv.IntSize == 32
)

var le = binary.LittleEndian

// verifier checks one record. It needs a single cursor, because the things that fields refer to
// lie in the order of the references, with nothing in between. So nothing is shared, hidden or
// visited twice, and the size of the record bounds the work. There is one exception: a struct
// may have more fields than this program knows, and then what those refer to follows what the
// known ones refer to.
type verifier struct {
	b []byte
	// where the next thing that is referred to begins; until it is compared with the length of
	// b, it may be outside
	cursor uint64
	loose  bool // it may begin later
	exact  bool // structs have today's size, and types are known
	depth  int
	problem
	at    uint64
	where string
	cause error
}

// verify returns an error unless b is a record of the program.
func (p *program) verify(b []byte) error {
	v := verifier{b: b}
	if v.record(p.root) {
		return nil
	}
	return v.err()
}

// exact is like verify, but accepts only records that this generation of the program wrote: a
// value has one such record.
func (p *program) exact(b []byte) error {
	v := verifier{b: b, exact: true}
	if v.record(p.root) {
		return nil
	}
	return v.err()
}

func (v *verifier) fail(p problem, at uint64, where string) bool {
	v.problem, v.at, v.where = p, at, where
	return false
}

func (v *verifier) record(root *block) bool {
	if len(v.b) < prefix || len(v.b) > maxSize {
		return v.fail(badLength, 0, root.name)
	}
	size := uint32(le.Uint16(v.b))
	v.cursor = prefix + uint64(size)
	if v.cursor > uint64(len(v.b)) {
		return v.fail(outside, 0, root.name)
	}
	if !v.fields(root, prefix, size) {
		return false
	}
	if v.cursor > uint64(len(v.b)) {
		return v.fail(outside, v.cursor, root.name)
	}
	if v.cursor < uint64(len(v.b)) && !v.loose {
		return v.fail(trailing, v.cursor, root.name)
	}
	return true
}

// fields checks the fields of a struct whose fixed part begins at at, and lies inside the
// record.
func (v *verifier) fields(b *block, at uint64, size uint32) bool {
	v.depth++
	if v.depth > maxDepth {
		return v.fail(tooDeep, at, b.name)
	}
	ops, bigger, ok := b.opsOf(size)
	if !ok || v.exact && size != b.size {
		return v.fail(badSize, at-prefix, b.name)
	}
	if !v.run(ops, at) {
		return false
	}
	v.loose = v.loose || bigger
	v.depth--
	return true
}

// opsOf returns the checks of a struct of this size, and whether it has more fields than are
// known.
func (b *block) opsOf(size uint32) (ops []op, bigger, ok bool) {
	if size >= b.size {
		return b.ops, size > b.size, true
	}
	for _, s := range b.sizes {
		if s == size {
			n := 0
			for n < len(b.ops) && b.ops[n].end <= size {
				n++
			}
			return b.ops[:n], false, true
		}
	}
	return nil, false, false
}

// take moves the cursor over n bytes that something refers to.
func (v *verifier) take(off uint32, n uint64) bool {
	if uint64(off) != v.cursor {
		if !v.loose || uint64(off) < v.cursor {
			return v.fail(badOffset, uint64(off), "")
		}
		v.cursor = uint64(off)
	}
	v.loose = false
	v.cursor += n
	return true
}

// claim is like take, for bytes that are read next and so must lie inside the record.
func (v *verifier) claim(off uint32, n uint64) bool {
	if !v.take(off, n) {
		return false
	}
	if v.cursor > uint64(len(v.b)) {
		return v.fail(outside, uint64(off), "")
	}
	return true
}

// run checks fields at their offsets from a place, in order. All of them are inside the record.
func (v *verifier) run(ops []op, place uint64) bool {
	for i := range ops {
		o := &ops[i]
		at := place + uint64(o.off)
		var ok bool
		switch o.code {
		case checkText, checkBytes, checkItems:
			ok = v.span(o, le.Uint64(v.b[at:]))
		case checkSlots, checkStructs, checkMap, checkBools:
			ok = v.slice(o, le.Uint64(v.b[at:]))
		case checkRef:
			ok = v.reference(o.block, le.Uint32(v.b[at:]), o.nilable)
		case checkOneof:
			ok = v.oneof(o, at)
		case checkArray:
			ok = v.elements(o.block, at, uint64(o.count))
		case checkBinary:
			ok = v.binary(o, le.Uint64(v.b[at:]))
		default:
			ok = v.scalar(o, at)
		}
		if !ok {
			if v.where == "" {
				v.where = o.field
			}
			return false
		}
	}
	return true
}

// span checks a reference to arbitrary bytes: its lower half is their offset, its upper half their
// number.
func (v *verifier) span(o *op, ref uint64) bool {
	off, n := uint32(ref), ref>>32
	switch {
	case ref == 0:
		return true
	case o.code == checkText && n == 0:
		return v.fail(badEmpty, uint64(off), "")
	case off == 0:
		return v.fail(badOffset, 0, "")
	case o.code == checkItems:
		n *= uint64(o.size)
	}
	return v.take(off, n)
}

func (v *verifier) binary(o *op, ref uint64) bool {
	off, n := uint32(ref), ref>>32
	if ref == 0 {
		return true
	}
	if off == 0 || n == 0 && !o.empty {
		return v.fail(badEmpty, uint64(off), "")
	}
	if !v.claim(off, n) {
		return false
	}
	if err := o.decodes(v.b[off : uint64(off)+n : uint64(off)+n]); err != nil {
		v.cause = err
		return v.fail(badBinary, uint64(off), "")
	}
	return true
}

// slice checks a reference to elements, and the elements.
func (v *verifier) slice(o *op, ref uint64) bool {
	off, n := uint32(ref), ref>>32
	if ref == 0 {
		return true
	}
	if off == 0 {
		return v.fail(badOffset, 0, "")
	}
	if n == 0 {
		return v.take(off, 0)
	}
	switch o.code {
	case checkStructs:
		return v.structs(o.block, off, n)
	case checkBools:
		return v.claim(off, n) && v.bools(uint64(off), n)
	}
	if !v.claim(off, n*uint64(o.block.size)) || !v.elements(o.block, uint64(off), n) {
		return false
	}
	return o.code != checkMap || v.ascending(o, uint64(off), n)
}

// elements checks n elements of the size of a block, which are inside the record.
func (v *verifier) elements(b *block, at, n uint64) bool {
	if b.texts != nil && !v.loose {
		return v.allTexts(b, at, n, uint64(b.size))
	}
	for range n {
		if !v.run(b.ops, at) {
			return false
		}
		at += uint64(b.size)
	}
	return true
}

// structs checks a slice of structs, which has at least one.
func (v *verifier) structs(b *block, off uint32, n uint64) bool {
	if !v.claim(off, prefix) {
		return false
	}
	stride := uint32(le.Uint16(v.b[off:]))
	if stride == 0 {
		return v.fail(badSize, uint64(off), b.name)
	}
	at := v.cursor
	if v.cursor += n * uint64(stride); v.cursor > uint64(len(v.b)) {
		return v.fail(outside, at, b.name)
	}
	if v.depth++; v.depth > maxDepth {
		return v.fail(tooDeep, at, b.name)
	}
	ops, bigger, ok := b.opsOf(stride)
	if !ok || v.exact && stride != b.size {
		return v.fail(badSize, uint64(off), b.name)
	}
	switch {
	case len(ops) == 0:
		v.loose = v.loose || bigger
	case stride == b.size && b.texts != nil:
		if !v.allTexts(b, at, n, uint64(stride)) {
			return false
		}
	default:
		for range n {
			if !v.run(ops, at) {
				return false
			}
			v.loose = v.loose || bigger
			at += uint64(stride)
		}
	}
	v.depth--
	return true
}

// allTexts checks elements in which only texts are to be checked. Nothing is loose.
func (v *verifier) allTexts(b *block, at, n, stride uint64) bool {
	elements := v.b[at : at+n*stride]
	if len(b.texts) == 1 {
		cursor, ok := oneText(elements[b.texts[0]:], v.cursor, int(stride))
		v.cursor = cursor
		return ok || v.fail(badOffset, at, b.name)
	}
	cursor := v.cursor
	for len(elements) > 0 {
		for _, off := range b.texts {
			ref := le.Uint64(elements[off:])
			if ref == 0 {
				continue
			}
			if uint64(uint32(ref)) != cursor || ref>>32 == 0 {
				return v.fail(badOffset, uint64(uint32(ref)), b.name)
			}
			cursor += ref >> 32
		}
		elements = elements[stride:]
	}
	v.cursor = cursor
	return true
}

// oneText is allTexts for elements with one text, as most are. elements begins with the first
// text.
func oneText(elements []byte, cursor uint64, stride int) (uint64, bool) {
	for i := 0; i <= len(elements)-8; i += stride {
		ref := le.Uint64(elements[i : i+8])
		n := ref >> 32
		if (uint64(uint32(ref)) != cursor || n == 0) && ref != 0 {
			return cursor, false
		}
		cursor += n
	}
	return cursor, true
}

// reference checks a reference to a struct.
func (v *verifier) reference(b *block, off uint32, nilable bool) bool {
	if off == 0 {
		return nilable || v.fail(missing, 0, "")
	}
	if !v.claim(off, prefix) {
		return false
	}
	size := uint32(le.Uint16(v.b[off:]))
	at := v.cursor
	if v.cursor += uint64(size); v.cursor > uint64(len(v.b)) {
		return v.fail(outside, uint64(off), b.name)
	}
	return v.fields(b, at, size)
}

func (v *verifier) oneof(o *op, at uint64) bool {
	tag, off := le.Uint16(v.b[at:]), le.Uint32(v.b[at+2:])
	switch {
	case tag == 0 && off == 0:
		return true
	case tag == 0 || off == 0:
		return v.fail(badOneof, at, "")
	case int(tag) <= len(o.members):
		return v.reference(o.members[tag-1], off, false)
	case v.exact:
		return v.fail(badOneof, at, "")
	}
	// A member of a newer program: its bytes are skipped, and what they refer to.
	if !v.claim(off, prefix) {
		return false
	}
	if v.cursor += uint64(le.Uint16(v.b[off:])); v.cursor > uint64(len(v.b)) {
		return v.fail(outside, uint64(off), "")
	}
	v.loose = true
	return true
}

func (v *verifier) scalar(o *op, at uint64) bool {
	switch o.code {
	case checkBool:
		return v.b[at] <= 1 || v.fail(badBool, at, "")
	case checkTime:
		return le.Uint32(v.b[at+8:]) < 1e9 || v.fail(badTime, at, "")
	case checkInt:
		n := int64(le.Uint64(v.b[at:]))
		return int64(int(n)) == n || v.fail(badInt, at, "")
	case checkUint:
		n := le.Uint64(v.b[at:])
		return uint64(uint(n)) == n || v.fail(badInt, at, "")
	}
	switch v.b[at] {
	case 0:
		return allZero(v.b[at+1:at+1+uint64(o.block.size)]) || v.fail(badOptional, at, "")
	case 1:
		return v.run(o.block.ops, at+1)
	}
	return v.fail(badOptional, at, "")
}

func allZero(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}

func (v *verifier) bools(at, n uint64) bool {
	for i, c := range v.b[at : at+n] {
		if c > 1 {
			return v.fail(badBool, at+uint64(i), "")
		}
	}
	return true
}

// ascending checks that the keys of a map are in order, and that each occurs once. The pairs
// have been checked.
func (v *verifier) ascending(o *op, at, n uint64) bool {
	if v.cursor > uint64(len(v.b)) {
		return v.fail(outside, at, "") // a key is
	}
	stride := uint64(o.block.size)
	for range n - 1 {
		if o.compare(v.b, at, at+stride) >= 0 {
			return v.fail(badOrder, at+stride, "")
		}
		at += stride
	}
	return true
}

// compare compares two keys of a map, which lie at these places.
func (o *op) compare(b []byte, x, y uint64) int {
	switch o.key {
	case schema.String:
		return bytes.Compare(spanOf(b, le.Uint64(b[x:])), spanOf(b, le.Uint64(b[y:])))
	case schema.Array, schema.Bool, schema.Uint8:
		return bytes.Compare(b[x:x+uint64(o.size)], b[y:y+uint64(o.size)])
	case schema.Uint16, schema.Uint32, schema.Uint64, schema.Uint:
		return cmp.Compare(unsigned(b[x:], o.size), unsigned(b[y:], o.size))
	}
	shift := 64 - 8*o.size // of signed numbers, whose sign comes to the top
	return cmp.Compare(int64(unsigned(b[x:], o.size)<<shift), int64(unsigned(b[y:], o.size)<<shift))
}

func unsigned(b []byte, size uint32) uint64 {
	switch size {
	case 1:
		return uint64(b[0])
	case 2:
		return uint64(le.Uint16(b))
	case 4:
		return uint64(le.Uint32(b))
	}
	return le.Uint64(b)
}
