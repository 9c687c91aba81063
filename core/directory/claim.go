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
	shown    string // the path as it was given
	path     string // as Resolve returned it: it may be a link
	readOnly bool
	place    Place // with a lock, unless nothing is there
	foreign  error // something is there that is not a storage
}

var _ core.Claim = (*claim)(nil)

// Claim locks the storage at path, as [core.Backend.Claim] says. It locks nothing where nothing
// is, and does not touch anything that is not a storage. The path is looked up once, so a change
// of the working directory or of a link changes nothing for the claim, nor for the engine that it
// opens.
func Claim(ctx context.Context, path string, readOnly bool, d Driver) (core.Claim, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	resolved, err := Resolve(path)
	if err != nil {
		return nil, err
	}
	c := &claim{
		driver: d.withDefaults(), shown: filepath.Clean(path), path: resolved,
		readOnly: readOnly,
	}
	if err := c.take(ctx); err != nil {
		return nil, err
	}
	return c, nil
}

// take locks what is at the path, if it is a storage. It is looked at before, because locking
// may create a file, and again under the lock.
func (c *claim) take(ctx context.Context) error {
	dir := follow(c.path)
	s, err := look(dir)
	if c.foreign = s.foreign; err != nil || !s.found {
		return err
	}
	lock, info, err := c.driver.lock(ctx, dir, c.readOnly)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // it went meanwhile
	} else if err != nil {
		return err
	}
	s, err = look(dir)
	if c.foreign = s.foreign; err != nil || !s.found {
		return errors.Join(err, lock.Close())
	}
	if !os.SameFile(s.info, info) {
		return errors.Join(fmt.Errorf("%w: %s was replaced while it was being locked",
			core.ErrLocked, c.path), lock.Close())
	}
	c.place = Place{Dir: dir, ReadOnly: c.readOnly, Lock: lock, id: s.id, info: info}
	return nil
}

func (c *claim) holds() bool { return c.place.Lock != nil }

// Mark returns the mark in the directory.
func (c *claim) Mark() ([]byte, error) {
	if c.foreign != nil || !c.holds() {
		return nil, c.foreign
	}
	root, err := c.place.root()
	if err != nil {
		return nil, err
	}
	defer root.Close()
	_, mark, err := readMark(root)
	return mark, err
}

// present returns an error unless the claim holds a storage that it may change, and the path
// still leads to it.
func (c *claim) present() error {
	switch {
	case c.foreign != nil:
		return c.foreign
	case !c.holds():
		return &os.PathError{Op: "find", Path: c.shown, Err: fs.ErrNotExist}
	case c.readOnly:
		return fmt.Errorf("%w: the storage was claimed to be read", core.ErrReadOnly)
	}
	return isAt(c.path, c.place.info)
}

// Rename moves the directory, which stays locked until it has its new name. If the path is a
// link, that is what moves. It is done when the new name is durable; an error says that the
// storage is at its old path, or where else.
func (c *claim) Rename(to string) error {
	if err := c.present(); err != nil {
		return err
	}
	to, err := c.beside(to)
	if err != nil {
		return err
	}
	if lockPreventsRename {
		if err := c.Release(); err != nil {
			return err
		}
	}
	if err := c.driver.moveNew(c.path, to); err != nil {
		if lockPreventsRename {
			err = errors.Join(err, c.take(context.Background()))
		}
		return err
	}
	c.Release() // of what has moved: there is no way back
	return nil
}

// beside returns where a path is that was given in the same form as that of the claim.
func (c *claim) beside(to string) (string, error) {
	to = filepath.Clean(to)
	if filepath.Dir(to) == filepath.Dir(c.shown) {
		return filepath.Join(filepath.Dir(c.path), filepath.Base(to)), nil
	}
	return Resolve(to)
}

// moveNew moves a directory to a name that nothing has, or into an empty directory. Whatever
// appears there after the look stays too: a directory is renamed neither onto a file nor onto a
// directory that is not empty.
func (d Driver) moveNew(from, to string) error {
	info, err := os.Lstat(to)
	switch {
	case err == nil && info.IsDir():
		err = d.moveInto(from, to)
	case err == nil:
		err = fs.ErrExist
	case errors.Is(err, fs.ErrNotExist):
		err = moveDurably(from, to)
	}
	if isTaken(err) {
		return &os.LinkError{Op: "rename", Old: from, New: to, Err: errors.Join(fs.ErrExist, err)}
	}
	return err
}

// moveInto moves a storage into an empty directory, which stays the directory that it is.
func (d Driver) moveInto(from, to string) error {
	guard, err := d.guard(context.Background(), to)
	if err != nil {
		return err
	}
	defer guard.Close()
	s, err := look(to)
	if err != nil {
		return err
	}
	if s.built || !s.empty {
		return fs.ErrExist
	}
	if err := d.removeUnfinished(to); err != nil {
		return err
	}
	sub := filepath.Join(to, creating)
	if err := moveDurably(from, sub); err != nil {
		return err
	}
	if err := promote(to); err != nil {
		return errors.Join(err, moveDurably(sub, from))
	}
	return syncDir(filepath.Dir(from))
}

// Remove deletes the storage. It loses its name first, so that a crash leaves none that is half
// there.
func (c *claim) Remove() error {
	if err := c.present(); err != nil {
		return err
	}
	lock := c.place.Lock
	err := remove(c.path, lock)
	if err != nil && !lockPreventsRename && isAt(c.path, c.place.info) == nil {
		return err // with the storage, and the lock
	}
	c.place = Place{}
	if !lockPreventsRename {
		lock.Close() // of what is gone
	}
	return err
}

// Open opens the storage, or creates it.
func (c *claim) Open(ctx context.Context, opts core.EngineOptions) (core.Engine, error) {
	if c.foreign != nil {
		return nil, c.foreign
	}
	if !c.readOnly {
		c.driver.removeLeftovers(c.path)
	}
	if !c.holds() {
		if err := c.create(ctx, opts.Mark); err != nil {
			return nil, err
		}
	}
	if err := c.verify(); err != nil {
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

// verify compares what is there with the witness, and removes what a creation left that was
// interrupted at its very end.
func (c *claim) verify() error {
	root, err := c.place.root()
	if err != nil {
		return err
	}
	defer root.Close()
	w, err := readWitness(root, c.place.id)
	if err != nil {
		return err
	}
	if err := w.checkFiles(root); err != nil {
		return err
	}
	if _, err := root.Lstat(creating); err == nil && !c.readOnly {
		c.driver.removeUnfinished(c.place.Dir)
	}
	return nil
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
