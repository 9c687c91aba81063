// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package directory

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"github.com/guardkv/guardkv/core"
)

// site is what is at a path: a storage, an empty directory, nothing, or something else.
type site struct {
	info    os.FileInfo // of the directory; nil if there is none
	id      storageID
	found   bool  // a storage is there
	empty   bool  // nothing is in the directory but what was left of a creation
	built   bool  // a complete storage waits in it to be moved up
	foreign error // why it can be no storage
}

// lookTries is how often a path is looked at that changes meanwhile.
const lookTries = 100

// errChanged says that a path changed while it was looked at.
var errChanged = errors.New("it changed while it was looked at")

// look returns what path, which is no link, leads to. Others may create, set aside and remove a
// storage there meanwhile; what is half there is not taken for something else.
func look(path string) (s site, err error) {
	for range lookTries {
		if s, err = lookOnce(path); err == nil && s.foreign != nil {
			s, err = lookOnce(path) // the mark may have been moved up between two looks at it
		}
		if !errors.Is(err, errChanged) {
			return s, err
		}
	}
	return s, fmt.Errorf("%w: %s: %w", core.ErrLocked, path, err)
}

func lookOnce(path string) (s site, err error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if _, err := os.Lstat(path); err == nil {
			s.foreign = fmt.Errorf("%w: %s is a link to nothing", core.ErrNotStorage, path)
		}
		return s, nil
	case err != nil:
		return s, err
	case !info.IsDir():
		s.foreign = fmt.Errorf("%w: %s is not a directory, its type is %s",
			core.ErrNotStorage, path, typeOf(info))
		return s, nil
	}
	root, info, err := openRoot(path)
	if errors.Is(err, fs.ErrNotExist) {
		return s, errChanged
	} else if err != nil {
		return s, err
	}
	defer root.Close()
	s.info = info
	if err := s.lookInto(root); err != nil || s.found {
		return s, err
	}
	if same, err := leadsTo(path, info); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return s, err
	} else if !same {
		return s, errChanged // what was looked into is on its way out
	}
	return s, nil
}

// lookInto looks at what is in the directory.
func (s *site) lookInto(root *os.Root) error {
	id, _, err := readMark(root)
	if err == nil {
		s.id, s.found = id, true
		return nil
	}
	if !errors.Is(err, core.ErrNotStorage) {
		return err
	}
	none := err
	names, err := entries(root)
	if err != nil {
		return err
	}
	if _, err := root.Lstat(markFile); errors.Is(err, fs.ErrNotExist) {
		if s.built, err = hasBuilt(root); err != nil {
			return err
		}
	}
	s.empty = !slices.ContainsFunc(names, func(name string) bool { return !isLeftover(name) })
	if !s.empty && !s.built {
		s.foreign = none
	}
	return nil
}

// hasBuilt reports whether a creation in the directory ended when it was complete but not moved up.
func hasBuilt(root *os.Root) (bool, error) {
	sub, err := root.OpenRoot(creating)
	if err != nil {
		return false, nil // there is none, or it is not one of ours
	}
	defer sub.Close()
	_, _, err = readMark(sub)
	if errors.Is(err, core.ErrNotStorage) {
		return false, nil
	}
	return err == nil, err
}

// entries returns the names in a directory.
func entries(root *os.Root) ([]string, error) {
	d, err := root.Open(".")
	if err != nil {
		return nil, err
	}
	defer d.Close()
	return d.Readdirnames(-1)
}

func typeOf(info os.FileInfo) string {
	if info.Mode().IsRegular() {
		return "file"
	}
	return info.Mode().Type().String()
}
