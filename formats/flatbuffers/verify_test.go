// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package flatbuffers

import (
	"encoding/binary"
	"errors"
	"maps"
	"math"
	"slices"
	"strconv"
	"testing"
)

// verifySchema has one field of every kind of check.
func verifySchema() *schema {
	root := tableOf("R", "number:int", "text:string", "longs:[long]", "child:R", "children:[R]",
		"texts:[string]",
		"u_type:union type", "u:union", "us_type:[union type]", "us:[union]", "inner:[ubyte]",
		"point:Point", "needs:Q", "points:[Point]")
	for i := 6; i <= 9; i++ {
		root.fields[i].typ.def = "U"
	}
	root.fields[10].typ.nested = "R"
	return &schema{
		root: "R",
		types: map[string]*definition{
			"R": root,
			"Q": tableOf("Q", "optional:int", "must:int!"),
			"U": {kind: unionDef, name: "U", values: []value{
				{name: "NONE"},
				{name: "R", number: 1, typ: typeOf("R")},
				{name: "text", number: 2, typ: typeOf("string")},
				{name: "Point", number: 4, typ: typeOf("Point")},
			}},
			"Point": {kind: structDef, name: "Point", size: 16, align: 8},
		},
	}
}

const (
	number = iota
	aText
	longs
	child
	children
	texts
	uType
	u
	usType
	us
	inner
	aPoint
	needs
	points
	beyond // the first slot that the schema does not have
)

// image is a record that is put together by hand. Its vtable is at byte 8, its root table at
// byte 48.
type image struct {
	slots map[int]int // the offsets of fields in the table, by their slots
	words map[int]any // what is where: an int is a 32-bit number, a string is bytes
	size  int
}

const tableAt = 48

func (m image) bytes() []byte {
	b := make([]byte, m.size+256)
	put := func(at, n int) { binary.LittleEndian.PutUint32(b[at:], uint32(n)) }
	put(0, tableAt)
	put(8, 40|64<<16) // the sizes of the vtable and of the table
	for slot, offset := range m.slots {
		binary.LittleEndian.PutUint16(b[12+2*slot:], uint16(offset))
	}
	put(tableAt, tableAt-8)
	for _, at := range slices.Sorted(maps.Keys(m.words)) {
		if n, ok := m.words[at].(int); ok {
			put(at, n)
		} else {
			copy(b[at:], m.words[at].(string))
		}
	}
	return b[:m.size:m.size]
}

// with returns the image with some things changed.
func (m image) with(size int, slots map[int]int, words map[int]any) image {
	c := image{size: m.size, slots: map[int]int{}, words: map[int]any{}}
	if size > 0 {
		c.size = size
	}
	for _, s := range []map[int]int{m.slots, slots} {
		for k, v := range s {
			c.slots[k] = v
		}
	}
	for _, w := range []map[int]any{m.words, words} {
		for k, v := range w {
			c.words[k] = v
		}
	}
	return c
}

type (
	slots = map[int]int
	words = map[int]any
)

