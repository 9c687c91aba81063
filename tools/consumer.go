// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package tools

import (
	"errors"
	"os"
	"path/filepath"

	"github.com/guardkv/guardkv/tools/consumer"
	"github.com/guardkv/guardkv/tools/release"
)

// Consumer packs the published modules, then builds and runs programs that use them from
// outside. It compares the table in docs/choosing.md with what they consist of, or writes it.
func Consumer(write *bool) error {
	root, err := Root()
	if err != nil {
		return err
	}
	versions, err := release.ReadVersions(root)
	if err != nil {
		return err
	}
	programs := filepath.Join(root, "tools", "consumer", "testdata")
	combinations, err := consumer.Combinations(programs)
	if err != nil {
		return err
	}
	repository := consumer.Repository{
		Root:     root,
		Versions: versions,
		Linked: consumer.Linked{
			File:  filepath.Join(root, "docs", "choosing.md"),
			Write: write != nil && *write,
		},
		Programs: programs,
	}
	return errors.Join(
		consumer.StdOnly(filepath.Join(root, "core")),
		repository.Check(combinations, os.Stdout),
	)
}
