// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package directory

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/internal/names"
)

// Place is the locked directory of one storage.
//
// Its path is looked up once, when it is claimed. From then on the directory is known by what
// it is, not by its name: what this package changes in it is changed only while Dir still leads
// to it.
type Place struct {
	Dir      string    // its path: absolute, and through no link
	ReadOnly bool      // nothing in it may be changed
	Lock     io.Closer // what Driver.Lock returned

	id   storageID
	info os.FileInfo // of the directory that is locked
}

// Check returns an error if Dir does not lead to the directory that is locked any more:
// somebody moved, removed or replaced it. An engine calls it before it writes: if it opens files
// by their paths, because another storage's files may be there now; if it has them open, because
// what it writes to files that were removed is lost. It costs about a microsecond. Reading what
// is open may go on.
func (p Place) Check() error { return isAt(p.Dir, p.info) }

// isAt returns an error if a path does not lead to a directory any more.
func isAt(path string, info os.FileInfo) error {
	same, err := leadsTo(path, info)
	if err == nil && same {
		return nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("looking whether the storage is still at %s: %w", path, err)
	}
	return lost(path)
}

func lost(path string) error {
	return fmt.Errorf("the storage is not at %s any more: somebody moved, removed or replaced it "+
		"while it was open; "+
		"nothing was changed; close it, and open it where it is now", path)
}

// root opens the directory, and makes sure that it is the one that is locked.
func (p Place) root() (*os.Root, error) {
	root, info, err := openRoot(p.Dir)
	if err != nil {
		if lost := p.Check(); lost != nil {
			return nil, lost
		}
		return nil, err
	}
	if !os.SameFile(info, p.info) {
		return nil, errors.Join(lost(p.Dir), root.Close())
	}
	return root, nil
}

// openRoot opens a directory and tells what it is.
func openRoot(dir string) (*os.Root, os.FileInfo, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, nil, err
	}
	info, err := root.Stat(".")
	if err != nil {
		return nil, nil, errors.Join(err, root.Close())
	}
	return root, known(info), nil
}

// known makes sure that it is known which file info describes: a system that looks that up by the
// path does so now.
func known(info os.FileInfo) os.FileInfo {
	os.SameFile(info, info)
	return info
}

// SetMark replaces the mark of the storage, durably and atomically.
func (p Place) SetMark(mark []byte) error {
	root, err := p.root()
	if err != nil {
		return err
	}
	defer root.Close()
	return writeMark(root, p.id, mark)
}

// Tally returns the count of the writes of the storage, given the row that its engine holds,
// nil if it holds none. Writes that are missing are core.ErrCorrupt.
func (p Place) Tally(row []byte) (*Tally, error) {
	t := &Tally{place: p}
	n, err := t.decode(row)
	if err != nil {
		return nil, err
	}
	t.count = n
	w, err := p.witness()
	if err != nil {
		return nil, err
	}
	return t, w.check(n)
}

// witness returns what the witness of the storage says.
func (p Place) witness() (witness, error) {
	root, err := p.root()
	if err != nil {
		return witness{}, err
	}
	defer root.Close()
	return readWitness(root, p.id)
}

// Resolve returns where path leads to, whatever becomes of the working directory and of links
// in the path: it is absolute, and no folder in it is a link. The last element may be one,
// which a claim follows. It is what backends whose storages are files implement
// [core.Backend.Resolve] with.
func Resolve(path string) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	dir, err := filepath.EvalSymlinks(filepath.Dir(abs))
	if err != nil {
		return abs, nil // using it will show what is wrong with it
	}
	return filepath.Join(dir, filepath.Base(abs)), nil
}

// Beside returns path with a suffix behind it, which names something that belongs to the
// storage at path. A name that would be too long for file systems is cut, and has a checksum in
// place of its end.
func Beside(path, suffix string) string { return names.Beside(path, suffix) }

// missingParent explains why nothing can be made at path.
func missingParent(path string, err error) error {
	dir := filepath.Dir(path)
	if _, there := os.Stat(dir); errors.Is(err, fs.ErrNotExist) && errors.Is(there,
		fs.ErrNotExist) {
		return fmt.Errorf("the folder %s is missing; create it first: %w", dir, err)
	}
	return err
}

// created is the error of a creation that finds that another one was faster.
func created(path string) error {
	return fmt.Errorf("%w: somebody else creates %s", core.ErrConflict, path)
}
