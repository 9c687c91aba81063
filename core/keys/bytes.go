// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package keys

import "github.com/guardkv/guardkv/core"

// Bytes is the format of []byte keys. They may hold any bytes. The empty key is a key, the same as
// nil, and is decoded as an empty slice.
func Bytes() Part[[]byte] { return BytesOf[[]byte]() }

// BytesOf is the format of a named byte slice type. Its ID is that of Bytes.
func BytesOf[T ~[]byte]() Part[T] { return bytesPart[T]{} }

// BytesView is Bytes, except that a decoded key is not copied. The bytes are owned by the engine,
// must not be modified, and are valid only while the row is. The stored bytes and the ID are those
// of Bytes, so a table can be opened with either.
func BytesView() Part[[]byte] { return bytesPart[[]byte]{view: true} }

type bytesPart[T ~[]byte] struct{ view bool }

var (
	_ core.Prefixer[[]byte] = bytesPart[[]byte]{}
	_ PartPrefixer[[]byte]  = bytesPart[[]byte]{}
	_ Owner                 = bytesPart[[]byte]{}
)

func (bytesPart[T]) ID() string    { return "bytes" }
func (bytesPart[T]) Ordered() bool { return true }
func (f bytesPart[T]) Owned() bool { return !f.view }

func (bytesPart[T]) Append(dst []byte, k T) ([]byte, error) { return append(dst, k...), nil }

func (bytesPart[T]) AppendPart(dst []byte, k T) ([]byte, error) { return appendText(dst, k), nil }

func (bytesPart[T]) AppendPartPrefix(dst []byte, k T) ([]byte, error) {
	return appendTextPrefix(dst, k), nil
}

// Prefix returns the range of all keys that start with k. The arguments may be reused when the call
// returns.
func (f bytesPart[T]) Prefix(k T) core.KeyRange[T] {
	return textRange[T](f.ID(), append([]byte{}, k...))
}

func (f bytesPart[T]) Decode(b []byte) (T, error) {
	if f.view {
		return b[:len(b):len(b)], nil
	}
	return append(T{}, b...), nil
}

func (f bytesPart[T]) TakePart(b []byte) (k T, rest []byte, err error) {
	text, copied, rest, err := takeText(f.ID(), b)
	if err != nil {
		return nil, nil, err
	}
	if f.view || copied {
		return text, rest, nil
	}
	return append(T{}, text...), rest, nil
}
