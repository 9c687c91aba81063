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

// The marks in the names that core makes: one follows the path of a storage that is being
// restored, one is in the names of storages that are set aside.
const (
	restoringMark = ".restoring"
	replacedMark  = ".replaced-"
)

// isTemporary reports whether newTemporary made a name. A name that only looks similar is
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

// newTemporary creates an empty file beside the place and locks it: the lock tells it from what
// a crash left behind.
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

// removeLeftovers removes what a crash left beside the place: temporary files that no process is
// building, and second names of own, the locked file at the place. own may be nil. This is
// housekeeping: what cannot be removed stays.
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

// isSecondName reports whether a file whose name is the storage's followed by rest may be the
// storage itself: a process died after it had given the file one name and before it removed the
// other.
func isSecondName(rest string) bool {
	return rest == restoringMark || strings.HasPrefix(rest, replacedMark) ||
		strings.HasPrefix(rest, temporaryMark) && isTemporary(rest)
}

// isSecondNameOf reports whether name leads to f, as the place does: f keeps its proper name
// when this one is removed.
func (p place) isSecondNameOf(name string, f *os.File) bool {
	second, err := leadsTo(name, f)
	if err != nil || !second {
		return false
	}
	first, err := leadsTo(p.file, f)
	return err == nil && first
}

// removeUnlocked removes a temporary file unless somebody is building it.
func removeUnlocked(name string) {
	f, err := place{name, name, name}.lock(context.Background(), false, 0)
	if err != nil || f == nil {
		return
	}
	removeOpen(f, name)
	f.Close()
}

// isResidue reports whether the place is a second name of a restored storage: its Restore died
// after the storage got its own name and before it lost this one. Such a place counts as empty.
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

// removeResidue makes sure that nothing is at the place.
func (p place) removeResidue() {
	if p.isResidue() {
		os.Remove(p.name)
	}
}

// removeOpen removes the file at name, which is f. Where an open file cannot be removed, it is
// closed first.
func removeOpen(f *os.File, name string) error {
	if !lockIsShared {
		f.Close()
	}
	return os.Remove(name)
}

// renameNew renames a file to an unused name.
func renameNew(from, to string) error {
	if _, err := os.Lstat(to); err == nil {
		return &os.LinkError{Op: "rename", Old: from, New: to, Err: fs.ErrExist}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.Rename(from, to)
}

// moveNew moves a file to an unused name: in one step if the system can, or else in two, by a
// second name, if the file system has links. A crash between the two steps leaves the second
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
