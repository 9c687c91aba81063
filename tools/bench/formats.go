// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"bytes"
	stdgob "encoding/gob"
	"encoding/json"

	stdcbor "github.com/fxamacker/cbor/v2"
	flatbuilder "github.com/google/flatbuffers/go"
	"google.golang.org/protobuf/proto"

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

// recordFormat is a format, in GuardKV and by hand; without encode there is no library to use
// by hand.
type recordFormat[V, W any] struct {
	name   string
	note   string // how the two ways differ; may be empty
	around bool   // another format, which has the target
	format core.ValueFormat[V, W]
	make   func(i uint64, size int) V
	encode func(V) ([]byte, error)
	// encoder returns a function that encodes, each time into the same memory if the library
	// can do that.
	encoder  func() func(*V) ([]byte, error)
	decode   func([]byte) (W, error)
	one, all func(W) uint64
}

// cborRecord encodes with the same options by hand as GuardKV does. Those for decoding are the
// library's own.
func cborRecord() recordFormat[character, character] {
	return recordFormat[character, character]{
		name: "cbor", format: cbor.New[character](), make: characterOf,
		encode: func(c character) ([]byte, error) { return stdcbor.Marshal(c) },
		encoder: func() func(*character) ([]byte, error) {
			mode, err := stdcbor.CoreDetEncOptions().UserBufferEncMode()
			var b bytes.Buffer
			return func(c *character) ([]byte, error) {
				b.Reset()
				if err == nil {
					err = mode.MarshalToBuffer(c, &b)
				}
				return b.Bytes(), err
			}
		},
		decode: func(b []byte) (c character, err error) { return c, stdcbor.Unmarshal(b, &c) },
		one:    lenOfName, all: lenOfAll,
	}
}

// gobRecord makes bytes by hand that can be read alone, as they must be in a row.
func gobRecord() recordFormat[character, character] {
	return recordFormat[character, character]{
		name: "gob", format: gob.New[character](), make: characterOf,
		encode: func(c character) ([]byte, error) {
			var b bytes.Buffer
			err := stdgob.NewEncoder(&b).Encode(c)
			return b.Bytes(), err
		},
		encoder: func() func(*character) ([]byte, error) {
			var b bytes.Buffer
			return func(c *character) ([]byte, error) {
				b.Reset()
				err := stdgob.NewEncoder(&b).Encode(c)
				return b.Bytes(), err
			}
		},
		decode: func(b []byte) (c character, err error) {
			return c, stdgob.NewDecoder(bytes.NewReader(b)).Decode(&c)
		},
		one: lenOfName, all: lenOfAll,
	}
}

func jsonRecord() recordFormat[character, character] {
	return recordFormat[character, character]{
		name: "json", format: values.JSON[character](), make: characterOf,
		encode: func(c character) ([]byte, error) { return json.Marshal(c) },
		encoder: func() func(*character) ([]byte, error) {
			return func(c *character) ([]byte, error) { return json.Marshal(c) }
		},
		decode: func(b []byte) (c character, err error) { return c, json.Unmarshal(b, &c) },
		one:    lenOfName, all: lenOfAll,
	}
}

func protobufRecord() recordFormat[*pb.Char, *pb.Char] {
	return recordFormat[*pb.Char, *pb.Char]{
		name: "protobuf", format: protobuf.New[*pb.Char](),
		make:   func(i uint64, size int) *pb.Char { return messageOf(characterOf(i, size)) },
		encode: func(c *pb.Char) ([]byte, error) { return proto.Marshal(c) },
		encoder: func() func(**pb.Char) ([]byte, error) {
			var b []byte
			return func(c **pb.Char) (_ []byte, err error) {
				b, err = proto.MarshalOptions{}.MarshalAppend(b[:0], *c)
				return b, err
			}
		},
		decode: func(b []byte) (*pb.Char, error) {
			c := new(pb.Char)
			return c, proto.Unmarshal(b, c)
		},
		one: lenOfNameInMessage, all: lenOfAllInMessage,
	}
}

func archiveRecord() recordFormat[character, characterView] {
	return recordFormat[character, characterView]{
		name: "archive", format: archive.New[character, characterView](), make: characterOf,
		one: lenOfNameArchived, all: lenOfAllArchived,
	}
}

func flatbuffersRecord() recordFormat[fb.CharT, fb.Char] {
	pack := func(b *flatbuilder.Builder, c *fb.CharT) ([]byte, error) {
		b.Finish(c.Pack(b))
		return b.FinishedBytes(), nil
	}
	return recordFormat[fb.CharT, fb.Char]{
		name: "flatbuffers", note: ", not verified by hand",
		format: flatbuffers.New[fb.CharT, fb.Char](fb.Schema),
		make:   func(i uint64, size int) fb.CharT { return packed(characterOf(i, size)) },
		encode: func(c fb.CharT) ([]byte, error) { return pack(flatbuilder.NewBuilder(0), &c) },
		encoder: func() func(*fb.CharT) ([]byte, error) {
			b := flatbuilder.NewBuilder(0)
			return func(c *fb.CharT) ([]byte, error) {
				b.Reset()
				return pack(b, c)
			}
		},
		decode: func(b []byte) (fb.Char, error) { return *fb.GetRootAsChar(b, 0), nil },
		one:    lenOfNameInPlace, all: lenOfAllInPlace,
	}
}
