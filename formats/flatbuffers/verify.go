// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package flatbuffers

import "encoding/binary"

// verifier checks that no accessor of generated code leaves a record, whatever is in it. It
// makes one pass over the tables, without allocations, and the size of the record bounds its
// cost.
//
// Positions are uint64: a sum of a position (under 2^31) and a product of two 32-bit numbers
// cannot wrap around. Offsets point forward, so a record cannot contain itself.
type verifier struct {
	b      []byte // the record, or the nested record that is being checked
	work   int64  // steps that are left
	depth  int    // levels of nested tables that are left
	strict bool   // refuse parts that the schema does not know

	problem problem
	at      uint64 // the position of the problem
	table   *tableCheck
	field   *fieldCheck // nil if the problem is not in a field
}

func newVerifier(b []byte, l limits, strict bool) verifier {
	return verifier{
		b: b, work: freeWork + int64(l.work)*int64(len(b)), depth: l.depth,
		strict: strict,
	}
}

// record verifies all of v.b and returns the position of its root table.
func (v *verifier) record(root *tableCheck, identifier string) (pos uint64, ok bool) {
	if len(v.b) < minSize || len(v.b) > maxSize {
		return 0, v.fail(badSize, 0)
	}
	if identifier != "" && string(v.b[4:8]) != identifier {
		return 0, v.fail(badIdentifier, 4)
	}
	if pos, ok = v.follow(0); !ok {
		return 0, v.badOffset(0)
	}
	return pos, v.checkTable(root, pos)
}

// fail records the first problem.
func (v *verifier) fail(p problem, at uint64) bool {
	if v.problem == none {
		v.problem, v.at = p, at
	}
	return false
}

func (v *verifier) spend(steps uint64) bool {
	v.work -= int64(steps)
	return v.work >= 0
}

// within reports whether size bytes at pos are inside and aligned.
func (v *verifier) within(pos, size, mask uint64) bool {
	return pos&mask == 0 && pos+size <= uint64(len(v.b))
}

// follow returns where the offset at pos leads. It is called for every reference, and kept
// small enough to be inlined: badOffset says what is wrong with an offset that leads nowhere.
func (v *verifier) follow(pos uint64) (target uint64, ok bool) {
	if !v.within(pos, 4, 3) {
		return 0, false
	}
	target = pos + uint64(binary.LittleEndian.Uint32(v.b[pos:]))
	return target, target > pos && target < uint64(len(v.b))
}

func (v *verifier) badOffset(pos uint64) bool {
	if !v.within(pos, 4, 3) {
		return v.fail(outside, pos)
	}
	return v.fail(badOffset, pos)
}

// checkTable checks the table at pos, and records the innermost table with a problem.
func (v *verifier) checkTable(t *tableCheck, pos uint64) bool {
	f, ok := v.checkFields(t, pos)
	if !ok && v.table == nil {
		v.table, v.field = t, f
	}
	return ok
}

// checkFields returns the field with a problem, or nil if the problem is not in a field.
func (v *verifier) checkFields(t *tableCheck, pos uint64) (f *fieldCheck, ok bool) {
	slots, ok := v.vtable(pos)
	if !ok {
		return nil, false
	}
	n := min(len(slots)/2, len(t.fields))
	if v.depth--; v.depth < 0 {
		return nil, v.fail(tooDeep, pos)
	}
	if !v.spend(uint64(tableCost + slotCost*n)) {
		return nil, v.fail(tooMuch, pos)
	}
	for i := range t.fields[:n] {
		f, offset := &t.fields[i], uint64(binary.LittleEndian.Uint16(slots[2*i:]))
		switch {
		case offset == 0:
			ok = !f.watched || v.absent(f, pos, slots, i)
		case f.check == checkInline:
			ok = v.within(pos+offset, f.size, f.mask) || v.fail(outside, pos+offset)
		default:
			ok = v.present(f, pos, offset, slots, i)
		}
		if !ok {
			return f, false
		}
	}
	if n < t.slots {
		return &t.fields[t.slots-1], v.fail(missing, pos)
	}
	v.depth++
	return nil, !v.strict || v.allKnown(slots[2*n:], pos)
}

// vtable returns the slots of the table at pos.
func (v *verifier) vtable(pos uint64) (slots []byte, ok bool) {
	if !v.within(pos, 4, 3) {
		return nil, v.fail(outside, pos)
	}
	at := int64(pos) - int64(int32(binary.LittleEndian.Uint32(v.b[pos:])))
	if at < 0 || !v.within(uint64(at), 4, 1) {
		return nil, v.fail(badVtable, pos)
	}
	size := uint64(binary.LittleEndian.Uint16(v.b[at:]))
	if size < 4 || size%2 != 0 || !v.within(uint64(at), size, 0) {
		return nil, v.fail(badVtable, uint64(at))
	}
	return v.b[at+4 : uint64(at)+size], true
}

// allKnown checks that the slots after those of known fields are empty.
func (v *verifier) allKnown(slots []byte, pos uint64) bool {
	if !v.spend(uint64(len(slots))) {
		return v.fail(tooMuch, pos)
	}
	for _, b := range slots {
		if b != 0 {
			return v.fail(unknownField, pos)
		}
	}
	return true
}

// slot returns the offset of field number i in its table, 0 if it is absent.
func slot(slots []byte, i int) uint64 {
	if 2*i+2 > len(slots) {
		return 0
	}
	return uint64(binary.LittleEndian.Uint16(slots[2*i:]))
}

