// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package tools

import "path/filepath"

// Servers builds the servers that tests need and package managers may lack: bin/etcd, in the
// version that tools/etcd/go.mod pins. Like the linters' module, that one is not part of the
// workspace, and no published module requires it.
func Servers() error {
	root, err := Root()
	if err != nil {
		return err
	}
	return alone("tools/etcd", "build", "-o", filepath.Join(root, "bin", "etcd"), etcdServer)
}

// etcdServer is the package of the server's program.
const etcdServer = "go.etcd.io/etcd/server/v3"
