// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package bbolt

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/guardkv/guardkv/core"
)

// Backend keeps each storage in one file of bbolt. The zero value has good defaults.
type Backend struct {
	// LockTimeout is how long to wait for a storage that is open elsewhere. The default is one
	// second.
	LockTimeout time.Duration

	// FileMode is the mode of a file that is created, before umask. The default is 0600.
	FileMode os.FileMode

	reserve    func(fileSize int64) int // replaces processSpace.take in tests
	folderSync func(folder) error       // replaces folder.Sync in tests
}

var _ core.Backend = Backend{}

// The buckets of a storage, and the key of the mark. They are part of the format of the file.
const (
	markBucket = "guardkv.mark"
	rowsBucket = "guardkv.rows"
	markKey    = "mark"
)

// Name returns "bbolt".
func (Backend) Name() string { return "bbolt" }

// Sharing returns the zero Sharing: a claim keeps other writers out.
func (Backend) Sharing() core.Sharing { return core.Sharing{} }

// Resolve returns the path, absolute and without links in its folder. If the file itself is a
// link, Claim follows it.
func (Backend) Resolve(path string) (string, error) { return newPlace(path).name, nil }

// Claim locks the file at path. If there is none, it locks nothing.
func (b Backend) Claim(ctx context.Context, path string, readOnly bool) (core.Claim, error) {
	c := &claim{backend: b.withDefaults(), place: newPlace(path), readOnly: readOnly}
	if err := c.lock(ctx); err != nil {
		return nil, err
	}
	return c, nil
}

// List returns the paths of the files whose names start with prefix.
func (b Backend) List(_ context.Context, prefix string) ([]string, error) {
	dir, base := filepath.Split(prefix)
	entries, err := os.ReadDir(filepath.Clean(dir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	var paths []string
	for _, e := range entries {
		if name := e.Name(); strings.HasPrefix(name, base) && e.Type().IsRegular() &&
			!isTemporary(name) {
			paths = append(paths, dir+name)
		}
	}
	return paths, nil
}

// take returns how many bytes of address space a file gets, or 0 if none, and a function that
// gives them back.
func (b Backend) take(fileSize int64) (reserved int, give func(int)) {
	if b.reserve != nil {
		return b.reserve(fileSize), func(int) {}
	}
	return processSpace.take(fileSize), processSpace.give
}

func (b Backend) withDefaults() Backend {
	if b.LockTimeout <= 0 {
		b.LockTimeout = time.Second
	}
	if b.FileMode == 0 {
		b.FileMode = 0o600
	}
	if b.folderSync == nil {
		b.folderSync = folder.Sync
	}
	return b
}
