// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package release

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/semver"
)

// VersionsFile is where the versions of the modules are kept, seen from the root of the
// repository: the tools require all of them.
const VersionsFile = "tools/go.mod"

// Versions is the version of each published module, by its folder: the released one, or the
// next one as soon as the module changes.
type Versions map[string]string

// ReadVersions reads the versions file of the repository at root.
func ReadVersions(root string) (Versions, error) {
	text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(VersionsFile)))
	if err != nil {
		return nil, err
	}
	return parseVersions(text)
}

// parseVersions takes what is required and replaced with a folder. Prereleases and pseudo-versions
// have no place here: a module is released or it is not.
func parseVersions(text []byte) (Versions, error) {
	mod, err := modfile.Parse(VersionsFile, text, nil)
	if err != nil {
		return nil, err
	}
	required := map[string]string{}
	for _, r := range mod.Require {
		required[r.Mod.Path] = r.Mod.Version
	}
	versions := Versions{}
	for _, r := range mod.Replace {
		dir, own := strings.CutPrefix(r.New.Path, "../")
		version := required[r.Old.Path]
		if !own {
			continue
		}
		// modfile accepts canonical ones only
		if version == "" || semver.Prerelease(version) != "" {
			return nil, fmt.Errorf("%s requires %s at %q: want a version such as v1.2.3",
				VersionsFile, r.Old.Path, version)
		}
		versions[dir] = version
	}
	if len(versions) == 0 {
		return nil, fmt.Errorf("%s replaces no module", VersionsFile)
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
