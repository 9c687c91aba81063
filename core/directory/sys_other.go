// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

//go:build !unix

package directory

import (
	"errors"
	"io/fs"
	"os"
)

// lockPreventsRename says that a directory cannot be renamed while a file in it is open. The lock is given up for the
// moment of the rename.
const lockPreventsRename = true

// errNotDir is what moving a directory onto a file gives, where that is not fs.ErrExist.
var errNotDir = errors.ErrUnsupported

// moveOntoEmpty renames a directory to a name that nothing has, or an empty directory.
func moveOntoEmpty(from, to string) error {
	if info, err := os.Lstat(to); err == nil && info.IsDir() {
		if err := os.Remove(to); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return &os.LinkError{Op: "rename", Old: from, New: to, Err: fs.ErrExist} // it is not empty any more
		}
	}
	return os.Rename(from, to)
}

// syncDir has no counterpart here: names are durable when the call that changes them returns.
func syncDir(string) error { return nil }
