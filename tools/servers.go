// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package tools

import "path/filepath"

// Servers builds the servers that tests need, and that no package manager has to have: bin/etcd,
// in the version that tools/etcd/go.mod pins. That module is no part of the workspace, as those
// of the linters are not, and nothing that is published requires it.
func Servers() error {
	root, err := Root()
	if err != nil {
		return err
	}
	return alone("tools/etcd", "build", "-o", filepath.Join(root, "bin", "etcd"), etcdServer)
}

// etcdServer is the package of the server's program.
const etcdServer = "go.etcd.io/etcd/server/v3"
