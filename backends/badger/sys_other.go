// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

//go:build !unix

package badger

import (
	"os"
	"syscall"
)

// syncsNames says that names are durable when the call that changes them returns, and that a
// directory cannot be synced.
const syncsNames = false

func sizeOf(info os.FileInfo) int64 { return info.Size() }

// systemErrors say nothing about the content of a file: on Windows, too many open files, access
// denied, no memory, a device that fails, a file in use, a full disk, and no resources.
var systemErrors = []syscall.Errno{4, 5, 8, 14, 23, 31, 32, 33, 39, 112, 1117, 1450, 1455}
