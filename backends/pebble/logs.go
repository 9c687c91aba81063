// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package pebble

import (
	"cmp"
	"errors"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// logStep is by how much a log grows. The medium reserves the room before rows are written to
// it, so that writing them does not fail.
const logStep = 1 << 20

// begin makes file the current log, if it is a log.
func (f *freezingFS) begin(file *freezingFile) *freezingFile {
	if !file.isLog {
		return file
	}
	if info, err := file.Stat(); err == nil {
		file.reserved = info.Size() // of an old log
	}
	f.mu.Lock()
	f.log = file
	f.mu.Unlock()
	file.mu.Lock()
	defer file.mu.Unlock()
	file.grow(1) // if it cannot grow, writing will find out
	return file
}

// reserve makes room for n bytes of rows in the log. If there is none, nothing was written.
func (f *freezingFS) reserve(n int64) error {
	f.mu.Lock()
	log := f.log
	f.mu.Unlock()
	if log == nil || f.h.failed() {
		return nil
	}
	log.mu.Lock()
	defer log.mu.Unlock()
	err := log.grow(log.wanted + n)
	if !isFull(err) {
		log.wanted += n
		err = nil // there are file systems that can reserve nothing
	}
	return err
}

// unreserve says that n bytes of rows for which room was reserved will not be written.
func (f *freezingFS) unreserve(n int64) {
	f.mu.Lock()
	log := f.log
	f.mu.Unlock()
	if log == nil {
		return
	}
	log.mu.Lock()
	defer log.mu.Unlock()
	log.wanted = max(log.wanted-n, 0)
}

// ahead makes sure that the next n bytes of a log lie in reserved room, if there is any.
func (f *freezingFile) ahead(n int64) {
	if !f.isLog {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.grow(f.written + n) // if it cannot grow, writing will find out
	f.written += n
}

// grow reserves room for size bytes. f.mu is locked.
func (f *freezingFile) grow(size int64) error {
	if size <= f.reserved {
		return nil
	}
	to := (size + logStep - 1) / logStep * logStep
	if err := f.File.Preallocate(f.reserved, to-f.reserved); err != nil {
		return err
	}
	f.reserved = to
	return nil
}

// trim gives back what a log does not use.
func (f *freezingFile) trim() {
	if !f.isLog || f.File.Fd() == vfs.InvalidFd || f.fs.h.failed() {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.reserved = f.written
	trim(f.File.Fd(), f.written) // otherwise it takes more room than needed
}

// removeOldLogs removes the logs that pebble keeps to reuse their files. It is called when
// pebble is closed and all rows are in tables.
func (e *engine) removeOldLogs() error {
	names, err := e.fs.List(e.place.Dir)
	if err != nil {
		return err
	}
	names = slices.DeleteFunc(names, func(name string) bool { return filepath.Ext(name) != ".log" })
	// by their numbers
	slices.SortFunc(names,
		func(a, b string) int { return cmp.Or(len(a)-len(b), strings.Compare(a, b)) })
	for _, name := range names[:max(len(names)-1, 0)] {
		err = errors.Join(err, e.fs.Remove(e.fs.PathJoin(e.place.Dir, name)))
	}
	return err
}
