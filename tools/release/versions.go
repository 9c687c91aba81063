// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package release

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/semver"
)

// VersionsFile is where the versions of the modules are kept, seen from the root of the repository.
const VersionsFile = "tools/release/versions.txt"

// Versions is the version of each published module, by its folder.
type Versions map[string]string

// ReadVersions reads the versions file of the repository at root.
func ReadVersions(root string) (Versions, error) {
	text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(VersionsFile)))
	if err != nil {
		return nil, err
	}
	versions, err := parseVersions(string(text))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", VersionsFile, err)
	}
	return versions, nil
}

// parseVersions reads lines of a folder and a version. Versions before and after releases have
// no place here: a module is released or it is not.
func parseVersions(text string) (Versions, error) {
	versions := Versions{}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		dir, version, _ := strings.Cut(line, " ")
		if semver.Canonical(version) != version || semver.Prerelease(version) != "" {
			return nil, fmt.Errorf("%q: want a folder, a space, and a version such as v1.2.3", line)
		}
		if _, twice := versions[dir]; twice {
			return nil, fmt.Errorf("%s is there twice", dir)
		}
		versions[dir] = version
	}
	if len(versions) == 0 {
		return nil, fmt.Errorf("it names no module")
	}
	return versions, nil
}

// dirs returns the folders, sorted.
func (v Versions) dirs() []string {
	dirs := make([]string, 0, len(v))
	for dir := range v {
		dirs = append(dirs, dir)
	}
	slices.Sort(dirs)
	return dirs
}
