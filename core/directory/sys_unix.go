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

// These are what moving a directory gives: onto a file, to another file system, and of a mount
// point.
const (
	errNotDir = syscall.ENOTDIR
	errDevice = syscall.EXDEV
	errBusy   = syscall.EBUSY
)

// leadsTo reports whether path leads to the file that info describes. It is os.Stat and
// os.SameFile, with less garbage.
func leadsTo(path string, info os.FileInfo) (bool, error) {
	want, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return false, nil
	}
	var got syscall.Stat_t
	for {
		err := syscall.Stat(path, &got)
		if err == nil {
			return got.Dev == want.Dev && got.Ino == want.Ino, nil
		}
		if !errors.Is(err, syscall.EINTR) {
			return false, &os.PathError{Op: "stat", Path: path, Err: err}
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
	return syncNames(d)
}

// syncRoot makes the names in a directory durable.
func syncRoot(dir *os.Root) error {
	d, err := dir.Open(".")
	if err != nil {
		return err
	}
	defer d.Close()
	return syncNames(d)
}

func syncNames(d *os.File) error {
	// some file systems need none
	if err := fsync(d); err != nil && !errors.Is(err, syscall.EINVAL) {
		return err
	}
	return nil
}
