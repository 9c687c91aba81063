// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package pebble

import (
	"strconv"
	"syscall"
)

// mountSmall makes dir a medium of size bytes, which takes privileges.
func mountSmall(dir string, size int) (unmount func() error, err error) {
	if err := syscall.Mount("none", dir, "tmpfs", 0, "size="+strconv.Itoa(size)); err != nil {
		return nil, err
	}
	return func() error { return syscall.Unmount(dir, 0) }, nil
}
