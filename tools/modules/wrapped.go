// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package modules

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"errors"

	stdcbor "github.com/fxamacker/cbor/v2"
	"github.com/klauspost/compress/zstd"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/formats/cbor"
	"github.com/guardkv/guardkv/formats/compress"
	"github.com/guardkv/guardkv/formats/encrypt"
)

// Wrapped are the formats that go around others, here around cbor, each beside the libraries
// used directly with the same options.
func Wrapped() ([]Format, error) {
	secret := bytes.Repeat([]byte{1}, encrypt.KeySize)
	key, err := encrypt.NewKey(1, secret)
	if err != nil {
		return nil, err
	}
	ring, err := encrypt.NewKeys(key)
	if err != nil {
		return nil, err
	}
	inner := cbor.New[Char]()
	dictionary, err := compress.Train(context.Background(),
		compress.Samples(inner, func(yield func(Char, error) bool) {
			for i := range CodePoint(500) {
				if !yield(CharOfSize(i, 200), nil) {
					return
				}
			}
		}))
	if err != nil {
		return nil, err
	}
	zip, err := newZipper()
	if err != nil {
		return nil, err
	}
	box, err := newBox(secret)
	if err != nil {
		return nil, err
	}
	zipped := compress.Explain(cbor.Explain)
	return []Format{
		{
			"compress(cbor)", zipped,
			decoding(compress.New(inner), sealedByHand(zip)),
		},
		{
			"compress(cbor) with a dictionary", zipped,
			decoding(compress.New(inner, compress.WithDictionary(dictionary)), nil),
		},
		{
			"encrypt(cbor)", encrypt.Explain(cbor.Explain, ring),
			decoding(encrypt.New(inner, ring), sealedByHand(box)),
		},
		{
			"encrypt(compress(cbor))", encrypt.Explain(zipped, ring),
			decoding(encrypt.New(compress.New(inner), ring), sealedByHand(zip, box)),
		},
	}, nil
}

// seal is what a library does with an encoded record, and back.
type seal struct {
	seal, open func(dst, b []byte) ([]byte, error)
}

// newZipper compresses as formats/compress does.
func newZipper() (seal, error) {
	e, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(false),
		zstd.WithSingleSegment(true), zstd.WithLowerEncoderMem(true))
	d, err1 := zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderLowmem(true))
	if err := errors.Join(err, err1); err != nil {
		return seal{}, err
	}
	return seal{
		func(dst, b []byte) ([]byte, error) { return e.EncodeAll(b, dst), nil },
		func(dst, b []byte) ([]byte, error) { return d.DecodeAll(b, dst) },
	}, nil
}

// newBox encrypts by AES-256-GCM with random nonces.
func newBox(secret []byte) (seal, error) {
	block, err := aes.NewCipher(secret)
	if err != nil {
		return seal{}, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return seal{}, err
	}
	return seal{
		func(dst, b []byte) ([]byte, error) { return aead.Seal(dst, nil, b, rowKey), nil },
		func(dst, b []byte) ([]byte, error) { return aead.Open(dst, nil, b, rowKey) },
	}, nil
}

// sealedByHand does with CBOR what the seals do, one after the other.
func sealedByHand(seals ...seal) *library[Char, Char] {
	l := &library[Char, Char]{
		encoder: func() func(*Char) ([]byte, error) {
			encode, bufs := cborByHand.encoder(), make([][]byte, len(seals))
			return func(c *Char) (b []byte, err error) {
				b, err = encode(c)
				for i, s := range seals {
					if err == nil {
						b, err = s.seal(bufs[i][:0], b)
						bufs[i] = b
					}
				}
				return b, err
			}
		},
	}
	l.encode = func(c Char) ([]byte, error) { return l.encoder()(&c) }
	bufs := make([][]byte, len(seals))
	l.decode = func(b []byte) (c Char, err error) {
		for i := len(seals) - 1; i >= 0; i-- {
			if b, err = seals[i].open(bufs[i][:0], b); err != nil {
				return c, err
			}
			bufs[i] = b
		}
		return c, stdcbor.Unmarshal(b, &c)
	}
	return l
}

// rowKey is the key of the row that holds all records.
var rowKey = []byte("row")

// oneRow is a format that goes around another one, used for one row as a table does: views are
// lent, and given back.
type oneRow[V, W any] struct {
	core.ValueFormat[V, W]
	rows core.RowFormat[V, W]
}

// inRow returns a format that lends or binds views the way a table uses it, and any other as it
// is. What is read must not refer to what was lent.
func inRow[V, W any](f core.ValueFormat[V, W]) (core.ValueFormat[V, W], error) {
	p := core.PowersOf(f)
	if p.BindRows == nil && p.ViewLent == nil {
		return f, nil
	}
	rows, err := core.RowFormatOf(f, core.TableID{1})
	return oneRow[V, W]{f, rows}, err
}

func (r oneRow[V, W]) Append(dst []byte, v V) ([]byte, error) {
	return r.rows.Append(dst, rowKey, v)
}

func (r oneRow[V, W]) View(b []byte) (W, error) {
	w, lent, err := r.rows.ViewLent(rowKey, b, false)
	if lent != nil {
		lent.Release()
	}
	return w, err
}
