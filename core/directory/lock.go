// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package directory

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/guardkv/guardkv/core"
)

// lockRetry is the time between two attempts to get a lock.
const lockRetry = 5 * time.Millisecond

// lock locks the directory at path, which is no link, and waits for that as long as the driver
// says. It returns the lock and which directory it is on.
//
// A directory that was waited for may have been set aside meanwhile: then the lock is on one
// that the path no longer leads to. So the caller looks at what is there under the lock.
func (d Driver) lock(
	ctx context.Context, path string, readOnly bool,
) (io.Closer, os.FileInfo, error) {
	deadline := time.Now().Add(d.LockTimeout)
	for {
		lock, info, err := d.tryLock(path, readOnly)
		if !errors.Is(err, core.ErrLocked) {
			return lock, info, err
		}
		if time.Now().After(deadline) {
			return nil, nil, fmt.Errorf("%s is open elsewhere: %w", path, err)
		}
		select {
		case <-ctx.Done():
			return nil, nil, ctx.Err()
		case <-time.After(lockRetry):
		}
	}
}

// tryLock locks the directory at path. It returns core.ErrLocked for one that was replaced at the
// same time.
func (d Driver) tryLock(path string, readOnly bool) (io.Closer, os.FileInfo, error) {
	before, err := os.Stat(path)
	if err != nil {
		return nil, nil, err
	}
	known(before)
	lock, err := d.Lock(path, readOnly)
	if errors.Is(err, fs.ErrNotExist) && !errors.Is(err, core.ErrLocked) {
		// it was there, and may be replaced
		return nil, nil, fmt.Errorf("%w: %w", core.ErrLocked, err)
	} else if err != nil {
		return nil, nil, err
	}
	same, err := leadsTo(path, before)
	if err == nil && same && isOn(lock, before) {
		return lock, before, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, errors.Join(err, lock.Close())
	}
	return nil, nil, errors.Join(fmt.Errorf("%w: it was replaced", core.ErrLocked), lock.Close())
}

// isOn reports whether a lock is on the directory, if the lock can tell.
func isOn(lock io.Closer, info os.FileInfo) bool {
	l, ok := lock.(interface{ Stat() (os.FileInfo, error) })
	if !ok {
		return true
	}
	on, err := l.Stat()
	return err == nil && os.SameFile(on, info)
}
