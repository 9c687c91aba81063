// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

// Package badger keeps GuardKV storages in directories of badger.
//
// A storage is one directory: badger's files, and the two of
// [github.com/guardkv/guardkv/core/directory]. Rows are badger's keys and values, but that keys
// which begin as badger's own do are escaped. badger writes and reads; this package looks at
// all its files before badger does, because badger answers damage by silence, or by ending the
// process.
package badger
