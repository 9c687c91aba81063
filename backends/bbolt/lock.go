// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package bbolt

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/guardkv/guardkv/core"
)

// lockRetry is the time between two attempts to get a lock.
const lockRetry = 5 * time.Millisecond

// lock opens and locks the file at the place; the lock is shared if readOnly. It returns nil if
// nothing is there.
//
// While lock waits for a file, that may be compacted or set aside. Then the lock is on a file
// that the path no longer leads to, and the one that is there now must be locked instead.
func (p place) lock(ctx context.Context, readOnly bool, timeout time.Duration) (*os.File, error) {
	deadline := time.Now().Add(timeout)
	for {
		f, err := tryLockPath(p.file, readOnly)
		if err != nil {
			return nil, p.shown(err)
		}
		if f != errLockedFile {
			return f, nil
		}
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("%w: %s is open elsewhere", core.ErrLocked, p.given)
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(lockRetry):
		}
	}
}

// errLockedFile stands for a file that somebody else has locked, or that was replaced while it
// was being locked.
var errLockedFile = new(os.File)

func tryLockPath(path string, readOnly bool) (*os.File, error) {
	flag := os.O_RDWR
	if readOnly {
		flag = os.O_RDONLY
	}
	f, err := os.OpenFile(path, flag, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	return lockOpened(path, f, readOnly)
}

// lockOpened locks f, which was opened at path, or closes it.
func lockOpened(path string, f *os.File, readOnly bool) (*os.File, error) {
	locked, err := tryLock(f, readOnly)
	if err == nil && locked {
		locked, err = leadsTo(path, f)
	}
	if err != nil || !locked {
		f.Close()
		return errLockedFile, err
	}
	return f, nil
}

// leadsTo reports whether path leads to f.
func leadsTo(path string, f *os.File) (bool, error) {
	there, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	here, err := f.Stat()
	return err == nil && os.SameFile(there, here), err
}
