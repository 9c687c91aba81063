// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd || windows)

package badger

import (
	"errors"
	"fmt"
	"io"
)

// lock fails on systems without flock(2): AIX, illumos, Solaris, WebAssembly. Without a lock two
// processes could write to one storage.
func lock(string, bool) (io.Closer, error) {
	return nil, fmt.Errorf("this package knows no lock for badger on this system: %w",
		errors.ErrUnsupported)
}
