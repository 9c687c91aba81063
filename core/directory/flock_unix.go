// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package directory

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"github.com/guardkv/guardkv/core"
)

// Flock locks a directory by flock(2), without waiting, for drivers whose engine does so or
// whose own lock is not enough: it belongs to the directory under whatever name it has, and
// excludes others in this process too. The error wraps core.ErrLocked if somebody else has the
// lock. Closing gives it back. Windows has no such lock, and nothing is locked there; on other
// systems without it, such as AIX, illumos, Solaris and WebAssembly, Flock fails.
func Flock(dir string, shared bool) (io.Closer, error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	how := syscall.LOCK_EX
	if shared {
		how = syscall.LOCK_SH
	}
	for {
		err = syscall.Flock(int(f.Fd()), how|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	if err == nil {
		return f, nil
	}
	f.Close()
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, fmt.Errorf("%w: flock %s", core.ErrLocked, dir)
	}
	return nil, &os.PathError{Op: "flock", Path: dir, Err: err}
}