// A record of each kind that is in order, and the ways to break it, each of which breaks one rule.
var verifyCases = []struct {
	name   string
	valid  image
	breaks []broken
}{
	{"nothing", image{size: 52}, []broken{
		{"no bytes", 0, nil, nil, badSize},
		{"table ends behind the record", 51, nil, nil, outside},
		{"table at an odd place", 56, nil, words{0: 50, 50: 42}, outside},
		{"root offset is zero", 0, nil, words{0: 0}, badOffset},
		{"root offset leads out", 0, nil, words{0: 52}, badOffset},
		{"root offset is negative", 0, nil, words{0: -4}, badOffset},
		{"vtable before the record", 0, nil, words{tableAt: 52}, badVtable},
		{"vtable far before the record", 0, nil, words{tableAt: math.MaxInt32}, badVtable},
		{"vtable behind the record", 0, nil, words{tableAt: -4}, badVtable},
		{"vtable's sizes end behind the record", 0, nil, words{tableAt: -2}, badVtable},
		{"vtable far behind the record", 0, nil, words{tableAt: math.MinInt32}, badVtable},
		{"vtable at an odd place", 0, nil, words{tableAt: 39, 9: "\x04\x00"}, badVtable},
		{"vtable without its own size", 0, nil, words{8: 2}, badVtable},
		{"vtable of size zero", 0, nil, words{8: 0}, badVtable},
		{"vtable of an odd size", 0, nil, words{8: 5}, badVtable},
		{"vtable that is too long", 0, nil, words{8: 46}, badVtable},
		{"vtable of 64 KiB", 0, nil, words{8: 0xfffe}, badVtable},
	}},
	{"a number", image{slots{number: 4}, words{52: 7}, 56}, []broken{
		{"ends behind the record", 55, nil, nil, outside},
		{"starts behind the record", 0, slots{number: 8}, nil, outside},
		{"far behind the record", 0, slots{number: 0xfffc}, nil, outside},
		{"not aligned", 60, slots{number: 6}, nil, outside},
	}},
	{"a struct", image{slots{aPoint: 8}, nil, 72}, []broken{
		{"ends behind the record", 71, nil, nil, outside},
		{"not aligned", 80, slots{aPoint: 12}, nil, outside},
	}},
	{"a string", image{slots{aText: 4}, words{52: 4, 56: 3, 60: "abc"}, 64}, []broken{
		{"offset outside", 55, nil, nil, outside},
		{"offset not aligned", 68, slots{aText: 6}, words{54: 6, 56: 0, 60: 3, 64: "abc"}, outside},
		{"offset is zero", 0, nil, words{52: 0}, badOffset},
		{"offset leads out", 0, nil, words{52: 12}, badOffset},
		{"offset is negative", 0, nil, words{52: -8}, badOffset},
		{"length outside", 59, nil, nil, outside},
		{"length not aligned", 68, nil, words{52: 5, 57: 3, 60: "\x00abc\x00"}, outside},
		{"too long", 0, nil, words{56: 5}, badVector},
		{"far too long", 0, nil, words{56: -1}, badVector},
		{"ends with the record", 0, nil, words{56: 4}, unterminated},
		{"no zero behind it", 0, nil, words{63: "x"}, unterminated},
	}},
	{"a vector of longs", image{slots{longs: 4}, words{52: 8, 60: 2}, 80}, []broken{
		{"offset outside", 55, nil, nil, outside},
		{"length outside", 63, nil, nil, outside},
		{"length not aligned", 90, nil, words{52: 10, 60: 0, 62: 2}, outside},
		{"one byte short", 79, nil, nil, badVector},
		{"so long that its size is 0 in 32 bits", 0, nil, words{60: 1 << 29}, badVector},
		{"as long as possible", 0, nil, words{60: -1}, badVector},
		{"elements not aligned", 0, nil, words{52: 4, 56: 1}, badVector},
	}},
	{
		"an empty vector of longs, which a builder need not align",
		image{slots{longs: 4}, words{52: 4}, 60},
		nil,
	},
	{"a vector of structs", image{slots{points: 4}, words{52: 8, 60: 1}, 80}, []broken{
		{"one byte short", 79, nil, nil, badVector},
		{"elements not aligned", 0, nil, words{52: 4, 56: 1}, badVector},
	}},
	{
		"a table in a table",
		image{slots{child: 4}, words{52: 4, 56: -4, 60: "\x04\x00\x04\x00"}, 64},
		[]broken{
			{"offset outside", 55, nil, nil, outside},
			{"table outside", 59, nil, nil, outside},
			{"its vtable is not there", 0, nil, words{56: 57}, badVtable},
			{"its field is outside", 68, nil, words{60: "\x06\x00\x04\x00\x20\x00"}, outside},
		},
	},
	{"a vector of tables", image{
		slots{children: 4},
		words{52: 4, 56: 2, 60: 8, 64: 4, 68: -4, 72: "\x04\x00\x04\x00"},
		76,
	}, []broken{
		{"too long", 0, nil, words{56: 6}, badVector},
		{"first offset is zero", 0, nil, words{60: 0}, badOffset},
		{"last offset leads out", 0, nil, words{64: 12}, badOffset},
		{"an element's vtable is not there", 0, nil, words{68: 69}, badVtable},
	}},
	{
		"a vector of strings",
		image{slots{texts: 4}, words{52: 4, 56: 2, 60: 8, 64: 4, 68: 1, 72: "a"}, 74},
		[]broken{
			{"one element short", 0, nil, words{56: 5}, badVector},
			{"first offset is zero", 0, nil, words{60: 0}, badOffset},
			{"last offset leads out", 0, nil, words{64: 12}, badOffset},
			{"an element is too long", 0, nil, words{68: 3}, badVector},
			{"an element has no end", 73, nil, nil, unterminated},
		},
	},
	{"a union of a table", image{
		slots{uType: 4, u: 8},
		words{52: 1, 56: 4, 60: -4, 64: "\x04\x00\x04\x00"},
		68,
	}, []broken{
		{"type outside", 0, slots{uType: 20}, nil, outside},
		{"no type", 0, slots{uType: 0}, nil, badUnion},
		{"type NONE", 0, nil, words{52: 0}, badUnion},
		{"no value", 0, slots{u: 0}, nil, badUnion},
		{"no slot for the value", 0, nil, words{8: 4 + 2*u}, badUnion},
		{"offset leads out", 0, nil, words{56: 12}, badOffset},
		{"table is not one", 0, nil, words{60: 61}, badVtable},
		{"member is another", 0, nil, words{52: 2}, badVector},
	}},
	{
		"a union of a string",
		image{slots{uType: 4, u: 8}, words{52: 2, 56: 4, 60: 3, 64: "abc"}, 68},
		[]broken{
			{"no end", 67, nil, nil, unterminated},
		},
	},
	{"a union of a struct", image{slots{uType: 4, u: 8}, words{52: 4, 56: 8}, 80}, []broken{
		{"outside", 79, nil, nil, outside},
		{"not aligned", 0, nil, words{56: 4}, outside},
	}},
	{"a union of nothing", image{slots{uType: 4}, words{52: 0}, 56}, nil},
	{
		"a union of a member that is not known",
		image{slots{uType: 4, u: 8}, words{52: 5, 56: 4, 60: -1}, 64},
		[]broken{
			{"offset leads out", 0, nil, words{56: 8}, badOffset},
		},
	},
	{
		"a union of a number between members",
		image{slots{uType: 4, u: 8}, words{52: 3, 56: 4, 60: -1}, 64},
		nil,
	},
	{
		"a vector of unions",
		image{slots{usType: 4, us: 8}, words{
			52: 8, 56: 12, 60: 4, 64: "\x02\x00\x04\x05",
			68: 4, 72: 16, 76: -1, 80: 16, 84: 4, 88: 1, 92: "a",
		}, 112},
		[]broken{
			{"no types", 0, slots{usType: 0}, nil, badUnion},
			{
				"no types, but the table's first bytes lead to what could be some",
				0,
				slots{usType: 0},
				words{88: 4, 92: "\x00\x00\x00\x00"},
				badUnion,
			},
			{"no values", 0, slots{us: 0}, nil, badUnion},
			{"no slot for the values", 0, nil, words{8: 4 + 2*us}, badUnion},
			{"types lead out", 0, nil, words{52: 100}, badOffset},
			{"values lead out", 0, nil, words{56: 100}, badOffset},
			{"more types than values", 0, nil, words{68: 3}, badUnion},
			{"more values than types", 0, nil, words{60: 3}, badUnion},
			{"types are too long", 0, nil, words{60: 1000}, badVector},
			{"values are too long", 0, nil, words{60: 40, 68: 40}, badVector},
			{"an offset leads out", 0, nil, words{72: 200}, badOffset},
			{"an unknown one's offset leads out", 0, nil, words{84: 200}, badOffset},
			{"a string has no end", 0, nil, words{93: "x"}, unterminated},
			{"a struct is outside", 0, nil, words{80: 24}, outside},
		},
	},
	{
		"a nested record",
		image{slots{inner: 4}, words{52: 4, 56: 12, 60: 8, 64: "\x04\x00\x04\x00", 68: 4}, 72},
		[]broken{
			{"too long", 0, nil, words{56: 13}, badVector},
			{"too short for a record", 0, nil, words{56: 7}, badSize},
			{"empty", 0, nil, words{56: 0}, badSize},
			{"its root leads out of it, but not of the record", 76, nil, words{60: 12}, badOffset},
			{
				"its vtable is outside it, but not outside the record",
				0, nil,
				words{68: 60},
				badVtable,
			},
			{
				"its vtable ends outside it, but inside the record",
				76, nil,
				words{64: "\x0a\x00"},
				badVtable,
			},
		},
	},
	{"a required field", image{
		slots{needs: 4},
		words{52: 4, 56: -8, 60: 1, 64: "\x08\x00\x08\x00\x00\x00\x04\x00"},
		72,
	}, []broken{
		{"absent", 0, nil, words{70: "\x00\x00"}, missing},
		{"no slot", 0, nil, words{64: "\x06"}, missing},
		{"no slots at all", 0, nil, words{64: "\x04"}, missing},
	}},
	{"a field that the schema does not have", image{slots{beyond: 0xffff}, nil, 52}, nil},
}

