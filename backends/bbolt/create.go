// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package bbolt

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	bolt "go.etcd.io/bbolt"

	"github.com/guardkv/guardkv/core"
)

// create makes a storage at path, where nothing may be but an empty directory: ErrConflict if something is. It is built under another name, so
// that whoever finds a file at path finds a storage.
func create(path string, mode os.FileMode, mark []byte) error {
	removeLeftovers(path)
	fd, err := newTemporary(path, mode)
	if err != nil {
		return err
	}
	name := fd.Name()
	if err := fill(fd, mark); err != nil {
		return errors.Join(err, os.Remove(name))
	}
	if err := moveNew(name, path); err != nil {
		os.Remove(name)
		if errors.Is(err, fs.ErrExist) || errors.Is(err, fs.ErrNotExist) { // or took what was built here for a leftover
			return fmt.Errorf("%w: somebody else creates %s", core.ErrConflict, path)
		}
		return err
	}
	return syncDir(path)
}

// fill makes an empty storage of the file fd, and closes it.
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
