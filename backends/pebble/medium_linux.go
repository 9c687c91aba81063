// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package pebble

import "syscall"

// usage returns how many bytes may be written to the medium of a directory, and how many it
// has, if that is known.
func usage(dir string) (free, total int64, known bool) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil || s.Blocks == 0 {
		return 0, 0, false
	}
	block := int64(s.Frsize)
	return int64(s.Bavail) * block, int64(s.Blocks) * block, true
}
