// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd || windows)

package directory

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// Flock locks a directory by flock(2). This system has none, and the error wraps
// errors.ErrUnsupported: without a lock two programs could destroy what both write.
func Flock(dir string, _ bool) (io.Closer, error) {
	err := fmt.Errorf("this system has no lock for directories: %w", errors.ErrUnsupported)
	return nil, &os.PathError{Op: "flock", Path: dir, Err: err}
}
