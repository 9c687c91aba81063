// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package badger

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/directory"
)

// Backend keeps each storage in one directory of badger. The zero value has good defaults.
type Backend struct {
	// LockTimeout is how long to wait for a storage that is open elsewhere. The default is one
	// second.
	LockTimeout time.Duration

	// DirMode is the mode of a directory that is created, before umask. The default is 0700.
	DirMode os.FileMode

	// MemTable is how many bytes of writes badger gathers in memory before it writes them to a
	// sorted table. While writers are faster than that, it takes up to four times as much.
	// MemTable may change between openings. The default is 64 MiB; the least is 16 MiB, the
	// most 512 MiB.
	MemTable int64

	// Compression is for the tables that badger writes from now on. It may change between
	// openings: existing tables stay as they are, and readable, until badger merges them or
	// Compact rewrites them all. The default is None.
	Compression Compression

	// CacheSize is how many bytes of decompressed blocks each open storage keeps in memory at
	// most. It is used only with Compression: reads are fast if what is read often fits into
	// it. The default is 64 MiB, the least 1 MiB.
	CacheSize int64
}

var _ core.Backend = Backend{}

// Name returns "badger".
func (Backend) Name() string { return "badger" }

// Sharing returns the zero Sharing: a claim keeps other writers out.
func (Backend) Sharing() core.Sharing { return core.Sharing{} }

// Resolve returns the path that Claim is given in place of path. It leads to the same place
// even if the working directory or links change; see [directory.Resolve].
func (Backend) Resolve(path string) (string, error) { return directory.Resolve(path) }

// Claim locks the directory at path. If that is absent or empty, it locks nothing. Where badger
// is not safe, as on 32-bit systems, or if there is no such Compression, the error wraps
// [errors.ErrUnsupported].
func (b Backend) Claim(ctx context.Context, path string, readOnly bool) (core.Claim, error) {
	if err := errors.Join(checkWord(wordSize), b.Compression.check()); err != nil {
		return nil, err
	}
	return directory.Claim(ctx, path, readOnly, b.driver())
}

// List returns the paths of the directories whose names start with prefix.
func (Backend) List(_ context.Context, prefix string) ([]string, error) {
	return directory.List(prefix)
}

func (b Backend) driver() directory.Driver {
	return directory.Driver{
		LockTimeout: b.LockTimeout,
		DirMode:     b.DirMode,
		Lock:        lock,
		Create:      create,
		Open:        b.open,
	}
}

// memTable returns the size of a memtable.
func (b Backend) memTable() int64 {
	const least, usual, most = 16 << 20, 64 << 20, 512 << 20
	if b.MemTable == 0 {
		return usual
	}
	return min(max(b.MemTable, least), most)
}

// cacheSize returns the size of the cache, or 0 if there is none.
func (b Backend) cacheSize() int64 {
	const least, usual = 1 << 20, 64 << 20
	switch {
	case b.Compression == None:
		return 0
	case b.CacheSize <= 0:
		return usual
	}
	return max(b.CacheSize, least)
}
