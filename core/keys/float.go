// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package keys

import (
	"encoding/binary"
	"math"
	"reflect"
)

// Float32 is the format of float32 keys. -0 is the same key as +0. All NaNs are one key, which
// sorts last.
func Float32() Part[float32] { return FloatOf[float32]() }

// Float64 is the format of float64 keys. -0 is the same key as +0. All NaNs are one key, which
// sorts last.
func Float64() Part[float64] { return FloatOf[float64]() }

// FloatOf is the format of a named float type. Its ID is that of the underlying type. -0 is the
// same key as +0. All NaNs are one key, which sorts last.
func FloatOf[T ~float32 | ~float64]() Part[T] {
	if reflect.TypeFor[T]().Kind() == reflect.Float32 {
		return float32Part[T]{}
	}
	return float64Part[T]{}
}

// The NaN that stands for all of them, as it is stored.
const (
	storedNaN32 = 0xffc00000
	storedNaN64 = 0xfff8000000000001
)

type float32Part[T ~float32 | ~float64] struct{ owned }

func (float32Part[T]) ID() string { return "float32" }

func (float32Part[T]) Append(dst []byte, k T) ([]byte, error) {
	return binary.BigEndian.AppendUint32(dst, storeFloat32(float32(k))), nil
}

func (f float32Part[T]) AppendPart(dst []byte, k T) ([]byte, error) { return f.Append(dst, k) }

func (f float32Part[T]) Decode(b []byte) (T, error) {
	if err := exactly(f.ID(), b, 4); err != nil {
		return 0, err
	}
	u := binary.BigEndian.Uint32(b)
	k := math.Float32frombits(unflip32(u))
	if storeFloat32(k) != u {
		return 0, corrupt(f.ID(), "%x is no canonical zero or NaN", b)
	}
	return T(k), nil
}

func (f float32Part[T]) TakePart(b []byte) (k T, rest []byte, err error) {
	head, rest, err := cut(f.ID(), b, 4)
	if err != nil {
		return 0, nil, err
	}
	k, err = f.Decode(head)
	return k, rest, err
}

type float64Part[T ~float32 | ~float64] struct{ owned }

func (float64Part[T]) ID() string { return "float64" }

func (float64Part[T]) Append(dst []byte, k T) ([]byte, error) {
	return binary.BigEndian.AppendUint64(dst, storeFloat64(float64(k))), nil
}

func (f float64Part[T]) AppendPart(dst []byte, k T) ([]byte, error) { return f.Append(dst, k) }

func (f float64Part[T]) Decode(b []byte) (T, error) {
	if err := exactly(f.ID(), b, 8); err != nil {
		return 0, err
	}
	u := binary.BigEndian.Uint64(b)
	k := math.Float64frombits(unflip64(u))
	if storeFloat64(k) != u {
		return 0, corrupt(f.ID(), "%x is no canonical zero or NaN", b)
	}
	return T(k), nil
}

func (f float64Part[T]) TakePart(b []byte) (k T, rest []byte, err error) {
	head, rest, err := cut(f.ID(), b, 8)
	if err != nil {
		return 0, nil, err
	}
	k, err = f.Decode(head)
	return k, rest, err
}

// storeFloat64 returns bits whose unsigned order is the order of floats: the sign bit is flipped,
// and for negative numbers, whose order is the reverse of that of their bits, the other bits too.
func storeFloat64(f float64) uint64 {
	u := math.Float64bits(f)
	switch {
	case f == 0:
		return 1 << 63
	case f != f:
		return storedNaN64
	case u>>63 == 1:
		return ^u
	default:
		return u | 1<<63
	}
}

func unflip64(u uint64) uint64 {
	if u>>63 == 0 {
		return ^u
	}
	return u &^ (1 << 63)
}

// storeFloat32 does what storeFloat64 does.
func storeFloat32(f float32) uint32 {
	u := math.Float32bits(f)
	switch {
	case f == 0:
		return 1 << 31
	case f != f:
		return storedNaN32
	case u>>31 == 1:
		return ^u
	default:
		return u | 1<<31
	}
}

func unflip32(u uint32) uint32 {
	if u>>31 == 0 {
		return ^u
	}
	return u &^ (1 << 31)
}
