// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package pebble

import (
	"fmt"
	"strings"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// freezingFS is what stands between pebble and the file system. Where the log or the list of tables cannot be written,
// pebble ends the process, or panics past any recover. It is not told: the error is given to health, and from then on
// those files stay as they are, and no file is removed or renamed, while pebble believes that all went well. So what
// is on the disk is what a crash at that moment would have left; the engine refuses further writes, and reads go on.
type freezingFS struct {
	vfs.FS
	h    *health
	sham *vfs.MemFS // the files that pebble believes in
}

func freezing(fs vfs.FS, h *health) vfs.FS { return &freezingFS{FS: fs, h: h, sham: vfs.NewMem()} }

// vital reports whether pebble cannot live without writing a file.
func vital(base string) bool {
	return strings.HasSuffix(base, ".log") || strings.HasPrefix(base, "MANIFEST-") || strings.HasPrefix(base, "marker.")
}

// failed freezes the file system.
func (f *freezingFS) failed(err error) {
	f.h.fail(fmt.Errorf("pebble's log or list of tables could not be written: %w", err))
}

// Unwrap is part of vfs.FS.
func (f *freezingFS) Unwrap() vfs.FS { return f.FS }

// Create is part of vfs.FS.
func (f *freezingFS) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	return f.create(name, func() (vfs.File, error) { return f.FS.Create(name, c) })
}

// ReuseForWrite is part of vfs.FS. The file of an old log becomes a new one.
func (f *freezingFS) ReuseForWrite(old, name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	return f.create(name, func() (vfs.File, error) { return f.FS.ReuseForWrite(old, name, c) })
}

// retryPause is between two attempts of pebble to write a table after a failure. It would not pause.
const retryPause = 20 * time.Millisecond

func (f *freezingFS) create(name string, create func() (vfs.File, error)) (vfs.File, error) {
	base := f.PathBase(name)
	if !vital(base) {
		if f.h.failed() {
			time.Sleep(retryPause)
		}
		return create()
	}
	if !f.h.failed() {
		file, err := create()
		if err == nil {
			return &freezingFile{File: file, fs: f}, nil
		}
		f.failed(err)
	}
	return f.sham.Create(base, vfs.WriteCategoryUnspecified)
}

// Remove is part of vfs.FS.
func (f *freezingFS) Remove(name string) error {
	if f.h.failed() {
		return nil
	}
	return f.FS.Remove(name)
}

// Rename is part of vfs.FS.
func (f *freezingFS) Rename(from, to string) error {
	if f.h.failed() {
		return nil
	}
	return f.FS.Rename(from, to)
}

// OpenDir is part of vfs.FS. Directories are opened to make names durable.
func (f *freezingFS) OpenDir(name string) (vfs.File, error) {
	d, err := f.FS.OpenDir(name)
	if err != nil {
		return nil, err
	}
	return &freezingFile{File: d, fs: f}, nil
}

// freezingFile is a file that must be written.
type freezingFile struct {
	vfs.File
	fs *freezingFS
}

// unless does write unless the file system is frozen, and freezes it if that fails.
func (f *freezingFile) unless(write func() error) {
	if f.fs.h.failed() {
		return
	}
	if err := write(); err != nil {
		f.fs.failed(err)
	}
}

func (f *freezingFile) Write(p []byte) (int, error) {
	f.unless(func() error { _, err := f.File.Write(p); return err })
	return len(p), nil
}

func (f *freezingFile) WriteAt(p []byte, at int64) (int, error) {
	f.unless(func() error { _, err := f.File.WriteAt(p, at); return err })
	return len(p), nil
}

func (f *freezingFile) Sync() error {
	f.unless(f.File.Sync)
	return nil
}

func (f *freezingFile) SyncData() error {
	f.unless(f.File.SyncData)
	return nil
}

func (f *freezingFile) SyncTo(length int64) (full bool, err error) {
	f.unless(func() error { full, err = f.File.SyncTo(length); return err })
	return full, nil
}

func (f *freezingFile) Preallocate(offset, length int64) error {
	f.unless(func() error { return f.File.Preallocate(offset, length) })
	return nil
}

func (f *freezingFile) Close() error {
	if err := f.File.Close(); err != nil && !f.fs.h.failed() {
		f.fs.failed(err)
	}
	return nil
}
