// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"testing"

	"github.com/guardkv/guardkv/formats/archive/internal/schema"
)

// row joins numbers of 16 and 32 bits, references and bytes.
func row(parts ...any) (b []byte) {
	for _, p := range parts {
		switch p := p.(type) {
		case uint16:
			b = le.AppendUint16(b, p)
		case uint32:
			b = le.AppendUint32(b, p)
		case span:
			b = le.AppendUint32(le.AppendUint32(b, p.off), p.n)
		case string:
			b = append(b, p...)
		}
	}
	return b
}

type span struct{ off, n uint32 } // a reference to n things

// What the verifier decides where the structs of a row are not those of today, byte by byte. A
// struct U that has more fields than are known lies at byte 22, and ends at byte 29: what its
// unknown fields refer to lies behind it, and what the next known one refers to after that.
func TestRowsOfOtherGenerations(t *testing.T) {
	const (
		texts = "archive/1 T\nstruct T 20\n\t0 A *U\n\t4 X bytes\n\t12 Y bytes\n" + u
		array = "archive/1 T\nstruct T 20\n\t0 A *U\n\t4 W [2]string\n" + u
		text  = "archive/1 T\nstruct T 8\n\t0 S string\n"
		list  = "archive/1 T\nstruct T 8\n\t0 L []string\n"
		two   = "archive/1 T\nstruct P 16\n\t0 A string\n\t8 B string\nstruct T 8\n\t0 L []P\n"
		grown = "archive/1 T\nstruct E 0 4\n\t0 X int32\nstruct T 8\n\t0 L []E\n"
	)
	bigger := "\x05\x00" + "\x01....."[:5]
	head := func(x, y span) []byte { return row(uint16(20), uint32(22), x, y, bigger) }
	with := func(b []byte, more string) []byte { return append(b, more...) }
	for _, c := range []struct {
		name, schema string
		b            []byte
		accepted     bool
	}{
		{"what is unknown", texts, with(head(span{32, 2}, span{34, 1}), "???xxy"), true},
		{"nothing is unknown", texts, with(head(span{29, 2}, span{31, 1}), "xxy"), true},
		{"in the unknown struct", texts, with(head(span{24, 2}, span{26, 4}), "y"), false},
		{"a second gap", texts, with(head(span{32, 2}, span{36, 1}), "???xx??y"), false},
		{"behind everything", texts, with(head(span{32, 2}, span{34, 1}), "???xxy?"), false},
		{"texts in place", array, with(head(span{32, 2}, span{34, 1}), "???xxy"), true},
		{"texts in place, a gap", array, with(head(span{32, 2}, span{36, 1}), "???xx??y"), false},
		{"a text", text, row(uint16(8), span{10, 1}, "s"), true},
		{"an empty text that refers", text, row(uint16(8), span{10, 0}), false},
		{"texts", list, row(uint16(8), span{10, 2}, span{26, 1}, span{}, "s"), true},
		{
			"an empty text in a list that refers", list,
			row(uint16(8), span{10, 2}, span{26, 1}, span{27, 0}, "s"), false,
		},
		{
			"two texts in structs", two,
			row(uint16(8), span{10, 1}, uint16(16), span{28, 1}, span{}, "s"), true,
		},
		{
			"two texts in structs, one empty that refers", two,
			row(uint16(8), span{10, 1}, uint16(16), span{28, 1}, span{29, 0}, "s"), false,
		},
		{"structs", grown, row(uint16(8), span{10, 1}, uint16(4), uint32(7)), true},
		{"structs that take no bytes", grown, row(uint16(8), span{10, 1 << 30}, uint16(0)), false},
	} {
		s, err := schema.Parse(c.schema)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if err := compileAny(s).verify(c.b); (err == nil) != c.accepted {
			t.Errorf("%s: error %v, want accepted %v", c.name, err, c.accepted)
		}
	}
}

const u = "struct U 1\n\t0 B bool\n"