// present checks field number i, which is at the offset in the table, and is not a scalar or
// struct.
func (v *verifier) present(f *fieldCheck, table, offset uint64, slots []byte, i int) bool {
	pos := table + offset
	if f.check == checkUnionType {
		return v.unionType(pos, slot(slots, i+1))
	}
	target, ok := v.follow(pos)
	if !ok {
		return v.badOffset(pos)
	}
	switch f.check {
	case checkString:
		return v.text(target)
	case checkVector:
		_, ok := v.vector(target, f.size, f.mask)
		return ok
	case checkNested:
		return v.nested(f.table, target)
	case checkStrings, checkTables:
		return v.elements(f, target)
	case checkTable:
		return v.checkTable(f.table, target)
	case checkUnion:
		return v.union(f, table+slot(slots, i-1), target)
	case checkUnionTypes:
		if slot(slots, i+1) == 0 {
			return v.fail(badUnion, pos)
		}
		_, ok := v.vector(target, 1, 0)
		return ok
	case checkUnions:
		return v.unions(f, table, slot(slots, i-1), target)
	}
	return v.fail(outside, pos)
}

// absent checks a field that is missing, but is required or the type of a union.
func (v *verifier) absent(f *fieldCheck, table uint64, slots []byte, i int) bool {
	if f.required {
		return v.fail(missing, table)
	}
	return slot(slots, i+1) == 0 || v.fail(badUnion, table)
}

// text checks a string, which is a vector of bytes followed by a NUL that is not counted. Most
// checks are of strings, so a valid one takes no further calls.
func (v *verifier) text(pos uint64) bool {
	if v.within(pos, 4, 3) {
		n := uint64(binary.LittleEndian.Uint32(v.b[pos:]))
		if end := pos + 4 + n; end < uint64(len(v.b)) && v.b[end] == 0 &&
			v.spend(elementCost+n>>bytesShift) {
			return true
		}
	}
	return v.badText(pos)
}

// badText finds out what is wrong with a string.
func (v *verifier) badText(pos uint64) bool {
	n, ok := v.vector(pos, 1, 0)
	if !ok {
		return false
	}
	if end := pos + 4 + n; end >= uint64(len(v.b)) || v.b[end] != 0 {
		return v.fail(unterminated, pos)
	}
	return v.fail(tooMuch, pos)
}

// vector checks a vector of elements that need no check of their own, and returns its length.
// An empty one has no elements that could be aligned.
func (v *verifier) vector(pos, size, mask uint64) (n uint64, ok bool) {
	if !v.within(pos, 4, 3) {
		return 0, v.fail(outside, pos)
	}
	n = uint64(binary.LittleEndian.Uint32(v.b[pos:]))
	if !v.within(pos+4, n*size, 0) || n > 0 && (pos+4)&mask != 0 {
		return 0, v.fail(badVector, pos)
	}
	if !v.spend(elementCost + n*size>>bytesShift) {
		return 0, v.fail(tooMuch, pos)
	}
	return n, true
}

// elements checks a vector of strings or tables.
func (v *verifier) elements(f *fieldCheck, pos uint64) bool {
	n, ok := v.vector(pos, 4, 3)
	if !ok {
		return false
	}
	for e := pos + 4; n > 0; n, e = n-1, e+4 {
		target, ok := v.follow(e)
		if !ok {
			return v.badOffset(e)
		}
		if f.check == checkStrings {
			ok = v.text(target)
		} else {
			ok = v.checkTable(f.table, target)
		}
		if !ok {
			return false
		}
	}
	return true
}

// nested checks a record inside the record. Positions in it count from its own start.
func (v *verifier) nested(root *tableCheck, pos uint64) bool {
	n, ok := v.vector(pos, 1, 0)
	if !ok {
		return false
	}
	outer := v.b
	v.b = outer[pos+4 : pos+4+n]
	_, ok = v.record(root, "")
	v.b = outer
	return ok
}

// unionType checks the type of a union against the slot of its value: both must be there, or
// neither.
func (v *verifier) unionType(pos, value uint64) bool {
	if !v.within(pos, 1, 0) {
		return v.fail(outside, pos)
	}
	return (v.b[pos] != 0) == (value != 0) || v.fail(badUnion, pos)
}

// union checks the value of a union whose type, at typ, has been checked.
func (v *verifier) union(f *fieldCheck, typ, target uint64) bool {
	return v.member(f, int(v.b[typ]), target)
}

// member checks the bytes at pos as a member of a union. It does not follow members that the
// schema does not know, since no code would read them.
func (v *verifier) member(f *fieldCheck, number int, pos uint64) bool {
	var m memberCheck
	if number < len(f.members) {
		m = f.members[number]
	}
	switch m.check {
	case checkTable:
		return v.checkTable(m.table, pos)
	case checkString:
		return v.text(pos)
	case checkStruct:
		return v.within(pos, m.size, m.mask) || v.fail(outside, pos)
	}
	return !v.strict || v.fail(unknownMember, pos)
}

// unions checks a vector of unions, which is stored as two vectors: one of types, which has
// been checked, and one of values.
func (v *verifier) unions(f *fieldCheck, table, typesSlot, pos uint64) bool {
	n, ok := v.vector(pos, 4, 3)
	if !ok {
		return false
	}
	types, _ := v.follow(table + typesSlot) // this was checked before, as a field
	if uint64(binary.LittleEndian.Uint32(v.b[types:])) != n {
		return v.fail(badUnion, pos)
	}
	if !v.spend(elementCost * n) {
		return v.fail(tooMuch, pos)
	}
	for i := range n {
		number := int(v.b[types+4+i])
		if number == 0 {
			continue // NONE has no value, and its offset is ignored
		}
		target, ok := v.follow(pos + 4 + 4*i)
		if !ok {
			return v.badOffset(pos + 4 + 4*i)
		}
		if !v.member(f, number, target) {
			return false
		}
	}
	return true
}
