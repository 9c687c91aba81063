// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package bbolt

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
)

// temporaryMark stands between the name of a storage and a random number in the names of files
// that are being built. A crash leaves at most such a file behind.
const temporaryMark = ".guardkv-tmp-"

// The marks in the names that core gives: behind a path where a storage is restored, and to
// what is set aside.
const (
	restoringMark = ".restoring"
	replacedMark  = ".replaced-"
)

// isTemporary reports whether newTemporary made a name: one that only looks like it is somebody
// else's.
func isTemporary(name string) bool {
	at := strings.LastIndex(name, temporaryMark)
	if at < 0 {
		return false
	}
	number := name[at+len(temporaryMark):]
	_, err := hex.DecodeString(number)
	return err == nil && len(number) == 16
}

// newTemporary creates an empty file beside the place and locks it, which tells it from what a
// crash left behind.
func (p place) newTemporary(mode os.FileMode) (*os.File, error) {
	for {
		name := fmt.Sprintf("%s%s%016x", p.file, temporaryMark, rand.Uint64())
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

// removeLeftovers removes what a crash left beside the place: temporary files that nobody
// builds any more, and second names of own, the file at the place, which is locked. own may be
// nil. It is housekeeping: what cannot be removed stays.
func (p place) removeLeftovers(own *os.File) {
	dir, base := filepath.Split(p.file)
	entries, err := os.ReadDir(filepath.Clean(dir))
	if err != nil {
		return
	}
	for _, e := range entries {
		rest, ok := strings.CutPrefix(e.Name(), base)
		if !ok || !e.Type().IsRegular() {
			continue
		}
		switch name := dir + e.Name(); {
		case own != nil && isSecondName(rest) && p.isSecondNameOf(name, own):
			os.Remove(name)
		case isTemporary(e.Name()):
			removeUnlocked(name)
		}
	}
}

// isSecondName reports whether a file that is called like the storage, and then rest, may be
// the storage itself: a process that died had given it one name and not yet taken the other.
func isSecondName(rest string) bool {
	return rest == restoringMark || strings.HasPrefix(rest, replacedMark) ||
		strings.HasPrefix(rest, temporaryMark) && isTemporary(rest)
}

// isSecondNameOf reports whether name leads to f as the place does: without it f keeps the name
// that it should have.
func (p place) isSecondNameOf(name string, f *os.File) bool {
	second, err := leadsTo(name, f)
	if err != nil || !second {
		return false
	}
	first, err := leadsTo(p.file, f)
	return err == nil && first
}

// removeUnlocked removes a temporary file if nobody builds it.
func removeUnlocked(name string) {
	f, err := place{name, name, name}.lock(context.Background(), false, 0)
	if err != nil || f == nil {
		return
	}
	removeOpen(f, name)
	f.Close()
}

// isResidue reports whether the place is a second name of a storage that was restored: its
// Restore died when the storage had its own name and not yet lost this one. There is nothing
// then at the place.
func (p place) isResidue() bool {
	owner, ok := strings.CutSuffix(p.name, restoringMark)
	if !ok {
		return false
	}
	a, err := os.Lstat(owner)
	if err != nil {
		return false
	}
	b, err := os.Lstat(p.name)
	return err == nil && b.Mode().IsRegular() && os.SameFile(a, b)
}

// removeResidue makes true that nothing is at the place.
func (p place) removeResidue() {
	if p.isResidue() {
		os.Remove(p.name)
	}
}

// removeOpen removes the file at name, which is f. Where a file that is open cannot be removed,
// it is closed before.
func removeOpen(f *os.File, name string) error {
	if !lockIsShared {
		f.Close()
	}
	return os.Remove(name)
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

// moveNew moves a file to a name that nothing has: in one step where the system can, by a
// second name where the file system has links. A crash between the two steps leaves the second
// name, which removeLeftovers knows.
func moveNew(from, to string) error {
	if err := renameExclusive(from, to); !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	return linkNew(from, to)
}

// linkNew is moveNew in two steps.
func linkNew(from, to string) error {
	err := os.Link(from, to)
	if errors.Is(err, fs.ErrExist) {
		return err
	} else if err != nil {
		return renameNew(from, to)
	}
	if err := os.Remove(from); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(err, os.Remove(to))
	}
	return nil
}
