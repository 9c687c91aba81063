// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package modules

import (
	"bytes"
	stdgob "encoding/gob"
	"encoding/json"

	stdcbor "github.com/fxamacker/cbor/v2"
	flatbuilder "github.com/google/flatbuffers/go"
	"google.golang.org/protobuf/proto"

	"github.com/guardkv/guardkv/tools/demo/fb"
	"github.com/guardkv/guardkv/tools/demo/pb"
)

// library is the library that a format is made of, used by hand. The format is measured against
// it.
type library[V, W any] struct {
	note   string // how the two ways differ; may be empty
	encode func(V) ([]byte, error)
	// encoder returns a function that encodes, into the same memory each time if the library can
	// do that.
	encoder func() func(*V) ([]byte, error)
	decode  func([]byte) (W, error)
}

// cborByHand encodes with the same options as GuardKV does. Those for decoding are the
// library's own.
var cborByHand = &library[Char, Char]{
	encode: func(c Char) ([]byte, error) { return stdcbor.Marshal(c) },
	encoder: func() func(*Char) ([]byte, error) {
		mode, err := stdcbor.CoreDetEncOptions().UserBufferEncMode()
		var b bytes.Buffer
		return func(c *Char) ([]byte, error) {
			b.Reset()
			if err == nil {
				err = mode.MarshalToBuffer(c, &b)
			}
			return b.Bytes(), err
		}
	},
	decode: func(b []byte) (c Char, err error) { return c, stdcbor.Unmarshal(b, &c) },
}

// gobByHand makes bytes that can be read on their own, as those of a row must be.
var gobByHand = &library[Char, Char]{
	encode: func(c Char) ([]byte, error) {
		var b bytes.Buffer
		err := stdgob.NewEncoder(&b).Encode(c)
		return b.Bytes(), err
	},
	encoder: func() func(*Char) ([]byte, error) {
		var b bytes.Buffer
		return func(c *Char) ([]byte, error) {
			b.Reset()
			err := stdgob.NewEncoder(&b).Encode(c)
			return b.Bytes(), err
		}
	},
	decode: func(b []byte) (c Char, err error) {
		return c, stdgob.NewDecoder(bytes.NewReader(b)).Decode(&c)
	},
}

var jsonByHand = &library[Char, Char]{
	encode: func(c Char) ([]byte, error) { return json.Marshal(c) },
	encoder: func() func(*Char) ([]byte, error) {
		return func(c *Char) ([]byte, error) { return json.Marshal(c) }
	},
	decode: func(b []byte) (c Char, err error) { return c, json.Unmarshal(b, &c) },
}

var protobufByHand = &library[*pb.Char, *pb.Char]{
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
}

var flatbuffersByHand = &library[fb.CharT, fb.Char]{
	note: ", not verified by hand",
	encode: func(c fb.CharT) ([]byte, error) {
		return finish(flatbuilder.NewBuilder(0), &c)
	},
	encoder: func() func(*fb.CharT) ([]byte, error) {
		b := flatbuilder.NewBuilder(0)
		return func(c *fb.CharT) ([]byte, error) {
			b.Reset()
			return finish(b, c)
		}
	},
	decode: func(b []byte) (fb.Char, error) { return *fb.GetRootAsChar(b, 0), nil },
}

func finish(b *flatbuilder.Builder, c *fb.CharT) ([]byte, error) {
	b.Finish(c.Pack(b))
	return b.FinishedBytes(), nil
}
