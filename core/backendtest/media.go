// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package backendtest

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/guardkv/guardkv/core"
)

// medium is where a backend keeps its storages.
type medium int

const (
	elsewhere     medium = iota // not at their paths in the file system
	inFiles                     // a storage is a file
	inDirectories               // a storage is a directory
)

// medium finds out by making a storage and removing it.
func (t *trial) medium() medium {
	t.tb.Helper()
	path := t.path + ".probe"
	s := t.openStore(path, core.EngineOptions{Mark: aMark, NoSync: true})
	info, err := os.Lstat(path)
	s.close()
	c := t.claim(path, false)
	t.do("Remove", c.Remove())
	t.release(c)
	switch {
	case err != nil:
		return elsewhere
	case info.IsDir():
		return inDirectories
	}
	return inFiles
}

// onDisk reports whether the backend keeps its storages at their paths in the file system.
func (t *trial) onDisk() bool {
	t.tb.Helper()
	return t.medium() != elsewhere
}

// tree returns the names and contents of all files at path.
func tree(t *trial, path string) (files []row) {
	t.tb.Helper()
	err := filepath.WalkDir(path, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(p)
		files = append(files, row{p, string(b)})
		return err
	})
	t.do("walk", err)
	return files
}

// foreign are things that are no storages, by what they are.
var foreign = map[string]func(path string) error{
	"an empty file":            func(p string) error { return os.WriteFile(p, nil, 0o644) },
	"a short text":             func(p string) error { return os.WriteFile(p, []byte("hello\n"), 0o644) },
	"64 KiB of zeroes":         func(p string) error { return os.WriteFile(p, make([]byte, 1<<16), 0o644) },
	"64 KiB of text":           func(p string) error { return os.WriteFile(p, bytes.Repeat([]byte("guardkv "), 1<<13), 0o644) },
	"a directory with a file":  func(p string) error { return foreignDir(p, "notes.txt") },
	"a directory with a LOCK":  func(p string) error { return foreignDir(p, "LOCK") },
	"a directory of something": func(p string) error { return foreignDir(p, "CURRENT", "MANIFEST", "000001.log", "sub/file") },
}

func foreignDir(path string, names ...string) error {
	for _, name := range names {
		file := filepath.Join(path, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(file, []byte("somebody else's "+name), 0o644); err != nil {
			return err
		}
	}
	return nil
}
