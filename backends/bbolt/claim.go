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
	place    place
	readOnly bool
	fd       *os.File // nil: nothing is there
	foreign  error    // why the path leads to something that is not a file
}

var _ core.Claim = (*claim)(nil)

func (c *claim) lock(ctx context.Context) error {
	info, err := os.Stat(c.place.file)
	if c.foreign = c.place.notAFile(info, err); c.foreign != nil || c.place.isResidue() {
		return nil
	}
	c.fd, err = c.place.lock(ctx, c.readOnly, c.backend.LockTimeout)
	return err
}

// notAFile returns why what os.Stat found at the place cannot be a storage, or nil if it can or
// nothing is there. It does not open it to find out: opening a pipe would wait for its other
// end.
func (p place) notAFile(info os.FileInfo, err error) error {
	switch {
	case err == nil && info.IsDir() && isEmpty(p.file):
		return fmt.Errorf("%w: %s is an empty directory, and bbolt keeps a storage in one file; "+
			"give the name of a file in it", core.ErrNotStorage, p.given)
	case err == nil && !info.Mode().IsRegular():
		return fmt.Errorf("%w: %s is no file (%v)", core.ErrNotStorage, p.given, info.Mode())
	case errors.Is(err, fs.ErrNotExist):
		// Whatever else is seen now appeared a moment ago.
		if link, err := os.Lstat(p.file); err == nil && link.Mode()&fs.ModeSymlink != 0 {
			return fmt.Errorf("%w: %s is a link to nothing", core.ErrNotStorage, p.given)
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

// Rename moves the file, which stays locked until it has its new name. If the new name cannot
// be made durable the file is moved back, so that after an error it is where it was.
func (c *claim) Rename(to string) error {
	if err := c.movable(); err != nil {
		return err
	}
	target := c.place.beside(to)
	dir, err := openFolder(target.name)
	if err != nil {
		return c.place.shown(err)
	}
	defer dir.Close()
	info, err := c.fd.Stat()
	if err != nil {
		return c.place.shown(err)
	}
	if !lockIsShared { // where an open file keeps its name
		c.fd.Close()
	}
	if err := moveNew(c.place.name, target.name); err != nil {
		return errors.Join(target.shown(c.place.shown(err)), c.relock(context.Background(), info))
	}
	if err := c.backend.folderSync(dir); err != nil {
		if back := moveNew(target.name, c.place.name); back != nil {
			return fmt.Errorf("the storage is at %s now, which may not outlive a power loss: %w",
				to, errors.Join(err, back))
		}
		return fmt.Errorf("the storage stays at %s, as its folder could not be synced: %w",
			c.place.given, err)
	}
	c.leave()
	return nil
}

// Remove deletes the file, and the link to it if the path is one. The storage is gone when the
// file has lost its name.
func (c *claim) Remove() error {
	if err := c.movable(); err != nil {
		return err
	}
	dir, err := openFolder(c.place.file)
	if err != nil {
		return c.place.shown(err)
	}
	defer dir.Close()
	if err := removeOpen(c.fd, c.place.file); err != nil {
		return c.place.shown(err)
	}
	if c.place.name != c.place.file {
		err = os.Remove(c.place.name)
	}
	c.leave()
	if failed := c.backend.folderSync(dir); failed != nil {
		err = errors.Join(err,
			fmt.Errorf("the storage was removed, but may be back after a power loss: %w", failed))
	}
	return err
}

// leave gives back the lock on a file that is no longer at the place. What a link led to no
// longer counts either.
func (c *claim) leave() {
	c.fd.Close() // does nothing where it had to be closed before
	c.fd, c.place.file = nil, c.place.name
}

// movable returns an error unless the claim holds a file that is still at its place, and may
// move it.
func (c *claim) movable() error {
	if err := c.present(); err != nil {
		return err
	}
	if c.readOnly {
		return fmt.Errorf("%w: the storage was claimed to be read", core.ErrReadOnly)
	}
	return c.place.holds(c.fd)
}

// present returns an error unless the claim holds a file.
func (c *claim) present() error {
	if c.foreign != nil {
		return c.foreign
	}
	if c.fd == nil {
		return &os.PathError{Op: "find", Path: c.place.given, Err: fs.ErrNotExist}
	}
	return nil
}

// Open opens the storage, or creates it.
func (c *claim) Open(ctx context.Context, opts core.EngineOptions) (core.Engine, error) {
	if c.foreign != nil {
		return nil, c.foreign
	}
	if c.fd == nil {
		if c.readOnly {
			return nil, c.present()
		}
		var err error
		if c.fd, err = c.backend.create(ctx, c.place, opts.Mark); err != nil {
			return nil, c.place.shown(err)
		}
	}
	info, err := c.fd.Stat()
	if err != nil {
		return nil, c.place.shown(err)
	}
	e, err := c.open(ctx, opts)
	if err != nil {
		return nil, errors.Join(c.place.shown(err), c.relock(ctx, info))
	}
	c.fd = nil
	return e, nil
}

// relock takes the lock again if bbolt failed to open the file that info describes, and closed
// it. If another file is in its place by now, that is not the one that was claimed.
func (c *claim) relock(ctx context.Context, info os.FileInfo) error {
	if _, err := c.fd.Stat(); err == nil {
		return nil
	}
	c.fd = nil
	if err := c.lock(ctx); err != nil || c.fd == nil {
		return err
	}
	now, err := c.fd.Stat()
	if err != nil || !os.SameFile(info, now) {
		return errors.Join(err, c.Release(),
			fmt.Errorf("%w: %s was replaced", core.ErrConflict, c.place.given))
	}
	return nil
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
