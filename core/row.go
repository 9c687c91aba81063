// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

// A row's key is the number of its table, big endian, and then the key's encoding. Number 0 is
// the catalog.
//
// A row's value is the value's encoding; in a table with checksums, and in the catalog, the
// CRC-32C of the key's encoding and the value's follows, big endian. It stands behind the value
// so that a value keeps the place that the engine gave it, and covers the key so that a value
// under another row's key is found.
const (
	tableNumberSize = 4
	checksumSize    = 4
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func appendTableNumber(dst []byte, n uint32) []byte { return binary.BigEndian.AppendUint32(dst, n) }

// rowSum returns the checksum of a row; key is without the table's number.
func rowSum(key, value []byte) uint32 {
	return crc32.Update(crc32.Checksum(key, castagnoli), castagnoli, value)
}

// appendRowSum appends the checksum of the row whose value is dst[start:].
func appendRowSum(dst []byte, start int, key []byte) []byte {
	return binary.BigEndian.AppendUint32(dst, rowSum(key, dst[start:]))
}

// checkRowSum returns the value without its checksum, which it verifies.
func checkRowSum(key, stored []byte) ([]byte, error) {
	n := len(stored) - checksumSize
	if n < 0 {
		return nil, fmt.Errorf("%w: a row of %d bytes has no room for its checksum",
			ErrCorrupt, len(stored))
	}
	value := stored[:n:n]
	if got, want := rowSum(key, value), binary.BigEndian.Uint32(stored[n:]); got != want {
		return nil, fmt.Errorf("%w: the row's checksum is %08x, not %08x", ErrCorrupt, got, want)
	}
	return value, nil
}

// tableNumber reads what appendTableNumber wrote.
func tableNumber(b []byte) uint32 { return binary.BigEndian.Uint32(b) }
