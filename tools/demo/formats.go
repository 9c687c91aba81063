// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"fmt"
	"strings"
	"unsafe"

	"github.com/guardkv/guardkv/core/values"
	"github.com/guardkv/guardkv/formats/archive"
	"github.com/guardkv/guardkv/formats/cbor"
	"github.com/guardkv/guardkv/formats/flatbuffers"
	"github.com/guardkv/guardkv/formats/gob"
	"github.com/guardkv/guardkv/formats/protobuf"
	"github.com/guardkv/guardkv/tools/demo/fb"
	"github.com/guardkv/guardkv/tools/demo/pb"
)

// format is a value format that the demo can use.
type format struct {
	name string
	open openChars
}

var formats = []format{
	{"cbor", adapted(cbor.New[Char](), decoded)},
	{"json", adapted(values.JSON[Char](), decoded)},
	{"gob", adapted(gob.New[Char](), decoded)},
	{"archive", adapted(archive.New[Char, CharView](), archived)},
	{"flatbuffers", adapted(flatbuffers.New[fb.CharT, fb.Char](fb.Schema), inPlace)},
	{"protobuf", adapted(protobuf.New[*pb.Char](), message)},
}

// decoded adapts the formats that decode a row into a Char.
var decoded = adapter[Char, Char]{
	pack:     func(c Char) Char { return c },
	name:     func(c Char) string { return c.Name },
	category: func(c Char) string { return c.Category },
	script:   func(c Char) string { return c.Script },
	lower:    func(c Char) CodePoint { return c.Lower },
	char:     func(c Char) Char { return c },
}

// archived adapts archive, whose views read the fields of a Char where they lie.
var archived = adapter[Char, CharView]{
	pack:     func(c Char) Char { return c },
	name:     CharView.Name,
	category: CharView.Category,
	script:   CharView.Script,
	lower:    CharView.Lower,
	char:     CharView.Value, // a copy of everything
}

// inPlace adapts FlatBuffers, which reads the fields of a row where they lie.
var inPlace = adapter[fb.CharT, fb.Char]{
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
}

// message adapts protocol buffers, which decode a row into a message.
var message = adapter[*pb.Char, *pb.Char]{
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
	char: func(c *pb.Char) Char {
		return Char{
			Name: c.GetName(), Category: c.GetCategory(), Script: c.GetScript(),
			Properties: c.GetProperties(),
			Upper:      CodePoint(c.GetUpper()), Lower: CodePoint(c.GetLower()),
			Title: CodePoint(c.GetTitle()),
		}
	},
}

// text returns bytes as a string without copying them: it lives no longer than they do.
func text(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// Formats names the formats that can be used, separated by "|".
func Formats() string {
	var names []string
	for _, f := range formats {
		names = append(names, f.name)
	}
	return strings.Join(names, "|")
}

// formatNamed finds a format.
func formatNamed(name string) (format, error) {
	for _, f := range formats {
		if f.name == name {
			return f, nil
		}
	}
	return format{}, fmt.Errorf("no format %q: use %s", name, Formats())
}

// otherThan returns some format that is not f.
func otherThan(f format) format {
	for _, other := range formats {
		if other.name != f.name {
			return other
		}
	}
	return f
}
