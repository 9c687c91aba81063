// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package pebble

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/guardkv/guardkv/core"
)

// canShareLock says whether several readers may have a storage open at a time.
const canShareLock = true

// shareLock locks the file LOCK against programs that use pebble by hand. If LOCK is missing, no
// program uses the directory.
func shareLock(dir string) (io.Closer, error) {
	f, err := os.Open(filepath.Join(dir, "LOCK"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	err = syscall.FcntlFlock(f.Fd(), syscall.F_SETLK,
		&syscall.Flock_t{Type: syscall.F_RDLCK, Whence: io.SeekStart})
	if err == nil {
		return f, nil
	}
	f.Close()
	if errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.EACCES) {
		return nil, fmt.Errorf("%w: pebble's LOCK: %w", core.ErrLocked, err)
	}
	return nil, &fs.PathError{Op: "fcntl", Path: f.Name(), Err: err}
}
