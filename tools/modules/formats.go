// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package modules

import (
	"fmt"
	"strings"
	"unsafe"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/values"
	"github.com/guardkv/guardkv/formats/archive"
	"github.com/guardkv/guardkv/formats/cbor"
	"github.com/guardkv/guardkv/formats/flatbuffers"
	"github.com/guardkv/guardkv/formats/gob"
	"github.com/guardkv/guardkv/formats/protobuf"
	"github.com/guardkv/guardkv/tools/demo/fb"
	"github.com/guardkv/guardkv/tools/demo/pb"
)

// Format is a value format, and the way it stores characters.
type Format struct {
	Name    string // the folder below formats, except json, which is part of core
	Explain core.Explainer
	Records
}

// Formats are all value formats for records of any shape. A format that decodes into the type that
// it stores needs one line here; hand is its library, used by hand, or nil if there is none.
var Formats = []Format{
	{"cbor", cbor.Explain, decoding(cbor.New[Char](), cborByHand)},
	{"gob", gob.Explain, decoding(gob.New[Char](), gobByHand)},
	{"json", values.Explain, decoding(values.JSON[Char](), jsonByHand)},
	{"protobuf", protobuf.Explain, message},
	{"flatbuffers", flatbuffers.Explain, inPlace},
	{"archive", archive.Explain, archived},
}

// FormatNamed finds a format.
func FormatNamed(name string) (Format, error) {
	for _, f := range Formats {
		if f.Name == name {
			return f, nil
		}
	}
	return Format{}, fmt.Errorf("no format %q: use %s", name, FormatNames())
}

// FormatNames names the formats, separated by "|".
func FormatNames() string {
	var names []string
	for _, f := range Formats {
		names = append(names, f.Name)
	}
	return strings.Join(names, "|")
}

// FormatOtherThan returns some format that is not f.
func FormatOtherThan(f Format) Format {
	for _, other := range Formats {
		if other.Name != f.Name {
			return other
		}
	}
	return f
}

// decoding is a format that decodes a row into a Char.
func decoding(format core.ValueFormat[Char, Char], hand *library[Char, Char]) Records {
	return &record[Char, Char]{
		format: format, hand: hand,
		pack:     func(c Char) Char { return c },
		name:     func(c Char) string { return c.Name },
		category: func(c Char) string { return c.Category },
		script:   func(c Char) string { return c.Script },
		lower:    func(c Char) CodePoint { return c.Lower },
		char:     func(c Char) Char { return c },
		all:      Char.size,
	}
}

// archived is archive, whose views read the fields of a Char where they lie.
var archived = &record[Char, CharView]{
	format:   archive.New[Char, CharView](),
	pack:     func(c Char) Char { return c },
	name:     CharView.Name,
	category: CharView.Category,
	script:   CharView.Script,
	lower:    CharView.Lower,
	char:     CharView.Value, // a copy of everything
	all: func(c CharView) uint64 {
		sum := uint64(len(c.Name())+len(c.Category())+len(c.Script())) +
			uint64(c.Upper()+c.Lower()+c.Title())
		properties := c.Properties()
		for i := range properties.Len() {
			sum += uint64(len(properties.At(i)))
		}
		return sum
	},
}

// inPlace is FlatBuffers, which read the fields of a row where they lie.
var inPlace = &record[fb.CharT, fb.Char]{
	format: flatbuffers.New[fb.CharT, fb.Char](fb.Schema),
	hand:   flatbuffersByHand,
	pack: func(c Char) fb.CharT {
		return fb.CharT{
			Name: c.Name, Category: c.Category, Script: c.Script, Properties: c.Properties,
			Upper: uint32(c.Upper), Lower: uint32(c.Lower), Title: uint32(c.Title),
		}
	},
	name:     func(c fb.Char) string { return text(c.Name()) },
	category: func(c fb.Char) string { return text(c.Category()) },
	script:   func(c fb.Char) string { return text(c.Script()) },
	lower:    func(c fb.Char) CodePoint { return CodePoint(c.Lower()) },
	char: func(c fb.Char) Char {
		t := c.UnPack() // a copy of everything
		return Char{
			Name: t.Name, Category: t.Category, Script: t.Script, Properties: t.Properties,
			Upper: CodePoint(t.Upper), Lower: CodePoint(t.Lower), Title: CodePoint(t.Title),
		}
	},
	all: func(c fb.Char) uint64 {
		sum := uint64(len(c.Name())+len(c.Category())+len(c.Script())) +
			uint64(c.Upper()+c.Lower()+c.Title())
		for i := range c.PropertiesLength() {
			sum += uint64(len(c.Properties(i)))
		}
		return sum
	},
}

// message is protocol buffers, which decode a row into a message.
var message = &record[*pb.Char, *pb.Char]{
	format: protobuf.New[*pb.Char](),
	hand:   protobufByHand,
	pack: func(c Char) *pb.Char {
		return &pb.Char{
			Name: c.Name, Category: c.Category, Script: c.Script, Properties: c.Properties,
			Upper: uint32(c.Upper), Lower: uint32(c.Lower), Title: uint32(c.Title),
		}
	},
	name:     (*pb.Char).GetName,
	category: (*pb.Char).GetCategory,
	script:   (*pb.Char).GetScript,
	lower:    func(c *pb.Char) CodePoint { return CodePoint(c.GetLower()) },
	char:     charOf,
	all: func(c *pb.Char) uint64 {
		sum := uint64(len(c.GetName())+len(c.GetCategory())+len(c.GetScript())) +
			uint64(c.GetUpper()+c.GetLower()+c.GetTitle())
		for _, p := range c.GetProperties() {
			sum += uint64(len(p))
		}
		return sum
	},
}

func charOf(c *pb.Char) Char {
	return Char{
		Name: c.GetName(), Category: c.GetCategory(), Script: c.GetScript(),
		Properties: c.GetProperties(),
		Upper:      CodePoint(c.GetUpper()), Lower: CodePoint(c.GetLower()),
		Title: CodePoint(c.GetTitle()),
	}
}

// text returns bytes as a string without copying them: it lives no longer than they do.
func text(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
