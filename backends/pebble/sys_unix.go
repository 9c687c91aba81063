// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

//go:build unix

package pebble

import (
	"os"
	"syscall"
)

// fullErrors are the errors of a medium without room, or of a user's share of it.
var fullErrors = []error{syscall.ENOSPC, syscall.EDQUOT}

// sizeOf returns how much of the medium a file takes, including room beyond its end.
func sizeOf(info os.FileInfo) int64 {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return int64(s.Blocks) * 512
	}
	return info.Size()
}

// trim gives back what a file takes beyond its end, which is at size.
func trim(fd uintptr, size int64) error {
	for {
		if err := syscall.Ftruncate(int(fd), size); err != syscall.EINTR {
			return err
		}
	}
}

// spareFiles returns how many more files the process may open, if that is known.
func spareFiles() (n int, known bool) {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 0, false
	}
	open, err := os.ReadDir("/dev/fd")
	if err != nil {
		return 0, false
	}
	most := min(uint64(limit.Cur), 1<<30)
	return int(most) - len(open), true
}
