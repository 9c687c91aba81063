// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package bbolt

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	bolt "go.etcd.io/bbolt"

	"github.com/guardkv/guardkv/core"
)

// create makes a storage at the place, or returns ErrConflict if something is there. It is built
// under another name, so a file at the path is always a whole storage. It is locked before it gets
// its name, so no other process can take it away before it is opened.
func (b Backend) create(ctx context.Context, p place, mark []byte) (*os.File, error) {
	p.removeResidue()
	p.removeLeftovers(nil)
	dir, err := openFolder(p.name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no folder %s: %w", filepath.Dir(p.given), fs.ErrNotExist)
	} else if err != nil {
		return nil, err
	}
	defer dir.Close()
	fd, err := b.build(ctx, p, mark)
	if err != nil {
		return nil, err
	}
	if lockIsShared {
		return b.publish(p, fd, dir)
	}
	return b.publishClosed(ctx, p, fd)
}

// publish gives fd, which is locked, the name of the place.
func (b Backend) publish(p place, fd *os.File, dir folder) (*os.File, error) {
	name := fd.Name()
	fd, err := renamed(fd, p.name)
	if err != nil {
		return nil, errors.Join(err, os.Remove(name))
	}
	if err := moveNew(name, p.name); err != nil {
		fd.Close()
		return nil, errors.Join(p.taken(err), os.Remove(name))
	}
	if err := b.folderSync(dir); err != nil { // nobody has used it
		err = errors.Join(err, os.Remove(p.name))
		fd.Close()
		return nil, err
	}
	return fd, nil
}

// publishClosed is publish for systems where an open file keeps its name.
func (b Backend) publishClosed(ctx context.Context, p place, fd *os.File) (*os.File, error) {
	name := fd.Name()
	fd.Close()
	if err := moveNew(name, p.name); err != nil {
		return nil, errors.Join(p.taken(err), os.Remove(name))
	}
	fd, err := p.lock(ctx, false, b.LockTimeout)
	if err == nil && fd == nil {
		err = fmt.Errorf("%w: somebody took %s away", core.ErrConflict, p.given)
	}
	return fd, err
}

// taken adds ErrConflict to the error of a creation that came too late.
func (p place) taken(err error) error {
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%w: somebody else creates %s", core.ErrConflict, p.given)
	}
	return err
}

// build makes an empty storage under a temporary name, and locks it.
func (b Backend) build(ctx context.Context, p place, mark []byte) (*os.File, error) {
	for {
		fd, err := p.newTemporary(b.FileMode)
		if err != nil {
			return nil, err
		}
		name := fd.Name()
		if err := fill(fd, mark); err != nil {
			return nil, errors.Join(err, os.Remove(name))
		}
		fd, err = place{name, name, name}.lock(ctx, false, b.LockTimeout)
		if err != nil {
			return nil, errors.Join(err, os.Remove(name))
		}
		if fd != nil {
			return fd, nil
		} // otherwise somebody took it for a leftover before it was locked again
	}
}

// fill turns the file fd into an empty storage, and closes it.
func fill(fd *os.File, mark []byte) error {
	f, err := openFile(fd, fileOptions{})
	if err != nil {
		fd.Close()
		return err
	}
	err = f.update(func(tx *bolt.Tx) error { return createBuckets(tx, mark) })
	if err == nil {
		err = f.finish()
	}
	return errors.Join(err, f.close())
}

// createBuckets makes the two buckets of a storage.
func createBuckets(tx *bolt.Tx, mark []byte) error {
	if _, err := tx.CreateBucket([]byte(rowsBucket)); err != nil {
		return err
	}
	b, err := tx.CreateBucket([]byte(markBucket))
	if err != nil {
		return err
	}
	return b.Put([]byte(markKey), mark)
}
