// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd || windows)

package bbolt

import (
	"errors"
	"fmt"
	"os"
)

const lockIsShared = false

// tryLock fails: bbolt's lock belongs to the process here, and is lost when any file on the storage is closed.
func tryLock(*os.File, bool) (bool, error) {
	return false, fmt.Errorf("no file locks on this system: %w", errors.ErrUnsupported)
}

func unlock(*os.File) error { return nil }

func syncDir(string) error { return nil }
