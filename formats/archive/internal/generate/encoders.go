// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package generate

import (
	"fmt"

	"github.com/guardkv/guardkv/formats/archive/internal/schema"
)

// structEncoder writes the function that encodes a struct: first what lies in its fixed part,
// then what its fields refer to, in the order of their places.
func (e *emitter) structEncoder(t *structType) {
	e.declare(t.encode, "encoding "+t.name)
	var inline, refer bool
	for _, f := range t.fields {
		inline = inline || f.typ.inline()
		refer = refer || !f.typ.inline()
	}
	used := func(name string, is bool) string {
		if is {
			return name
		}
		return "_"
	}
	enc := used("e", inline || refer)
	e.printf("func %s(%s *archive.Encoder, %s int, %s *%s) {\n",
		t.encode, enc, used("at", inline || refer), used("x", inline || refer), t.code)
	if inline {
		e.printf("\tb := e.Fixed(at, %d)\n", t.def.Size())
		for _, f := range t.fields {
			if f.typ.inline() {
				e.put(f.typ, "b", at(f.at), "x."+f.name, 0)
			}
		}
	}
	for _, f := range t.fields {
		if !f.typ.inline() {
			e.refer(f.typ, place{"at", f.at}, "x."+f.name, 0)
		}
	}
	e.printf("}\n\n")
}

// put writes the code that puts a value into bytes. depth keeps the names of variables apart.
func (e *emitter) put(t *typ, b string, p place, x string, depth int) {
	switch k := t.kind(); k {
	case schema.Optional:
		e.printf("\tif %s != nil {\n\t\t%s[%v] = 1\n", x, b, p)
		e.put(t.elem, b, p.plus(1), "*"+x, depth)
		e.printf("\t}\n")
	case schema.Array:
		if t.elem.kind() == schema.Uint8 && t.elem.code == t.elem.plain {
			e.printf("\tcopy(%s, %s[:])\n", from(b, p), x)
			return
		}
		i := fmt.Sprintf("i%d", depth)
		e.printf("\tfor %s := range %s {\n", i, x)
		e.put(t.elem, b, p.element(i, e.size(t.elem)), x+"["+i+"]", depth+1)
		e.printf("\t}\n")
	case schema.Bool:
		e.printf("\tarchive.PutBool(%s, %s)\n", from(b, p), t.asPlain(x))
	case schema.Float32, schema.Float64, schema.Complex64, schema.Complex128:
		e.printf("\tarchive.Put%s(%s, %s)\n", exported(t.plain), from(b, p), t.asPlain(x))
	case schema.Time:
		e.printf("\tarchive.PutTime(%s, %s)\n", from(b, p), t.asPlain(x))
	default:
		bits := fmt.Sprintf("uint%d", 8*e.size(t))
		if t.code != bits {
			x = bits + "(" + x + ")"
		}
		e.printf("\tarchive.Put%s(%s, %s)\n", exported(bits), from(b, p), x)
	}
}

// from returns the expression for a slice from a place on.
func from(b string, p place) string {
	if p.base == "" && p.n == 0 {
		return b
	}
	return fmt.Sprintf("%s[%v:]", b, p)
}

// refer writes the code that appends the things that a value refers to.
func (e *emitter) refer(t *typ, p place, x string, depth int) {
	switch t.kind() {
	case schema.String:
		e.printf("\te.Text(%v, %s)\n", p, t.asPlain(x))
	case schema.Bytes:
		e.printf("\te.Bytes(%v, %s)\n", p, x)
	case schema.Binary:
		e.printf("\tarchive.PutBinary(e, %v, &%s)\n", p, x)
	case schema.Optional:
		if t.elem.kind() == schema.Binary {
			e.printf("\tarchive.PutOptionalBinary(e, %v, %s)\n", p, x)
			return
		}
		e.printf("\tarchive.OptionalText(e, %v, %s)\n", p, x)
	case schema.Struct:
		e.begin(t.def, p, "&"+x, depth)
	case schema.Pointer:
		e.printf("\tif %s != nil {\n", x)
		e.begin(t.def, p, x, depth)
		e.printf("\t}\n")
	case schema.Fixed:
		e.printf("\t%s(e, %v, &%s)\n", t.def.encode, p, x)
	case schema.Oneof:
		e.printf("\t%s(e, %v, %s)\n", t.oneof.encode, p, x)
	case schema.Array:
		i := fmt.Sprintf("i%d", depth)
		e.printf("\tfor %s := range %s {\n", i, x)
		e.refer(t.elem, p.element(i, e.size(t.elem)), x+"["+i+"]", depth+1)
		e.printf("\t}\n")
	case schema.Slice:
		e.referSlice(t, p, x, depth)
	case schema.Map:
		e.referMap(t, p, x, depth)
	}
}

// begin writes the code that encodes a struct behind a reference.
func (e *emitter) begin(t *structType, p place, x string, depth int) {
	e.printf("\tif p%d, ok := e.Struct(%v, %d); ok {\n\t\t%s(e, p%d, %s)\n\t}\n\te.Leave()\n",
		depth, p, t.def.Size(), t.encode, depth, x)
}

