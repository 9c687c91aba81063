// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

//go:build unix

package directory

import (
	"errors"
	"os"
	"syscall"
)

// lockPreventsRename says that a directory cannot be renamed while a file in it is open.
const lockPreventsRename = false

// errNotDir is what moving a directory onto a file gives.
const errNotDir = syscall.ENOTDIR

// moveOntoEmpty renames a directory to a name that nothing has, or an empty directory, atomically. os.Rename would
// refuse the latter.
func moveOntoEmpty(from, to string) error {
	for {
		err := syscall.Rename(from, to)
		if err == nil {
			return nil
		}
		if !errors.Is(err, syscall.EINTR) {
			return &os.LinkError{Op: "rename", Old: from, New: to, Err: err}
		}
	}
}

// syncDir makes the names in a directory durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) { // some file systems need none
		return err
	}
	return nil
}
