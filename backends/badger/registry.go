// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package badger

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
)

// checkRegistry checks the list of encryption keys, which is empty here: 16 random bytes, and a
// text. badger makes a new one if it is missing.
func checkRegistry(path string) error {
	const text = "Hello Badger"
	content, err := readSmall(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	if len(content) != 16+len(text) || !bytes.HasSuffix(content, []byte(text)) {
		return corruptf("%s is damaged; it says nothing that is needed, so it can be deleted", path)
	}
	return nil
}

// readSmall returns the content of a file that should be small, or nothing if it is not.
func readSmall(path string) ([]byte, error) {
	const small = 16 << 20
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, corruptf("%s is no file", path)
	}
	if info.Size() > small {
		return nil, nil
	}
	return os.ReadFile(path)
}

// checkDiscard checks badger's notes of how much of each file of the value log is no longer
// used. A wrong number leads badger out of bounds or around in circles. Without the file it
// takes new notes, and finds less to give back until then. So a damaged file is removed.
func checkDiscard(a anchor, log *slog.Logger) error {
	path := filepath.Join(a.dir, discardName)
	content, err := readSmall(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	if soundDiscard(content) {
		return nil
	}
	warn(log, "badger's notes of space to give back are damaged and are removed",
		"file", a.text(path))
	return os.Remove(path)
}

// soundDiscard reports whether badger can work with its notes: pairs of the number of a file
// and of bytes in it, as many as the file has room for; a number of 0 ends them.
func soundDiscard(content []byte) bool {
	const room = 1 << 20
	if len(content) < room || len(content)%16 != 0 {
		return false
	}
	last := uint64(0)
	for at := 0; at < len(content); at += 16 {
		file, size := binary.BigEndian.Uint64(content[at:]), binary.BigEndian.Uint64(content[at+8:])
		if file == 0 {
			return true
		}
		if file <= last || file > 1<<32-1 || size > 1<<40 {
			return false
		}
		last = file
	}
	return false
}
