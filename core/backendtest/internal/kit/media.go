// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package kit

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/guardkv/guardkv/core"
)

// Medium is where a backend keeps its storages.
type Medium int

const (
	Elsewhere     Medium = iota // not at their paths in the file system
	InFiles                     // a storage is a file
	InDirectories               // a storage is a directory
)

// Medium finds out by making a storage and removing it.
func (t *Trial) Medium() Medium {
	t.TB.Helper()
	path := t.Path + ".probe"
	s := t.OpenStore(path, core.EngineOptions{Mark: SomeMark, NoSync: true})
	info, err := os.Lstat(path)
	s.MustClose()
	c := t.Claim(path, false)
	t.Do("Remove", c.Remove())
	t.Release(c)
	switch {
	case err != nil:
		return Elsewhere
	case info.IsDir():
		return InDirectories
	}
	return InFiles
}

// OnDisk reports whether the backend keeps its storages at their paths in the file system.
func (t *Trial) OnDisk() bool {
	t.TB.Helper()
	return t.Medium() != Elsewhere
}

// Tree returns the names and contents of all files at path.
func Tree(t *Trial, path string) (files []Row) {
	t.TB.Helper()
	err := filepath.WalkDir(path, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(p)
		files = append(files, Row{p, string(b)})
		return err
	})
	t.Do("walk", err)
	return files
}

// Foreign are things that are not storages, by name.
var Foreign = map[string]func(path string) error{
	"an empty file": func(p string) error { return os.WriteFile(p, nil, 0o644) },
	"a short text": func(p string) error {
		return os.WriteFile(p, []byte("hello\n"), 0o644)
	},
	"64 KiB of zeroes": func(p string) error {
		return os.WriteFile(p, make([]byte, 1<<16), 0o644)
	},
	"64 KiB of text": func(p string) error {
		return os.WriteFile(p, bytes.Repeat([]byte("guardkv "), 1<<13), 0o644)
	},
	"a directory with a file": func(p string) error { return foreignDir(p, "notes.txt") },
	"a directory with a LOCK": func(p string) error { return foreignDir(p, "LOCK") },
	"a directory of something": func(p string) error {
		return foreignDir(p, "CURRENT", "MANIFEST", "000001.log", "sub/file")
	},
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
