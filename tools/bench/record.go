// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"fmt"

	"github.com/guardkv/guardkv/tools/demo/fb"
	"github.com/guardkv/guardkv/tools/demo/pb"
)

//go:generate go run github.com/guardkv/guardkv/formats/archive/cmd/guardkv-archive -type character

// character is the record that is read in all formats, in the shape that there is a FlatBuffers
// schema for.
type character struct {
	Name       string   `cbor:"1,keyasint" json:"name"`
	Category   string   `cbor:"2,keyasint" json:"category"`
	Script     string   `cbor:"3,keyasint" json:"script"`
	Upper      uint32   `cbor:"4,keyasint" json:"upper"`
	Lower      uint32   `cbor:"5,keyasint" json:"lower"`
	Title      uint32   `cbor:"6,keyasint" json:"title"`
	Properties []string `cbor:"7,keyasint" json:"properties"`
}

// characterOf makes a character of about some size.
func characterOf(i uint64, size int) character {
	const each = 28 // bytes of a property, in the middle of the formats
	c := character{
		Name: "LATIN SMALL LETTER LONG S", Category: "Ll", Script: "Latin",
		Upper: uint32(i), Title: 'S', Lower: 'ſ',
	}
	for i := range max(1, (size-50)/each) {
		c.Properties = append(c.Properties, fmt.Sprintf("Property_Of_A_Char_%05d", i))
	}
	return c
}

// packed is the same character for FlatBuffers.
func packed(c character) fb.CharT {
	return fb.CharT{
		Name: c.Name, Category: c.Category, Script: c.Script, Upper: c.Upper, Lower: c.Lower,
		Title: c.Title, Properties: c.Properties,
	}
}

// messageOf is the same character as a protocol buffer.
func messageOf(c character) *pb.Char {
	return &pb.Char{
		Name: c.Name, Category: c.Category, Script: c.Script, Upper: c.Upper, Lower: c.Lower,
		Title: c.Title, Properties: c.Properties,
	}
}

// What follows is done with a record: one field is looked at, or all of them.

func lenOfName(c character) uint64 { return uint64(len(c.Name)) }

func lenOfAll(c character) uint64 {
	sum := uint64(len(c.Name)+len(c.Category)+len(c.Script)) + uint64(c.Upper+c.Lower+c.Title)
	for _, p := range c.Properties {
		sum += uint64(len(p))
	}
	return sum
}

func lenOfNameArchived(c characterView) uint64 { return uint64(len(c.Name())) }

func lenOfAllArchived(c characterView) uint64 {
	sum := uint64(len(c.Name())+len(c.Category())+len(c.Script())) + uint64(c.Upper()+c.Lower()+c.Title())
	properties := c.Properties()
	for i := range properties.Len() {
		sum += uint64(len(properties.At(i)))
	}
	return sum
}

func lenOfNameInPlace(c fb.Char) uint64 { return uint64(len(c.Name())) }

func lenOfAllInPlace(c fb.Char) uint64 {
	sum := uint64(len(c.Name())+len(c.Category())+len(c.Script())) + uint64(c.Upper()+c.Lower()+c.Title())
	for i := range c.PropertiesLength() {
		sum += uint64(len(c.Properties(i)))
	}
	return sum
}

func lenOfNameInMessage(c *pb.Char) uint64 { return uint64(len(c.GetName())) }

func lenOfAllInMessage(c *pb.Char) uint64 {
	sum := uint64(len(c.GetName())+len(c.GetCategory())+len(c.GetScript())) + uint64(c.GetUpper()+c.GetLower()+c.GetTitle())
	for _, p := range c.GetProperties() {
		sum += uint64(len(p))
	}
	return sum
}
