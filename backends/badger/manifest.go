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
	"github.com/dgraph-io/badger/v4/options"
)

// manifest is what badger's manifest says.
type manifest struct {
	tables map[uint64]bool
	whole  bool // no change at its end is incomplete
}

// manifestHead is the length of what no other manifest begins with: badger's name and the length and checksum of the first
// change. badger puts a new manifest in the place of one that has become long.
const manifestHead = 16

// readManifest reads the manifest by badger's own means, which check the checksum of every change.
func readManifest(dir string) (m manifest, err error) {
	path := filepath.Join(dir, manifestName)
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return m, corruptf("%s is missing", path) // badger would begin anew, and delete all tables
	} else if err != nil {
		return m, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return m, err
	}
	if !info.Mode().IsRegular() {
		return m, corruptf("%s is no file", path)
	}
	var read badger.Manifest
	var end int64
	err = protect(func() (err error) {
		read, end, err = badger.ReplayManifestFile(f, 0, badger.Options{})
		return err
	})
	if err != nil {
		return m, corrupt(fmt.Errorf("%s: %w", path, err))
	}
	if end < manifestHead {
		return m, corruptf("the beginning of %s is damaged", path)
	}
	m.whole = end == info.Size()
	m.tables = make(map[uint64]bool, len(read.Tables))
	for id, t := range read.Tables {
		if t.Level >= maxLevels || t.KeyID != 0 || t.Compression != options.None {
			return m, corruptf("%s: table %d is none that this package lets badger write", path, id)
		}
		m.tables[id] = true
	}
	return m, nil
}
