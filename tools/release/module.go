// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package release

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/mod/modfile"
)

// module is one published module of the repository.
type module struct {
	dir, path string
	requires  []string // paths of the modules that it requires
	version   string   // in the versions file
	last      string   // the highest tagged one, or ""
	change    change   // since the last one

	changelog, gomod []byte // as they are to be on the branch
}

func (m *module) tag() string { return m.dir + "/" + m.version }

func (m *module) needs(other *module) bool { return slices.Contains(m.requires, other.path) }

func readModule(root, dir, version string) (*module, error) {
	text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(dir), "go.mod"))
	if err != nil {
		return nil, fmt.Errorf("%s names %s: %w", VersionsFile, dir, err)
	}
	mod, err := modfile.Parse(dir+"/go.mod", text, nil)
	if err != nil {
		return nil, err
	}
	m := &module{dir: dir, path: mod.Module.Mod.Path, version: version}
	for _, r := range mod.Require {
		m.requires = append(m.requires, r.Mod.Path)
	}
	return m, nil
}

// inOrder puts modules after those that they require, because a go.sum can only name released
// modules.
func inOrder(modules []*module) (ordered []*module, err error) {
	for len(modules) > 0 {
		i := slices.IndexFunc(modules, func(m *module) bool {
			return !slices.ContainsFunc(modules, m.needs)
		})
		if i < 0 {
			return nil, fmt.Errorf("%s and others require each other in a circle", modules[0].dir)
		}
		ordered = append(ordered, modules[i])
		modules = slices.Delete(modules, i, i+1)
	}
	return ordered, nil
}
