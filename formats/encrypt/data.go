// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package encrypt

import (
	"encoding/binary"

	"github.com/guardkv/guardkv/core"
)

// Everything encrypted is bound to associated data, which says what it is. No two things have the
// same data:
//
//	"guardkv encrypt/1", kind (1), length of the format's ID (4), the format's ID, then for a row
//	the table's ID (16), the ID of the key (4), length of the row's key (8), the row's key
//	and for metadata and checks
//	the ID of the key (4), length of the rest (8), the rest
//
// Numbers are big endian. The format's ID names the inner formats, so no inner format reads
// what another one wrote.
const dataMagic = "guardkv encrypt/1"

// The kinds of encrypted things.
const (
	kindRow      = 1
	kindCheck    = 2 // nothing, by which a key is known to be right
	kindMetadata = 3
)

// dataOf returns the beginning of the associated data of a kind.
func dataOf(kind byte, format string) []byte {
	data := append([]byte(dataMagic), kind)
	return append(appendUint32(data, uint32(len(format))), format...)
}

// dataOfTable returns the beginning of the associated data of the rows of a table.
func dataOfTable(format string, table core.TableID) []byte {
	return append(dataOf(kindRow, format), table[:]...)
}

// appendData appends associated data: its beginning, the ID of a key, and the rest.
func appendData(dst, begin []byte, id uint32, rest []byte) []byte {
	dst = appendUint32(append(dst, begin...), id)
	dst = binary.BigEndian.AppendUint64(dst, uint64(len(rest)))
	return append(dst, rest...)
}

func appendUint32(dst []byte, n uint32) []byte { return binary.BigEndian.AppendUint32(dst, n) }

func uint32From(b []byte) uint32 { return binary.BigEndian.Uint32(b) }
