// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package badger

import "syscall"

// freeSpace returns how many bytes may be written to the medium of a directory, if that is known.
func freeSpace(dir string) (bytes int64, known bool) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil || s.Blocks == 0 {
		return 0, false
	}
	return int64(s.Bavail) * int64(s.Frsize), true
}
