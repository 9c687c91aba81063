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
// working directory, or a link in the path may lead elsewhere, and the same path would lead to
// something else.
type place struct {
	given string // the path as the user gave it: what errors show
	name  string // the same, absolute and without links in its folder: what is renamed and removed
	// where name leads if it is a link, else name: what is opened, and replaced by a compaction
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
// followed, because they decide where ".." leads. If that cannot be found out, it returns what
// is known.
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

// beside returns the place of another path that the user gave. It is in the same folder if both
// paths name the same one.
func (p place) beside(path string) place {
	if filepath.Dir(path) != filepath.Dir(p.given) {
		return newPlace(path)
	}
	name := filepath.Join(filepath.Dir(p.name), filepath.Base(path))
	return place{given: path, name: name, file: name}
}

// holds returns an error unless name leads to f. Whatever renames, replaces or removes calls it
// first: the locked file may have been moved away, and another may be in its place.
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

// shown replaces the path in an error of the system with the path that the user gave.
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
