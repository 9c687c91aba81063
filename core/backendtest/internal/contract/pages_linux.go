// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

//go:build linux && (amd64 || arm64)

package contract

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"unsafe"
)

const (
	sysCachestat  = 451 // since Linux 6.5
	adviseDrop    = 4   // POSIX_FADV_DONTNEED
	pagesAreKnown = true
)

// pages are the pages of files that the system has in memory.
type pages struct{ cached, dirty int64 }

// pagesOf returns the pages of all files at path, in bytes. ok is false if the system does not
// tell.
func pagesOf(path string) (sum pages, ok bool) {
	err := eachFile(path, func(f *os.File) error {
		var all struct{ offset, len uint64 } // a length of zero means up to the end
		var stat struct{ cached, dirty, writeback, evicted, recently uint64 }
		_, _, errno := syscall.Syscall6(sysCachestat, f.Fd(), uintptr(unsafe.Pointer(&all)),
			uintptr(unsafe.Pointer(&stat)), 0, 0, 0)
		if errno != 0 {
			return errno
		}
		page := int64(os.Getpagesize())
		sum.cached += int64(stat.cached) * page
		sum.dirty += int64(stat.dirty) * page
		return nil
	})
	return sum, err == nil
}

// dropPages makes the system forget all files at path, after writing what it has not written.
func dropPages(path string) error {
	return eachFile(path, func(f *os.File) error {
		if err := f.Sync(); err != nil {
			return err
		}
		if _, _, errno := syscall.Syscall6(syscall.SYS_FADVISE64, f.Fd(), 0, 0, adviseDrop, 0,
			0); errno != 0 {
			return errno
		}
		return nil
	})
}

// eachFile calls fn with the file at path, or all files in the directory at path.
func eachFile(path string, fn func(f *os.File) error) error {
	return filepath.WalkDir(path, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		return fn(f)
	})
}
