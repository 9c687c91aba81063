// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package bbolt

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// place is where a storage is. The path is looked up once: later the process may have another
// working directory, or a link in the path may have been switched, and the same path leads to
// something else.
type place struct {
	given string // the path as the user gave it: what errors show
	name  string // the same, absolute and without links in its folder: what is renamed and removed
	// where name leads to if it is a link, else name: what is opened, and replaced by a
	// compaction
	file string
}

func newPlace(given string) place {
	dir, base := filepath.Split(given)
	p := place{given: given, name: filepath.Join(absoluteDir(dir), base)}
	p.file = p.name
	if info, err := os.Lstat(p.name); err == nil && info.Mode()&fs.ModeSymlink != 0 {
		if target, err := filepath.EvalSymlinks(p.name); err == nil {
			p.file = target
		}
	}
	return p
}

// absoluteDir returns dir, absolute and without links. It is not cleaned before its links are
// followed: what ".." leads to depends on them. Where that is not to be found out, it returns
// what is known.
func absoluteDir(dir string) string {
	full := dir
	if runtime.GOOS == "windows" {
		if abs, err := filepath.Abs(dir); err == nil {
			full = abs
		}
	} else if !filepath.IsAbs(dir) {
		wd, err := os.Getwd()
		if err != nil {
			return dir
		}
		full = wd + string(filepath.Separator) + dir
	}
	if resolved, err := filepath.EvalSymlinks(full); err == nil {
		return resolved
	}
	return full
}

// beside returns the place of another path of the user's, which is in the same folder if the
// two say the same one.
func (p place) beside(path string) place {
	if filepath.Dir(path) != filepath.Dir(p.given) {
		return newPlace(path)
	}
	name := filepath.Join(filepath.Dir(p.name), filepath.Base(path))
	return place{given: path, name: name, file: name}
}

// holds returns an error unless name leads to f. Whatever renames, replaces or removes asks
// before: the file that is locked may have been moved away, and another be in its place.
func (p place) holds(f *os.File) error {
	same, err := leadsTo(p.name, f)
	if err != nil {
		return p.shown(err)
	}
	if !same {
		return fmt.Errorf("%s does not lead to the storage that is open any more: it was moved "+
			"or replaced; nothing was changed", p.given)
	}
	return nil
}

// shown puts the path as the user gave it into an error of the system.
func (p place) shown(err error) error {
	show := func(path *string) {
		if *path == p.name || *path == p.file {
			*path = p.given
		}
	}
	var one *fs.PathError
	var two *os.LinkError
	switch {
	case errors.As(err, &one):
		show(&one.Path)
	case errors.As(err, &two):
		show(&two.Old)
		show(&two.New)
	}
	return err
}
