// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

// Package etcd keeps GuardKV storages in a cluster of etcd.
package etcd
