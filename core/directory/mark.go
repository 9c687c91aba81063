// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package directory

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
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
func writeMark(dir string, id storageID, mark []byte) error {
	return writeSealed(dir, markFile, slices.Concat([]byte(id.String()+"\n"), mark))
}

// readMark returns the identity and the mark of the storage in dir. What has none is core.ErrNotStorage.
func readMark(dir string) (id storageID, mark []byte, err error) {
	body, err := readSealed(dir, markFile)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return id, nil, fmt.Errorf("%w: %s has no %s", core.ErrNotStorage, dir, markFile)
	case errors.Is(err, errSeal):
		return id, nil, fmt.Errorf("%w: %s in %s: %w", core.ErrNotStorage, markFile, dir, err)
	case err != nil:
		return id, nil, err
	}
	id, mark, ok := splitMark(body)
	if !ok {
		return id, nil, fmt.Errorf("%w: %s in %s is not as this version writes it", core.ErrNotStorage, markFile, dir)
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

// look returns what is at path: the identity of a storage, or there is nothing, or why it can be no storage.
func look(path string) (id storageID, found bool, foreign, err error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if _, err := os.Lstat(path); err == nil {
			return id, false, fmt.Errorf("%w: %s is a link to nothing", core.ErrNotStorage, path), nil
		}
		return id, false, nil, nil
	case err != nil:
		return id, false, nil, err
	case !info.IsDir():
		return id, false, fmt.Errorf("%w: %s is no directory, its type is %s", core.ErrNotStorage, path, typeOf(info)), nil
	}
	if empty, err := isEmpty(path); empty || err != nil {
		return id, false, nil, err
	}
	id, _, err = readMark(path)
	if errors.Is(err, core.ErrNotStorage) {
		return id, false, err, nil
	}
	return id, err == nil, nil, err
}

func typeOf(info os.FileInfo) string {
	if info.Mode().IsRegular() {
		return "file"
	}
	return info.Mode().Type().String()
}

func isEmpty(dir string) (bool, error) {
	d, err := os.Open(dir)
	if err != nil {
		return false, err
	}
	defer d.Close()
	_, err = d.Readdirnames(1)
	if errors.Is(err, io.EOF) {
		return true, nil
	}
	return false, err
}
