// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"encoding/base64"
	"fmt"
	"math"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/guardkv/guardkv/formats/archive/internal/schema"
)

// This file shows verified records as JSON.

// appendStruct appends a struct as an object, with the fields that it has.
func (e explainer) appendStruct(dst []byte, d *schema.Def, r Record) []byte {
	dst = append(dst, '{')
	first := true
	for i := range d.Fields {
		f := &d.Fields[i]
		off, size := uint32(f.At), uint32(e.schema.Size(f.Type))
		if !r.has(off, size) || f.State == schema.Removed && allZero(r.Array(off, size)) {
			continue
		}
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = append(appendQuoted(dst, f.Name), ':')
		dst = e.appendValue(dst, f.Type, r, off)
	}
	return append(dst, '}')
}

func (e explainer) appendValue(dst []byte, t *schema.Type, r Record, off uint32) []byte {
	switch t.Kind {
	case schema.String:
		return appendQuoted(dst, r.Text(off))
	case schema.Bytes, schema.Binary:
		return appendBase64(dst, r.Bytes(off))
	case schema.Optional:
		if t.Elem.Kind.Scalar() {
			if !r.Bool(off) {
				return append(dst, "null"...)
			}
			return e.appendValue(dst, t.Elem, r, off+1)
		}
		if !r.Has(off) {
			return append(dst, "null"...)
		}
		return e.appendValue(dst, t.Elem, r, off)
	case schema.Struct:
		if !r.Has(off) { // a program left it out
			return append(dst, "{}"...)
		}
		return e.appendStruct(dst, e.schema.Def(t.Name), r.Struct(off))
	case schema.Pointer:
		if !r.Has(off) {
			return append(dst, "null"...)
		}
		return e.appendStruct(dst, e.schema.Def(t.Name), r.Struct(off))
	case schema.Fixed:
		return e.appendStruct(dst, e.schema.Def(t.Name), r.Fixed(off, uint32(e.schema.Size(t))))
	case schema.Oneof:
		return e.appendOneof(dst, e.schema.Def(t.Name), r.Oneof(off))
	case schema.Slice:
		return e.appendSlice(dst, t.Elem, r, off)
	case schema.Array:
		if t.Elem.Kind == schema.Uint8 {
			return appendBase64(dst, r.Array(off, uint32(t.Len)))
		}
		size := uint32(e.schema.Size(t.Elem))
		return e.appendList(dst, t.Len, func(dst []byte, i int) []byte {
			return e.appendValue(dst, t.Elem, r, off+uint32(i)*size)
		})
	case schema.Map:
		return e.appendMap(dst, t, r, off)
	}
	return appendScalar(dst, t.Kind, r, off)
}

func (e explainer) appendOneof(dst []byte, d *schema.Def, o Oneof) []byte {
	switch {
	case o.Tag == 0:
		return append(dst, "null"...)
	case int(o.Tag) > len(d.Fields):
		fixed := o.Record.Array(0, uint32(o.Record.size))
		dst = fmt.Appendf(dst, "{%q:", fmt.Sprintf("unknown type %d", o.Tag))
		return append(appendBase64(dst, fixed), '}')
	}
	m := &d.Fields[o.Tag-1]
	dst = append(appendQuoted(append(dst, '{'), m.Name), ':')
	return append(e.appendStruct(dst, e.schema.Def(m.Name), o.Record), '}')
}

func (e explainer) appendSlice(dst []byte, elem *schema.Type, r Record, off uint32) []byte {
	if elem.Kind == schema.Struct {
		l := r.Structs(off)
		if l.IsNil() {
			return append(dst, "null"...)
		}
		d := e.schema.Def(elem.Name)
		return e.appendList(dst, l.Len(),
			func(dst []byte, i int) []byte { return e.appendStruct(dst, d, l.Record(i)) })
	}
	l := r.Slots(off, uint32(e.schema.Size(elem)))
	if l.IsNil() {
		return append(dst, "null"...)
	}
	return e.appendList(dst, l.Len(),
		func(dst []byte, i int) []byte { return e.appendValue(dst, elem, l.Record(i), 0) })
}

