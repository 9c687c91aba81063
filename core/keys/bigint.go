// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package keys

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/big"
	"slices"

	"github.com/guardkv/guardkv/core"
)

// BigInt is the format of *big.Int keys: integers of up to 65535 bytes, in numeric order. A bigger
// one returns [core.ErrTooLarge], and nil is not a key. The limits of engines on keys are often
// lower.
func BigInt() Part[*big.Int] { return bigPart{} }

// bigPart stores how many bytes the number has, followed by the bytes, big endian. A negative
// number has the bytes of the positive one, inverted. The length is a byte, or three if it is
// bigBytes or more.
type bigPart struct{ owned }

const (
	bigZero  = 0x80              // the length byte of 0; that of a positive number adds its length
	bigLong  = 0xfe              // the length is in the next two bytes
	bigBytes = bigLong - bigZero // the least length that is there
	bigMost  = 1<<16 - 1         // the greatest
	bigLow   = ^byte(bigLong)    // the least first byte
	bigMinus = ^byte(bigZero)    // no first byte: -0
)

var errNilBigInt = errors.New("a nil *big.Int cannot be a key")

func (bigPart) ID() string { return "bigint" }

func (f bigPart) Append(dst []byte, k *big.Int) ([]byte, error) {
	if k == nil {
		return nil, errNilBigInt
	}
	n, at := (k.BitLen()+7)/8, len(dst)
	switch {
	case n > bigMost:
		return nil, fmt.Errorf("%w: an integer of %d bytes, want at most %d",
			core.ErrTooLarge, n, bigMost)
	case n < bigBytes:
		dst = append(dst, byte(bigZero+n))
	default:
		dst = binary.BigEndian.AppendUint16(append(dst, bigLong), uint16(n))
	}
	dst = slices.Grow(dst, n)
	dst = dst[:len(dst)+n]
	k.FillBytes(dst[len(dst)-n:])
	if k.Sign() < 0 {
		invert(dst[at:], dst[at:])
	}
	return dst, nil
}

func (f bigPart) AppendPart(dst []byte, k *big.Int) ([]byte, error) { return f.Append(dst, k) }

func (f bigPart) Decode(b []byte) (*big.Int, error) {
	k, rest, err := f.TakePart(b)
	if err == nil && len(rest) > 0 {
		return nil, corrupt(f.ID(), "has %d bytes too many", len(rest))
	}
	return k, err
}

func (f bigPart) TakePart(b []byte) (k *big.Int, rest []byte, err error) {
	if len(b) == 0 {
		return nil, nil, corrupt(f.ID(), "is empty, want at least a byte")
	}
	if b[0] == bigZero {
		return new(big.Int), b[1:], nil
	}
	if b[0] > bigLong || b[0] < bigLow || b[0] == bigMinus {
		return nil, nil, corrupt(f.ID(), "begins with %#x", b[0])
	}
	var flip byte
	if b[0] < bigZero {
		flip = 0xff
	}
	n, b, err := f.takeLength(b, flip)
	if err != nil {
		return nil, nil, err
	}
	digits, rest, err := cut(f.ID(), b, n)
	if err != nil {
		return nil, nil, err
	}
	if digits[0] == flip {
		return nil, nil, corrupt(f.ID(), "of %d bytes begins with a zero", n)
	}
	if flip == 0 {
		return new(big.Int).SetBytes(digits), rest, nil
	}
	k = new(big.Int).SetBytes(inversion(digits))
	return k.Neg(k), rest, nil
}

// takeLength reads how many bytes a number other than 0 has. flip inverts what it reads.
func (f bigPart) takeLength(b []byte, flip byte) (n int, rest []byte, err error) {
	if first := b[0] ^ flip; first != bigLong {
		return int(first) - bigZero, b[1:], nil
	}
	head, rest, err := cut(f.ID(), b[1:], 2)
	if err != nil {
		return 0, nil, err
	}
	if n = int(head[0]^flip)<<8 | int(head[1]^flip); n < bigBytes {
		return 0, nil, corrupt(f.ID(), "has a length of %d in three bytes, want one", n)
	}
	return n, rest, nil
}
