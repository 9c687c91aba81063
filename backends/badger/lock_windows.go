// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package badger

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"syscall"

	"github.com/guardkv/guardkv/core"
)

// handle is an open file that nobody else can open, and that is deleted when it is closed.
type handle syscall.Handle

func (h handle) Close() error { return syscall.CloseHandle(syscall.Handle(h)) }

// lock takes the lock that badger takes on Windows. It cannot be shared, so a storage has one
// reader there.
func lock(dir string, _ bool) (io.Closer, error) {
	const temporary, deleteOnClose = 0x100, 0x04000000
	name := filepath.Join(dir, "LOCK")
	p, err := syscall.UTF16PtrFromString(name)
	if err != nil {
		return nil, err
	}
	h, err := syscall.CreateFile(p, 0, 0, nil, syscall.OPEN_ALWAYS, temporary|deleteOnClose, 0)
	if err != nil {
		err = &fs.PathError{Op: "CreateFile", Path: name, Err: err}
		if errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		return nil, fmt.Errorf("%w: %w", core.ErrLocked, err)
	}
	return handle(h), nil
}
