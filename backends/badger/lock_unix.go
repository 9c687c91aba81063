// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package badger

import (
	"io"

	"github.com/guardkv/guardkv/core/directory"
)

// lock takes the lock that badger takes where there is flock(2). badger also writes the number
// of its process to a file called LOCK, for people to read; that file is not a lock.
func lock(dir string, readOnly bool) (io.Closer, error) { return directory.Flock(dir, readOnly) }
