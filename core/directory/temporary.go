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

// temporaryMark stands between the name of a storage and a random number in the names of
// directories that are being built or removed. What a crash leaves of them the next opening
// removes.
const temporaryMark = ".guardkv-tmp-"

// isTemporary reports whether temporaryName made a name: one that only looks like it is
// somebody else's.
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
	return Beside(path, fmt.Sprintf("%s%016x", temporaryMark, rand.Uint64()))
}

// newTemporary makes an empty directory beside path and locks it, which tells it from what a
// crash left behind.
func (d Driver) newTemporary(path string) (Place, error) {
	for {
		name := temporaryName(path)
		err := os.Mkdir(name, d.DirMode)
		if errors.Is(err, fs.ErrExist) {
			continue
		} else if err != nil {
			return Place{}, missingParent(path, err)
		}
		lock, info, err := d.tryLock(name, false)
		if err == nil {
			return Place{Dir: name, Lock: lock, id: newStorageID(), info: info}, nil
		}
		if !errors.Is(err, core.ErrLocked) && !errors.Is(err, fs.ErrNotExist) {
			return Place{}, errors.Join(err, os.Remove(name))
		} // else somebody took it for a leftover before it was locked
	}
}

// removeLeftovers removes the temporary directories beside path that no process builds any more,
// and those of storages whose names start with the same letters. It is housekeeping: what cannot
// be removed stays.
func (d Driver) removeLeftovers(path string) {
	dir, base := filepath.Split(path)
	entries, err := os.ReadDir(filepath.Clean(dir))
	if err != nil {
		return
	}
	const certain = 180 // bytes of the name that stand in every name beside it
	base = base[:min(len(base), certain)]
	for _, e := range entries {
		if e.IsDir() && strings.HasPrefix(e.Name(), base) && isTemporary(e.Name()) {
			d.removeLeftover(dir + e.Name())
		}
	}
}

// removeLeftover removes a directory unless somebody has it locked.
func (d Driver) removeLeftover(dir string) error {
	lock, _, err := d.tryLock(dir, false)
	if err != nil {
		return err
	}
	err = remove(dir, lock)
	if !lockPreventsRename {
		err = errors.Join(err, lock.Close())
	}
	return err
}

// remove removes a locked directory. It renames the directory first: a process that made it and is
// about to lock it must find neither the lock file that is going nor half a storage. Once the new
// name is durable there is no way back; before that, a failure leaves everything as it was. Where
// a lock prevents renaming it is closed.
func remove(path string, lock io.Closer) error {
	target := follow(path)
	doomed := temporaryName(strings.SplitN(target, temporaryMark, 2)[0])
	if lockPreventsRename {
		lock.Close()
	}
	if err := moveDurably(target, doomed); err != nil {
		return err
	}
	var err error
	if target != path {
		err = os.Remove(path) // the link to it
	}
	if err := errors.Join(err, os.RemoveAll(doomed)); err != nil {
		return fmt.Errorf("it is removed except for %s, which the next opening of %s removes: %w",
			doomed, path, err)
	}
	return nil
}

// moveDurably renames a directory to a name beside it that nothing has. An error means that it
// has its old name, or says that it has not.
func moveDurably(from, to string) error {
	if err := os.Rename(from, to); err != nil {
		return explain(err)
	}
	err := syncDir(filepath.Dir(to))
	if err == nil {
		return nil
	}
	if back := os.Rename(to, from); back != nil {
		return fmt.Errorf("%s is at %s now: %w", from, to, errors.Join(err, back))
	}
	return fmt.Errorf("the new name of %s would not be durable, so it keeps the old one: %w",
		from, err)
}

// explain adds what to do to an error of a rename.
func explain(err error) error {
	switch {
	case errors.Is(err, errBusy), errors.Is(err, errDevice):
		return fmt.Errorf("%w; a mount point cannot be moved: use a directory inside it", err)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w; moving or removing a storage needs permission to write to the "+
			"folder that it is in", err)
	}
	return err
}

// follow returns where path leads to if it is a link, and path if it is none.
func follow(path string) string {
	if info, err := os.Lstat(path); err == nil && info.Mode()&fs.ModeSymlink != 0 {
		if target, err := filepath.EvalSymlinks(path); err == nil {
			return target
		}
	}
	return path
}
