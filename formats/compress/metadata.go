// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package compress

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/guardkv/guardkv/core"
)

// metadata is what the format keeps with a table. A table without dictionaries, whose inner
// format keeps nothing, has no metadata.
type metadata struct {
	dictionaries []Dictionary
	inner        []byte // nil if the inner format keeps nothing
}

// metadataVersion is what all metadata begins with.
const metadataVersion = 1

// parseMetadata reads what append made.
//
//	version 1, number of dictionaries, each: uvarint length, bytes
//	0, or 1 and what the inner format keeps
func parseMetadata(b []byte) (m metadata, err error) {
	if len(b) == 0 {
		return m, nil
	}
	whole := b
	if len(b) < 3 || b[0] != metadataVersion || b[1] > MaxDictionaries {
		return m, corruptMetadata(errors.New("it does not begin as such"))
	}
	n := int(b[1])
	b = b[2:]
	for range n {
		size, used := binary.Uvarint(b)
		if used <= 0 || size > uint64(len(b)-used) {
			return m, corruptMetadata(errors.New("a dictionary is cut"))
		}
		d, err := ParseDictionary(b[used : used+int(size)])
		if err != nil {
			return m, corruptMetadata(err)
		}
		m.dictionaries = append(m.dictionaries, d)
		b = b[used+int(size):]
	}
	if len(b) > 1 || len(b) == 1 && b[0] == 1 {
		m.inner = b[1:len(b):len(b)]
	}
	if !slices.Equal(m.append(nil), whole) {
		return m, corruptMetadata(errors.New("it is not as it was written"))
	}
	return m, nil
}

func corruptMetadata(cause error) error {
	return fmt.Errorf("%w: the metadata of compressed values: %w", core.ErrCorrupt, cause)
}

func (m metadata) append(dst []byte) []byte {
	if m.inner == nil && len(m.dictionaries) == 0 {
		return dst
	}
	dst = append(dst, metadataVersion, byte(len(m.dictionaries)))
	for _, d := range m.dictionaries {
		dst = binary.AppendUvarint(dst, uint64(len(d.b)))
		dst = append(dst, d.b...)
	}
	if m.inner == nil {
		return append(dst, 0)
	}
	return append(append(dst, 1), m.inner...)
}

// add puts a dictionary last; values are written with the last one.
func (m *metadata) add(d Dictionary) error {
	if d.b == "" || len(m.dictionaries) > 0 && m.dictionaries[len(m.dictionaries)-1] == d {
		return nil
	}
	if len(m.dictionaries) >= MaxDictionaries {
		return fmt.Errorf("%w: the table has %d dictionaries already, and rows may need each of "+
			"them: put the rows into a new table to go on with one alone",
			core.ErrTooLarge, MaxDictionaries)
	}
	m.dictionaries = append(m.dictionaries, d)
	return nil
}