type broken struct {
	name    string
	size    int
	slots   map[int]int
	words   map[int]any
	problem problem
}

func problemOf(err error) problem {
	if e, ok := errors.AsType[*invalid](err); ok {
		return e.problem
	}
	return none
}

func TestVerify(t *testing.T) {
	p, err := verifySchema().compile()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range verifyCases {
		if _, err := p.verify(c.valid.bytes(), defaultLimits, false); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		for _, b := range c.breaks {
			bytes := c.valid.with(b.size, b.slots, b.words).bytes()
			if b.name == "no bytes" {
				bytes = nil
			}
			if _, err := p.verify(bytes, defaultLimits, false); problemOf(err) != b.problem {
				t.Errorf("%s, %s: error %v; want %q", c.name, b.name, err, b.problem)
			}
		}
	}
}

// Of a record that is cut anywhere, nothing outside what is left is looked at: the cut one is a
// slice of its own.
func TestVerifyCut(t *testing.T) {
	p, err := verifySchema().compile()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range verifyCases {
		whole := c.valid.bytes()
		for n := range whole {
			_, _ = p.verify(slices.Clone(whole[:n]), defaultLimits, false) // must not panic
		}
	}
}

// The schema must know everything that is written, because a program with a newer schema reads
// rows with a right checksum without verifying them again.
func TestVerifyStrict(t *testing.T) {
	p, err := verifySchema().compile()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range verifyCases {
		want := map[string]problem{
			"a union of a member that is not known": unknownMember,
			"a union of a number between members":   unknownMember,
			"a vector of unions":                    unknownMember,
			"a field that the schema does not have": unknownField,
		}[c.name]
		if _, err := p.verify(c.valid.bytes(), defaultLimits, true); problemOf(err) != want {
			t.Errorf("%s: error %v; want %q", c.name, err, want)
		}
	}
}