func (e *emitter) referSlice(t *typ, p place, x string, depth int) {
	pl, i := fmt.Sprintf("p%d", depth), fmt.Sprintf("i%d", depth)
	switch k := t.elem.kind(); {
	case k == schema.Bool:
		e.printf("\tarchive.PutBools(e, %v, %s)\n", p, x)
	case k == schema.String:
		e.printf("\tarchive.Texts(e, %v, %s)\n", p, x)
	case t.elem.number():
		e.printf("\tarchive.PutNumbers(e, %v, %s)\n", p, x)
	case k == schema.Struct:
		size := t.elem.def.def.Size()
		e.printf("\tif %s, ok := e.Structs(%v, %s == nil, len(%s), %d); ok {\n", pl, p, x, x, size)
		e.printf("\t\tfor %s := range %s {\n\t\t\t%s(e, %v, &%s[%s])\n\t\t}\n\t}\n\te.Leave()\n",
			i, x, t.elem.def.encode, place{pl, 0}.element(i, size), x, i)
	default:
		e.printf("\tif %s, ok := e.Slots(%v, %s == nil, len(%s), %d); ok {\n\t\tfor %s := range %s {\n", pl, p, x, x, e.size(t.elem), i, x)
		e.slot(t.elem, place{pl, 0}.element(i, e.size(t.elem)), x+"["+i+"]", depth+1)
		e.printf("\t\t}\n\t}\n")
	}
}

// slot writes the code that encodes a value that is not a field of a struct.
func (e *emitter) slot(t *typ, p place, x string, depth int) {
	if !t.inline() {
		e.refer(t, p, x, depth)
		return
	}
	b := fmt.Sprintf("b%d", depth)
	e.printf("\t%s := e.Fixed(%v, %d)\n", b, p, e.size(t))
	e.put(t, b, at(0), x, depth)
}

func (e *emitter) referMap(t *typ, p place, x string, depth int) {
	pool := "pairsOf" + t.baseName()
	if e.declare(pool, t.plain) {
		e.later = append(e.later, func() {
			compare := "cmp.Compare[" + t.key.code + "]"
			switch t.key.kind() {
			case schema.Bool:
				compare = "archive.CompareBools[" + t.key.code + "]"
			case schema.Array:
				compare = fmt.Sprintf("func(a, b %s) int { return archive.CompareArrays(a[:], b[:]) }", t.key.code)
			}
			e.printf("var %s = archive.MapPool[%s, %s]{Compare: %s}\n\n",
				pool, t.key.code, t.elem.code, compare)
		})
	}
	keySize := e.size(t.key)
	size := keySize + e.size(t.elem)
	pl, i, pairs, pair := fmt.Sprintf("p%d", depth), fmt.Sprintf("i%d",
		depth), fmt.Sprintf("pairs%d", depth), fmt.Sprintf("pair%d", depth)
	k, v := pair+".Key", pair+".Value"
	e.printf("\tif %s != nil {\n\t\t%s := archive.Sorted(&%s, %s)\n", x, pairs, pool, x)
	e.printf("\t\tif %s, ok := e.Slots(%v, false, len(*%s), %d); ok {\n", pl, p, pairs, size)
	e.printf("\t\t\tfor %s := range *%s {\n\t\t\t\t%s := &(*%s)[%s]\n", i, pairs, pair, pairs, i)
	entry := place{pl, 0}.element(i, size)
	// Parts without references come first, since their bytes are valid only until something is
	// appended.
	parts := []struct {
		t *typ
		p place
		x string
	}{{t.key, entry, k}, {t.elem, entry.plus(keySize), v}}
	for n, part := range parts {
		if part.t.inline() {
			b := fmt.Sprintf("b%d%c", depth, 'k'+n)
			e.printf("\t%s := e.Fixed(%v, %d)\n", b, part.p, e.size(part.t))
			e.put(part.t, b, at(0), part.x, depth+1)
		}
	}
	for _, part := range parts {
		if !part.t.inline() {
			e.refer(part.t, part.p, part.x, depth+1)
		}
	}
	e.printf("\t\t\t}\n\t\t}\n\t\t%s.Done(%s)\n\t}\n", pool, pairs)
}

// oneofEncoder writes the function that encodes an interface.
func (e *emitter) oneofEncoder(o *oneofType) {
	e.declare(o.encode, "encoding "+o.name)
	e.printf("func %s(e *archive.Encoder, at int, x %s) {\n\tswitch x := x.(type) {\n\tcase nil:\n",
		o.encode, o.code)
	for _, m := range o.members {
		star, amp := "", "&"
		if m.pointer {
			star, amp = "*", ""
		}
		e.printf("\tcase %s%s:\n", star, m.def.code)
		if m.pointer {
			e.printf("\t\tif x == nil {\n\t\t\te.NotOneof(%q, x)\n\t\t\treturn\n\t\t}\n", o.name)
		}
		e.printf("\t\tif p, ok := e.Oneof(at, %d, %d); ok {\n\t\t\t%s(e, p, %sx)\n\t\t}\n\t\te.Leave()\n", m.tag, m.def.def.Size(), m.def.encode, amp)
	}
	e.printf("\tdefault:\n\t\te.NotOneof(%q, x)\n\t}\n}\n\n", o.name)
}
