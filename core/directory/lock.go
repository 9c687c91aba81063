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

// lock locks the directory at path and waits for that as long as the driver says.
//
// A directory that was waited for may have been set aside meanwhile: then the lock is on one that the path no longer
// leads to. So the caller looks at what is there under the lock.
func (d Driver) lock(ctx context.Context, path string, readOnly bool) (io.Closer, error) {
	deadline := time.Now().Add(d.LockTimeout)
	for {
		lock, err := d.tryLock(path, readOnly)
		if !errors.Is(err, core.ErrLocked) {
			return lock, err
		}
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("%s is open elsewhere: %w", path, err)
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(lockRetry):
		}
	}
}

// tryLock locks the directory at path. One that was replaced at the same time is core.ErrLocked.
func (d Driver) tryLock(path string, readOnly bool) (io.Closer, error) {
	before, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	lock, err := d.Lock(path, readOnly)
	if errors.Is(err, fs.ErrNotExist) && !errors.Is(err, core.ErrLocked) {
		return nil, fmt.Errorf("%w: %w", core.ErrLocked, err) // it was there, and may be replaced
	} else if err != nil {
		return nil, err
	}
	after, err := os.Stat(path)
	if err == nil && os.SameFile(before, after) {
		return lock, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, errors.Join(err, lock.Close())
	}
	return nil, errors.Join(fmt.Errorf("%w: it was replaced", core.ErrLocked), lock.Close())
}
