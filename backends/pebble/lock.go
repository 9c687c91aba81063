// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package pebble

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/directory"
)

// lock is the lock on a directory. It consists of flock(2) on the directory itself, which works
// under every name of the directory and within this process, and can be shared; and of the lock
// that pebble takes on the file LOCK, for programs that use pebble by hand.
type lock struct {
	path   string
	dir    io.Closer
	engine *pebble.Lock // nil if the directory is locked for reading
	shared io.Closer    // for readers
}

func takeLock(dir string, readOnly bool) (io.Closer, error) {
	shared := readOnly && canShareLock
	d, err := directory.Flock(dir, shared)
	if err != nil {
		return nil, err
	}
	l := &lock{path: dir, dir: d}
	if shared {
		l.shared, err = shareLock(dir)
	} else {
		l.engine, err = lockEngine(dir)
	}
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return l, nil
}

// lockEngine takes pebble's lock. Pebble tells the locks of this process apart by the name of
// the directory.
func lockEngine(dir string) (*pebble.Lock, error) {
	dir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return nil, err
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, err
	}
	l, err := pebble.LockDirectory(dir, vfs.Default)
	if err == nil {
		return l, nil
	}
	var path *fs.PathError
	if errors.As(err, &path) { // the file LOCK could not be made
		return nil, err
	}
	return nil, fmt.Errorf("%w: %w", core.ErrLocked, err)
}

// Stat returns which directory the lock is on.
func (l *lock) Stat() (os.FileInfo, error) {
	if d, ok := l.dir.(interface{ Stat() (os.FileInfo, error) }); ok {
		return d.Stat()
	}
	return os.Stat(l.path)
}

// Close gives the lock back. Pebble must have closed the directory.
func (l *lock) Close() error {
	var err error
	if l.engine != nil {
		err = l.engine.Close()
	}
	if l.shared != nil {
		err = errors.Join(err, l.shared.Close())
	}
	return errors.Join(err, l.dir.Close())
}

// readingFS is the file system with which pebble reads a directory that is already locked.
// Pebble's own lock could not be shared.
type readingFS struct {
	vfs.FS
	here here
	h    *health
}

// Lock is part of vfs.FS.
func (readingFS) Lock(string) (io.Closer, error) { return io.NopCloser(nil), nil }

// Open is part of vfs.FS.
func (f readingFS) Open(name string, opts ...vfs.OpenOption) (vfs.File, error) {
	return openChecked(f.FS, f.here, f.h, name, opts)
}
