// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package consumer

import (
	"maps"
	"slices"
)

// packed are the modules of a repository in a file proxy.
type packed struct {
	proxy    string            // the folder of the proxy
	paths    map[string]string // from a module's folder in the repository to its path
	versions map[string]string // by path
	sums     []byte            // the go.sum files of all of them
}

// resolve turns folders of packed modules into their paths and leaves other paths as they are.
func (p packed) resolve(names []string) []string {
	paths := make([]string, len(names))
	for i, name := range names {
		paths[i] = name
		if path, ok := p.paths[name]; ok {
			paths[i] = path
		}
	}
	return paths
}

// wanted turns folders of packed modules into arguments of go get.
func (p packed) wanted(dirs []string) []string {
	args := p.resolve(dirs)
	for i, path := range args {
		if version, ok := p.versions[path]; ok {
			args[i] += "@" + version
		}
	}
	return args
}

// short turns the path of a packed module into its folder, the name that people use.
func (p packed) short(path string) string {
	for dir, own := range p.paths {
		if own == path {
			return dir
		}
	}
	return path
}

// own returns the paths of the packed modules. No checksum database knows them.
func (p packed) own() []string { return slices.Sorted(maps.Values(p.paths)) }
