// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package modproxy

import (
	"golang.org/x/mod/modfile"
)

// Require sets the requirements of a go.mod that own names to the versions it gives. It adds none.
func Require(text []byte, own map[string]string) ([]byte, error) {
	mod, err := modfile.Parse("go.mod", text, nil)
	if err != nil {
		return nil, err
	}
	for _, r := range mod.Require {
		if version, ok := own[r.Mod.Path]; ok {
			if err := mod.AddRequire(r.Mod.Path, version); err != nil {
				return nil, err
			}
		}
	}
	mod.Cleanup()
	return modfile.Format(mod.Syntax), nil
}

// DropReplaces takes the replace directives out of a go.mod, as a release does. They count only in
// the main module, so a consumer has to find everything without them.
func DropReplaces(text []byte) ([]byte, error) {
	mod, err := modfile.Parse("go.mod", text, nil)
	if err != nil {
		return nil, err
	}
	for _, r := range mod.Replace {
		if err := mod.DropReplace(r.Old.Path, r.Old.Version); err != nil {
			return nil, err
		}
	}
	mod.Cleanup()
	return modfile.Format(mod.Syntax), nil
}
