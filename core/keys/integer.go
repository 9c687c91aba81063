// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package keys

import (
	"encoding/binary"
	"fmt"
	"reflect"
	"strconv"
	"time"
)

// Uint8 is the format of uint8 keys.
func Uint8() Part[uint8] { return UintOf[uint8]() }

// Uint16 is the format of uint16 keys.
func Uint16() Part[uint16] { return UintOf[uint16]() }

// Uint32 is the format of uint32 keys.
func Uint32() Part[uint32] { return UintOf[uint32]() }

// Uint64 is the format of uint64 keys.
func Uint64() Part[uint64] { return UintOf[uint64]() }

// Uint is the format of uint keys. They are stored like uint64 keys on every machine; decoding one
// that does not fit a 32-bit uint is an error.
func Uint() Part[uint] { return UintOf[uint]() }

// Int8 is the format of int8 keys.
func Int8() Part[int8] { return IntOf[int8]() }

// Int16 is the format of int16 keys.
func Int16() Part[int16] { return IntOf[int16]() }

// Int32 is the format of int32 keys, and of runes.
func Int32() Part[int32] { return IntOf[int32]() }

// Int64 is the format of int64 keys.
func Int64() Part[int64] { return IntOf[int64]() }

// Int is the format of int keys. They are stored like int64 keys on every machine; decoding one
// that does not fit a 32-bit int is an error.
func Int() Part[int] { return IntOf[int]() }

// Duration is the format of time.Duration keys, stored like the int64 keys that they are.
func Duration() Part[time.Duration] { return IntOf[time.Duration]() }

// UintOf is the format of a named unsigned integer type. Its ID is that of the underlying type, so
// renaming the type does not change the table.
func UintOf[T ~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64]() Part[T] {
	return newInteger[T]("uint", false)
}

// IntOf is the format of a named signed integer type. Its ID is that of the underlying type, so
// renaming the type does not change the table.
func IntOf[T ~int | ~int8 | ~int16 | ~int32 | ~int64]() Part[T] {
	return newInteger[T]("int", true)
}

type anyInteger interface {
	~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64 | ~int | ~int8 | ~int16 | ~int32 | ~int64
}

// integer stores k+bias, big endian in size bytes. The bias of signed types moves the least value
// to 0.
type integer[T anyInteger] struct {
	owned
	id   string
	size int // 1, 2, 4 or 8
	bias uint64
}

func newInteger[T anyInteger](name string, signed bool) *integer[T] {
	t := reflect.TypeFor[T]()
	f := &integer[T]{size: int(t.Size())}
	if t.Kind() == reflect.Int || t.Kind() == reflect.Uint {
		f.size = 8 // files move between 32 and 64-bit machines
	}
	if signed {
		f.bias = 1 << (8*f.size - 1)
	}
	f.id = name + strconv.Itoa(8*f.size)
	return f
}

func (f *integer[T]) ID() string { return f.id }

func (f *integer[T]) Append(dst []byte, k T) ([]byte, error) {
	u := uint64(k) + f.bias
	switch f.size {
	case 8:
		return binary.BigEndian.AppendUint64(dst, u), nil
	case 4:
		return binary.BigEndian.AppendUint32(dst, uint32(u)), nil
	case 2:
		return binary.BigEndian.AppendUint16(dst, uint16(u)), nil
	default:
		return append(dst, byte(u)), nil
	}
}

func (f *integer[T]) AppendPart(dst []byte, k T) ([]byte, error) { return f.Append(dst, k) }

func (f *integer[T]) Decode(b []byte) (T, error) {
	if len(b) != f.size {
		return 0, exactly(f.id, b, f.size)
	}
	u := f.load(b) - f.bias
	k := T(u)
	if uint64(k) != u {
		return 0, f.overflow(u)
	}
	return k, nil
}

func (f *integer[T]) TakePart(b []byte) (k T, rest []byte, err error) {
	head, rest, err := cut(f.id, b, f.size)
	if err != nil {
		return 0, nil, err
	}
	k, err = f.Decode(head)
	return k, rest, err
}

func (f *integer[T]) load(b []byte) uint64 {
	switch f.size {
	case 8:
		return binary.BigEndian.Uint64(b)
	case 4:
		return uint64(binary.BigEndian.Uint32(b))
	case 2:
		return uint64(binary.BigEndian.Uint16(b))
	default:
		return uint64(b[0])
	}
}

// overflow happens to int and uint on 32-bit machines. The bytes are not corrupt: a 64-bit program
// wrote them.
func (f *integer[T]) overflow(u uint64) error {
	n := strconv.FormatUint(u, 10)
	if f.bias != 0 {
		n = strconv.FormatInt(int64(u), 10)
	}
	return fmt.Errorf("%s key %s does not fit %s on this machine, use a 64-bit key type: %w",
		f.id, n, reflect.TypeFor[T](), strconv.ErrRange)
}
