// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package directory

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"

	"github.com/guardkv/guardkv/core"
)

// temporaryMark stands between the name of a storage and a random number in the names of directories that are being
// built or removed. A crash leaves at most such a directory behind.
const temporaryMark = ".guardkv-tmp-"

// isTemporary reports whether temporaryName made a name: one that only looks like it is somebody else's.
func isTemporary(name string) bool {
	at := strings.LastIndex(name, temporaryMark)
	if at < 0 {
		return false
	}
	number := name[at+len(temporaryMark):]
	_, err := hex.DecodeString(number)
	return err == nil && len(number) == 16
}

func temporaryName(path string) string {
	return fmt.Sprintf("%s%s%016x", path, temporaryMark, rand.Uint64())
}

// newTemporary makes an empty directory beside path and locks it, which tells it from what a crash left behind.
func (d Driver) newTemporary(path string) (Place, error) {
	for {
		name := temporaryName(path)
		err := os.Mkdir(name, d.DirMode)
		if errors.Is(err, fs.ErrExist) {
			continue
		} else if err != nil {
			return Place{}, err
		}
		lock, err := d.tryLock(name, false)
		if err == nil {
			return Place{Dir: name, Lock: lock, id: newStorageID()}, nil
		}
		if !errors.Is(err, core.ErrLocked) && !errors.Is(err, fs.ErrNotExist) {
			return Place{}, errors.Join(err, os.Remove(name))
		} // else somebody took it for a leftover before it was locked
	}
}

// removeLeftovers removes the temporary directories beside path that nobody builds any more, and those of storages
// whose names start with the same letters. It is housekeeping: what cannot be removed stays.
func (d Driver) removeLeftovers(path string) {
	dir, base := filepath.Split(path)
	entries, err := os.ReadDir(filepath.Clean(dir))
	if err != nil {
		return
	}
	for _, e := range entries {
		if !e.IsDir() || !strings.HasPrefix(e.Name(), base) || !isTemporary(e.Name()) {
			continue
		}
		if lock, err := d.tryLock(dir+e.Name(), false); err == nil {
			remove(dir+e.Name(), lock)
		}
	}
}

// remove removes a locked directory and closes the lock. It is renamed first: whoever made it and is about to lock it
// must not find the file to lock that is going, nor a storage half of which is gone.
func remove(path string, lock io.Closer) error {
	target := resolve(path)
	doomed := temporaryName(strings.SplitN(target, temporaryMark, 2)[0])
	if lockPreventsRename {
		lock.Close()
	}
	if err := os.Rename(target, doomed); err != nil {
		return errors.Join(err, lock.Close())
	}
	var err error
	if target != path {
		err = os.Remove(path) // the link to it
	}
	err = errors.Join(err, syncParent(target), os.RemoveAll(doomed))
	if !lockPreventsRename {
		err = errors.Join(err, lock.Close())
	}
	return err
}

// renameNew renames a directory to a name that nothing has, but perhaps an empty directory. Whatever appears there after
// the look stays too: a directory is renamed neither onto a file nor onto a directory that is not empty.
func renameNew(from, to string) error {
	info, err := os.Lstat(to)
	if err == nil && info.IsDir() {
		err = os.Remove(to)
		if err == nil {
			err = fs.ErrNotExist // now
		}
	}
	if err == nil || !errors.Is(err, fs.ErrNotExist) {
		return &os.LinkError{Op: "rename", Old: from, New: to, Err: fs.ErrExist}
	}
	err = os.Rename(from, to)
	if errors.Is(err, errNotDir) {
		return errors.Join(err, fs.ErrExist)
	}
	return err
}

// resolve returns where path leads to if it is a link, and path if it is none.
func resolve(path string) string {
	if info, err := os.Lstat(path); err == nil && info.Mode()&fs.ModeSymlink != 0 {
		if target, err := filepath.EvalSymlinks(path); err == nil {
			return target
		}
	}
	return path
}

// syncParent makes what happened to the name path durable.
func syncParent(path string) error { return syncDir(filepath.Dir(path)) }
