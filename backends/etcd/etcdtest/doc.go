// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

// Package etcdtest starts throw-away clusters of etcd for tests: real servers, each a process of
// its own, that can be killed, stopped as if they hung, and started again.
//
//	cluster, err := etcdtest.Start(3)
//	if err != nil {
//		return err // wraps exec.ErrNotFound if there is no program
//	}
//	defer cluster.Close()
//	client, err := clientv3.New(clientv3.Config{Endpoints: cluster.Endpoints()})
//
// The servers listen on Unix sockets in a temporary folder, so that no two clusters collide, and
// nobody else on the network reaches them. They end with the test's process on Linux, with Close
// everywhere.
package etcdtest
