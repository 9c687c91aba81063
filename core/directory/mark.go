// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package directory

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"github.com/guardkv/guardkv/core"
)

// storageID tells the writes of one storage from those of another. Copies share it.
type storageID [16]byte

func newStorageID() (id storageID) {
	rand.Read(id[:]) // never fails
	return id
}

func (id storageID) String() string { return hex.EncodeToString(id[:]) }

const idLength = 2 * len(storageID{})

// The body of the mark's file is the identity in hexadecimal, the end of the line, and the mark.
func writeMark(dir *os.Root, id storageID, mark []byte) error {
	return writeSealed(dir, markFile, slices.Concat([]byte(id.String()+"\n"), mark))
}

// readMark returns the identity and the mark of the storage in dir. What has none is
// core.ErrNotStorage.
func readMark(dir *os.Root) (id storageID, mark []byte, err error) {
	body, err := readSealed(dir, markFile)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return id, nil, fmt.Errorf("%w: %s has no %s", core.ErrNotStorage, dir.Name(), markFile)
	case errors.Is(err, errSeal):
		return id, nil, fmt.Errorf("%w: %s in %s: %w",
			core.ErrNotStorage, markFile, dir.Name(), err)
	case err != nil:
		return id, nil, err
	}
	id, mark, ok := splitMark(body)
	if !ok {
		return id, nil, fmt.Errorf("%w: %s in %s is not as this version writes it",
			core.ErrNotStorage, markFile, dir.Name())
	}
	return id, mark, nil
}

func splitMark(body []byte) (id storageID, mark []byte, ok bool) {
	if len(body) <= idLength || body[idLength] != '\n' {
		return id, nil, false
	}
	_, err := hex.Decode(id[:], body[:idLength])
	return id, body[idLength+1:], err == nil && id.String() == string(body[:idLength])
}
