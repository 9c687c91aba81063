// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package bbolt

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
)

// temporaryMark stands between the name of a storage and a random number in the names of files that are being built.
// A crash leaves at most such a file behind.
const temporaryMark = ".guardkv-tmp-"

func isTemporary(name string) bool { return strings.Contains(name, temporaryMark) }

// newTemporary creates an empty file beside path and locks it, which tells it from what a crash left behind.
func newTemporary(path string, mode os.FileMode) (*os.File, error) {
	for {
		name := fmt.Sprintf("%s%s%016x", path, temporaryMark, rand.Uint64())
		f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, mode)
		if errors.Is(err, fs.ErrExist) {
			continue
		} else if err != nil {
			return nil, err
		}
		locked, err := tryLock(f, false)
		if err == nil && locked {
			locked, err = leadsTo(name, f)
		}
		if err != nil {
			return nil, errors.Join(err, f.Close(), os.Remove(name))
		}
		if locked {
			return f, nil
		}
		f.Close() // somebody took it for a leftover before it was locked
	}
}

// removeLeftovers removes the temporary files beside path that nobody builds any more. It is housekeeping: what
// cannot be removed stays.
func removeLeftovers(path string) {
	dir, base := filepath.Split(path)
	entries, err := os.ReadDir(filepath.Clean(dir))
	if err != nil {
		return
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), base+temporaryMark) {
			continue
		}
		name := dir + e.Name()
		if f, err := lockPath(context.Background(), name, false, 0); err == nil && f != nil {
			removeOpen(f, name)
		}
	}
}

// removeOpen removes the file at name, which is f, and closes it.
func removeOpen(f *os.File, name string) error {
	if !lockIsShared { // where a file that is open cannot be removed
		return errors.Join(f.Close(), os.Remove(name))
	}
	return errors.Join(os.Remove(name), f.Close())
}

// renameNew renames a file to a name that nothing has.
func renameNew(from, to string) error {
	if _, err := os.Lstat(to); err == nil {
		return &os.LinkError{Op: "rename", Old: from, New: to, Err: fs.ErrExist}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.Rename(from, to)
}

// moveNew moves a file to a path where nothing is but perhaps an empty directory.
func moveNew(from, to string) error {
	if info, err := os.Stat(to); err == nil && info.IsDir() {
		os.Remove(to) // fails if it is not empty any more, and linking then does too
	}
	return linkNew(from, to)
}

// linkNew moves a file to a name that nothing has, atomically where the file system has links.
func linkNew(from, to string) error {
	err := os.Link(from, to)
	if err == nil {
		return os.Remove(from)
	}
	if errors.Is(err, fs.ErrExist) {
		return err
	}
	return renameNew(from, to)
}
