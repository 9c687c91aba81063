// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/guardkv/guardkv/backends/badger"
	"github.com/guardkv/guardkv/backends/bbolt"
	"github.com/guardkv/guardkv/backends/pebble"
	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/memory"
)

// backend is an engine that the demo can use.
type backend struct {
	name   string
	make   func() core.Backend
	onDisk bool
}

var backends = []backend{
	{"bbolt", func() core.Backend { return bbolt.Backend{} }, true},
	{"pebble", func() core.Backend { return pebble.Backend{} }, true},
	{"badger", func() core.Backend { return badger.Backend{} }, true},
	{"memory", func() core.Backend { return memory.New() }, false},
}

// Backends names the engines that can be used, separated by "|".
func Backends() string {
	var names []string
	for _, b := range backends {
		names = append(names, b.name)
	}
	return strings.Join(names, "|")
}

// backendNamed finds an engine.
func backendNamed(name string) (backend, error) {
	for _, b := range backends {
		if b.name == name {
			return b, nil
		}
	}
	return backend{}, fmt.Errorf("no backend %q: use %s", name, Backends())
}

// diskUse returns the bytes of a file, or of all files in a folder.
func diskUse(path string) (int64, error) {
	var bytes int64
	err := filepath.WalkDir(path, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err == nil {
			bytes += info.Size()
		}
		return err
	})
	return bytes, err
}