func TestVerifyIdentifier(t *testing.T) {
	s := verifySchema()
	s.identifier = "ABCD"
	p, err := s.compile()
	if err != nil {
		t.Fatal(err)
	}
	// The identifier is where the padding before the vtable is.
	if _, err := p.verify(image{words: words{4: "ABCD"}, size: 52}.bytes(), defaultLimits,
		false); err != nil {
		t.Error(err)
	}
	for _, wrong := range []string{"ABCE", "\x00\x00\x00\x00", "DCBA"} {
		if _, err := p.verify(image{words: words{4: wrong}, size: 52}.bytes(), defaultLimits,
			false); problemOf(err) != badIdentifier {
			t.Errorf("%q: error %v", wrong, err)
		}
	}
	nested := image{
		slots{inner: 4},
		words{4: "ABCD", 52: 4, 56: 12, 60: 8, 64: "\x04\x00\x04\x00", 68: 4},
		72,
	}
	if _, err := p.verify(nested.bytes(), defaultLimits, false); err != nil {
		t.Errorf("a nested record without an identifier: %v", err)
	}
}

// chain returns a record of so many tables in each other.
func chain(n int) []byte {
	b := image{slots: slots{child: 4}, words: words{}, size: tableAt + 8*n + 4}.bytes()
	for i := range n {
		at := tableAt + 8*i
		binary.LittleEndian.PutUint32(b[at:], uint32(at-8))
		binary.LittleEndian.PutUint32(b[at+4:], 4)
	}
	// a table without fields: its vtable is in its own beginning, which is 4 when read as 16
	// bits
	last := tableAt + 8*n
	binary.LittleEndian.PutUint32(b[last:], uint32(last-4))
	binary.LittleEndian.PutUint32(b[4:], 4)
	return b
}

