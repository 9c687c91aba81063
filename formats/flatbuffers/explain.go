// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package flatbuffers

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/explain"
)

// Explain shows what tables of FlatBuffers hold, without generated code: see [core.Explainer].
// It uses the schema that is stored with the table. Tables and structs are objects with the
// fields that are stored, which leaves out those that have their default. Values of enums are
// shown as their names, or as numbers if they have none; a union is two fields, as in the
// schema, of which the first is the name of the member. A vector of ubyte is bytes in base64,
// unless it is a nested record, which is an object.
//
// Every record is verified first, with the default of [WithMaxWork], and with a [WithMaxDepth]
// of 1024, which is more than the default. If showing a record would take more than 16 MiB and
// more than 32 times its size, because its parts are shared, the error is [core.ErrTooLarge].
func Explain(t core.TableInfo) (core.Explanation, error) {
	if t.ValueFormat != formatID {
		return core.Explanation{}, fmt.Errorf("values in %q are no FlatBuffers: %w",
			t.ValueFormat, errors.ErrUnsupported)
	}
	s, err := decodeSchema(t.Meta)
	if err != nil {
		return core.Explanation{}, err
	}
	p, err := s.compile()
	if err != nil {
		return core.Explanation{}, fmt.Errorf("flatbuffers: %w: the stored schema of the table: %w",
			core.ErrCorrupt, err)
	}
	return core.Explanation{
		Schema: s.words(),
		AppendJSON: func(dst, _, value []byte) ([]byte, error) {
			return s.appendJSON(dst, value, p)
		},
	}, nil
}

// words returns the schema in the schema language, with the root first.
func (s *schema) words() string {
	names := slices.DeleteFunc(slices.Sorted(maps.Keys(s.types)),
		func(name string) bool { return name == s.root })
	var lines []string
	for _, name := range append([]string{s.root}, names...) {
		d := s.types[name]
		lines = append(lines, fmt.Sprintf("%v %s {", d.kind, name))
		for _, f := range d.fields {
			lines = append(lines, "  "+f.declaration())
		}
		for _, v := range d.values {
			lines = append(lines, "  "+v.declaration())
		}
		lines = append(lines, "}")
	}
	return strings.Join(lines, "\n")
}

// The limits on what is shown.
const (
	shownDepth = 1024
	shownBytes = 16 << 20
)

var errShownTooMuch = fmt.Errorf("%w: it would take too much memory to show it", core.ErrTooLarge)

func (s *schema) appendJSON(dst, b []byte, p *program) ([]byte, error) {
	root, err := p.verify(b, limits{depth: shownDepth, work: defaultLimits.work}, false)
	if err != nil {
		return nil, fmt.Errorf("flatbuffers of %s: %w: %w", s.root, core.ErrCorrupt, err)
	}
	w := shower{schema: s, b: b, out: dst, most: len(dst) + max(shownBytes, 32*len(b))}
	w.table(s.types[s.root], uint64(root))
	if w.tooMuch {
		return nil, errShownTooMuch
	}
	return w.out, nil
}

// shower shows a verified record. What the stored schema says about structs was not verified,
// so reads outside the record return zero.
type shower struct {
	schema  *schema
	b       []byte
	out     []byte
	most    int // how long out may be
	depth   int
	tooMuch bool
}

// full reports whether there is room for another part. It is called before each part.
func (w *shower) full() bool {
	w.tooMuch = w.tooMuch || len(w.out) > w.most || w.depth > 2*shownDepth
	return w.tooMuch
}

func (w *shower) text(s string) { w.out = append(w.out, s...) }

// read returns n bytes at a position.
func (w *shower) read(pos, n uint64) []byte {
	if pos > uint64(len(w.b)) || n > uint64(len(w.b))-pos {
		return make([]byte, min(n, 8))
	}
	return w.b[pos : pos+n]
}

func (w *shower) number(pos uint64) uint64 {
	return uint64(binary.LittleEndian.Uint32(w.read(pos, 4)))
}

// target returns where the offset at a position leads.
func (w *shower) target(pos uint64) uint64 { return pos + w.number(pos) }

// member begins a member of an object.
func (w *shower) member(open, name string) {
	w.text(open)
	w.out = append(explain.AppendString(w.out, strings.ToValidUTF8(name, "\ufffd")), ':')
}

func (w *shower) table(d *definition, pos uint64) {
	if w.full() {
		return
	}
	w.depth++
	vtable := uint64(int64(pos) - int64(int32(w.number(pos))))
	size := uint64(binary.LittleEndian.Uint16(w.read(vtable, 2)))
	slots := w.read(vtable+4, max(size, 4)-4)
	open := "{"
	for i, f := range d.fields {
		if offset := slot(slots, i); offset != 0 {
			w.member(open, f.name)
			w.field(d, i, pos, slots)
			open = ","
		}
	}
	if open == "{" {
		w.text(open)
	}
	w.text("}")
	w.depth--
}

// field shows a field that is there.
func (w *shower) field(d *definition, i int, table uint64, slots []byte) {
	f := d.fields[i]
	pos := table + slot(slots, i)
	switch t := f.typ; {
	case t.base == stringType:
		w.string(w.target(pos))
	case t.base == unionType:
		w.union(t, int64(w.read(table+slot(slots, i-1), 1)[0]), w.target(pos))
	case t.base == vectorType && t.element == unionType:
		w.unions(t, w.target(table+slot(slots, i-1)), w.target(pos))
	case t.base == vectorType:
		w.vector(t, w.target(pos))
	case t.base == objectType && w.schema.types[t.def].kind == tableDef:
		w.table(w.schema.types[t.def], w.target(pos))
	default:
		w.inline(t.base, t.def, pos)
	}
}

