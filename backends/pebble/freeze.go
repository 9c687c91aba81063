// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package pebble

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// freezingFS stands between pebble and the file system. If the log or the list of tables cannot
// be written, pebble ends the process, or panics where that cannot be recovered. So pebble is not
// told: health gets the error, and from then on those files stay as they are, and no file is
// removed or renamed, while pebble believes that all went well. The disk then holds what a crash
// at that moment would have left. The engine refuses further writes, and reads go on.
//
// While a storage is being opened, the same holds for every file, because pebble would try
// forever to write a table. This way opening comes to an end, with tables that are only in
// memory, and pebble can be closed.
type freezingFS struct {
	vfs.FS
	h      *health
	here   here
	medium *medium
	sham   *vfs.MemFS // the files that pebble believes in

	opening atomic.Bool
	made    sync.Map // names of tables that were made while the storage was being opened

	mu  sync.Mutex
	log *freezingFile // that is being written now
}

func freezing(fs vfs.FS, h *health, at here, m *medium) *freezingFS {
	f := &freezingFS{FS: fs, h: h, here: at, medium: m, sham: vfs.NewMem()}
	f.opening.Store(true)
	return f
}

// opened says that pebble is open.
func (f *freezingFS) opened() { f.opening.Store(false) }

// shams reports whether tables are made in memory, because the storage cannot be opened.
func (f *freezingFS) shams() bool { return f.opening.Load() && f.h.failed() }

// vital reports whether pebble cannot go on without writing a file.
func vital(base string) bool {
	return isLog(base) || strings.HasPrefix(base, "MANIFEST-") || strings.HasPrefix(base, "marker.")
}

func isLog(name string) bool   { return filepath.Ext(name) == ".log" }
func isTable(name string) bool { return filepath.Ext(name) == ".sst" }

// failed freezes the file system.
func (f *freezingFS) failed(err error) {
	f.h.fail(fmt.Errorf("pebble's log or list of tables could not be written: %w", err))
}

// notMade freezes the file system if a storage cannot be opened because a file could not be
// made.
func (f *freezingFS) notMade(err error) error {
	if err != nil && f.opening.Load() {
		f.h.fail(fmt.Errorf("what pebble writes when it is opened could not be written: %w",
			noRoom(err)))
	}
	return err
}

// mayChange freezes the file system if the directory is no longer at its path: what is there
// now belongs to somebody else.
func (f *freezingFS) mayChange() error {
	err := f.here.check()
	if err != nil {
		f.h.fail(err)
	}
	return err
}

// Unwrap is part of vfs.FS.
func (f *freezingFS) Unwrap() vfs.FS { return f.FS }

// Open is part of vfs.FS.
func (f *freezingFS) Open(name string, opts ...vfs.OpenOption) (vfs.File, error) {
	if f.shams() {
		if file, err := f.sham.Open(f.PathBase(name), opts...); err == nil {
			return file, nil
		}
	}
	return openChecked(f.FS, f.here, f.h, name, opts)
}

// Create is part of vfs.FS.
func (f *freezingFS) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	return f.create(name, func() (vfs.File, error) { return f.FS.Create(name, c) })
}

// ReuseForWrite is part of vfs.FS. The file of an old log becomes a new one.
func (f *freezingFS) ReuseForWrite(old, name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	return f.create(name, func() (vfs.File, error) { return f.FS.ReuseForWrite(old, name, c) })
}

// retryPause is the pause between two attempts of pebble to write a table after a failure.
// Pebble itself would not pause.
const retryPause = 20 * time.Millisecond

func (f *freezingFS) create(name string, create func() (vfs.File, error)) (vfs.File, error) {
	base := f.PathBase(name)
	if !vital(base) {
		return f.createTable(base, create)
	}
	if !f.h.failed() && f.mayChange() == nil {
		file, err := create()
		if err == nil {
			return f.begin(&freezingFile{File: file, fs: f, isLog: isLog(base)}), nil
		}
		f.failed(err)
	}
	return f.sham.Create(base, vfs.WriteCategoryUnspecified)
}

