// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package modproxy

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/mod/module"
	"golang.org/x/mod/sumdb/dirhash"
)

// Sums returns the lines that go.sum has for a module in the file proxy.
func Sums(proxy, path, version string) (string, error) {
	escaped, err := module.EscapePath(path)
	if err != nil {
		return "", err
	}
	name := filepath.Join(proxy, filepath.FromSlash(escaped), "@v", version)
	tree, err := dirhash.HashZip(name+".zip", dirhash.Hash1)
	if err != nil {
		return "", err
	}
	gomod, err := dirhash.Hash1([]string{"go.mod"},
		func(string) (io.ReadCloser, error) { return os.Open(name + ".mod") })
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s %s %s\n%[1]s %[2]s/go.mod %[4]s\n", path, version, tree, gomod), nil
}
