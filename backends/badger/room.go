// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package badger

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/guardkv/guardkv/core"
)

// room checks whether the medium has room for what badger will write. badger writes through
// mapped files that are longer than their content: if there is no room for one of their pages,
// the system ends the process. So writers are refused before that. room cannot see quotas, nor
// what others write to the medium in the same second.
type room struct {
	dir   string
	free  func(dir string) (bytes int64, known bool)
	raw   func() int64 // the size of the tables before compression; nil if none is compressed
	merge int64        // badger needs no more to merge tables by itself, as a rule

	asked time.Time
	spare int64 // what may be written until the medium is asked again
}

func newRoom(dir string, memTable int64) *room {
	const tables = 16 // of the first level and those that overlap them
	return &room{dir: dir, free: freeSpace, merge: tables * memTable}
}

// slack is for small things: the manifest, the notes of garbage, the witness, the first page of
// each new file.
const slack = 1 << 20

// take makes sure that there is room for n bytes more than badger will write anyway: the tables
// of its memtables, and tables that it merges.
func (r *room) take(n int64) error {
	const often = time.Second
	if r.spare < n || time.Since(r.asked) > often {
		if err := r.ask(func(logs, tables int64) int64 {
			return n + logs + min(tables, r.merge)
		}); err != nil {
			return err
		}
	}
	r.spare -= n
	return nil
}

// toCompact makes sure that all tables can be written anew, and a file of the value log.
func (r *room) toCompact() error {
	return r.ask(func(logs, tables int64) int64 { return 2*logs + tables + valueLogFile })
}

// toFlush makes sure that memtables can become tables.
func (r *room) toFlush() error {
	return r.ask(func(logs, _ int64) int64 { return logs })
}

// ask makes sure that the medium has as much room as need returns. need gets the size of what
// will be in tables that badger has not written yet, and the size of the tables.
func (r *room) ask(need func(logs, tables int64) int64) error {
	if err := r.toOpen(); err != nil {
		return err
	}
	free, known := r.free(r.dir)
	if !known {
		return nil
	}
	logs, tables, err := r.measure()
	if err != nil {
		return nil // the directory is gone; badger will find that out
	}
	n := need(logs, tables) + slack
	if free < n {
		r.spare = 0
		return fmt.Errorf("%w: %d bytes are free, and badger may need %d: %w",
			core.ErrNoRoom, free, n, syscall.ENOSPC)
	}
	r.asked, r.spare = time.Now(), (free-n)/4 // others write as well
	return nil
}

// toOpen makes sure that the process may open as many files as badger will. If badger cannot
// begin another log, the commit that needs it fails, and nothing can be written until the
// storage is opened again.
func (r *room) toOpen() error {
	err := tryToOpen(r.dir, newFiles)
	if errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) {
		r.spare = 0
		return fmt.Errorf("%w among the files that may be open, of which badger may need %d "+
			"more: %w", core.ErrNoRoom, newFiles, err)
	}
	return nil // badger will find out what else is wrong with the directory
}

// measure returns how much of the medium is taken by the files whose content will be in tables,
// and by tables. For compressed tables it returns what they would take without compression:
// merged rows have other neighbors, and may not compress as well as before, and tables to come
// may not be compressed at all.
func (r *room) measure() (logs, tables int64, err error) {
	entries, err := os.ReadDir(r.dir)
	if err != nil {
		return 0, 0, err
	}
	for _, entry := range entries {
		info, err := entry.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue
		} else if err != nil {
			return 0, 0, err
		}
		switch filepath.Ext(entry.Name()) {
		case memSuffix:
			logs += sizeOf(info) / 8 * 9 // a row may take a little more in a table
		case tableSuffix:
			tables += sizeOf(info)
		}
	}
	if r.raw != nil {
		tables = max(tables, r.raw())
	}
	return logs, tables, nil
}
