// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

//go:build unix

package diskuse

import (
	"io/fs"
	"syscall"
)

// allocated returns how much of the disk a file takes: engines make files larger than what they
// have written.
func allocated(info fs.FileInfo) int64 {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return s.Blocks * 512
	}
	return info.Size()
}
