// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

//go:build unix

package badger

import (
	"os"
	"syscall"
)

// syncsNames says that a directory can be synced.
const syncsNames = true

func sizeOf(info os.FileInfo) int64 {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return int64(s.Blocks) * 512
	}
	return info.Size()
}

// systemErrors say nothing about the content of a file.
var systemErrors = []syscall.Errno{
	syscall.EACCES, syscall.EDQUOT, syscall.EFBIG, syscall.EIO, syscall.EMFILE, syscall.ENFILE,
	syscall.ENOMEM,
	syscall.ENOSPC, syscall.EPERM, syscall.EROFS, syscall.ESTALE, syscall.ETXTBSY,
}
