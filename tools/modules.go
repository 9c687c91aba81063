// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package tools

import (
	"fmt"
	"path/filepath"
	"strings"
)

// Root returns the root of the repository: the folder of go.work.
func Root() (string, error) {
	out, err := command{args: []string{"go", "env", "GOWORK"}}.output()
	if err != nil {
		return "", err
	}
	file := strings.TrimSpace(out)
	if filepath.Base(file) != "go.work" {
		return "",
			fmt.Errorf("go env GOWORK is %q: run this inside the repository, without GOWORK=off",
				file)
	}
	return filepath.Dir(file), nil
}

// Modules returns the folders of the workspace's modules, relative to the root, such as
// "backends/bbolt".
func Modules() ([]string, error) {
	root, err := Root()
	if err != nil {
		return nil, err
	}
	out, err := command{dir: root, args: []string{"go", "list", "-m", "-f", "{{.Dir}}"}}.output()
	if err != nil {
		return nil, err
	}
	var dirs []string
	for dir := range strings.Lines(out) {
		rel, err := filepath.Rel(root, strings.TrimSpace(dir))
		if err != nil {
			return nil, err
		}
		dirs = append(dirs, filepath.ToSlash(rel))
	}
	return dirs, nil
}

// Published returns the modules that others can require: all but tools.
func Published() ([]string, error) {
	dirs, err := Modules()
	published := dirs[:0]
	for _, dir := range dirs {
		if dir != "tools" {
			published = append(published, dir)
		}
	}
	return published, err
}