func TestVerifyDepth(t *testing.T) {
	p, err := verifySchema().compile()
	if err != nil {
		t.Fatal(err)
	}
	for _, depth := range []int{4, 64, 1000} {
		l := limits{depth: depth, work: 32}
		if _, err := p.verify(chain(depth-1), l, false); err != nil {
			t.Errorf("%d tables: %v", depth, err)
		}
		if _, err := p.verify(chain(depth), l, false); problemOf(err) != tooDeep {
			t.Errorf("%d tables: error %v", depth+1, err)
		}
	}
	// The depth of tables that lie beside each other does not add up.
	siblings := image{slots{children: 4}, words{52: 4, 56: 100}, 464}.bytes()
	for i := range 100 {
		binary.LittleEndian.PutUint32(siblings[60+4*i:], uint32(400-4*i))
	}
	binary.LittleEndian.PutUint32(siblings[460:], 460-4)
	binary.LittleEndian.PutUint32(siblings[4:], 4)
	if _, err := p.verify(siblings, limits{depth: 2, work: 32}, false); err != nil {
		t.Error(err)
	}
}

// bomb returns a record whose vectors of tables each refer to the next one wide times:
// wide^levels tables from few bytes.
func bomb(levels, wide int) []byte {
	each := 8 + 4 + 4*wide // table with one offset, length, elements
	b := image{slots: slots{children: 4}, size: tableAt + each*levels + 4}.bytes()
	put := func(at, n int) { binary.LittleEndian.PutUint32(b[at:], uint32(n)) }
	for l := range levels {
		at := tableAt + each*l
		put(at, at-8)
		put(at+4, 4)
		put(at+8, wide)
		for i := range wide {
			put(at+12+4*i, at+each-(at+12+4*i))
		}
	}
	last := tableAt + each*levels
	put(last, last-4)
	put(4, 4)
	return b
}

// A small record can contain itself so often that looking at all of it takes forever. What is
// spent is counted here, not timed: a step is a nanosecond or so.
func TestVerifyBomb(t *testing.T) {
	p, err := verifySchema().compile()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.verify(bomb(3, 3), defaultLimits, false); err != nil {
		t.Errorf("a few tables that are shared: %v", err)
	}
	for _, c := range []struct {
		name   string
		root   *tableCheck
		record []byte
		want   problem
	}{
		{"2^30 tables", p.root, bomb(30, 2), tooMuch},
		{"100^60 tables", p.root, bomb(60, 100), tooMuch},
		{"30000^2 tables", p.root, bomb(2, 30_000), tooMuch},
		{"a vector of one table", p.root, bomb(1, 260_000), none},
		{"a huge vtable that is shared", wide(t), wideRecord(250_000), tooMuch},
	} {
		v := newVerifier(c.record, defaultLimits, false)
		budget := v.work
		if most := 32*int64(len(c.record)) + 4096; budget > most {
			t.Errorf("%s: %d bytes may cost %d steps, want %d", c.name, len(c.record), budget, most)
		}
		v.record(c.root, "")
		if v.problem != c.want {
			t.Errorf("%s: %q, want %q", c.name, v.problem, c.want)
		}
		if spent := budget - v.work; spent > budget+1<<16 {
			t.Errorf("%s: %d bytes cost %d steps of %d", c.name, len(c.record), spent, budget)
		}
	}
	if _, err := p.verify(bomb(30, 2), limits{depth: 64, work: 65535},
		false); problemOf(err) != tooMuch {
		t.Errorf("error %v", err)
	}
	if _, err := p.verify(bomb(2, 30), limits{depth: 64, work: 1000}, false); err != nil {
		t.Errorf("with more work allowed: %v", err)
	}
}

