// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package bbolt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"

	bolt "go.etcd.io/bbolt"

	"github.com/guardkv/guardkv/core"
)

// compactor returns Compact, which exists on systems where an open file can be replaced.
func (e *engine) compactor() func(context.Context) error { return e.Compact }

// Compact writes the rows into a new file and renames it over the old one. Open values and
// snapshots keep the old file, which then has no name, until they are released. Until the
// rename a failure leaves the old file as it is; a crash leaves one of the two. After the
// rename only making it durable can fail: then the new file is used, and nothing is written to
// it before that succeeds.
//
// Windows does not let an open file be replaced, so there is no Compact.
func (e *engine) Compact(ctx context.Context) error {
	e.writing.Lock()
	defer e.writing.Unlock()
	old := e.file.Load()
	if old.readOnly {
		return core.ErrReadOnly
	}
	if err := e.holds(old); err != nil {
		return err
	}
	e.place.removeLeftovers(old.fd)
	info, err := old.fd.Stat()
	if err != nil {
		return err
	}
	dir, err := openFolder(e.place.file)
	if err != nil {
		return err
	}
	defer dir.Close()
	temporary, err := e.place.newTemporary(0o600)
	if err != nil {
		return noRoom(err)
	}
	name := temporary.Name()
	f, err := e.rewrite(ctx, temporary, old)
	if err != nil {
		return errors.Join(noRoom(err), os.Remove(name))
	}
	if after, err := f.fd.Stat(); err != nil || after.Size() >= info.Size() {
		// the old file is as good
		return errors.Join(err, f.release(), os.Remove(name), e.keep(old))
	}
	return e.replace(old, f, name, dir)
}

// holds returns an error unless the place leads to f. A link to the file stays a link.
func (e *engine) holds(f *file) error {
	return place{given: e.place.given, name: e.place.file, file: e.place.file}.holds(f.fd)
}

// rewrite fills the file fd with what the storage holds and returns it, synced and with the
// name and the attributes that it will have. It takes fd over.
func (e *engine) rewrite(ctx context.Context, fd *os.File, old *file) (*file, error) {
	if err := copyAttributes(old.fd, fd); err != nil {
		return nil, errors.Join(err, fd.Close())
	}
	fd, err := renamed(fd, e.place.file)
	if err != nil {
		return nil, err
	}
	s, err := e.reads.snapshot()
	if err != nil {
		return nil, errors.Join(err, fd.Close())
	}
	defer s.Release()
	o, err := e.reserve(old, s)
	if err != nil {
		return nil, errors.Join(err, fd.Close())
	}
	f, err := openFile(fd, o)
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

// reserve returns how to open the file that gets the rows of s. It must be served as the old
// one is: an engine that copies goes on copying, and one that does not must not start waiting
// for its readers.
func (e *engine) reserve(old *file, s *state) (fileOptions, error) {
	o := fileOptions{noSync: true, logger: e.logger}
	if s.file == nil {
		return o, nil
	}
	var err error
	o.reserved, o.give = e.backend.take(int64(len(s.data.data)))
	if o.reserved == 0 {
		o.reserved, err = processSpace.again(old.reserved)
	}
	return o, err
}

// keep leaves the old file as sound as a new one would be. It does not write the freelist, for
// which the file could grow.
func (e *engine) keep(old *file) error {
	if old.listed {
		return nil
	}
	if err := old.settle(false); err != nil {
		return err
	}
	return e.reads.refresh(old)
}

// replace makes f, which is at name, the engine's file and gives it the path of the old one.
// Readers move to f first: both files hold the same rows, and after the rename nothing may
// fail.
func (e *engine) replace(old, f *file, name string, dir folder) error {
	if err := e.reads.refresh(f); err != nil {
		return errors.Join(err, f.release(), os.Remove(name))
	}
	err := e.holds(old)
	if err == nil {
		err = os.Rename(name, e.place.file)
	}
	if err != nil {
		return errors.Join(e.place.shown(err), e.reads.refresh(old), f.release(), os.Remove(name))
	}
	e.file.Store(f)
	if err := e.backend.folderSync(dir); err != nil {
		f.unsynced = true
		return errors.Join(fmt.Errorf("the storage was compacted, but its folder could not be "+
			"synced; writes fail until it can be: %w", err),
			old.release())
	}
	return old.release()
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
	var last []byte
	for more := true; more; {
		err := f.update(func(tx *bolt.Tx) (err error) {
			last, more, err = copyChunk(tx.Bucket([]byte(rowsBucket)), c, last)
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

// copyChunk puts the next rows of c, as many as one transaction should hold, and reports
// whether there may be more. Their keys must rise, from last on: of two rows with the same
// damaged key only one would be left.
func copyChunk(to *bolt.Bucket, c *cursor, last []byte) (_ []byte, more bool, err error) {
	const most, mostBytes = 10000, 16 << 20
	to.FillPercent = 1
	for n, size := 0, 0; n < most && size < mostBytes; n++ {
		key, value, ok := c.Next()
		if !ok {
			return last, false, c.Err()
		}
		if bytes.Compare(last, key) >= 0 {
			return last, false, corruptf("page %d: its keys are out of order", c.leaf.id())
		}
		if err := to.Put(key, value); err != nil {
			return last, false, err
		}
		last = key
		size += len(key) + len(value)
	}
	return last, true, nil
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

// mark returns the mark in the state.
func (s *state) mark() ([]byte, error) {
	marks, err := openTree(&s.data, s.root, markBucket)
	if err != nil {
		return nil, err
	}
	mark, err := marks.get([]byte(markKey))
	return bytes.Clone(mark), err
}
