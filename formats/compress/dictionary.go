// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package compress

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/guardkv/guardkv/core"
	"github.com/klauspost/compress/zstd"
)

// MaxDictionarySize is how many bytes a dictionary may have, and MaxDictionaries how many a table
// keeps.
const (
	MaxDictionarySize = 128 << 10
	MaxDictionaries   = 16
)

// Dictionary holds what the values of a table have in common, so that no value has to repeat it. It
// saves most where values are small. The zero value means no dictionary.
type Dictionary struct{ b string } // with the ID unnumbered

const (
	dictionaryMagic = "\x37\xa4\x30\xec"
	unnumbered      = "\x01\x00\x00\x00" // an ID: the library wants one
	idEnd           = len(dictionaryMagic) + len(unnumbered)
)

// ParseDictionary reads what [Dictionary.Bytes] returned, or what zstd --train wrote. The ID of the
// latter does not matter: each table numbers its dictionaries.
func ParseDictionary(b []byte) (Dictionary, error) {
	if len(b) > MaxDictionarySize {
		return Dictionary{}, fmt.Errorf("a dictionary of %d bytes: %w, the limit is %d",
			len(b), core.ErrTooLarge, MaxDictionarySize)
	}
	if len(b) < idEnd || string(b[:len(dictionaryMagic)]) != dictionaryMagic {
		return Dictionary{}, fmt.Errorf("%w: %d bytes that are no dictionary of zstd",
			core.ErrCorrupt, len(b))
	}
	d := Dictionary{dictionaryMagic + unnumbered + string(b[idEnd:])}
	err := recovered(func() error { _, err := zstd.InspectDictionary([]byte(d.b)); return err })
	if err != nil {
		return Dictionary{}, fmt.Errorf("%w: a dictionary that cannot be used: %w",
			core.ErrCorrupt, err)
	}
	return d, nil
}

// Bytes returns the dictionary in the form that zstd and other programs read.
func (d Dictionary) Bytes() []byte { return []byte(d.b) }

// String returns the size of the dictionary. It does not show the bytes, which are parts of
// values.
func (d Dictionary) String() string { return fmt.Sprintf("a dictionary of %d bytes", len(d.b)) }

// numbered returns the dictionary with an ID.
func (d Dictionary) numbered(id int) []byte {
	b := bytes.Clone([]byte(d.b))
	binary.LittleEndian.PutUint32(b[len(dictionaryMagic):], uint32(id))
	return b
}
