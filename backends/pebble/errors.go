// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package pebble

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"github.com/cockroachdb/pebble/v2"

	"github.com/guardkv/guardkv/core"
)

// corruptf returns an ErrCorrupt that says what is damaged and where.
func corruptf(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{core.ErrCorrupt}, args...)...)
}

// damage adds ErrCorrupt to an error of reading what pebble wrote, unless it comes from the
// file system. A missing file is damage too.
func damage(err error) error {
	var moved *movedError
	switch {
	case err == nil, errors.Is(err, core.ErrCorrupt), errors.Is(err,
		errors.ErrUnsupported), errors.As(err, &moved),
		errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case pebble.IsCorruptionError(err), errors.Is(err, fs.ErrNotExist), !ofFileSystem(err):
		return fmt.Errorf("%w: %w", core.ErrCorrupt, err)
	}
	return err
}

func ofFileSystem(err error) bool {
	var path *fs.PathError
	var link *os.LinkError
	var sys *os.SyscallError
	var errno syscall.Errno
	return errors.As(err, &path) || errors.As(err, &link) || errors.As(err, &sys) ||
		errors.As(err, &errno)
}
