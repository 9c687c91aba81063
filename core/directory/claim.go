// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package directory

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/guardkv/guardkv/core"
)

// claim is a locked directory, or a path where none is.
type claim struct {
	driver   Driver
	path     string
	readOnly bool
	place    Place // with a lock, unless nothing is there
	foreign  error // what is there and is no storage
}

var _ core.Claim = (*claim)(nil)

// Claim locks the storage at path, as [core.Backend.Claim] says. If nothing is there nothing is locked, and what is no
// storage is not touched.
func Claim(ctx context.Context, path string, readOnly bool, d Driver) (core.Claim, error) {
	c := &claim{driver: d.withDefaults(), path: filepath.Clean(path), readOnly: readOnly}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := c.take(ctx); err != nil {
		return nil, err
	}
	return c, nil
}

// take locks what is at the path, if it is a storage. It is looked at before, because locking may create a file, and
// again under the lock.
func (c *claim) take(ctx context.Context) error {
	_, found, foreign, err := look(c.path)
	if c.foreign = foreign; err != nil || !found {
		return err
	}
	lock, err := c.driver.lock(ctx, c.path, c.readOnly)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // it went meanwhile
	} else if err != nil {
		return err
	}
	id, found, foreign, err := look(c.path)
	if c.foreign = foreign; err != nil || !found {
		return errors.Join(err, lock.Close())
	}
	c.place = Place{Dir: c.path, ReadOnly: c.readOnly, Lock: lock, id: id}
	return nil
}

func (c *claim) holds() bool { return c.place.Lock != nil }

// Mark returns the mark in the directory.
func (c *claim) Mark() ([]byte, error) {
	if c.foreign != nil || !c.holds() {
		return nil, c.foreign
	}
	_, mark, err := readMark(c.path)
	return mark, err
}

// present returns an error unless the claim holds a storage that it may change.
func (c *claim) present() error {
	switch {
	case c.foreign != nil:
		return c.foreign
	case !c.holds():
		return &os.PathError{Op: "find", Path: c.path, Err: fs.ErrNotExist}
	case c.readOnly:
		return fmt.Errorf("%w: the storage was claimed to be read", core.ErrReadOnly)
	}
	return nil
}

// Rename moves the directory, which stays locked until it has its new name.
func (c *claim) Rename(to string) error {
	if err := c.present(); err != nil {
		return err
	}
	if lockPreventsRename {
		if err := c.Release(); err != nil {
			return err
		}
	}
	if err := renameNew(c.path, to); err != nil {
		return err
	}
	return errors.Join(syncDir(filepath.Dir(to)), c.Release())
}

// Remove deletes the storage. It loses its name first, so that a crash leaves none that is half there.
func (c *claim) Remove() error {
	if err := c.present(); err != nil {
		return err
	}
	err := remove(c.path, c.place.Lock)
	c.place = Place{}
	return err
}

// Open opens the storage, or creates it.
func (c *claim) Open(ctx context.Context, opts core.EngineOptions) (core.Engine, error) {
	if c.foreign != nil {
		return nil, c.foreign
	}
	if !c.holds() {
		if err := c.create(ctx, opts.Mark); err != nil {
			return nil, err
		}
	}
	w, err := readWitness(c.path, c.place.id)
	if err != nil {
		return nil, err
	}
	if err := w.checkFiles(c.path); err != nil {
		return nil, err
	}
	e, err := c.driver.Open(ctx, c.place, opts)
	if errors.Is(err, core.ErrLocked) {
		c.place = Place{} // the engine's, which may still write
	}
	if err != nil {
		return nil, err
	}
	c.place = Place{}
	return e, nil
}

// Release gives the lock back.
func (c *claim) Release() error {
	if !c.holds() {
		return nil
	}
	err := c.place.Lock.Close()
	c.place = Place{}
	return err
}
