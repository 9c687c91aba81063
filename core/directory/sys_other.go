// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

//go:build !unix

package directory

import (
	"errors"
	"os"
)

// lockPreventsRename says that a directory cannot be renamed while a file in it is open. The
// lock is given up for the moment of the rename.
const lockPreventsRename = true

// These are what moving a directory gives elsewhere: onto a file, to another file system, and
// of a mount point.
var (
	errNotDir = errors.ErrUnsupported
	errDevice = errors.ErrUnsupported
	errBusy   = errors.ErrUnsupported
)

// leadsTo reports whether path leads to the file that info describes.
func leadsTo(path string, info os.FileInfo) (bool, error) {
	got, err := os.Stat(path)
	return err == nil && os.SameFile(got, info), err
}

// syncDir has no counterpart here: names are durable when the call that changes them returns.
func syncDir(string) error { return nil }

// syncRoot has none either.
func syncRoot(*os.Root) error { return nil }