func (e explainer) appendList(dst []byte, n int, element func(dst []byte, i int) []byte) []byte {
	dst = append(dst, '[')
	for i := range n {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = element(dst, i)
	}
	return append(dst, ']')
}

func (e explainer) appendMap(dst []byte, t *schema.Type, r Record, off uint32) []byte {
	keySize := uint32(e.schema.Size(t.Key))
	l := r.Slots(off, keySize+uint32(e.schema.Size(t.Elem)))
	if l.IsNil() {
		return append(dst, "null"...)
	}
	dst = append(dst, '{')
	for i := range l.Len() {
		if i > 0 {
			dst = append(dst, ',')
		}
		pair := l.Record(i)
		start := len(dst)
		dst = e.appendValue(dst, t.Key, pair, 0)
		if dst[start] != '"' { // a number or bool
			key := string(dst[start:])
			dst = appendQuoted(dst[:start], key)
		}
		dst = e.appendValue(append(dst, ':'), t.Elem, pair, keySize)
	}
	return append(dst, '}')
}

func appendScalar(dst []byte, k schema.Kind, r Record, off uint32) []byte {
	switch k {
	case schema.Bool:
		return strconv.AppendBool(dst, r.Bool(off))
	case schema.Int8:
		return strconv.AppendInt(dst, int64(int8(r.Uint8(off))), 10)
	case schema.Int16:
		return strconv.AppendInt(dst, int64(int16(r.Uint16(off))), 10)
	case schema.Int32:
		return strconv.AppendInt(dst, int64(int32(r.Uint32(off))), 10)
	case schema.Int64, schema.Int:
		return strconv.AppendInt(dst, int64(r.Uint64(off)), 10)
	case schema.Uint8:
		return strconv.AppendUint(dst, uint64(r.Uint8(off)), 10)
	case schema.Uint16:
		return strconv.AppendUint(dst, uint64(r.Uint16(off)), 10)
	case schema.Uint32:
		return strconv.AppendUint(dst, uint64(r.Uint32(off)), 10)
	case schema.Float32:
		return appendFloat(dst, float64(r.Float32(off)), 32)
	case schema.Float64:
		return appendFloat(dst, r.Float64(off), 64)
	case schema.Complex64:
		return appendComplex(dst, complex128(r.Complex64(off)), 32)
	case schema.Complex128:
		return appendComplex(dst, r.Complex128(off), 64)
	case schema.Time:
		return append(r.Time(off).AppendFormat(append(dst, '"'), time.RFC3339Nano), '"')
	case schema.Duration:
		return appendQuoted(dst, time.Duration(r.Uint64(off)).String())
	}
	return strconv.AppendUint(dst, r.Uint64(off), 10)
}

func appendComplex(dst []byte, c complex128, bits int) []byte {
	dst = appendFloat(append(dst, '['), real(c), bits)
	return append(appendFloat(append(dst, ','), imag(c), bits), ']')
}

func appendFloat(dst []byte, f float64, bits int) []byte {
	switch {
	case math.IsNaN(f):
		return append(dst, `"NaN"`...)
	case math.IsInf(f, 1):
		return append(dst, `"Infinity"`...)
	case math.IsInf(f, -1):
		return append(dst, `"-Infinity"`...)
	}
	return strconv.AppendFloat(dst, f, 'g', -1, bits)
}

func appendBase64(dst, b []byte) []byte {
	if b == nil {
		return append(dst, "null"...)
	}
	return append(base64.StdEncoding.AppendEncode(append(dst, '"'), b), '"')
}

// appendQuoted appends a string. Bytes that are not UTF-8 become U+FFFD.
func appendQuoted(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			dst = append(dst, '\\', byte(r))
		case r < ' ' || r == 0x7f || r == 0x2028 || r == 0x2029:
			dst = fmt.Appendf(dst, `\u%04x`, r)
		default:
			dst = utf8.AppendRune(dst, r)
		}
	}
	return append(dst, '"')
}
