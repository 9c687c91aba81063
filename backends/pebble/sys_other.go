// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

//go:build !unix

package pebble

import (
	"os"
	"syscall"
)

// fullErrors are the errors of a medium without room: on Windows, that a disk is full, and that
// there is no room for a handle.
var fullErrors = []error{syscall.ENOSPC, syscall.Errno(39), syscall.Errno(112)}

// sizeOf returns the size of a file.
func sizeOf(info os.FileInfo) int64 { return info.Size() }

// trim does nothing: here no file takes room beyond its end.
func trim(uintptr, int64) error { return nil }

// spareFiles says that it is not known how many more files the process may open.
func spareFiles() (n int, known bool) { return 0, false }
