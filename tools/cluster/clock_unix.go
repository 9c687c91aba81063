// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

//go:build linux || darwin

package cluster

import "golang.org/x/sys/unix"

// now is a clock that all processes of the machine share and that cannot be set.
func now() int64 {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &t); err != nil {
		panic(err) // there is such a clock
	}
	return t.Nano()
}
