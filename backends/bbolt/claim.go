// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package bbolt

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/guardkv/guardkv/core"
)

// claim is a locked file, or a path where none is.
type claim struct {
	backend  Backend
	path     string
	readOnly bool
	fd       *os.File // nil: nothing is there, or an empty directory
	foreign  error    // what is there and is no file
	opened   bool     // the engine has the lock
}

var _ core.Claim = (*claim)(nil)

func (c *claim) lock(ctx context.Context) error {
	info, err := os.Stat(c.path)
	if err == nil && info.IsDir() && isEmpty(c.path) {
		return nil // as good as nothing
	}
	if c.foreign = notAFile(c.path, info, err); c.foreign != nil {
		return nil
	}
	c.fd, err = lockPath(ctx, c.path, c.readOnly, c.backend.LockTimeout)
	return err
}

// notAFile returns why what os.Stat found at path can be no storage, nil if it can or nothing is there. It is not opened
// to find out: opening a pipe would wait for its other end.
func notAFile(path string, info os.FileInfo, err error) error {
	if err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("%w: %s is no file (%v)", core.ErrNotStorage, path, info.Mode())
	}
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Lstat(path); err == nil {
			return fmt.Errorf("%w: %s is a link to nothing", core.ErrNotStorage, path)
		}
	}
	return nil // any other error comes again when the file is opened
}

func isEmpty(dir string) bool {
	entries, err := os.ReadDir(dir)
	return err == nil && len(entries) == 0
}

// Mark returns the mark in the file.
func (c *claim) Mark() ([]byte, error) {
	if c.foreign != nil || c.fd == nil {
		return nil, c.foreign
	}
	return readMark(c.fd)
}

// Rename moves the file, which stays locked until it has its new name.
func (c *claim) Rename(to string) error {
	if err := c.present(); err != nil {
		return err
	}
	if err := moveNew(c.path, to); err != nil {
		return err
	}
	return errors.Join(syncDir(c.path), c.Release())
}

// Remove deletes the file.
func (c *claim) Remove() error {
	if err := c.present(); err != nil {
		return err
	}
	err := removeOpen(c.fd, c.path)
	c.fd = nil
	return errors.Join(err, syncDir(c.path))
}

// present returns an error unless the claim holds a file.
func (c *claim) present() error {
	if c.foreign != nil {
		return c.foreign
	}
	if c.fd == nil {
		return &os.PathError{Op: "find", Path: c.path, Err: fs.ErrNotExist}
	}
	return nil
}

// Open opens the storage, or creates it.
func (c *claim) Open(ctx context.Context, opts core.EngineOptions) (core.Engine, error) {
	if c.foreign != nil {
		return nil, c.foreign
	}
	if c.fd == nil {
		if err := c.create(ctx, opts.Mark); err != nil {
			return nil, err
		}
	}
	e, err := c.open(ctx, opts)
	if err != nil {
		return nil, errors.Join(err, c.relock(ctx))
	}
	c.fd, c.opened = nil, true
	return e, nil
}

// create creates a storage at the path, where nothing was when it was claimed, and locks it.
func (c *claim) create(ctx context.Context, mark []byte) error {
	if c.readOnly {
		return c.present()
	}
	if err := create(c.path, c.backend.FileMode, mark); err != nil {
		return err
	}
	return c.lock(ctx)
}

// relock takes the lock again if bbolt closed the file when it failed to open it.
func (c *claim) relock(ctx context.Context) error {
	if _, err := c.fd.Stat(); err == nil {
		return nil
	}
	return c.lock(ctx)
}

// Release gives the lock back.
func (c *claim) Release() error {
	if c.fd == nil {
		return nil
	}
	err := c.fd.Close()
	c.fd = nil
	return err
}
