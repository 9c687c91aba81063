// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package directory

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/guardkv/guardkv/core"
)

// create creates a storage at the path, where nothing was when it was claimed, and locks it.
func (c *claim) create(ctx context.Context, mark []byte) error {
	if c.readOnly {
		return c.present()
	}
	if err := c.driver.create(ctx, follow(c.path), mark); err != nil {
		return err
	}
	if err := c.take(ctx); err != nil { // some engines know their locks by the path
		return err
	}
	if c.holds() {
		root, err := c.place.root()
		if err == nil {
			defer root.Close()
			if _, there, err := readMark(root); err == nil && bytes.Equal(there, mark) {
				return nil
			}
		}
	}
	return errors.Join(fmt.Errorf("%w: somebody else replaced %s", core.ErrConflict, c.path),
		c.Release())
}

// create makes a storage at path, where nothing may be but an empty directory, which is used as
// it is: core.ErrConflict if something is.
func (d Driver) create(ctx context.Context, path string, mark []byte) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return d.createBeside(path, mark)
	case err != nil:
		return err
	case !info.IsDir():
		return created(path)
	}
	return d.createInside(ctx, path, mark)
}

// createBeside makes a storage at path, where nothing is. It is built under another name, so
// that whoever finds a storage at path finds all of it.
func (d Driver) createBeside(path string, mark []byte) error {
	p, err := d.newTemporary(path)
	if err != nil {
		return err
	}
	if err := d.fill(p, mark); err != nil {
		return errors.Join(err, d.scrap(p))
	}
	if lockPreventsRename {
		p.Lock.Close()
	}
	if _, err = os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		err = moveDurably(p.Dir, path)
	} else if err == nil {
		err = fs.ErrExist
	}
	if err == nil {
		p.Lock.Close() // if this fails the claim that follows will say so
		return nil
	}
	err = errors.Join(err, d.scrap(p))
	if isTaken(err) || errors.Is(err, fs.ErrNotExist) {
		return created(path) // or removed what was built here
	}
	return err
}

// isTaken reports whether moving a directory failed because something has the new name.
func isTaken(err error) bool { return errors.Is(err, fs.ErrExist) || errors.Is(err, errNotDir) }

// scrap removes what was being built.
func (d Driver) scrap(p Place) error {
	return errors.Join(remove(p.Dir, p.Lock), p.Lock.Close())
}

// fill makes an empty storage in the directory.
func (d Driver) fill(p Place, mark []byte) error {
	t := Tally{place: p}
	if err := d.Create(p, t.row()); err != nil {
		return err
	}
	return p.SetMark(mark)
}

// creating is the name of a directory inside an empty one. A storage for the empty directory is
// built there. When it is complete its files are moved up, the mark last. So where there is a
// mark, all of the storage is there. What a crash leaves before that, the next creation removes or
// completes.
const creating = "guardkv.creating"

// isLeftover reports whether a name in a directory is that of something that was being created
// there.
func isLeftover(name string) bool {
	return name == creating ||
		isTemporary(name) && len(name) > len(creating) && name[:len(creating)] == creating
}

// createInside makes a storage in an empty directory, which keeps its mode, its owner and its
// place: it may be a mount point, or lie in a folder that the process may not change.
func (d Driver) createInside(ctx context.Context, dir string, mark []byte) error {
	guard, err := d.guard(ctx, dir)
	if err != nil {
		return err
	}
	defer guard.Close()
	if err := d.clear(dir); err != nil {
		return err
	}
	sub := filepath.Join(dir, creating)
	if err := os.Mkdir(sub, d.DirMode); errors.Is(err, fs.ErrExist) {
		return created(dir)
	} else if err != nil {
		return err
	}
	lock, info, err := d.tryLock(sub, false)
	if err != nil {
		return errors.Join(err, os.Remove(sub))
	}
	p := Place{Dir: sub, Lock: lock, id: newStorageID(), info: info}
	if err := d.fill(p, mark); err != nil {
		return errors.Join(err, d.scrap(p))
	}
	if s, err := look(dir); err != nil || !s.built || !s.empty {
		return errors.Join(created(dir), err, d.scrap(p))
	}
	if err := p.Lock.Close(); err != nil {
		return errors.Join(err, d.removeLeftover(sub))
	}
	if err := promote(dir); err != nil {
		return errors.Join(err, d.removeLeftover(sub))
	}
	return nil
}

// clear makes an empty directory of one in which a creation was interrupted. It returns
// core.ErrConflict if there is anything else, and for a creation that was complete, which it
// finishes.
func (d Driver) clear(dir string) error {
	s, err := look(dir)
	if err != nil {
		return err
	}
	if s.built {
		return errors.Join(created(dir), promote(dir))
	}
	if !s.empty {
		return created(dir)
	}
	return d.removeUnfinished(dir)
}

// removeUnfinished removes what interrupted creations left in a directory.
func (d Driver) removeUnfinished(dir string) error {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		if e.IsDir() && isLeftover(e.Name()) {
			err = errors.Join(err, d.removeLeftover(filepath.Join(dir, e.Name())))
		}
	}
	return err
}

// guard keeps others from creating a storage in the same directory, where the system has locks
// for that: elsewhere the locks on what is built do.
func (d Driver) guard(ctx context.Context, dir string) (lock io.Closer, err error) {
	d.Lock = Flock
	lock, _, err = d.lock(ctx, dir, false)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, created(dir) // and it went
	case errors.Is(err, errors.ErrUnsupported):
		return io.NopCloser(nil), nil
	}
	return lock, err
}

// promote moves what was built in a directory up to it. If that fails half way, it is undone.
// Somebody else may do the same at the same time, where there is no lock against it.
func promote(dir string) (err error) {
	sub := filepath.Join(dir, creating)
	names, err := os.ReadDir(sub)
	if err != nil {
		return err
	}
	var moved []string
	up := func(name string) error {
		done, err := moveUp(dir, sub, name)
		if done {
			moved = append(moved, name)
		}
		return err
	}
	defer func() {
		for i := len(moved) - 1; err != nil && i >= 0; i-- { // the mark first
			err = errors.Join(err,
				os.Rename(filepath.Join(dir, moved[i]), filepath.Join(sub, moved[i])))
		}
	}()
	for _, e := range names {
		if e.Name() == markFile {
			continue
		}
		if err := up(e.Name()); err != nil {
			return err
		}
	}
	if err := syncDir(dir); err != nil {
		return err
	}
	if err := up(markFile); err != nil {
		return err
	}
	if err := syncDir(dir); err != nil {
		return err
	}
	os.RemoveAll(sub) // it is empty, and if that fails the next opening removes it
	return nil
}

// moveUp moves one file, unless something is in its place or somebody else moves it.
func moveUp(dir, sub, name string) (done bool, err error) {
	to := filepath.Join(dir, name)
	if _, err := os.Lstat(to); err == nil {
		return false, fmt.Errorf("%w: %s is in the way", core.ErrConflict, to)
	}
	err = os.Rename(filepath.Join(sub, name), to)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}
