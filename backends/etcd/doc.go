// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

// Package etcd keeps GuardKV storages in a cluster of etcd, where several processes write to them
// at once.
//
// A storage is a range of keys, named by an ID that its path leads to. A state that is read is a
// revision of etcd, a commit is one transaction, which compares what it depends on. The README
// says what the limits are, and what becomes of calls when servers fail.
package etcd
