// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package directory

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// List returns the paths of the directories whose names start with prefix, as
// [core.Backend.List] says.
func List(prefix string) ([]string, error) {
	dir, base := filepath.Split(prefix)
	entries, err := os.ReadDir(filepath.Clean(dir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	var paths []string
	for _, e := range entries {
		if name := e.Name(); strings.HasPrefix(name, base) && !isTemporary(name) && isDir(dir, e) {
			paths = append(paths, dir+name)
		}
	}
	return paths, nil
}

// isDir reports whether an entry of dir is a directory, or a link to one.
func isDir(dir string, e fs.DirEntry) bool {
	if e.Type()&fs.ModeSymlink == 0 {
		return e.IsDir()
	}
	info, err := os.Stat(dir + e.Name())
	return err == nil && info.IsDir()
}