// wide is a table of many fields, the last of which is a vector of such tables.
func wide(t testing.TB) *tableCheck {
	t.Helper()
	var fields []string
	for i := range wideFields - 1 {
		fields = append(fields, "f"+strconv.Itoa(i)+":int")
	}
	s := &schema{
		root:  "W",
		types: map[string]*definition{"W": tableOf("W", append(fields, "all:[W]")...)},
	}
	p, err := s.compile()
	if err != nil {
		t.Fatal(err)
	}
	return p.root
}

const wideFields = 10_000

// wideRecord has n tables without fields that share one vtable with room for all.
func wideRecord(n int) []byte {
	const vtable, size = 8, 4 + 2*wideFields
	const root = vtable + size + size + 4 // the root has a vtable of its own
	b := make([]byte, root+8+4+4*n+4)
	put := func(at, n int) { binary.LittleEndian.PutUint32(b[at:], uint32(n)) }
	put(0, root)
	put(vtable, size)
	put(vtable+size, size)
	b[vtable+2*size-2] = 4
	put(root, root-(vtable+size))
	put(root+4, 4)
	put(root+8, n)
	last := len(b) - 4
	for i := range n {
		put(root+12+4*i, last-(root+12+4*i))
	}
	put(last, last-vtable)
	return b
}

// Each kind of element has a price, so none can be had without limit.
func TestVerifyCounts(t *testing.T) {
	p, err := verifySchema().compile()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		image image
		least int64
	}{
		{"a table", image{size: 52}, 0},
		{"a string", image{slots{aText: 4}, words{52: 4, 56: 2, 60: "ab"}, 64}, elementCost},
		{"a long string", image{slots{aText: 4}, words{52: 4, 56: 3200}, 3300}, elementCost + 200},
		{
			"strings",
			image{slots{texts: 4}, words{52: 4, 56: 2, 60: 8, 64: 4, 68: 1, 72: "a"}, 74},
			3 * elementCost,
		},
		{"a vector", image{slots{longs: 4}, words{52: 8, 60: 400}, 3300}, elementCost + 200},
		{
			"unions",
			image{slots{usType: 4, us: 8}, words{52: 8, 56: 12, 60: 4, 68: 4}, 100},
			6 * elementCost,
		},
	} {
		v := newVerifier(c.image.bytes(), defaultLimits, false)
		before := v.work
		if _, ok := v.record(p.root, ""); !ok {
			t.Errorf("%s: %v", c.name, v.err())
		}
		if spent := before - v.work - tableCost - slotCost*int64(beyond); spent < c.least {
			t.Errorf("%s costs %d steps more than the table, want %d", c.name, spent, c.least)
		}
	}
	v := newVerifier(image{size: 52}.bytes(), limits{depth: 64}, true)
	// and nothing for the slots that the schema does not have
	v.work = tableCost + slotCost*int64(beyond)
	if _, ok := v.record(p.root, ""); ok || v.problem != tooMuch {
		t.Errorf("empty slots cost nothing: %v", v.problem)
	}
}

// A record whose offsets would not reach all of it is refused before anything is looked at.
func TestVerifySize(t *testing.T) {
	if testing.Short() || strconv.IntSize < 64 {
		t.Skip("needs 2 GiB of address space")
	}
	p, err := verifySchema().compile()
	if err != nil {
		t.Fatal(err)
	}
	half := 1 << 30
	b := make([]byte, 2*half)
	if _, err := p.verify(b, defaultLimits, false); problemOf(err) != badSize {
		t.Errorf("error %v", err)
	}
}

// Records of 1 MiB that cost as much as they can.
func BenchmarkHostile(b *testing.B) {
	p, err := verifySchema().compile()
	if err != nil {
		b.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		root   *tableCheck
		record []byte
	}{
		{"bomb", p.root, bomb(60, 4300)},
		{"pairs", p.root, bomb(60, 2)},
		{"elements", p.root, bomb(1, 260_000)},
		{"vtable", wide(b), wideRecord(250_000)},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				v := newVerifier(c.record, defaultLimits, false)
				v.record(c.root, "")
			}
		})
	}
}
