// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package bbolt

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
)

// lockIsShared: a lock belongs to the open file, so bbolt may take it once more on the file it is handed.
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
	fd, err := syscall.Dup(int(f.Fd()))
	if err != nil {
		f.Close()
		return nil, os.NewSyscallError("dup", err)
	}
	syscall.CloseOnExec(fd)
	f.Close()
	return os.NewFile(uintptr(fd), name), nil
}

// syncDir makes what happened to the name path durable.
func syncDir(path string) error {
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) { // some file systems need none
		return err
	}
	return nil
}
