// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package encrypt

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"github.com/guardkv/guardkv/core"
)

// metadata is what the format keeps with a table: checks that tell whether its keys are right, and
// the metadata of the inner format, encrypted. It is not bound to the table, because a table that
// is being made has no ID yet.
//
//	version 1, number of checks (2), each: something encrypted that is empty (32)
//	something encrypted: 0, or 1 and what the inner format keeps
//
// The associated data of the last part includes everything before it.
type metadata struct {
	checks []byte // of the keys that the table was written with, 32 bytes each, the latest last
	by     uint32 // the ID of the key that encrypted inner
	inner  []byte // nil if the inner format keeps nothing
}

const (
	metadataVersion = 1
	headSize        = 3
	maxChecks       = 1024 // older ones are dropped: then the rows show that a key is wrong
)

// openMetadata decrypts stored, which is nil for a new table. It returns ErrKey if the keys are not
// those that the table was written with.
func openMetadata(stored []byte, format string, keys *Keys) (m metadata, err error) {
	if len(stored) == 0 {
		return m, nil
	}
	if len(stored) < headSize || stored[0] != metadataVersion {
		return m, corruptMetadata(errors.New("it does not begin as such"))
	}
	n := int(stored[1])<<8 | int(stored[2])
	if n > maxChecks || len(stored)-headSize < n*least {
		return m, corruptMetadata(errors.New("it is cut"))
	}
	end := headSize + n*least
	m.checks = stored[headSize:end:end]
	for check := range slices.Chunk(m.checks, least) {
		if err := openCheck(check, format, keys); err != nil {
			return m, err
		}
	}
	k, id, err := keys.keyOf(stored[end:])
	if err != nil {
		return m, corruptMetadata(err)
	}
	if k == nil {
		return m, fmt.Errorf("%w: the table was last opened for writing with key %d, "+
			"which is not among those of encrypt.NewKeys", ErrKey, id)
	}
	data := appendData(nil, dataOf(kindMetadata, format), id, stored[:end])
	plain, err := k.open(nil, stored[end:], data)
	if err != nil || len(plain) == 0 || plain[0] > 1 || plain[0] == 0 && len(plain) > 1 {
		return m, wrongOrChanged(id)
	}
	m.by = id
	if plain[0] == 1 {
		m.inner = clipped(plain[1:])
	}
	return m, nil
}

// openCheck returns an error if the secret of a key is not the one that made the check. It skips
// checks of missing keys.
func openCheck(check []byte, format string, keys *Keys) error {
	k, id, err := keys.keyOf(check)
	if err != nil {
		return corruptMetadata(err)
	}
	if k == nil {
		return nil
	}
	data := appendData(nil, dataOf(kindCheck, format), id, nil)
	if _, err := k.open(nil, check, data); err != nil {
		return wrongOrChanged(id)
	}
	return nil
}

func corruptMetadata(cause error) error {
	return fmt.Errorf("%w: the metadata of encrypted values: %w", core.ErrCorrupt, cause)
}

// wrongOrChanged returns ErrKey without ErrFormatMismatch, which would let a policy set aside a
// table whose right key exists somewhere.
func wrongOrChanged(id uint32) error {
	return fmt.Errorf("%w: the secret of key %d is not the one that the table was written with, "+
		"or its metadata was changed", ErrKey, id)
}

// store returns the metadata to store, which is stored itself if nothing has changed.
func (m metadata) store(stored []byte, format string, keys *Keys, inner []byte) ([]byte, error) {
	same := bytes.Equal(inner, m.inner) && (inner == nil) == (m.inner == nil)
	if len(stored) != 0 && same && m.by == keys.current.id && m.knows(m.by) {
		return stored, nil
	}
	checks, err := m.withCheck(format, keys)
	if err != nil {
		return nil, err
	}
	n := len(checks) / least
	meta := append([]byte{metadataVersion, byte(n >> 8), byte(n)}, checks...)
	plain := []byte{0}
	if inner != nil {
		plain = append([]byte{1}, inner...)
	}
	defer clear(plain)
	data := appendData(nil, dataOf(kindMetadata, format), keys.current.id, meta)
	return keys.seal(meta, plain, data)
}

// knows reports whether there is a check for the key.
func (m metadata) knows(id uint32) bool {
	for check := range slices.Chunk(m.checks, least) {
		if uint32From(check) == id {
			return true
		}
	}
	return false
}

// withCheck returns the checks, with one for the current key.
func (m metadata) withCheck(format string, keys *Keys) ([]byte, error) {
	checks := slices.Clone(m.checks)
	if m.knows(keys.current.id) {
		return checks, nil
	}
	if len(checks)/least >= maxChecks {
		checks = checks[least:]
	}
	return keys.seal(checks, nil, appendData(nil, dataOf(kindCheck, format), keys.current.id, nil))
}
