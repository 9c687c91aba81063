// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package release

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/guardkv/guardkv/tools/modproxy"
)

// differences returns the files in which two folders of a module differ, of those that programs
// are built from. Tests, their data, and text are no reason for a release.
func differences(old, now string) ([]string, error) {
	var names []string
	seen := map[string]bool{}
	for _, dir := range []string{old, now} {
		err := filepath.WalkDir(dir, func(file string, entry fs.DirEntry, err error) error {
			name, _ := filepath.Rel(dir, file)
			switch {
			case err != nil:
				return err
			case entry.IsDir() && file != dir && (entry.Name() == "testdata" || isModule(file)):
				return fs.SkipDir
			case entry.IsDir() || seen[name] || !isBuilt(name):
				return nil
			}
			seen[name] = true
			same, err := sameFile(filepath.Join(old, name), filepath.Join(now, name))
			if !same {
				names = append(names, filepath.ToSlash(name))
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return names, nil
}

func isModule(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "go.mod"))
	return err == nil
}

// isBuilt leaves go.sum out too: it follows from go.mod.
func isBuilt(name string) bool {
	return !strings.HasSuffix(name, "_test.go") && filepath.Ext(name) != ".md" && name != "go.sum"
}

// sameFile compares two files. It compares go.mod files as a release would have them.
func sameFile(a, b string) (bool, error) {
	old, err := os.ReadFile(a)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	now, err := os.ReadFile(b)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err == nil && filepath.Base(a) == "go.mod" {
		old, now, err = withoutReplaces(old, now)
	}
	return bytes.Equal(old, now), err
}

func withoutReplaces(old, now []byte) ([]byte, []byte, error) {
	old, err := modproxy.DropReplaces(old)
	if err != nil {
		return nil, nil, err
	}
	now, err = modproxy.DropReplaces(now)
	return old, now, err
}