func (w *shower) string(pos uint64) {
	w.out = explain.AppendString(w.out, string(w.read(pos+4, w.number(pos))))
}

// inline shows a scalar or a struct that lies in place.
func (w *shower) inline(base baseType, def string, pos uint64) {
	d := w.schema.types[def]
	if base == objectType && d != nil {
		w.structure(d, pos)
		return
	}
	n := w.scalar(base, pos)
	if d != nil && d.kind != structDef && d.kind != tableDef {
		if i := slices.IndexFunc(d.values, func(v value) bool { return v.number == n }); i >= 0 {
			w.out = explain.AppendString(w.out, d.values[i].name)
			return
		}
	}
	switch base {
	case boolType:
		w.out = strconv.AppendBool(w.out, n != 0)
	case ulongType:
		w.out = strconv.AppendUint(w.out, uint64(n), 10)
	case floatType:
		w.out = explain.AppendFloat(w.out, float64(math.Float32frombits(uint32(n))), 32)
	case doubleType:
		w.out = explain.AppendFloat(w.out, math.Float64frombits(uint64(n)), 64)
	default:
		w.out = strconv.AppendInt(w.out, n, 10)
	}
}

// scalar returns an integer, or the bits of a float.
func (w *shower) scalar(base baseType, pos uint64) int64 {
	b := w.read(pos, uint64(base.size()))
	switch base {
	case byteType:
		return int64(int8(b[0]))
	case shortType:
		return int64(int16(binary.LittleEndian.Uint16(b)))
	case ushortType:
		return int64(binary.LittleEndian.Uint16(b))
	case intType:
		return int64(int32(binary.LittleEndian.Uint32(b)))
	case uintType, floatType:
		return int64(binary.LittleEndian.Uint32(b))
	case longType, ulongType, doubleType:
		return int64(binary.LittleEndian.Uint64(b))
	case boolType, ubyteType, unionTypeType:
		return int64(b[0])
	}
	return 0
}

// structure shows a struct, whose fields follow one another in it.
func (w *shower) structure(d *definition, pos uint64) {
	if w.full() {
		return
	}
	w.depth++
	open := "{"
	for _, f := range d.fields {
		w.member(open, f.name)
		open = ","
		at := pos + uint64(f.offset)
		if f.typ.base != arrayType {
			w.inline(f.typ.base, f.typ.def, at)
			continue
		}
		w.list(uint64(f.typ.length), func(i uint64) {
			w.inline(f.typ.element, f.typ.def, at+i*w.size(f.typ.element, f.typ.def))
		})
	}
	if open == "{" {
		w.text(open)
	}
	w.text("}")
	w.depth--
}

// size returns the size of a scalar or struct.
func (w *shower) size(base baseType, def string) uint64 {
	if d := w.schema.types[def]; base == objectType && d != nil {
		return uint64(d.size)
	}
	return uint64(base.size())
}

// list shows n elements.
func (w *shower) list(n uint64, show func(i uint64)) {
	w.text("[")
	for i := uint64(0); i < n && !w.full(); i++ {
		if i > 0 {
			w.text(",")
		}
		show(i)
	}
	w.text("]")
}

func (w *shower) vector(t fieldType, pos uint64) {
	n, first := w.number(pos), pos+4
	d := w.schema.types[t.def]
	switch {
	case t.nested != "":
		w.nested(t.nested, w.read(first, n))
	case t.element == ubyteType && t.def == "":
		w.out = explain.AppendBytes(w.out, w.read(first, n))
	case t.element == stringType:
		w.list(n, func(i uint64) { w.string(w.target(first + 4*i)) })
	case t.element == objectType && d.kind == tableDef:
		w.list(n, func(i uint64) { w.table(d, w.target(first+4*i)) })
	default:
		size := w.size(t.element, t.def)
		w.list(n, func(i uint64) { w.inline(t.element, t.def, first+i*size) })
	}
}

// nested shows a record inside the record.
func (w *shower) nested(root string, b []byte) {
	outer := w.b
	w.b = b
	w.table(w.schema.types[root], w.target(0))
	w.b = outer
}

// union shows a member of a union. Members that the schema does not know were not verified.
func (w *shower) union(t fieldType, number int64, pos uint64) {
	values := w.schema.types[t.def].values
	i := slices.IndexFunc(values, func(v value) bool { return v.number == number && v.number != 0 })
	if i < 0 {
		w.text("null")
		return
	}
	switch member := values[i].typ; {
	case member.base == stringType:
		w.string(pos)
	case w.schema.types[member.def].kind == tableDef:
		w.table(w.schema.types[member.def], pos)
	default:
		w.structure(w.schema.types[member.def], pos)
	}
}

// unions shows a vector of unions, which comes with a vector of their types.
func (w *shower) unions(t fieldType, types, pos uint64) {
	w.list(w.number(pos), func(i uint64) {
		w.union(t, int64(w.read(types+4+i, 1)[0]), w.target(pos+4+4*i))
	})
}
