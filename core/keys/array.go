// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package keys

import (
	"strconv"
	"unsafe"
)

// ByteArray is any byte array of 1 to 64 bytes, such as a UUID or a hash.
type ByteArray interface {
	~[1]byte | ~[2]byte | ~[3]byte | ~[4]byte | ~[5]byte | ~[6]byte | ~[7]byte | ~[8]byte |
		~[9]byte | ~[10]byte | ~[11]byte | ~[12]byte | ~[13]byte | ~[14]byte | ~[15]byte | ~[16]byte |
		~[17]byte | ~[18]byte | ~[19]byte | ~[20]byte | ~[21]byte | ~[22]byte | ~[23]byte | ~[24]byte |
		~[25]byte | ~[26]byte | ~[27]byte | ~[28]byte | ~[29]byte | ~[30]byte | ~[31]byte | ~[32]byte |
		~[33]byte | ~[34]byte | ~[35]byte | ~[36]byte | ~[37]byte | ~[38]byte | ~[39]byte | ~[40]byte |
		~[41]byte | ~[42]byte | ~[43]byte | ~[44]byte | ~[45]byte | ~[46]byte | ~[47]byte | ~[48]byte |
		~[49]byte | ~[50]byte | ~[51]byte | ~[52]byte | ~[53]byte | ~[54]byte | ~[55]byte | ~[56]byte |
		~[57]byte | ~[58]byte | ~[59]byte | ~[60]byte | ~[61]byte | ~[62]byte | ~[63]byte | ~[64]byte
}

// Array is the format of byte array keys: keys.Array[uuid.UUID](), keys.Array[[sha256.Size]byte]().
func Array[A ByteArray]() Part[A] { return array[A]{} }

type array[A ByteArray] struct{ owned }

func (array[A]) ID() string {
	var a A
	return "array(" + strconv.Itoa(len(a)) + ")"
}

func (array[A]) Append(dst []byte, k A) ([]byte, error) {
	return append(dst, bytesOfArray(&k)...), nil
}

func (f array[A]) AppendPart(dst []byte, k A) ([]byte, error) { return f.Append(dst, k) }

func (f array[A]) Decode(b []byte) (k A, err error) {
	if len(b) != len(k) {
		return k, exactly(f.ID(), b, len(k))
	}
	copy(bytesOfArray(&k), b)
	return k, nil
}

func (f array[A]) TakePart(b []byte) (k A, rest []byte, err error) {
	if len(b) < len(k) {
		_, _, err = cut(f.ID(), b, len(k))
		return k, nil, err
	}
	n := copy(bytesOfArray(&k), b)
	return k, b[n:], nil
}

// bytesOfArray is (*a)[:], which Go does not allow on a type parameter of many lengths.
func bytesOfArray[A ByteArray](a *A) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(a)), len(*a))
}
