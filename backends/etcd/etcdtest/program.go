// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package etcdtest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// Program returns the path of the server: that in the environment's GUARDKV_ETCD, else bin/etcd
// beside a go.work at or above the working directory, else etcd on PATH. If there is none, the
// error wraps exec.ErrNotFound.
func Program() (string, error) {
	if name := os.Getenv("GUARDKV_ETCD"); name != "" {
		path, err := exec.LookPath(name)
		if err != nil {
			return "", fmt.Errorf("%w: GUARDKV_ETCD is %q, which is no program: %w",
				exec.ErrNotFound, name, err)
		}
		return path, nil
	}
	if path, ok := built(); ok {
		return path, nil
	}
	path, err := exec.LookPath("etcd")
	if err != nil {
		return "", fmt.Errorf("no etcd server: run go tool mage servers in the repository, "+
			"install etcd 3.5 or later, or name the program in GUARDKV_ETCD: %w", err)
	}
	return filepath.Abs(path)
}

// built returns the server that go tool mage servers has built, if it has.
func built() (string, bool) {
	dir, err := os.Getwd()
	if err != nil {
		return "", false
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.work")); err == nil {
			path, err := exec.LookPath(filepath.Join(dir, "bin", "etcd"))
			return path, err == nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", false
		}
		dir = up
	}
}
