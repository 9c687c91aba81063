// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package bbolt

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// lockIsShared: a lock belongs to the handle, but cannot be taken twice on it.
const lockIsShared = false

// lockAt is the byte that bbolt locks.
func lockAt() *windows.Overlapped {
	return &windows.Overlapped{Offset: 1<<32 - 1, OffsetHigh: 1<<32 - 1}
}

// tryLock locks f as bbolt does, and reports whether it could.
func tryLock(f *os.File, shared bool) (bool, error) {
	flags := uint32(windows.LOCKFILE_FAIL_IMMEDIATELY)
	if !shared {
		flags |= windows.LOCKFILE_EXCLUSIVE_LOCK
	}
	err := windows.LockFileEx(windows.Handle(f.Fd()), flags, 0, 1, 0, lockAt())
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return false, nil
	} else if err != nil {
		return false, &os.PathError{Op: "LockFileEx", Path: f.Name(), Err: err}
	}
	return true, nil
}

// unlock gives the lock on f back.
func unlock(f *os.File) error {
	return windows.UnlockFileEx(windows.Handle(f.Fd()), 0, 1, 0, lockAt())
}

// renamed is needed where lockIsShared is true.
func renamed(f *os.File, _ string) (*os.File, error) { return f, nil }

// folder is empty here: names are durable when the call that changes them returns.
type folder struct{}

func openFolder(string) (folder, error) { return folder{}, nil }

// Sync does nothing.
func (folder) Sync() error { return nil }

// Close does nothing.
func (folder) Close() error { return nil }

// hasNoName: a file that is open cannot be deleted.
func hasNoName(*os.File) bool { return false }
