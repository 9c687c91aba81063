// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package directory

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/guardkv/guardkv/core"
)

// create creates a storage at the path, where nothing was when it was claimed, and locks it.
func (c *claim) create(ctx context.Context, mark []byte) error {
	if c.readOnly {
		return c.present()
	}
	if err := c.driver.create(resolve(c.path), mark); err != nil {
		return err
	}
	if err := c.take(ctx); err != nil { // some engines know their locks by the path
		return err
	}
	if c.holds() {
		if _, there, err := readMark(c.path); err == nil && bytes.Equal(there, mark) {
			return nil
		}
	}
	return errors.Join(fmt.Errorf("%w: somebody else replaced %s", core.ErrConflict, c.path), c.Release())
}

// create makes a storage at path, where nothing may be but an empty directory: core.ErrConflict if something is. It is
// built under another name, so that whoever finds a storage at path finds all of it.
func (d Driver) create(path string, mark []byte) error {
	d.removeLeftovers(path)
	p, err := d.newTemporary(path)
	if err != nil {
		return err
	}
	if err := d.fill(p, mark); err != nil {
		return errors.Join(err, remove(p.Dir, p.Lock))
	}
	if lockPreventsRename {
		p.Lock.Close()
	}
	if err := moveOntoEmpty(p.Dir, path); err != nil {
		err = errors.Join(err, remove(p.Dir, p.Lock))
		if errors.Is(err, fs.ErrExist) || errors.Is(err, fs.ErrNotExist) || errors.Is(err, errNotDir) {
			return fmt.Errorf("%w: somebody else creates %s", core.ErrConflict, path) // or removed what was built here
		}
		return fmt.Errorf("a new storage takes the place of the directory; use one inside it if that cannot be: %w", err)
	}
	return errors.Join(syncParent(path), p.Lock.Close())
}

// fill makes an empty storage in the directory.
func (d Driver) fill(p Place, mark []byte) error {
	t := Tally{id: p.id}
	if err := d.Create(p, t.row()); err != nil {
		return err
	}
	return writeMark(p.Dir, p.id, mark)
}