// createTable creates a file whose failed writes pebble may learn of.
func (f *freezingFS) createTable(base string, create func() (vfs.File, error)) (vfs.File, error) {
	if f.h.failed() || f.h.full() {
		time.Sleep(retryPause)
	}
	if err := f.mayChange(); err != nil && !f.opening.Load() {
		return nil, err
	}
	if !f.shams() {
		file, err := create()
		if f.notMade(err) == nil {
			if f.opening.Load() {
				f.made.Store(base, nil)
			}
			return &tableFile{File: file, fs: f}, nil
		}
		if !f.opening.Load() {
			return nil, err
		}
	}
	return f.sham.Create(base, vfs.WriteCategoryUnspecified)
}

// Remove is part of vfs.FS. It removes what was made in vain while the storage was being opened
// even if the rest is frozen.
func (f *freezingFS) Remove(name string) error {
	if f.mayChange() != nil {
		return nil
	}
	if f.h.failed() {
		if _, made := f.made.Load(f.PathBase(name)); !made || !f.opening.Load() {
			return nil
		}
	}
	return f.FS.Remove(name)
}

// Rename is part of vfs.FS.
func (f *freezingFS) Rename(from, to string) error {
	if f.h.failed() || f.mayChange() != nil {
		return nil
	}
	return f.notMade(f.FS.Rename(from, to))
}

// Link is part of vfs.FS.
func (f *freezingFS) Link(from, to string) error {
	if err := f.mayChange(); err != nil {
		return err
	}
	return f.FS.Link(from, to)
}

// MkdirAll is part of vfs.FS. Pebble makes sure that its directory exists, which it does.
func (f *freezingFS) MkdirAll(dir string, mode os.FileMode) error {
	if err := f.mayChange(); err != nil {
		return err
	}
	return f.FS.MkdirAll(dir, mode)
}

// OpenDir is part of vfs.FS. Directories are opened to make names durable.
func (f *freezingFS) OpenDir(name string) (vfs.File, error) {
	d, err := f.FS.OpenDir(name)
	if err != nil {
		return nil, err
	}
	return &freezingFile{File: d, fs: f}, nil
}

// tableFile is a file whose failed writes pebble may learn of. It leaves some room for the
// files that must be written.
type tableFile struct {
	vfs.File
	fs    *freezingFS
	spare int64 // what may be written until the medium is checked again
}

func (t *tableFile) Write(p []byte) (n int, err error) {
	if t.spare -= int64(len(p)); t.spare < 0 {
		if t.spare, err = t.fs.medium.grant(int64(len(p))); err != nil {
			return 0, t.fs.notMade(err)
		}
	}
	n, err = t.File.Write(p)
	return n, t.fs.notMade(err)
}

func (t *tableFile) Sync() error { return t.fs.notMade(t.File.Sync()) }

func (t *tableFile) SyncData() error { return t.fs.notMade(t.File.SyncData()) }

// freezingFile is a file that must be written.
type freezingFile struct {
	vfs.File
	fs    *freezingFS
	isLog bool

	mu       sync.Mutex // a log's
	written  int64
	wanted   int64 // by writers of rows
	reserved int64
}

// unless calls write unless the file system is frozen, and freezes it if write fails.
func (f *freezingFile) unless(write func() error) {
	if f.fs.h.failed() {
		return
	}
	if err := write(); err != nil {
		f.fs.failed(err)
	}
}

func (f *freezingFile) Write(p []byte) (int, error) {
	f.unless(func() error {
		f.ahead(int64(len(p)))
		_, err := f.File.Write(p)
		return err
	})
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

// Preallocate is part of vfs.File. Pebble asks for more than a whole table in memory may take,
// most of which is never used; see reserve.
func (f *freezingFile) Preallocate(int64, int64) error { return nil }

func (f *freezingFile) Close() error {
	f.trim()
	if err := f.File.Close(); err != nil && !f.fs.h.failed() {
		f.fs.failed(err)
	}
	return nil
}
