// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package bbolt

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"

	bolt "go.etcd.io/bbolt"

	"github.com/guardkv/guardkv/core"
)

var _ core.Compactor = (*engine)(nil)

// Compact writes the rows into a new file and renames it over the old one. Values and snapshots that are open keep the
// old file, which has no name then, until they are released. Until the rename a failure leaves the old file as it is;
// a crash leaves one of the two.
//
// Windows does not let a file that is open be replaced, so there is no Compact.
func (e *engine) Compact(ctx context.Context) error {
	e.writing.Lock()
	defer e.writing.Unlock()
	old := e.file.Load()
	if old.readOnly {
		return core.ErrReadOnly
	}
	path, err := filepath.EvalSymlinks(e.path) // a link to the file stays a link
	if err != nil {
		return err
	}
	removeLeftovers(path)
	info, err := old.fd.Stat()
	if err != nil {
		return err
	}
	temporary, err := newTemporary(path, info.Mode().Perm())
	if err != nil {
		return err
	}
	name := temporary.Name()
	f, err := e.rewrite(ctx, temporary, path, info.Mode().Perm())
	if err != nil {
		return errors.Join(err, os.Remove(name))
	}
	if after, err := f.fd.Stat(); err != nil || after.Size() >= info.Size() {
		return errors.Join(err, f.release(), os.Remove(name), e.keep(old)) // the old file is as good
	}
	return e.replace(old, f, name, path)
}

// rewrite fills the file fd with what the storage holds and returns it, synced and with the name that it will have. It
// takes fd over.
func (e *engine) rewrite(ctx context.Context, fd *os.File, path string, mode os.FileMode) (*file, error) {
	if err := fd.Chmod(mode); err != nil { // umask may have changed
		return nil, errors.Join(err, fd.Close())
	}
	fd, err := renamed(fd, path)
	if err != nil {
		return nil, err
	}
	s, err := e.reads.snapshot()
	if err != nil {
		return nil, errors.Join(err, fd.Close())
	}
	defer s.Release()
	f, err := openFile(fd, fileOptions{reserved: e.reserve(s), noSync: true, logger: e.logger})
	if err != nil {
		fd.Close()
		return nil, err
	}
	if err := f.copyFrom(ctx, s); err != nil {
		return nil, errors.Join(err, f.release())
	}
	f.db.NoSync = e.noSync
	return f, nil
}

func (e *engine) reserve(s *state) int {
	if s.tx == nil {
		return 0 // an engine that copies goes on copying
	}
	return e.backend.reserve(int64(len(s.data.data)))
}

// keep leaves the old file as sound as a new one would be. It does not write the freelist, for which the file could grow.
func (e *engine) keep(old *file) error {
	if old.listed {
		return nil
	}
	if err := old.settle(false); err != nil {
		return err
	}
	return e.reads.refresh(old)
}

// replace makes f, which is at name, the engine's file and gives it the path of the old one. Readers go first: both
// files hold the same, and after the rename nothing may fail.
func (e *engine) replace(old, f *file, name, path string) error {
	if err := e.reads.refresh(f); err != nil {
		return errors.Join(err, f.release(), os.Remove(name))
	}
	if err := os.Rename(name, path); err != nil {
		return errors.Join(err, e.reads.refresh(old), f.release(), os.Remove(name))
	}
	e.file.Store(f)
	return errors.Join(syncDir(path), old.release())
}

// copyFrom writes the mark and the rows of s, and makes them durable.
func (f *file) copyFrom(ctx context.Context, s *state) error {
	mark, err := s.mark()
	if err != nil {
		return err
	}
	if err := f.update(func(tx *bolt.Tx) error { return createBuckets(tx, mark) }); err != nil {
		return err
	}
	c := newCursor(ctx, &s.rows, core.ScanRange{})
	for more := true; more; {
		err := f.update(func(tx *bolt.Tx) (err error) {
			more, err = copyChunk(tx.Bucket([]byte(rowsBucket)), c)
			return err
		})
		if err != nil {
			return err
		}
	}
	if err := f.finish(); err != nil {
		return err
	}
	return f.trim()
}

// copyChunk puts the next rows of c, as many as one transaction should hold, and reports whether there may be more.
func copyChunk(to *bolt.Bucket, c *cursor) (more bool, err error) {
	const rows, size = 10000, 16 << 20
	to.FillPercent = 1
	for n, bytes := 0, 0; n < rows && bytes < size; n++ {
		key, value, ok := c.Next()
		if !ok {
			return false, c.Err()
		}
		if err := to.Put(key, value); err != nil {
			return false, err
		}
		bytes += len(key) + len(value)
	}
	return true, nil
}

// trim cuts off what the file has grown in advance.
func (f *file) trim() error {
	m, err := readMetas(f.fd)
	if err != nil {
		return err
	}
	if err := f.fd.Truncate(int64(m.pages * m.pageSize)); err != nil {
		return err
	}
	return f.fd.Sync()
}

// mark returns the mark that the state has.
func (s *state) mark() ([]byte, error) {
	marks, err := openTree(&s.data, s.root, markBucket)
	if err != nil {
		return nil, err
	}
	mark, err := marks.get([]byte(markKey))
	return bytes.Clone(mark), err
}
