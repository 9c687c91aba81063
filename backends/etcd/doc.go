// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

// Package etcd keeps GuardKV storages in a cluster of etcd, where several processes write to them
// at once.
//
// A storage is a range of keys, named by an ID; the path of the storage leads to that ID.
// Whatever is read is read at one revision of etcd. A commit is one transaction of etcd, which
// compares what the commit depends on. The README lists the limits, and says what calls return
// when servers fail.
package etcd
