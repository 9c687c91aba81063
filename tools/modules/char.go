// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package modules

import (
	"fmt"
	"slices"
)

// CodePoint is a Unicode code point, the key of the table of characters.
type CodePoint uint32

// String formats the code point in the standard's own notation.
func (c CodePoint) String() string { return fmt.Sprintf("U+%04X", uint32(c)) }

//go:generate go run github.com/guardkv/guardkv/formats/archive/cmd/guardkv-archive -type Char

// Char is the record that all formats keep: what the Unicode character database says about one
// code point. There are a FlatBuffers schema and a protocol buffer of the same shape.
type Char struct {
	// the name, or the label in angle brackets if it has no name
	Name       string    `cbor:"1,keyasint" json:"name"`
	Category   string    `cbor:"2,keyasint" json:"category"` // "Lu"
	Script     string    `cbor:"3,keyasint" json:"script"`   // "Greek"
	Upper      CodePoint `cbor:"4,keyasint" json:"upper"`
	Lower      CodePoint `cbor:"5,keyasint" json:"lower"`
	Title      CodePoint `cbor:"6,keyasint" json:"title"`
	Properties []string  `cbor:"7,keyasint" json:"properties"` // "White_Space", in lexical order
}

// Equal compares all fields.
func (c Char) Equal(d Char) bool {
	return c.Name == d.Name && c.Category == d.Category && c.Script == d.Script &&
		c.Upper == d.Upper && c.Lower == d.Lower && c.Title == d.Title &&
		slices.Equal(c.Properties, d.Properties)
}

// size returns a number that depends on all fields.
func (c Char) size() uint64 {
	sum := uint64(len(c.Name)+len(c.Category)+len(c.Script)) + uint64(c.Upper+c.Lower+c.Title)
	for _, p := range c.Properties {
		sum += uint64(len(p))
	}
	return sum
}

// CharOfSize makes a character whose record has about some size.
func CharOfSize(upper CodePoint, size int) Char {
	const each = 28 // bytes of a property, on average over the formats
	c := Char{
		Name: "LATIN SMALL LETTER LONG S", Category: "Ll", Script: "Latin",
		Upper: upper, Title: 'S', Lower: 'ſ',
	}
	for i := range max(1, (size-50)/each) {
		c.Properties = append(c.Properties, fmt.Sprintf("Property_Of_A_Char_%05d", i))
	}
	return c
}
