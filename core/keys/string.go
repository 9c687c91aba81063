// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package keys

import "github.com/guardkv/guardkv/core"

// String is the format of string keys. They sort by their bytes and may hold any bytes, 0x00
// included. The empty string is a key.
func String() Part[string] { return StringOf[string]() }

// StringOf is the format of a named string type. Its ID is that of strings.
func StringOf[T ~string]() Part[T] { return stringPart[T]{} }

// StringView is String, except that a decoded key is not copied: it refers to the engine's bytes
// and is valid only while the row is. To keep it, use [strings.Clone]. The stored bytes and the ID
// are those of String, so a table can be opened with either.
func StringView() Part[string] { return stringPart[string]{view: true} }

type stringPart[T ~string] struct{ view bool }

var (
	_ core.Prefixer[string] = stringPart[string]{}
	_ PartPrefixer[string]  = stringPart[string]{}
	_ Owner                 = stringPart[string]{}
)

func (stringPart[T]) ID() string    { return "string" }
func (stringPart[T]) Ordered() bool { return true }
func (f stringPart[T]) Owned() bool { return !f.view }

func (stringPart[T]) Append(dst []byte, k T) ([]byte, error) { return append(dst, k...), nil }

func (stringPart[T]) AppendPart(dst []byte, k T) ([]byte, error) {
	return appendText(dst, bytesOfString(string(k))), nil
}

func (stringPart[T]) AppendPartPrefix(dst []byte, k T) ([]byte, error) {
	return appendTextPrefix(dst, bytesOfString(string(k))), nil
}

// Prefix returns the range of all strings that start with k.
func (f stringPart[T]) Prefix(k T) core.KeyRange[T] { return textRange[T](f.ID(), []byte(k)) }

func (f stringPart[T]) Decode(b []byte) (T, error) {
	if f.view {
		return T(stringOfBytes(b)), nil
	}
	return T(b), nil
}

func (f stringPart[T]) TakePart(b []byte) (k T, rest []byte, err error) {
	text, copied, rest, err := takeText(f.ID(), b)
	if err != nil {
		return "", nil, err
	}
	if f.view || copied {
		return T(stringOfBytes(text)), rest, nil
	}
	return T(text), rest, nil
}
