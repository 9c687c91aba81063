// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package badger

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/guardkv/guardkv/core"
)

// The names of badger's files.
const (
	manifestName = "MANIFEST"
	registryName = "KEYREGISTRY"
	discardName  = "DISCARD"
	tableSuffix  = ".sst"
	memSuffix    = ".mem"
	valueSuffix  = ".vlog"
)

// prepare checks all files before badger opens them. badger cuts logs at the first damage,
// deletes tables that its manifest does not name, serves damaged tables as they are, and may
// end the process because it trusts a damaged length. So it must see nothing that it would not
// read back as it was written. prepare also puts in order what a crash left behind.
//
// It returns what must be known of the files to open badger.
func prepare(
	ctx context.Context, a anchor, readOnly bool, opts core.EngineOptions,
) (found found, err error) {
	f, err := listFiles(a.dir)
	if err != nil {
		return found, err
	}
	// While badger is open to write it has a log for its memtable.
	if readOnly && len(f.mems) > 0 {
		return found, errAfterCrash
	}
	if found.compressed, err = f.checkTables(ctx); err != nil {
		return found, err
	}
	if err := checkRegistry(filepath.Join(a.dir, registryName)); err != nil {
		return found, err
	}
	if !readOnly {
		if err := checkDiscard(a, opts.Logger); err != nil {
			return found, err
		}
	}
	if err := f.prepareValueLog(readOnly); err != nil {
		return found, err
	}
	if found.memTable, err = f.prepareMems(opts.NoSync); err != nil {
		return found, err
	}
	return found, f.checkDescriptors()
}

// found is what was found in the files of a storage.
type found struct {
	memTable   int64 // how large a memtable must be to hold what was not yet in tables
	compressed bool  // some tables are
}

// newFiles is how many files badger may open at a time beside the existing ones: tables, logs,
// the manifest, the directory.
const newFiles = 8

// checkDescriptors opens as many files as badger will, and closes them: if badger cannot open
// one, it may end the process.
func (f *files) checkDescriptors() error {
	return tryToOpen(f.dir, len(f.tables)+len(f.mems)+len(f.values)+newFiles)
}

// tryToOpen opens n files and closes them.
func tryToOpen(path string, n int) (err error) {
	open := make([]*os.File, 0, n)
	for len(open) < n && err == nil {
		var d *os.File
		if d, err = os.Open(path); err == nil {
			open = append(open, d)
		}
	}
	for _, d := range open {
		d.Close()
	}
	return err
}

// files are badger's files in a directory, by number, in order.
type files struct {
	dir                  string
	tables, mems, values []uint64
	sync                 func(path string) error
}

func listFiles(dir string) (*files, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	f := &files{dir: dir, sync: syncPath}
	for _, e := range entries {
		for suffix, to := range map[string]*[]uint64{
			tableSuffix: &f.tables, memSuffix: &f.mems,
			valueSuffix: &f.values,
		} {
			number, ok := strings.CutSuffix(e.Name(), suffix)
			if !ok {
				continue
			}
			n, err := strconv.ParseUint(number, 10, 32)
			if err != nil || f.path(n, suffix) != filepath.Join(dir, e.Name()) ||
				!e.Type().IsRegular() {
				return nil, corruptf("%s is no file of badger", filepath.Join(dir, e.Name()))
			}
			*to = append(*to, n)
		}
	}
	slices.Sort(f.tables)
	slices.Sort(f.mems)
	slices.Sort(f.values)
	return f, nil
}

// path returns the path of a file.
func (f *files) path(number uint64, suffix string) string {
	digits := 6
	if suffix == memSuffix {
		digits = 5
	}
	name := strconv.FormatUint(number, 10)
	return filepath.Join(f.dir, strings.Repeat("0", max(0, digits-len(name)))+name+suffix)
}
