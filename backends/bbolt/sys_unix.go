// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package bbolt

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// lockIsShared: a lock belongs to the open file, so bbolt can take it once more on the file
// that it gets.
const lockIsShared = true

// tryLock locks f as bbolt does, and reports whether it could.
func tryLock(f *os.File, shared bool) (bool, error) {
	how := syscall.LOCK_EX
	if shared {
		how = syscall.LOCK_SH
	}
	for {
		err := syscall.Flock(int(f.Fd()), how|syscall.LOCK_NB)
		switch {
		case err == nil:
			return true, nil
		case errors.Is(err, syscall.EWOULDBLOCK):
			return false, nil
		case !errors.Is(err, syscall.EINTR):
			return false, &os.PathError{Op: "flock", Path: f.Name(), Err: err}
		}
	}
}

// unlock is needed where lockIsShared is false.
func unlock(*os.File) error { return nil }

// renamed returns f, open and locked, as a file called name. It takes f over.
func renamed(f *os.File, name string) (*os.File, error) {
	defer f.Close()
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("dup", err)
	}
	return os.NewFile(uintptr(fd), name), nil
}

// folder is an open directory, whose names can be made durable. It is opened before a name is
// changed, so that a process without free descriptors changes none.
type folder struct{ *os.File }

// openFolder opens the folder of path.
func openFolder(path string) (folder, error) {
	d, err := os.Open(filepath.Dir(path))
	return folder{d}, err
}

// Sync makes what happened to names in the folder durable.
func (d folder) Sync() error {
	// some file systems need none
	if err := d.File.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) {
		return err
	}
	return nil
}

// hasNoName reports whether f was deleted while it was open.
func hasNoName(f *os.File) bool {
	var st syscall.Stat_t
	return syscall.Fstat(int(f.Fd()), &st) == nil && st.Nlink == 0
}
