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

// tryLock fails: here bbolt's lock belongs to the process, and is lost when any descriptor of
// the storage is closed.
func tryLock(*os.File, bool) (bool, error) {
	return false, fmt.Errorf("no file locks on this system: %w", errors.ErrUnsupported)
}

func unlock(*os.File) error { return nil }

// renamed is needed where lockIsShared is true.
func renamed(f *os.File, _ string) (*os.File, error) { return f, nil }

// folder is empty here: names are durable when the call that changes them returns.
type folder struct{}

func openFolder(string) (folder, error) { return folder{}, nil }

// Sync does nothing.
func (folder) Sync() error { return nil }

// Close does nothing.
func (folder) Close() error { return nil }

// hasNoName: a file that is open cannot be deleted.
func hasNoName(*os.File) bool { return false }
