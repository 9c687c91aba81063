// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package tools

import (
	"os"
	"path/filepath"
	"time"

	"github.com/guardkv/guardkv/tools/release"
)

// Release says which modules a release would tag and what speaks against it, and with do it
// commits and tags. The date is today's if nil.
func Release(do *bool, date *string) error {
	root, err := Root()
	if err != nil {
		return err
	}
	bin := filepath.Join(root, "bin")
	if err := buildLinters(bin); err != nil {
		return err
	}
	r := release.Release{
		Root:      root,
		Apidiff:   filepath.Join(bin, "apidiff"),
		Platforms: platforms,
		Date:      time.Now().UTC().Format(time.DateOnly),
		Do:        do != nil && *do,
		Out:       os.Stdout,
	}
	if date != nil {
		r.Date = *date
	}
	return r.Run()
}
