// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package postgrestest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// folderPrefix begins the names of all folders that this package makes.
const folderPrefix = "guardkv-postgres-"

// folder is where servers keep everything. The process that made it has its lock, so that others
// know whether it is still used.
type folder struct {
	path string
	lock *os.File
	as   account
}

// newFolder makes a folder for servers that run as the account, and removes those that were left
// behind. Paths of Unix sockets are short, so it is right in the folder for temporary files.
func newFolder(as account) (*folder, error) {
	parent, err := passable(as)
	if err != nil {
		return nil, err
	}
	removeAbandoned(parent)
	path, err := os.MkdirTemp(parent, folderPrefix)
	if err != nil {
		return nil, err
	}
	f := &folder{path: path, as: as}
	f.lock, err = lockFolder(path)
	if err == nil {
		err = as.own(path)
	}
	if err != nil {
		return nil, errors.Join(err, f.remove())
	}
	return f, nil
}

// passable returns a folder for temporary files that the account can get into.
func passable(as account) (string, error) {
	for _, parent := range []string{os.TempDir(), "/tmp"} {
		if len(parent) < 60 && as.passes(parent) {
			return parent, nil
		}
	}
	return "", fmt.Errorf("no folder for temporary files that the user %s can get into, and whose "+
		"path is short enough for Unix sockets: set TMPDIR", as.name)
}

// make makes a folder in f.
func (f *folder) make(name string) (string, error) {
	path := filepath.Join(f.path, name)
	if err := os.Mkdir(path, 0o700); err != nil {
		return "", err
	}
	return path, f.as.own(path)
}

// remove removes everything.
func (f *folder) remove() error {
	err := os.RemoveAll(f.path)
	if f.lock != nil {
		err = errors.Join(err, f.lock.Close())
	}
	return err
}

// abandonedAge is how old a folder is at least that is removed.
const abandonedAge = time.Minute

// removeAbandoned removes the folders of processes that have ended. The servers have ended with
// them. What cannot be removed is somebody else's.
func removeAbandoned(parent string) {
	paths, _ := filepath.Glob(filepath.Join(parent, folderPrefix+"*"))
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil || time.Since(info.ModTime()) < abandonedAge {
			continue // it may be about to be locked
		}
		if lock, err := lockFolder(path); err == nil {
			removeShared(path)
			_ = os.RemoveAll(path)
			_ = lock.Close()
		}
	}
}
