// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package badger

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/dgraph-io/badger/v4"
)

// manifestHead is the length of a beginning that no other manifest has: badger's name, and the
// length and checksum of the first change. badger replaces a manifest that has become long with
// a new one.
const manifestHead = 16

// mostManifest is longer than any manifest: badger writes a new one when it names many tables
// that are gone.
const mostManifest = 1 << 30

// readManifest returns the tables that the manifest names, and how each is compressed. It uses
// badger's own reader, which checks the checksum of every change, and leaves out an incomplete
// change at the end.
func readManifest(dir string) (tables map[uint64]Compression, err error) {
	path := filepath.Join(dir, manifestName)
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		// badger would begin anew, and delete all tables
		return nil, corruptf("%s is missing", path)
	} else if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > mostManifest {
		return nil, corruptf("%s is no file that badger writes", path)
	}
	var read badger.Manifest
	var end int64
	err = protect(func() (err error) {
		read, end, err = badger.ReplayManifestFile(f, 0, badger.Options{})
		return err
	})
	if err != nil {
		return nil, corrupt(fmt.Errorf("%s: %w", path, err))
	}
	if end < manifestHead {
		return nil, corruptf("the beginning of %s is damaged", path)
	}
	tables = make(map[uint64]Compression, len(read.Tables))
	for id, t := range read.Tables {
		c, ok := compressionOf(t.Compression)
		if t.Level >= maxLevels || t.KeyID != 0 || !ok {
			return nil,
				corruptf("%s: table %d is none that this package lets badger write", path, id)
		}
		tables[id] = c
	}
	return tables, nil
}
