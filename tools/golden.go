// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package tools

import (
	"context"
	"os"
	"path/filepath"

	"github.com/guardkv/guardkv/tools/golden"
	"github.com/guardkv/guardkv/tools/release"
)

// Golden writes the golden storages of core's version that are missing, and what is shown of
// them. It overwrites none.
func Golden() error {
	root, err := Root()
	if err != nil {
		return err
	}
	versions, err := release.ReadVersions(root)
	if err != nil {
		return err
	}
	dir := filepath.Join(root, "tools", "golden", "testdata", versions["core"])
	if err := golden.Fill(context.Background(), dir, os.Stdout); err != nil {
		return err
	}
	return run("go", "test", "./tools/golden", "-run=Shown", "-write")
}
