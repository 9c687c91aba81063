// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package pebble

import (
	"context"
	"os"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/directory"
)

// Backend keeps each storage in one directory of pebble. The zero value has good defaults.
type Backend struct {
	// LockTimeout is how long to wait for a storage that is open elsewhere. The default is one
	// second.
	LockTimeout time.Duration

	// DirMode is the mode of a directory that is created, before umask. The default is 0700.
	DirMode os.FileMode

	// CacheSize is how many bytes of blocks each open storage keeps in memory at most. Reads
	// are fast if what is read often fits into it. The default is 256 MiB.
	CacheSize int64

	fs vfs.FS // replaces the file system in tests
	// replaces what the system says of a medium, in tests
	usage func(dir string) (free, total int64, known bool)
}

var _ core.Backend = Backend{}

// Name returns "pebble".
func (Backend) Name() string { return "pebble" }

// Sharing returns the zero Sharing: a claim keeps other writers out.
func (Backend) Sharing() core.Sharing { return core.Sharing{} }

// Resolve returns a path that leads to the same place for as long as the program runs, even if
// the working directory changes.
func (Backend) Resolve(path string) (string, error) { return directory.Resolve(path) }

// Claim locks the directory at path. If there is none, it locks nothing.
func (b Backend) Claim(ctx context.Context, path string, readOnly bool) (core.Claim, error) {
	b = b.withDefaults()
	return directory.Claim(ctx, path, readOnly, directory.Driver{
		LockTimeout: b.LockTimeout,
		DirMode:     b.DirMode,
		Lock:        takeLock,
		Create:      b.create,
		Open:        b.open,
	})
}

// List returns the paths of the directories whose names start with prefix.
func (Backend) List(_ context.Context, prefix string) ([]string, error) {
	return directory.List(prefix)
}

func (b Backend) withDefaults() Backend {
	if b.CacheSize <= 0 {
		b.CacheSize = 256 << 20
	}
	if b.fs == nil {
		b.fs = vfs.Default
	}
	return b
}
